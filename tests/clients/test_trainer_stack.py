"""The trainer against the real thing: nginx, training-api and mongod, as app/up starts them."""

from __future__ import annotations

import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_config import AgentConfig
from episode_loop import make_environment, play
from q_learner import QLearner
from schedule import EpsilonSchedule
from stack import Stack
from terminal import Terminal
from trainer_process import TrainerProcess

Start = Callable[..., TrainerProcess]


@pytest.fixture
def start(stack: Stack, tmp_path: Path) -> Iterator[Start]:
    """start(arguments…) is a trainer that logs to the stack; ended with the test."""
    started: list[TrainerProcess] = []

    def start_one(*arguments: str, url: str = stack.url) -> TrainerProcess:
        started.append(TrainerProcess(tmp_path, url, stack.key, *arguments))
        return started[-1]

    yield start_one
    for trainer in started:
        trainer.kill()


def read(stack: Stack, run_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}",
        headers={"X-API-Key": stack.key}, timeout=60, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def trained_again(timesteps: int, seed: int, decay: float) -> list[dict[str, Any]]:
    """What the trainer must have logged: the same training, played in this process."""
    agent = AgentConfig(epsilon_decay=decay)
    learner = QLearner(2, agent.learning_rate, agent.discount, seed)
    schedule = EpsilonSchedule(agent.epsilon_start, agent.epsilon_end, decay)
    return [
        {
            "episode": episode.number,
            "total_reward": episode.total_reward,
            "steps": episode.steps,
            "win": episode.win,
            "epsilon": episode.epsilon,
            "td_error": episode.td_error,
        }
        for episode in play(make_environment(natural=False), learner, schedule, timesteps, seed)
    ]


