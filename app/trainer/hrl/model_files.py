"""What a training leaves on the disk: checkpoints, the last models and its history.

Files appear as a whole or not at all. Called by train.py.

DIR/checkpoints/SCENARIO/checkpoint_episode_N, checkpoint_best, checkpoint_final: folders with
high_agent.pt, low_agent.pt and checkpoint.json. DIR/SCENARIO_high_agent.pt, _low_agent.pt and
_history.json belong to the last training that ended by itself or was stopped.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import torch

from hierarchy import Hierarchy


class InUse(Exception):
    """Another training of the scenario writes there; the message is a sentence."""


class ModelFiles:
    """The files of one training. A context manager: leaving it lets others train the scenario."""

    def __init__(self, folder: Path, scenario: str) -> None:
        """Makes the folders. Raises OSError, or InUse."""
        self._folder = folder
        self._scenario = scenario
        self._checkpoints = folder / "checkpoints" / scenario
        self._checkpoints.mkdir(parents=True, exist_ok=True)
        self._lock = (self._checkpoints / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise InUse(f"another training of {scenario} writes to {folder}") from None

    def __enter__(self) -> ModelFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.close()

    def history(self, about: Mapping[str, Any]) -> HistoryFile:
        return HistoryFile(self._folder / f"{self._scenario}_history.json", about)

    def save_checkpoint(self, name: str, agents: Hierarchy, about: Mapping[str, Any]) -> Path:
        """Save checkpoint_NAME, in place of one that is there; its folder."""
        folder = self._checkpoints / f"checkpoint_{name}"
        part = self._checkpoints / f".{folder.name}.part"
        old = self._checkpoints / f".{folder.name}.old"
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)
        part.mkdir()
        _save_agents(part, "", agents, about)
        (part / "checkpoint.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        if folder.exists():  # a folder with files in it cannot be replaced by renaming
            folder.replace(old)
        part.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
        return folder

    def save_models(self, agents: Hierarchy, about: Mapping[str, Any]) -> None:
        """Save the scenario's models, in place of those of an earlier training."""
        _save_agents(self._folder, f"{self._scenario}_", agents, about)


def _save_agents(folder: Path, prefix: str, agents: Hierarchy, about: Mapping[str, Any]) -> None:
    for level, agent in (("high", agents.strategist), ("low", agents.executor)):
        path = folder / f"{prefix}{level}_agent.pt"
        part = path.with_name(path.name + ".part")
        torch.save({**about, **agent.state()}, part)
        part.replace(path)


class HistoryFile:
    """One JSON document that grows by an episode at a time and takes no memory for it."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: IO[str] = self._part.open("w", encoding="utf-8")
        self._file.write(json.dumps(about)[:-1] + ', "episodes": [')
        self._separator = "\n"

    def add(self, episode: Mapping[str, Any]) -> None:
        self._file.write(self._separator + json.dumps(episode))
        self._separator = ",\n"

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Add what is known at the end, and put the file in its place."""
        self._file.write("\n], " + json.dumps(outcome)[1:] + "\n")
        self._file.close()
        self._part.replace(self._path)
