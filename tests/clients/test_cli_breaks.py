"""Downloads and streams that break: what is kept, what is said. The server breaks on demand."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from training_client import Refused, Transport, Unavailable

from command import running, training
from live_clients import until
from stack import free_port

ROW = b"1,2026-01-01T00:00:00.000Z,,1.0\r\n"


class BreakingApi:
    """Answers compare; sends an export of 100 rows up to `rows`, then cuts it or stalls."""

    def __init__(self) -> None:
        self.rows = [100]  # of each attempt; the last counts for all further ones
        self.stalls = threading.Event()
        self.attempts = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if "/export" in self.path:
                    api.export(self)
                elif "/compare" in self.path:
                    run = {"run_id": "r", "episodes_completed": 100}
                    self.answer(200, {"runs": [run], "missing": []})
                else:
                    self.answer(404, {"detail": "There is no such run.", "status": 404})

            def answer(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def export(self, request: BaseHTTPRequestHandler) -> None:
        rows = self.rows[min(self.attempts, len(self.rows) - 1)]
        self.attempts += 1
        request.send_response(200)
        request.send_header("Content-Disposition", 'attachment; filename="r.csv"')
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(rows):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(ROW), ROW))
        request.wfile.flush()
        if self.stalls.is_set():
            time.sleep(60)
        if rows == 100:
            request.wfile.write(b"0\r\n\r\n")
        request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[BreakingApi]:
    served = BreakingApi()
    yield served
    served.close()


def test_a_download_that_breaks_off_is_begun_again(api: BreakingApi, tmp_path: Path) -> None:
    api.rows = [40, 70, 100]
    done = training(None, "runs", "export", "r", cwd=tmp_path, TRAINING_URL=api.url)
    assert (done.code, done.out, done.err) == (0, "r.csv\n", "")
    assert (tmp_path / "r.csv").read_bytes() == ROW * 100
    assert [one.name for one in tmp_path.iterdir()] == ["r.csv"]
    assert api.attempts == 3


def test_a_download_that_always_breaks_off_leaves_nothing(api: BreakingApi, tmp_path: Path) -> None:
    api.rows = [99]
    (tmp_path / "r.csv").write_bytes(b"older")
    words = ("runs", "export", "r", "--force")
    done = training(None, *words, cwd=tmp_path, TRAINING_URL=api.url)
    assert (done.code, "broke off 4 times" in done.err) == (1, True)
    assert [one.name for one in tmp_path.iterdir()] == ["r.csv"]
    assert (tmp_path / "r.csv").read_bytes() == b"older"
    piped = training(None, "runs", "export", "r", "-o", "-", TRAINING_URL=api.url)
    assert piped.code == 1  # and what came is no whole file, which the exit status says


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_download_leaves_nothing(
    api: BreakingApi, tmp_path: Path, number: signal.Signals
) -> None:
    api.rows = [500]  # more than is gathered for one write
    api.stalls.set()
    process = running({"TRAINING_URL": api.url}, "runs", "export", "r", "-o", f"{tmp_path}/")
    part = tmp_path / "r.csv.part"
    until(lambda: part.exists() and part.stat().st_size > 0, 60, "a part")
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (128 + number, b"training: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_says_refusals_and_breaks_as_the_other_requests_do(api: BreakingApi) -> None:
    api.rows = [3]
    read = b""

    def read_export(silence_s: float | None = None) -> None:
        nonlocal read
        with transport.stream("/api/training-runs/x/export", silence_s=silence_s) as answer:
            assert answer.header("content-disposition") == 'attachment; filename="r.csv"'
            for piece in answer.pieces():
                read += piece

    with Transport(api.url, None, 5.0) as transport:
        with pytest.raises(Refused, match="404: There is no such run"):
            transport.stream("/api/training-runs/x/events").__enter__()
        with pytest.raises(Unavailable):
            read_export()
        assert read == ROW * 3
        api.stalls.set()
        with pytest.raises(Unavailable, match="timed out"):
            read_export(silence_s=0.2)
    with Transport(f"http://127.0.0.1:{free_port()}", None) as nobody, pytest.raises(Unavailable):
        nobody.stream("/").__enter__()
