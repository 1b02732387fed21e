"""The agent's settings, and the JSON file that may change them. Called by trainer.py."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any


class BadAgentConfig(Exception):
    """The file cannot be used; the message is a sentence for its author."""


@dataclass(frozen=True)
class AgentConfig:
    learning_rate: float = 0.03
    discount: float = 1.0
    epsilon_start: float = 1.0
    epsilon_end: float = 0.02
    epsilon_decay: float | None = None  # factor an episode; None: reach the end in mid-training
    natural: bool = False  # a natural blackjack pays 1.5


_RANGES = {  # lowest, highest
    "learning_rate": (1e-9, 1.0),
    "discount": (0.0, 1.0),
    "epsilon_start": (0.0, 1.0),
    "epsilon_end": (0.0, 1.0),
    "epsilon_decay": (1e-9, 1.0),
}


def read_agent_config(path: Path) -> AgentConfig:
    """The defaults with what the file says. Raises BadAgentConfig."""
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadAgentConfig(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadAgentConfig(f"{path} is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise BadAgentConfig(f'{path} must hold a JSON object such as {{"learning_rate": 0.05}}')
    for name, value in members.items():
        _check(path, name, value)
    config = replace(AgentConfig(), **members)
    if config.epsilon_end > config.epsilon_start:
        raise BadAgentConfig(f"{path}: epsilon_end must not be above epsilon_start")
    return config


def _check(path: Path, name: str, value: Any) -> None:
    known = [field.name for field in fields(AgentConfig)]
    if name not in known:
        raise BadAgentConfig(f"{path}: there is no setting {name!r}; there are {', '.join(known)}")
    if name == "natural":
        if not isinstance(value, bool):
            raise BadAgentConfig(f"{path}: natural must be true or false")
        return
    if name == "epsilon_decay" and value is None:
        return
    low, high = _RANGES[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # NaN is in no range
        raise BadAgentConfig(f"{path}: {name} must be a number from {low:g} to {high:g}")
