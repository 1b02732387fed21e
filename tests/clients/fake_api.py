"""A training API that fails on demand: the seam for faults that cannot be made for real.

It keeps what it is sent in memory and answers the trainers' writes and `gaps`. Used by
test_run_logger.py and test_hrl_training.py.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Fault:
    """Instead of the next answer; status 0 cuts the connection. stored: only the answer is lost."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    stored: bool = False


@dataclass
class Request:
    method: str
    path: str
    key: str | None
    body: Any
    at: float  # time.monotonic()


class FakeApi:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.bad_episodes: set[int] = set()  # refused with 422
        self.names_bad = True  # whether the 422 says which
        self.refuses_evaluations = False
        self.runs: dict[str, dict[str, Any]] = {}
        self.gate = threading.Event()  # answers wait for it
        self.gate.set()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer in one packet: no delayed ACK

            def do_POST(self) -> None:
                api.handle(self)

            do_PATCH = do_GET = do_POST  # noqa: N815 - the names are http.server's

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def episodes(self, run_id: str | None) -> list[int]:
        """The numbers kept of a run, in the order of their arrival."""
        return list(self.runs[str(run_id)]["episodes"])

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        key = handler.headers["X-API-Key"]
        body = json.loads(raw or b"null")
        request = Request(handler.command, handler.path, key, body, time.monotonic())
        self.requests.append(request)
        self.gate.wait(60)
        fault = self.faults.popleft() if self.faults else None
        if self._server is None or (fault and fault.status == 0 and not fault.stored):
            handler.close_connection = True
            return
        status, body = self._answer(request) if not fault or fault.stored else (0, b"")
        if fault is not None:
            if fault.status == 0:
                handler.close_connection = True
                return
            status, body = fault.status, fault.body
        handler.send_response(status)
        for name, value in (fault.headers if fault else {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _answer(self, request: Request) -> tuple[int, bytes]:
        parts = request.path.split("/")[3:]  # run id, resource
        if not parts:
            run_id = request.body["run_id"]
            status = self.runs.setdefault(run_id, new_run())["status"]
            return 201, json.dumps({"run_id": run_id, "status": status}).encode()
        run = self.runs.get(parts[0])
        if run is None:
            return 404, b'{"detail":"There is no such run."}'
        if len(parts) == 1:
            run["changes"].append(request.body)
            run["status"] = request.body.get("status", run["status"])
            return 200, b"{}"
        if parts[1] == "gaps":
            return 200, json.dumps(_gaps(run["episodes"])).encode()
        if parts[1] == "evaluations" and self.refuses_evaluations:
            return 422, b'{"detail":"Too good to be true."}'
        if parts[1] in ("checkpoints", "evaluations"):
            run[parts[1]].append(request.body)
            return 201, b"{}"
        return self._store(run, request.body["episodes"])

    def _store(self, run: dict[str, Any], episodes: list[dict[str, Any]]) -> tuple[int, bytes]:
        bad = [at for at, one in enumerate(episodes) if one["episode"] in self.bad_episodes]
        if bad:
            errors = [{"field": f"episodes[{at}].steps", "message": "too small"} for at in bad]
            problem = {"detail": "wrong", "errors": errors if self.names_bad else []}
            return 422, json.dumps(problem).encode()
        for one in episodes:
            run["episodes"][one["episode"]] = one
        return 200, json.dumps({"status": run["status"]}).encode()


def _gaps(episodes: dict[int, Any]) -> dict[str, Any]:
    highest = max(episodes, default=0)
    missing = [[number, number] for number in range(1, highest) if number not in episodes]
    return {"missing": missing, "highest": highest}


def new_run() -> dict[str, Any]:
    empty: dict[str, Any] = {"checkpoints": [], "evaluations": [], "changes": []}
    return {"status": "running", "episodes": {}, **empty}


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.01)


@contextmanager
def logger_ends() -> Iterator[None]:
    """A logger that is made and closed in the block sends nothing after it; close(0) waits not."""
    others = set(threading.enumerate())
    yield
    ours = [
        thread
        for thread in set(threading.enumerate()) - others
        if thread.name in ("training-client", "training-spool")
    ]
    wait_until(lambda: not any(thread.is_alive() for thread in ours), "the logger's end")


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    api = FakeApi()
    try:
        yield api
    finally:
        api.gate.set()
        api.stop()
