"""Trainings with Stable-Baselines3 for test_sb3_stack.py: sb3_trainings.py NAME FOLDER prints JSON.

Runs in build/venv-sb3, which has no pytest. Monitor's and SB3's own CSV files, written beside,
are what the API's answers are compared with.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from training_client import TrainingRunLogger
from training_client.sb3 import TrainingRunCallback


class Success(gym.Wrapper):
    """CartPole that calls 25 steps a success, and ends by time after 40."""

    def __init__(self, steps: int = 40) -> None:
        super().__init__(gym.make("CartPole-v1", max_episode_steps=steps))
        self._steps = 0

    def reset(self, **options: Any) -> Any:
        self._steps = 0
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        self._steps += 1
        observation, reward, terminated, truncated, info = super().step(action)
        if terminated or truncated:
            info["is_success"] = self._steps >= 25
            info["angle"] = float(observation[2])
        return observation, float(reward) * 1.25 - 0.1, terminated, truncated, info


class Breaks(Success):
    """Raises in its 100th step."""

    total = 0

    def step(self, action: Any) -> Any:
        self.total += 1
        if self.total == 100:
            raise ValueError("the pole broke")
        return super().step(action)


class Records(BaseCallback):  # type: ignore[misc]
    """Logs what must not reach an episode, and what must be renamed to."""

    def _on_step(self) -> bool:
        self.logger.record("custom/hidden", 1.0, exclude="training_client")
        self.logger.record("custom/not from the csv", self.num_timesteps, exclude="csv")
        self.logger.record("custom/text", "words", exclude="csv")
        self.logger.record("steps", 7, exclude="csv")
        return True


def envs(folder: Path, count: int) -> DummyVecEnv:
    def make(index: int) -> Monitor:
        path = str(folder / f"env{index}")
        return Monitor(Success(), path, info_keywords=("is_success", "angle"))

    env = DummyVecEnv([lambda index=index: make(index) for index in range(count)])
    env.seed(3)
    return env


def ppo(env: Any, **options: Any) -> PPO:
    return PPO("MlpPolicy", env, n_steps=64, batch_size=64, n_epochs=2, seed=1, **options)


def vector(folder: Path) -> dict[str, object]:
    """PPO on three environments, with checkpoints and SB3's CSV beside; two learn()s, one run."""
    model = ppo(envs(folder, 3), learning_rate=lambda remaining: 1e-3 * remaining)
    model.set_logger(configure(str(folder), ["csv"]))
    with TrainingRunCallback(
        agent_id="vector", strategy_label="three", config={"seed": 1, "note": "é"}, tags=["t"],
        checkpoint_dir=folder / "models", checkpoint_every_steps=500, progress=False,
    ) as callback:  # fmt: skip
        model.learn(960, callback=[callback, Records()])
        model.learn(960, callback=[callback, Records()], reset_num_timesteps=False)
    return {"run_id": callback.run_logger.run_id, "all": callback.run_logger.close()}


def single(folder: Path) -> dict[str, object]:
    """DQN on one environment, without a block; a checkpoint every 20 episodes."""
    env = Monitor(Success(), str(folder / "env0"), info_keywords=("is_success", "angle"))
    model = DQN("MlpPolicy", env, learning_starts=200, exploration_fraction=0.5, seed=2)
    model.set_logger(configure(str(folder), ["csv"]))
    callback = TrainingRunCallback(
        checkpoint_dir=folder / "models", checkpoint_every_episodes=20, save_replay_buffer=True
    )
    model.learn(1500, callback=callback)
    return {"run_id": callback.run_logger.run_id}


def unmonitored(folder: Path) -> dict[str, object]:
    """No Monitor; a logger of the trainer's own, which stays open."""
    rewards: list[float] = []

    class Sums(Success):
        def step(self, action: Any) -> Any:
            answer = super().step(action)
            rewards[-1] += answer[1]
            return answer

        def reset(self, **options: Any) -> Any:
            rewards.append(0.0)
            return super().reset(**options)

    with TrainingRunLogger() as logger:
        model = ppo(DummyVecEnv([Sums]))
        model.learn(300, callback=TrainingRunCallback(logger, progress=False))
        alive = logger.flush()
    return {"run_id": logger.run_id, "rewards": rewards[:-1], "alive": alive}


def broken(folder: Path) -> dict[str, object]:
    """An environment that raises."""
    callback = TrainingRunCallback(progress=False)
    try:
        with callback:
            ppo(DummyVecEnv([lambda: Monitor(Breaks())])).learn(1000, callback=callback)
    except ValueError:
        pass
    return {"run_id": callback.run_logger.run_id}


def several(folder: Path) -> dict[str, object]:
    """All of the above in one process, to import PyTorch once."""
    told: dict[str, object] = {}
    for training in (vector, single, unmonitored, broken):
        (folder / training.__name__).mkdir()
        told[training.__name__] = training(folder / training.__name__)
    return told


def killed(folder: Path) -> dict[str, object]:
    """Dies in its 700th step, long after its last checkpoint."""
    env = VecNormalize(envs(folder, 2))
    callback = TrainingRunCallback(
        checkpoint_dir=folder / "models", checkpoint_every_steps=400, progress=False
    )

    class Dies(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            if self.num_timesteps == 700:
                callback.run_logger.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return True

    ppo(env).learn(2000, callback=[callback, Dies()])
    return {}


def resumed(folder: Path) -> dict[str, object]:
    """Goes on from the one checkpoint of killed()."""
    (saved,) = folder.glob("killed/models/*/checkpoint_*.zip")
    (statistics,) = saved.parent.glob("vec_normalize_*.pkl")
    env = VecNormalize.load(str(statistics), envs(folder, 2))
    model = PPO.load(saved, env=env)
    callback = TrainingRunCallback(resume=True, progress=False)
    model.learn(600, callback=callback, reset_num_timesteps=False)
    return {"run_id": callback.run_logger.run_id, "checkpoint": str(saved)}


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    torch.set_num_threads(1)
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]))))
