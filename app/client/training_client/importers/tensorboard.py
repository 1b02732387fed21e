"""TensorBoard event files: a folder that holds some is a run. Called by the command line.

A scalar tag is a metric, a step is an episode's number, the wall time of a step's last value is its
wall_time. HParams become the config, texts the notes. Next: tensorboard_event.py, scratch.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from training_client.importers.scratch import Scratch
from training_client.importers.source import (
    Advance,
    Findings,
    Found,
    FoundRun,
    Unreadable,
    digest,
    each,
    iso,
    need_readable,
)
from training_client.importers.tensorboard_event import (
    Event,
    EventReader,
    Hparams,
    Scalar,
    Text,
    records,
)

_MARK = "tfevents"
_NOTES_MAX = 60_000  # bytes of texts that become notes
_SB3_FOLDER = re.compile(
    r"(A2C|ARS|DDPG|DQN|MaskablePPO|PPO|QRDQN|RecurrentPPO|SAC|TD3|TQC|TRPO)_\d+"
)
_CLEANRL_FOLDER = re.compile(r"(.+?)__(.+?)__(\d+)__(\d+)")


def find(paths: list[Path], mapped: Mapping[str, str], advance: Advance) -> Iterator[Found]:
    """The runs in these files and folders, one after the other."""
    yield from each(_runs(paths).items(), lambda run: _read(*run, mapped, advance))


def _runs(paths: list[Path]) -> dict[Path, list[Path]]:
    found: dict[Path, list[Path]] = {}
    for path in paths:
        need_readable(path)
        if not path.is_dir():
            found.setdefault(path.parent, []).append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            inside = [Path(folder, name) for name in sorted(names) if _MARK in name]
            if inside:
                found.setdefault(Path(folder), []).extend(inside)
        if not any(path == folder or path in folder.parents for folder in found):
            raise Unreadable(f"{path}: there is no event file (*{_MARK}*) in it")
    return {folder: list(dict.fromkeys(files)) for folder, files in found.items()}


class _Reading:
    """What is gathered of one run, event by event."""

    def __init__(self, scratch: Scratch, findings: Findings) -> None:
        self.scratch = scratch
        self.findings = findings
        self.config: dict[str, Any] = {}
        self.notes: dict[str, str] = {}
        self.began: float | None = None
        self.ended: float | None = None

    def take(self, event: Event, where: str) -> None:
        if event.wall_time > 0:
            self.began = min(self.began or event.wall_time, event.wall_time)
            self.ended = max(self.ended or event.wall_time, event.wall_time)
        if event.restarts and event.step > 0:
            self.scratch.drop_from(event.step)
        for value in event.values:
            if isinstance(value, Scalar):
                time = event.wall_time if event.wall_time > 0 else None
                self.scratch.add(event.step, value.tag, value.value, time, where)
            elif isinstance(value, Hparams):
                self.config |= value.values
            elif isinstance(value, Text):
                self._note(value, where)
            else:
                self.findings.add(f"{value.tag}: no scalar ({value.kind})", where)

    def _note(self, value: Text, where: str) -> None:
        if value.tag in self.notes:
            self.findings.add(f"{value.tag}: a text; only the first is kept", where)
        elif len(self.as_notes().encode()) + len(value.text.encode()) > _NOTES_MAX:
            self.findings.add("texts that are too long for notes", where)
        else:
            self.notes[value.tag] = value.text

    def as_notes(self) -> str:
        parts = [
            f"### {tag.removesuffix('/text_summary')}\n\n{text}" for tag, text in self.notes.items()
        ]
        return "\n\n".join(parts)


def _read(folder: Path, files: list[Path], mapped: Mapping[str, str], advance: Advance) -> FoundRun:
    findings = Findings()
    opened = sorted((_beginning(path), path) for path in files)
    scratch = Scratch(findings)
    reading = _Reading(scratch, findings)
    reader = EventReader()
    try:
        for _, path in opened:
            for at, data in records(path, findings, advance):
                where = f"{path}, byte {at}"
                try:
                    event = reader.event(data)
                except ValueError as error:
                    raise Unreadable(f"{where}: the record is no Event: {error}") from error
                reading.take(event, where)
        names = scratch.settle(mapped)
        count = scratch.count()
        if count == 0:
            raise Unreadable(f"{folder}: there is no scalar in its event files")
    except BaseException:
        scratch.close()
        raise
    name = folder.resolve().name
    return FoundRun(
        kind="tensorboard",
        identity=opened[0][0][1],
        title=str(folder),
        episodes=lambda: scratch.episodes(names),
        findings=findings,
        agent_id=name or None,
        algorithm=_algorithm(name),
        config=reading.config,
        notes=reading.as_notes() or None,
        metadata={
            "files": [path.name for _, path in opened][:100],
            "started_at": None if reading.began is None else iso(reading.began),
            "ended_at": None if reading.ended is None else iso(reading.ended),
        },
        episode_count=count,
        names=names,
        close=scratch.close,
    )


def _beginning(path: Path) -> tuple[float, str]:
    """When a file was begun, and what tells it from all others: its first two records."""
    first = [data for _, data in islice(records(path, Findings(), lambda size: None), 2)]
    if not first:
        raise Unreadable(f"{path}: it holds no record")
    try:
        began = EventReader().event(first[0]).wall_time
    except ValueError as error:
        raise Unreadable(f"{path}: its first record is no Event: {error}") from error
    return began, digest(first)


def _algorithm(folder: str) -> str | None:
    """What a folder's name says: PPO_1 of Stable-Baselines3, env__exp__seed__time of CleanRL."""
    match = _SB3_FOLDER.fullmatch(folder)
    if match:
        return match[1]
    match = _CLEANRL_FOLDER.fullmatch(folder)
    return match[2] if match else None
