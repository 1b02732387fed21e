"""10 000 episodes, the server killed five times and the client once: all are there, once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from spool_trainer import reward_of
from stack import Stack

EPISODES = 10_000
OUTAGES = 5
STEP = 1_800  # episodes from one outage to the next
CLIENT_DIES_IN = 2  # of the outages


class Trainer:
    """spool_trainer.py as a process."""

    def __init__(self, stack: Stack, run_id: str, folder: Path, attempt: int) -> None:
        self.checkpoint = folder / "checkpoint"
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("spool_trainer.py"), run_id,
             self.checkpoint, str(attempt)],
            env={**os.environ, "TRAINING_URL": stack.url, "TRAINING_API_KEY": stack.key},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def go(self, until: int) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"%d\n" % until)
        self.process.stdin.flush()

    def arrive(self, at: int) -> None:
        assert self.process.stdout
        assert int(self.process.stdout.readline()) == at

    def saved(self) -> int:
        """How far its checkpoint is."""
        return int(self.checkpoint.read_text())

    def wait(self) -> int:
        """Its exit code, once it was told that there is no more to play."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(300)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()


def kill_server(stack: Stack) -> None:
    for name in ("nginx", "api", "mongod"):
        stack.kill(name)


def start_server(stack: Stack) -> None:
    stack.up("--port", stack.port, "--workers", 4)


def read(stack: Stack, run_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}", headers={"X-API-Key": stack.key},
        timeout=60, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def test_no_episode_is_lost_or_doubled_when_server_and_client_are_killed(
    stack: Stack, tmp_path: Path, spool_folder: Path
) -> None:
    run_id = str(uuid.uuid4())
    trainer = Trainer(stack, run_id, tmp_path, attempt=1)
    resumed_after = EPISODES
    try:
        for outage in range(OUTAGES):
            trainer.go(STEP * (outage + 1))
            time.sleep(0.2 + 0.2 * outage)  # somewhere in a batch, between two, …
            kill_server(stack)
            trainer.arrive(STEP * (outage + 1))  # it was not held up
            if outage == CLIENT_DIES_IN:
                trainer.go(EPISODES)
                time.sleep(0.3)
                trainer.kill()
                resumed_after = trainer.saved()
                assert STEP * (outage + 1) <= resumed_after < EPISODES
                trainer = Trainer(stack, run_id, tmp_path, attempt=2)
            start_server(stack)
        trainer.go(EPISODES)
        trainer.arrive(EPISODES)
        assert trainer.wait() == 0
    finally:
        trainer.kill()
        if not stack.is_alive("nginx"):
            start_server(stack)
    document = read(stack, run_id)
    assert document["status"] == "completed"
    assert document["summary"]["episodes"] == EPISODES
    episodes = document["metrics"]["episodes"]
    assert [one["episode"] for one in episodes] == list(range(1, EPISODES + 1))
    for one in episodes:
        number = one["episode"]
        reward = reward_of(number, 1 if number <= resumed_after else 2)
        assert one["total_reward"] == (reward if reward == reward else "NaN"), one
        assert one["steps"] == number % 7 + 1
        assert one["win"] is (number % 3 == 0)
        assert (one["loss"], one["roi_pct"]) == (1 / number, number)
    assert list(spool_folder.iterdir()) == []
