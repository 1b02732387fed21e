"""training_run_callbacks in real trainings of RLlib, on both of its API stacks, against the real
thing. Not part of tests/run, for RLlib is heavy: tests/clients/run_rllib runs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack import Stack
from trainer_process import ROOT, TrainerProcess

PYTHON = ROOT / "build" / "venv-rllib" / "bin" / "python"
TRAININGS = Path(__file__).with_name("rllib_trainings.py")


@pytest.fixture(scope="module")
def told(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the trainings say; folder: where their environments wrote what happened in them."""
    folder = tmp_path_factory.mktemp("r")
    trainer = TrainerProcess(folder, stack.url, stack.key, str(folder), program=(PYTHON, TRAININGS))
    try:
        assert trainer.wait(900) == 0, trainer.err
    finally:
        trainer.kill()
    yield {"folder": folder, "err": trainer.err, **json.loads(trainer.out.splitlines()[-1])}


def read(stack: Stack, run_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}",
        headers={"X-API-Key": stack.key}, timeout=30, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def witnessed(folder: Path, name: str) -> list[tuple[float, int, bool, int]]:
    """The episodes that the environments played, in the order in which they ended."""
    (file,) = folder.glob(f"{name}.*")
    lines = map(json.loads, file.read_text().splitlines())
    return [(reward, steps, win, int(truncated)) for reward, steps, win, truncated in lines]


def logged(run: dict[str, Any]) -> list[tuple[float, int, bool, int]]:
    return [
        (one["total_reward"], one["steps"], one["win"], one["truncated"])
        for one in run["metrics"]["episodes"]
    ]


@pytest.mark.parametrize("name", ["new", "new_remote", "old", "tuned"])
def test_every_episode_is_what_the_environment_saw(
    stack: Stack, told: dict[str, Any], name: str
) -> None:
    run = read(stack, told[name]["run_id"])
    episodes = logged(run)
    seen = witnessed(told["folder"], name)
    assert len(episodes) > 20
    # Environments may have played on when the last iteration was over.
    assert episodes == seen[: len(episodes)]
    assert len(seen) - len(episodes) <= 2
    numbers = [one["episode"] for one in run["metrics"]["episodes"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (run["status"], run["algorithm"], run["agent_id"]) == ("completed", "PPO", name)
    assert all(one["duration_s"] > 0 for one in run["metrics"]["episodes"])


@pytest.mark.parametrize("name", ["new", "new_remote", "old"])
def test_what_an_iteration_says_goes_with_its_last_episode(
    stack: Stack, told: dict[str, Any], name: str
) -> None:
    run = read(stack, told[name]["run_id"])
    episodes = run["metrics"]["episodes"]
    ends = [sum(told[name]["ended"][: at + 1]) for at in range(3)]
    assert ends[-1] == len(episodes)
    with_losses = [one for one in episodes if "learners/default_policy/policy_loss" in one]
    assert [one["episode"] for one in with_losses] == ends
    assert [one["training_iteration"] for one in with_losses] == [1, 2, 3]
    assert [one["episode"] for one in episodes if "training_iteration" in one] == ends
    assert run["config"]["env"] == "witness"
    assert (run["config"]["note"], run["config"]["gamma"], run["tags"]) == ("é", 0.99, ["t"])
    assert run["checkpoint_paths"] == [{"episode": 1, "path": "models/one"}]


@pytest.mark.parametrize("name", ["stopped_new", "stopped_old"])
def test_a_stop_from_the_dashboard_ends_the_loop(
    stack: Stack, told: dict[str, Any], name: str
) -> None:
    assert told[name]["iterations"] in (3, 4)
    run = read(stack, told[name]["run_id"])
    assert (run["status"], run["metadata"]) == ("stopped", {})
    assert "refused" not in told["err"]


def test_an_environment_that_raises_fails_the_run(stack: Stack, told: dict[str, Any]) -> None:
    run = read(stack, told["broken"]["run_id"])
    assert "the pole broke" in told["broken"]["error"]
    assert run["status"] == "failed"
    assert "the pole broke" in run["metadata"]["error_message"]
