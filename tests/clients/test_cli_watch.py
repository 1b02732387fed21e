"""`training runs watch`: the live bar on a terminal, lines and JSON in pipes, breaks, the end."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from training_client import TrainingRunLogger, Transport

from command import Terminal, started, training
from live_clients import until
from stack import Stack


@pytest.fixture
def run(stack: Stack, request: pytest.FixtureRequest) -> Iterator[TrainingRunLogger]:
    """A run of 40 episodes, of which the first 10 are there."""
    logger = TrainingRunLogger(stack.url, stack.key, close_timeout_s=60)
    logger.create_run("watched", "PPO", {}, f"watch-{time.time_ns()}", episodes_total=40)
    report(logger, 1, 10)
    yield logger
    logger.close()


def report(logger: TrainingRunLogger, first: int, last: int) -> None:
    for number in range(first, last + 1):
        logger.log_episode(number, float(number), 5, win=number > 20)
    assert logger.flush(60)


def test_a_terminal_shows_a_bar_that_moves_and_the_end(
    stack: Stack, run: TrainingRunLogger
) -> None:
    terminal = Terminal(stack, "runs", "watch", run.run_id)
    terminal.until(lambda text: "10/40 episodes 25 %" in text)
    assert "watched" in terminal.text and "running" in terminal.text
    time.sleep(0.6)  # a rate is known after half a second
    report(run, 11, 30)
    terminal.until(lambda text: "30/40 episodes 75 %" in text and "episodes/s" in text)
    terminal.until(lambda text: " left" in text)
    assert "mean of 100" in terminal.text
    terminal.until(lambda text: "15.50" in text)  # of the rewards 1 to 30
    report(run, 31, 40)
    run.update_status("completed")
    assert terminal.end() == 0
    assert "40/40 episodes 100 %" in terminal.text and "completed" in terminal.text
    assert terminal.raw.count(b"\x1b[?25l") == terminal.raw.count(b"\x1b[?25h") == 1  # the cursor


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_watching_and_gives_the_cursor_back(
    stack: Stack, run: TrainingRunLogger, number: signal.Signals
) -> None:
    terminal = Terminal(stack, "runs", "watch", run.run_id)
    terminal.until(lambda text: "10/40" in text)
    terminal.send(number)
    assert terminal.end() == 128 + number
    assert terminal.raw.rstrip().count(b"\x1b[?25h") == 1
    assert "Traceback" not in terminal.text
    shown = training(stack, "runs", "show", run.run_id, "--json").json
    assert shown["status"] == "running"


def test_pipes_get_plain_lines_and_the_status_is_the_exit_code(
    stack: Stack, run: TrainingRunLogger
) -> None:
    process = started(stack, "runs", "watch", run.run_id, "--every", "0.1")
    assert process.stdout is not None
    lines = [process.stdout.readline().decode()]
    report(run, 11, 40)
    run.update_status("stopped")
    out, err = process.communicate(timeout=60)
    lines += out.decode().splitlines()
    assert (process.returncode, err) == (3, b"")
    assert "running  10/40 episodes 25 %  total_reward 5.500" in lines[0]
    assert "stopped  40/40 episodes 100 %" in lines[-1]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1), ("stopped", 3)])
def test_a_run_that_has_ended_is_told_at_once(stack: Stack, status: str, code: int) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        run_id = logger.create_run("watched", run_id=f"watch-ended-{status}-{time.time_ns()}")
        logger.update_status(status)  # type: ignore[arg-type]
    done = training(stack, "runs", "watch", run_id)
    assert (done.code, done.err) == (code, "")
    assert status in done.out


def test_a_run_that_is_deleted_ends_watching(stack: Stack, run: TrainingRunLogger) -> None:
    process = started(stack, "runs", "watch", run.run_id)
    assert process.stdout is not None and process.stdout.readline() != b""
    with Transport(stack.url, stack.key) as transport:
        transport.send("DELETE", f"/api/training-runs/{run.run_id}", b"")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (4, b"")
    assert b"deleted" in out.splitlines()[-1]


def test_a_stream_that_breaks_is_resumed_and_nothing_is_missed_or_told_twice(
    stack: Stack, run: TrainingRunLogger
) -> None:
    process = started(stack, "runs", "watch", run.run_id, "--json")
    impatient = started(stack, "runs", "watch", run.run_id, "--patience", "0.5")
    heard: list[Any] = []
    reader = threading.Thread(target=_hear, args=(process, heard), daemon=True)
    reader.start()
    until(lambda: heard, 60, "the run as it is")
    assert impatient.stdout is not None and impatient.stdout.readline() != b""
    report(run, 11, 20)
    until(lambda: _numbers(heard) == list(range(11, 21)), 60, "episodes before the break")
    stack.kill("live")
    report(run, 21, 30)
    _, complaint = impatient.communicate(timeout=60)
    assert (impatient.returncode, b"does not answer" in complaint) == (1, True)
    assert stack.up("--port", stack.port, "--workers", 4).returncode == 0
    report(run, 31, 40)
    run.update_status("completed")
    assert process.wait(120) == 0
    reader.join(60)
    assert _numbers(heard) == list(range(11, 41))
    assert heard[0]["event"] == "run"
    assert heard[-1] == {
        "event": "end",
        "seq": None,
        "data": {"status": "completed", "episodes": 40},
    }
    assert process.stderr is not None
    assert b"the event stream broke off" in process.stderr.read()


def _hear(process: subprocess.Popen[bytes], heard: list[Any]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        heard.append(json.loads(line))


def _numbers(heard: list[Any]) -> list[int]:
    return [
        episode["episode"]
        for event in list(heard)
        if event["event"] == "episodes"
        for episode in event["data"]["episodes"]
    ]
