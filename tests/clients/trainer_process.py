"""Runs the trainers as their users do: a process with arguments, an API and signals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
TRAINER = APP / "trainer" / "trainer.py"
HRL_PYTHON = ROOT / "build" / "venv-hrl" / "bin" / "python"  # there when PyTorch is
HRL_TRAINER = APP / "trainer" / "hrl" / "train.py"
_RUN_LINE = re.compile(r"^training run with seed \d+: \S+/api/training-runs/(\S+)$", re.M)


class TrainerProcess:
    """A trainer that is under way in folder, logging to url."""

    def __init__(
        self,
        folder: Path,
        url: str,
        key: str | None,
        *arguments: str,
        program: Sequence[str | Path] = (sys.executable, TRAINER),
        stdin: int = subprocess.DEVNULL,
        terminal: Terminal | None = None,
    ) -> None:
        """terminal: what it reads and writes is there, instead of in files of folder."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(APP / "client"),
            "PYTHONUNBUFFERED": "1",
            "TRAINING_URL": url,
            "TRAINING_API_KEY": key or "",
        }
        self._out, self._err = folder / "trainer.out", folder / "trainer.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            streams: dict[str, Any] = {"stdin": stdin, "stdout": out, "stderr": err}
            self._process = subprocess.Popen(
                [*program, *arguments],
                cwd=folder, env=environment, **(terminal.streams() if terminal else streams),
            )  # fmt: skip

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    @property
    def run_id(self) -> str:
        """As the trainer's first line tells it; waits for that line."""
        self.wait_until(lambda: _RUN_LINE.search(self.out) is not None)
        match = _RUN_LINE.search(self.out)
        assert match
        return match.group(1)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for something that happens while the trainer runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.err
            assert self._process.poll() is None or condition(), self.err
            time.sleep(0.02)

    @property
    def stdin(self) -> IO[bytes]:
        """When it was started with a pipe there."""
        assert self._process.stdin
        return self._process.stdin

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 300) -> int:
        """Its exit code."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
