"""Runs app/trainer/frameworks/single_file_dqn.py and writes down what its environments did.

single_file_witness.py WITNESSED.json [ARGUMENT…]: rewards are summed up in the environment itself,
below all that the learner and its log see.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym

LEARNER = Path(__file__).resolve().parents[2] / "app/trainer/frameworks/single_file_dqn.py"
witnessed: list[tuple[float, int, bool]] = []


class Witness(gym.Wrapper[Any, Any, Any, Any]):
    """Rewards that differ from step to step, and a success at 20 steps."""

    def reset(self, **options: Any) -> Any:
        self.rewards: list[float] = []
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        observation, _, terminated, truncated, info = super().step(action)
        reward = 1.0 + len(self.rewards) / 4 - int(action) / 2
        self.rewards.append(reward)
        if terminated or truncated:
            info["is_success"] = len(self.rewards) >= 20
            witnessed.append((sum(self.rewards), len(self.rewards), info["is_success"]))
        return observation, reward, terminated, truncated, info


if __name__ == "__main__":
    made = gym.make
    gym.make = lambda *given, **options: Witness(made(*given, **options))
    to = Path(sys.argv.pop(1))
    sys.argv[0] = str(LEARNER)
    try:
        runpy.run_path(str(LEARNER), run_name="__main__")
    finally:
        to.write_text(json.dumps({"gymnasium": gym.__version__, "episodes": witnessed}))
