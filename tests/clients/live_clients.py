"""
Clients of the event gateway for tests: python-socketio with what it heard, a program that tells
lines of JSON (node), and curl on an event stream.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import socketio

import event_judge

ROOT = Path(__file__).resolve().parents[2]
Heard = tuple[str, Any]


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
        """
        Note an event, which must be as schema/socketio has it (conftest.py asks). Noted first, for
        python-socketio hands over each event in a thread of its own: what takes long spoils order.
        """
        self.heard.append((name, data))
        event_judge.take(name, data)

    def names(self) -> list[str]:
        return [name for name, _ in self.heard]

    def all(self, name: str) -> list[Any]:
        return [data for heard, data in self.heard if heard == name]

    def wait(self, name: str, seconds: float = 10, count: int = 1) -> Any:
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


class PythonClient(Ear):
    """python-socketio's Client."""

    def __init__(self, url: str, *transports: str, connect: bool = True, **options: Any) -> None:
        super().__init__()
        self.sio = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.4)
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
        try:
            self.connect()
        except socketio.exceptions.ConnectionError:
            return str(self.wait("connect_error"))
        raise AssertionError("it was let in")

    def subscribe(self, **wish: Any) -> Any:
        answer = self.sio.call("subscribe_training", wish, timeout=10)
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
            self.process.wait(5)
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
