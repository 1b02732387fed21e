"""What every importer gives: a run that was found in files, and what of it cannot be taken.

Made by monitor.py, tensorboard.py, wandb.py, mlflow.py. Used by delivery.py and the command line.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from training_client.errors import TrainingClientError

_NAMESPACE = uuid.UUID("6f1c9d3e-52a4-5d0b-9a57-0c8e1f6b2d47")  # of imported runs; never changed
_FINDINGS_MAX = 200  # kept; more are only counted

T = TypeVar("T")
Episode = tuple[int, dict[str, float]]  # its number, its values by metric name (§1 of the API)
Advance = Callable[[int], None]  # told of bytes that were read


class Unreadable(TrainingClientError):
    """A file or folder is not what it is said to be; the message names the place and the fault."""


@dataclass
class Finding:
    """Something that was not taken as it is; count: how often, where: the first time."""

    why: str
    where: str
    count: int = 1


class Findings:
    """What of one run was not taken, or not under its own name. Bounded: kinds, not cases."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}
        self.unlisted = 0

    def add(self, why: str, where: str = "", count: int = 1) -> None:
        """why tells cases apart: the same again is only counted."""
        known = self._found.get(why)
        if known is not None:
            known.count += count
        elif len(self._found) < _FINDINGS_MAX:
            self._found[why] = Finding(why, where, count)
        else:
            self.unlisted += count

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)


@dataclass
class FoundRun:
    """One run. episodes() reads the files (again) and gives the episodes in order of number.

    identity: what tells the run from all others by its content, and stays when its files grow or
    move. What may change when they grow is in metadata, not in config.
    """

    kind: str
    identity: str
    title: str
    episodes: Callable[[], Iterator[Episode]]
    findings: Findings
    agent_id: str | None = None
    algorithm: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str = "completed"
    episode_count: int | None = None  # when it is known before they are read
    names: dict[str, str] = field(default_factory=dict)  # the tool's name → the metric's
    close: Callable[[], None] = lambda: None  # gives back what episodes() reads from

    @property
    def run_id(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.kind}\n{self.identity}"))


Found = FoundRun | Unreadable  # a run, or why there is none where one should be


def each(sources: Iterable[T], read: Callable[[T], FoundRun]) -> Iterator[Found]:
    """read of each; one that cannot be read does not keep out the others."""
    for source in sources:
        try:
            found: Found = read(source)
        except Unreadable as error:
            found = error
        yield found


def digest(parts: Iterable[bytes]) -> str:
    """A short name of content, in this order."""
    summed = hashlib.sha256()
    for part in parts:
        summed.update(len(part).to_bytes(8, "big"))
        summed.update(part)
    return summed.hexdigest()[:32]


def iso(seconds: float) -> str | None:
    """Seconds since 1970 as the API writes times; None when they are no time."""
    try:
        at = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def need_readable(path: Path) -> None:
    """Raises Unreadable when there is nothing at path."""
    if not path.exists():
        raise Unreadable(f"{path}: there is no such file or folder")


def text_lines(path: Path, advance: Advance, most: int = 4 * 1024 * 1024) -> Iterator[str]:
    """The lines of a UTF-8 text, without their ends. Raises Unreadable at a line that is longer."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(most + 1):
                number += 1
                advance(len(line))
                if len(line) > most:
                    raise Unreadable(f"{path}:{number}: a line of more than {most} bytes")
                try:
                    yield line.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise Unreadable(f"{path}:{number}: it is no text (UTF-8)") from error
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
