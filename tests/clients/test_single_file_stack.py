"""A learner in one file, logged by CleanRL's kind of snippet, against the real thing."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import httpx
import pytest

from stack import Stack
from trainer_process import ROOT, TrainerProcess

WITNESS = Path(__file__).with_name("single_file_witness.py")


@pytest.mark.parametrize(("environment", "gymnasium"), [("venv-sb3", "0.28"), ("venv-hrl", "1.")])
def test_every_episode_arrives_from_old_and_new_gymnasium(
    stack: Stack, tmp_path: Path, environment: str, gymnasium: str
) -> None:
    python = ROOT / "build" / environment / "bin" / "python"
    if not python.exists():
        pytest.skip("PyTorch is not installed")
    run_id = str(uuid.uuid4())
    learner = TrainerProcess(
        tmp_path, stack.url, stack.key, str(tmp_path / "witnessed.json"), "--run-id", run_id,
        "--num-envs", "3", "--total-timesteps", "4000", program=(python, WITNESS),
    )  # fmt: skip
    assert learner.wait(200) == 0, learner.err
    witnessed = json.loads((tmp_path / "witnessed.json").read_text())
    assert witnessed["gymnasium"].startswith(gymnasium)
    run = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}",
        headers={"X-API-Key": stack.key}, timeout=30, trust_env=False,
    ).json()  # fmt: skip
    episodes = run["metrics"]["episodes"]
    assert len(episodes) == len(witnessed["episodes"]) > 50
    for kept, (reward, steps, success) in zip(episodes, witnessed["episodes"], strict=True):
        assert kept["total_reward"] == reward  # quarters: exact in any format
        assert (kept["steps"], kept["win"]) == (steps, success)
    assert [one["episode"] for one in episodes] == list(range(1, len(episodes) + 1))
    assert (run["status"], run["config"]["num_envs"]) == ("completed", 3)
    losses = [one["losses/td_loss"] for one in episodes]
    assert losses[0] == 0.0
    assert 0.0 < min(losses[-20:]) < 1e3
