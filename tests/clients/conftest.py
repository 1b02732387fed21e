"""The modules under test, installed or not; and a stack of app/up for the tests that need one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PARTS = ("app/client", "app/trainer", "app/trainer/hrl", "tests/e2e")
sys.path[:0] = [str(ROOT / part) for part in _PARTS]
os.environ["PYTHONPATH"] = str(ROOT / "app/client")  # of the processes that tests start

import event_judge  # noqa: E402 - tests/e2e/event_judge.py
from stack import Stack  # noqa: E402 - tests/e2e/stack.py


@pytest.fixture(autouse=True)
def judged_events() -> Iterator[None]:
    """Every event that a client hears in a test is as schema/socketio describes it."""
    yield
    event_judge.judgement()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """nginx, training-api and MongoDB in a folder that is removed afterwards."""
    served = Stack()
    try:
        served.up("--port", served.port, "--workers", 4)
        yield served
    finally:
        served.remove()


@pytest.fixture(autouse=True)
def spool_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the logger keeps what waits: a folder of each test's own."""
    monkeypatch.setenv("TRAINING_DIR", str(tmp_path / "spool"))
    return tmp_path / "spool"