def assert_same_episodes(document: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    logged = document["metrics"]["episodes"]
    assert [one["episode"] for one in logged] == [one["episode"] for one in expected]
    for one, other in zip(logged, expected, strict=True):
        kept = {name: one.get(name) for name in other}
        assert kept == other
        assert type(kept["win"]) is type(other["win"])


def test_a_smoke_training_is_kept_whole_and_read_back(
    stack: Stack, start: Start, tmp_path: Path
) -> None:
    agent = tmp_path / "agent.json"
    agent.write_text('{"epsilon_decay": 0.999}')
    trainer = start("--mode", "smoke", "--seed", "11", "--agent-config", str(agent))
    assert trainer.wait() == 0, trainer.err
    document = read(stack, trainer.run_id)
    assert document["status"] == "completed"
    assert document["end_time"]
    expected = trained_again(25_000, 11, 0.999)
    assert_same_episodes(document, expected)
    assert document["config"]["seed"] == 11
    assert document["config"]["epsilon_decay"] == 0.999
    assert (document["agent_id"], document["algorithm"]) == ("blackjack_q", "Q-learning")

    checkpoints = document["checkpoint_paths"]
    assert checkpoints[-1]["episode"] == len(expected)
    assert all((tmp_path / one["path"]).is_file() for one in checkpoints)

    first, last = expected[:1000], expected[-1000:]
    for name, part in (("first", first), ("last ", last)):
        reward = sum(one["total_reward"] for one in part) / 1000
        wins = sum(one["win"] is True for one in part) / 1000
        line = f"{name} 1000 episodes: mean reward {reward:+.3f}, win rate {wins:.1%}"
        assert line in trainer.out
    assert sum(one["win"] is True for one in last) > sum(one["win"] is True for one in first) + 50
    assert "both families give the same numbers" in trainer.out
    assert trainer.out.count("/api/training-runs/") == 1  # one line tells the URL
    assert "is away" not in trainer.err


def test_quiet_says_nothing(stack: Stack, start: Start) -> None:
    trainer = start("--mode", "smoke", "--total-timesteps", "500", "--quiet")
    assert trainer.wait() == 0
    assert (trainer.out, trainer.err) == ("", "")


def test_the_shortest_training_is_a_run_too(stack: Stack, start: Start) -> None:
    trainer = start("--mode", "smoke", "--total-timesteps", "1")
    assert trainer.wait() == 0, trainer.err
    assert len(read(stack, trainer.run_id)["metrics"]["episodes"]) == 1
    assert "both families give the same numbers" in trainer.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_stopped_with_a_last_checkpoint(
    stack: Stack, start: Start, number: int, code: int
) -> None:
    trainer = start("--mode", "full", "--seed", "1", "--total-timesteps", "300000")
    trainer.wait_until(lambda: " 10 %" in trainer.err or "stopped" in trainer.out)
    trainer.send_signal(number)
    assert trainer.wait() == code
    document = read(stack, trainer.run_id)
    assert document["status"] == "stopped"
    numbers = [one["episode"] for one in document["metrics"]["episodes"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"stopped: {len(numbers)} episodes" in trainer.out
    assert document["checkpoint_paths"][-1]["episode"] == len(numbers)


def test_an_exception_ends_the_run_failed_with_its_message(
    stack: Stack, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = str(uuid.uuid4())
    monkeypatch.setenv("TRAINING_RUN_ID", run_id)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / run_id).write_text("in the way of the checkpoints")
    trainer = start("--mode", "full", "--total-timesteps", "20000")
    assert trainer.wait() == 1
    document = read(stack, run_id)
    assert document["status"] == "failed"
    assert document["metadata"]["error_message"].startswith("FileExistsError: ")
    assert document["metrics"]["episodes"][-1]["episode"] >= 1000
    assert "Traceback" in trainer.err


def delivered(stack: Stack, run_id: str) -> int:
    """How many episodes of the run the API has; 0 while it is not there."""
    try:
        row = httpx.get(
            f"{stack.url}/api/training-runs",
            params={"q": run_id, "metrics": "none"},
            headers={"X-API-Key": stack.key}, timeout=10, trust_env=False,
        ).json()  # fmt: skip
        return int(row[0]["summary"]["episodes"])
    except (httpx.HTTPError, LookupError, ValueError):
        return 0


@pytest.mark.parametrize(
    ("program", "number"),
    [("api", signal.SIGKILL), ("nginx", signal.SIGTERM), ("mongod", signal.SIGKILL)],
)
def test_what_dies_in_mid_training_and_comes_back_has_every_episode(
    stack: Stack, start: Start, program: str, number: int, tmp_path: Path
) -> None:
    agent = tmp_path / "agent.json"
    agent.write_text('{"epsilon_decay": 0.9999}')
    timesteps = 80_000
    trainer = start(
        "--mode", "full", "--total-timesteps", str(timesteps), "--seed", "4",
        "--agent-config", str(agent),
    )  # fmt: skip
    trainer.wait_until(lambda: delivered(stack, trainer.run_id) > 0)
    stack.kill(program, number)
    try:
        trainer.wait_until(lambda: "is away" in trainer.err)
    finally:
        stack.up()
    assert trainer.wait() == 0, trainer.err
    document = read(stack, trainer.run_id)
    assert document["status"] == "completed", trainer.out + trainer.err
    assert_same_episodes(document, trained_again(timesteps, 4, 0.9999))
    assert trainer.err.count("is away") == 1
    assert trainer.err.count("is back after") == 1


@pytest.fixture
def nowhere() -> Iterator[str]:
    """A URL at which nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_an_api_it_trains_on_and_says_so_once(
    start: Start, nowhere: str, tmp_path: Path
) -> None:
    trainer = start("--mode", "smoke", "--total-timesteps", "3000", url=nowhere)
    assert trainer.wait() == 0
    assert trainer.err.count("is away") == 1
    assert "0 episodes logged" in trainer.out
    assert "100 %" in trainer.err
    assert list((tmp_path / "models").rglob("*.json"))


def test_ctrl_c_ends_the_wait_for_an_api_that_is_away(start: Start, nowhere: str) -> None:
    trainer = start("--mode", "smoke", "--total-timesteps", "500", url=nowhere)
    trainer.wait_until(lambda: "Ctrl-C gives it up" in trainer.err)
    started = time.monotonic()
    trainer.send_signal(signal.SIGINT)
    assert trainer.wait() == 0  # the training itself was completed
    assert time.monotonic() - started < 5


def test_a_wrong_key_is_said_once_and_the_training_goes_on(stack: Stack, tmp_path: Path) -> None:
    trainer = TrainerProcess(tmp_path, stack.url, "ak_wrong", "--mode", "smoke")
    assert trainer.wait() == 0
    assert trainer.err.count("refuses run") == 1
    assert "401" in trainer.err


def test_a_training_without_a_terminal_writes_plain_lines(start: Start, nowhere: str) -> None:
    trainer = start("--mode", "smoke", "--total-timesteps", "5000", url=nowhere)
    trainer.wait_until(lambda: "100 %" in trainer.err)
    assert "\r" not in trainer.err
    trainer.send_signal(signal.SIGINT)
    assert trainer.wait() == 0


@pytest.mark.parametrize("columns", [100, 0])
def test_a_training_on_a_terminal_shows_a_bar_where_it_fits(
    stack: Stack, tmp_path: Path, columns: int
) -> None:
    with Terminal(columns) as terminal:  # which is read all the while
        trainer = TrainerProcess(
            tmp_path, stack.url, stack.key, "--mode", "smoke", terminal=terminal
        )
        try:
            assert trainer.wait() == 0, terminal.shown
        finally:
            trainer.kill()
    if columns:
        assert "25000/25000" in terminal.shown
        assert "wins" in terminal.shown
    else:
        assert "100 %  episode" in terminal.shown
