"""
Clients of the event gateway for tests: python-socketio with what it heard, a program that tells
lines of JSON (node), and curl on an event stream.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engineio
import socketio

import event_judge

ROOT = Path(__file__).resolve().parents[2]
Heard = tuple[str, Any]
PATIENCE_S = 60.0  # for what is promised, but not by when


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask again and again until condition() is true; returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.01)


class Ear:
    """What a client has heard, in order."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def hear(self, name: str, data: Any) -> None:
        """Note an event, which must be as schema/socketio has it (conftest.py asks)."""
        self.heard.append((name, data))
        event_judge.take(name, data)

    def names(self) -> list[str]:
        return [name for name, _ in self.heard]

    def all(self, name: str) -> list[Any]:
        return [data for heard, data in self.heard if heard == name]

    def wait(self, name: str, seconds: float = PATIENCE_S, count: int = 1) -> Any:
        """The count-th event of this name."""
        until(lambda: len(self.all(name)) >= count, seconds, f"{count} x {name} of {self.names()}")
        return self.all(name)[count - 1]

    def episodes(self, run_id: str) -> list[int]:
        """The numbers of all reports that it was told of, in order."""
        return [
            episode["episode"]
            for data in self.all("episodes")
            if data["run_id"] == run_id
            for episode in data["episodes"]
        ]


class InOrder(engineio.Client):  # type: ignore[misc]
    """Hands over messages one after the other, as they came.

    Of itself the library starts a thread for each, which need not run in the order of their start.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._came: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        threading.Thread(target=self._hand_over, daemon=True).start()

    def _hand_over(self) -> None:
        while True:
            self._came.get()()

    def start_background_task(self, target: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if target != self.handlers.get("message"):
            return super().start_background_task(target, *given, **named)
        self._came.put(lambda: target(*given, **named))
        return None


class PatientClient(socketio.Client):  # type: ignore[misc]
    """python-socketio's Client with more than a second for a connection, or for coming back."""

    def __init__(self) -> None:
        super().__init__(
            reconnection_delay=0.1, reconnection_delay_max=0.4, request_timeout=PATIENCE_S
        )

    def _engineio_client_class(self) -> type:
        return InOrder

    def connect(self, *given: Any, **named: Any) -> None:
        super().connect(*given, **{"wait_timeout": PATIENCE_S} | named)


class PythonClient(Ear):
    """python-socketio's Client."""

    def __init__(self, url: str, *transports: str, connect: bool = True, **options: Any) -> None:
        super().__init__()
        self.sio = PatientClient()
        self.sio.on("*", lambda event, *data: self.hear(event, data[0] if data else None))
        self.sio.on("disconnect", lambda *why: self.heard.append(("disconnect", why)))
        self.sio.on("connect_error", lambda *why: self.heard.append(("connect_error", why)))
        self.url = url
        self.options = options | ({"transports": list(transports)} if transports else {})
        if connect:
            self.connect()

    def connect(self) -> None:
        self.sio.connect(self.url, socketio_path="/socket.io", **self.options)

    def refusal(self) -> str:
        """Connect, which must be refused; the sentence that says why."""
        self.sio.connect(self.url, socketio_path="/socket.io", wait=False, **self.options)
        why = str(self.wait("connect_error"))
        assert not self.sio.connected or not self.sio.namespaces, "it was let in"
        # Not disconnect(): that may wait for a long poll which the library forgot to end.
        self.sio.eio.disconnect(abort=True)
        return why

    def subscribe(self, **wish: Any) -> Any:
        answer = self.sio.call("subscribe_training", wish, timeout=PATIENCE_S)
        name = "subscription_error" if "error" in answer else "subscription_confirmed"
        event_judge.take(name, answer)
        return answer

    def close(self) -> None:
        self.sio.disconnect()
        self.sio.shutdown()


class LineClient(Ear):
    """A program that tells what it hears as lines of JSON until its input ends."""

    def __init__(self, *command: str) -> None:
        super().__init__()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            self.hear(told["event"], told.get("data"))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class CurlEvents(Ear):
    """curl on an event stream; ids are the seqs in order."""

    def __init__(self, url: str, *headers: str) -> None:
        super().__init__()
        self.ids: list[int] = []
        options = [word for header in headers for word in ("-H", header)]
        self.process = subprocess.Popen(
            ["curl", "-sSN", "-i", *options, url], stdout=subprocess.PIPE, text=True
        )
        self.head: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        event, in_head = "", True
        for raw in self.process.stdout:
            line = raw.rstrip("\r\n")
            if in_head:
                in_head = line != ""
                self.head.append(line)
            elif line.startswith("id: "):
                self.ids.append(int(line[4:]))
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                self.hear(event, json.loads(line[6:]))
            elif line and not line.startswith("retry: "):
                nothing = "text" if " 200 " in self.head[0] + " " else "refusal"
                self.hear("comment" if line[0] == ":" else nothing, line)

    def wait_open(self) -> None:
        self.wait("comment")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
