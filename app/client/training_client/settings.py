"""What the environment says about the training log: TRAINING_URL and its companions. Pure.

Called by run_logger.py and sync.py. Arguments win over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

DEFAULT_URL = "http://127.0.0.1:8000"

Mode = Literal["online", "offline", "disabled"]
Resume = Literal["allow", "must", "never"]

_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class Settings:
    url: str | None = None  # TRAINING_URL
    api_key: str | None = None  # TRAINING_API_KEY
    mode: Mode | None = None  # TRAINING_MODE
    folder: Path | None = None  # TRAINING_DIR, of the spools
    run_id: str | None = None  # TRAINING_RUN_ID
    resume: Resume | None = None  # TRAINING_RESUME
    tags: tuple[str, ...] = ()  # TRAINING_TAGS, with commas between them
    notes: str | None = None  # TRAINING_NOTES
    silent: bool = False  # TRAINING_SILENT
    rank: int = 0  # RANK, else SLURM_PROCID; 0 with TRAINING_ALL_RANKS
    complaints: tuple[str, ...] = ()  # about values that were passed over


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Empty values count as absent; what is not understood is passed over, with a complaint."""
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    complaints: list[str] = []

    def one_of(name: str, allowed: tuple[str, ...]) -> str | None:
        value = given.get(name)
        if value is None or value in allowed:
            return value
        complaints.append(f"{name}={value} is none of {', '.join(allowed)}: it is passed over")
        return None

    mode, resume = (
        one_of("TRAINING_MODE", get_args(Mode)),
        one_of("TRAINING_RESUME", get_args(Resume)),
    )
    folder = given.get("TRAINING_DIR")
    tags = (tag.strip() for tag in given.get("TRAINING_TAGS", "").split(","))
    return Settings(
        url=given.get("TRAINING_URL"),
        api_key=given.get("TRAINING_API_KEY"),
        mode=mode,  # type: ignore[arg-type]
        folder=Path(folder) if folder else None,
        run_id=given.get("TRAINING_RUN_ID"),
        resume=resume,  # type: ignore[arg-type]
        tags=tuple(tag for tag in tags if tag),
        notes=given.get("TRAINING_NOTES"),
        silent=given.get("TRAINING_SILENT", "").lower() in _YES,
        rank=0 if given.get("TRAINING_ALL_RANKS", "").lower() in _YES else _rank(given),
        complaints=tuple(complaints),
    )


def _rank(given: Mapping[str, str]) -> int:
    """Which of several processes of one training this is, as torchrun or Slurm tell it."""
    for name in ("RANK", "SLURM_PROCID"):
        value = given.get(name, "")
        if value.isascii() and value.isdigit():
            return int(value)
    return 0
