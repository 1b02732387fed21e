"""When and where a Stable-Baselines3 model is saved in a training. Called by sb3.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Checkpoints:
    """Saves the model every so many steps or episodes, into folder/RUN_ID.

    The replay buffer is saved beside it when asked for, VecNormalize's statistics when there are
    some. Each file is there as a whole or not at all.
    """

    folder: Path
    every_steps: int = 0  # 0: not by steps
    every_episodes: int = 0  # 0: not by episodes
    replay_buffer: bool = False
    _next_steps: int = 0
    _next_episode: int = 0
    _saved_at: int = -1  # steps at the last checkpoint

    @property
    def wanted(self) -> bool:
        return self.every_steps > 0 or self.every_episodes > 0

    def begin(self, steps: int, episode: int) -> None:
        """The training goes on from here; what was due before is not due again."""
        if self.every_steps > 0:
            self._next_steps = (steps // self.every_steps + 1) * self.every_steps
        if self.every_episodes > 0:
            self._next_episode = (episode // self.every_episodes + 1) * self.every_episodes
        self._saved_at = steps

    def due(self, steps: int, episode: int) -> bool:
        """True once for each N steps or episodes that were completed."""
        by_steps = self.every_steps > 0 and steps >= self._next_steps
        by_episodes = self.every_episodes > 0 and episode >= self._next_episode
        return by_steps or by_episodes

    def due_at_the_end(self, steps: int) -> bool:
        return self.wanted and steps > self._saved_at

    def save(self, model: Any, run_id: str, steps: int, episode: int) -> Path:
        """Save the model as it is after this episode; the path of its file. Raises OSError."""
        self.begin(steps, episode)
        folder = self.folder / run_id
        folder.mkdir(parents=True, exist_ok=True)
        name = f"episode_{episode}_steps_{steps}"
        path = folder / f"checkpoint_{name}.zip"
        normalize = model.get_vec_normalize_env()
        if normalize is not None:
            _whole(folder / f"vec_normalize_{name}.pkl", normalize.save)
        if self.replay_buffer and getattr(model, "replay_buffer", None) is not None:
            _whole(folder / f"replay_buffer_{name}.pkl", model.save_replay_buffer)
        _whole(path, model.save)
        return path


def _whole(path: Path, write: Callable[[str], object]) -> None:
    """Have path written under another name first, and only then take its place."""
    part = path.with_name(path.name + ".part")
    try:
        write(str(part))
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
