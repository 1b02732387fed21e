"""
The `training` command for tests: run to its end, or on a terminal of its own (a pty) whose screen
can be read while it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training_client.cli.main import main

from stack import Stack

CLIENT = Path(__file__).resolve().parents[2] / "app" / "client"
_COMMAND = (sys.executable, "-m", "training_client.cli")
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def environment(stack: Stack | None, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TRAINING_") and name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
    }
    ours = {"PYTHONPATH": str(CLIENT), "TZ": "UTC", "PYTHONIOENCODING": "utf-8"}
    if stack is not None:
        ours |= {"TRAINING_URL": stack.url, "TRAINING_API_KEY": stack.key}
    return kept | ours | more


class Done:
    """A command that has ended."""

    def __init__(self, code: int, out: bytes, err: str) -> None:
        self.code = code
        self.raw = out
        self.err = err

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """What it printed, without the space that tables end their lines with."""
        return [line.rstrip() for line in self.out.splitlines() if line.strip()]

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def training(stack: Stack | None, *words: object, cwd: Path | None = None, **more: str) -> Done:
    """Run `training WORDS…` to its end, its output in pipes; in this process, which is quick."""
    out = io.TextIOWrapper(io.BytesIO(), more.pop("PYTHONIOENCODING", "utf-8"))
    err = io.StringIO()
    before = Path.cwd()
    with (
        unittest.mock.patch.dict(os.environ, environment(stack, **more), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            os.chdir(cwd or before)
            code = main([str(word) for word in words])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        finally:
            os.chdir(before)
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return Done(code, out.buffer.getvalue(), err.getvalue())


def started(stack: Stack, *words: object) -> subprocess.Popen[bytes]:
    """`training WORDS…`, running, with its output in pipes."""
    return running({"TRAINING_URL": stack.url, "TRAINING_API_KEY": stack.key}, *words)


def running(settings: dict[str, str], *words: object) -> subprocess.Popen[bytes]:
    """The same with these environment variables."""
    return subprocess.Popen(
        [*_COMMAND, *map(str, words)],
        env=environment(None, **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class Terminal:
    """`training WORDS…` on a terminal of 100 columns."""

    def __init__(self, stack: Stack, *words: object) -> None:
        self.raw = b""
        command = [*_COMMAND, *map(str, words)]
        variables = environment(stack, TERM="xterm-256color")
        self.pid, self._pty = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.execve(sys.executable, command, variables)

    @property
    def text(self) -> str:
        """All it has drawn so far, without colours and movements."""
        return _CONTROL.sub(b"", self.raw).decode(errors="replace")

    def until(self, condition: Callable[[str], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < deadline, self.text[-2000:]
            assert self._read(), self.text[-2000:]

    def _read(self) -> bool:
        """False at its end."""
        if not select.select([self._pty], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(self._pty, 65536)
        except OSError:
            return False
        self.raw += piece
        return piece != b""

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def end(self, seconds: float = 60) -> int:
        """Wait for its end; its exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self._pty)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
