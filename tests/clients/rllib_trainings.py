"""Trainings with RLlib for rllib_stack.py: rllib_trainings.py FOLDER prints JSON.

Runs in build/venv-rllib. The environment itself writes down what happens in it, below all that
RLlib and its log see: one file a process.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import ray
from ray import tune
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.tune.registry import register_env
from training_client import Transport
from training_client.rllib import training_run_callbacks


class Witness(gym.Wrapper[Any, Any, Any, Any]):
    """CartPole with rewards that differ from step to step, and a success at 20 steps."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(gym.make("CartPole-v1", max_episode_steps=60))
        self._file = settings.get("file")
        self._breaks_at = settings.get("breaks_at", 0)
        self._played = 0

    def reset(self, **options: Any) -> Any:
        self._rewards: list[float] = []
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        observation, _, terminated, truncated, info = super().step(action)
        self._played += 1
        if self._played == self._breaks_at:
            raise ValueError("the pole broke")
        reward = 1.0 + len(self._rewards) / 4 - int(action) / 2
        self._rewards.append(reward)
        if terminated or truncated:
            info["is_success"] = len(self._rewards) >= 20
            if self._file:
                line = [sum(self._rewards), len(self._rewards), info["is_success"], truncated]
                with Path(f"{self._file}.{os.getpid()}").open("a") as file:
                    file.write(json.dumps(line) + "\n")
        return observation, reward, terminated, truncated, info


def settings(new_stack: bool, runners: int, environment: dict[str, Any], **logged: Any) -> Any:
    config = (
        PPOConfig()
        .api_stack(
            enable_rl_module_and_learner=new_stack,
            enable_env_runner_and_connector_v2=new_stack,
        )
        .environment("witness", env_config=environment)
        .framework("torch")
        .env_runners(num_env_runners=runners, num_envs_per_env_runner=2)
        .callbacks(training_run_callbacks(**logged))
        .debugging(seed=1)
    )
    if new_stack:
        return config.training(train_batch_size_per_learner=400, minibatch_size=100, num_epochs=1)
    return config.training(train_batch_size=400, minibatch_size=100, num_epochs=1)


def trained(folder: Path, name: str, new_stack: bool, remote: int) -> dict[str, Any]:
    """Three iterations, each followed by an evaluation, whose episodes are not the run's."""
    config = settings(
        new_stack, remote, {"file": str(folder / name)},
        agent_id=name, tags=["t"], config={"note": "é"}, total_steps=1200,
    ).evaluation(
        evaluation_interval=1, evaluation_duration=2, evaluation_num_env_runners=0,
        evaluation_config={"env_config": {"file": ""}},
    )  # fmt: skip
    algorithm = config.build_algo()
    ended = []  # so many in each iteration, as RLlib counts
    for _ in range(3):
        runners_told = algorithm.train()["env_runners"]
        ended.append(runners_told.get("num_episodes", runners_told.get("episodes_this_iter")))
    algorithm.training_run.log_checkpoint(1, "models/one")
    algorithm.stop()
    return {"run_id": algorithm.training_run.run_id, "ended": ended}


def stopped(new_stack: bool) -> dict[str, Any]:
    """Somebody stops the run after the second iteration."""
    algorithm = settings(new_stack, 0, {}).build_algo()
    run = algorithm.training_run
    iterations, done = 0, False
    while not done and iterations < 20:
        done = algorithm.train()["done"]
        iterations += 1
        run.flush()
        if iterations == 2:
            with Transport(run.base_url, run.api_key, 10) as api:
                api.send("PATCH", f"/api/training-runs/{run.run_id}", b'{"status":"stopped"}')
    algorithm.stop()
    return {"run_id": run.run_id, "iterations": iterations}


def broken() -> dict[str, Any]:
    algorithm = settings(True, 0, {"breaks_at": 300}).build_algo()
    try:
        for _ in range(3):
            algorithm.train()
    except Exception as error:
        return {"run_id": algorithm.training_run.run_id, "error": repr(error)}
    return {"run_id": algorithm.training_run.run_id, "error": None}


def tuned(folder: Path) -> dict[str, Any]:
    """Two iterations by Tune, which makes a process for the algorithm."""
    config = settings(True, 0, {"file": str(folder / "tuned")}, run_id="tuned", agent_id="tuned")
    tune.Tuner(
        PPO, param_space=config,
        run_config=tune.RunConfig(
            stop={"training_iteration": 2}, storage_path=str(folder / "tune"), verbose=0
        ),
    ).fit()  # fmt: skip
    return {"run_id": "tuned"}


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    to = Path(sys.argv[1])
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=80 * 1024 * 1024,
        _temp_dir=str(to / "ray"), logging_level="ERROR",
    )  # fmt: skip
    register_env("witness", Witness)
    told = {
        "new": trained(to, "new", True, 0),
        "new_remote": trained(to, "new_remote", True, 1),
        "old": trained(to, "old", False, 0),
        "stopped_new": stopped(True),
        "stopped_old": stopped(False),
        "broken": broken(),
        "tuned": tuned(to),
    }
    ray.shutdown()
    print(json.dumps(told))
