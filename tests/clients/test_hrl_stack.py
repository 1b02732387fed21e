"""The household trainer against the real thing: nginx, training-api and mongod."""

from __future__ import annotations

import json
import math
import signal
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack import Stack
from trainer_process import HRL_PYTHON, HRL_TRAINER, TrainerProcess

pytestmark = pytest.mark.skipif(not HRL_PYTHON.exists(), reason="PyTorch is not installed")


def read(stack: Stack, path: str) -> Any:
    answer = httpx.get(
        stack.url + path, headers={"X-API-Key": stack.key}, timeout=60, trust_env=False
    )
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


def start(stack: Stack, folder: Path, *arguments: str) -> TrainerProcess:
    program = (HRL_PYTHON, HRL_TRAINER)
    return TrainerProcess(folder, stack.url, stack.key, *arguments, program=program)


def test_a_training_is_a_run_with_its_evaluation(stack: Stack, tmp_path: Path) -> None:
    run_id = str(uuid.uuid4())
    trainer = start(
        stack, tmp_path, "--scenario", "palermo_famiglia", "--episodes", "30",
        "--save-interval", "10", "--eval-episodes", "4", "--seed", "5", "--run-id", run_id,
    )  # fmt: skip
    assert trainer.wait() == 0, trainer.err
    run = read(stack, f"/api/training-runs/{run_id}")
    history = json.loads((tmp_path / "models" / "palermo_famiglia_history.json").read_text())
    assert (run["status"], run["agent_id"]) == ("completed", "hrl_palermo_famiglia")
    assert run["algorithm"] == "hierarchical PPO"
    assert run["config"] == history["config"]
    assert run["tags"] == ["hrl", "palermo_famiglia"]
    assert run["episodes_total"] == 30

    episodes = run["metrics"]["episodes"]
    for kept, told in zip(episodes, history["episodes"], strict=True):
        assert {name: kept[name] for name in told} == told
    rewards = [episode["total_reward"] for episode in history["episodes"]]
    assert run["summary"]["avg_reward"] == pytest.approx(math.fsum(rewards) / 30, rel=1e-12)
    for checkpoint in run["checkpoint_paths"]:
        assert (tmp_path / checkpoint["path"] / "high_agent.pt").is_file()
    assert run["checkpoint_paths"][-1]["episode"] == 30

    (evaluation,) = read(stack, f"/api/training-runs/{run_id}/evaluations")
    assert {name: evaluation[name] for name in history["evaluation"]} == history["evaluation"]


def test_terminated_it_ends_its_run_stopped(stack: Stack, tmp_path: Path) -> None:
    run_id = str(uuid.uuid4())
    trainer = start(
        stack, tmp_path, "--scenario", "milano_single", "--episodes", "1000000",
        "--run-id", run_id,
    )  # fmt: skip
    checkpoints = tmp_path / "models" / "checkpoints" / "milano_single"
    trainer.wait_until((checkpoints / "checkpoint_best").exists)
    trainer.send_signal(signal.SIGTERM)
    assert trainer.wait() == 143
    run = read(stack, f"/api/training-runs/{run_id}")
    assert run["status"] == "stopped"
    numbers = [one["episode"] for one in run["metrics"]["episodes"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"stopped: {len(numbers)} episodes" in trainer.out
    assert run["checkpoint_paths"][-1] == {
        "episode": len(numbers),
        "path": "models/checkpoints/milano_single/checkpoint_final",
    }
