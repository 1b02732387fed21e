"""W&B's run folders (offline-run-*, run-*) and *.wandb files. Called by the command line.

A history row is an episode: _step its number, numbers its metrics, nested ones joined by dots.
Where a folder has no .wandb file, files/wandb-history.jsonl, config.yaml, wandb-summary.json and
wandb-metadata.json are read, which older versions wrote. Next: wandb_log.py, scratch.py.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training_client.importers import wandb_log
from training_client.importers.scratch import Scratch
from training_client.importers.source import (
    Advance,
    Findings,
    Found,
    FoundRun,
    Unreadable,
    each,
    iso,
    need_readable,
    text_lines,
)
from training_client.importers.yaml_file import read_yaml

_FOLDER = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(.+)")
_HISTORY = "wandb-history.jsonl"
_DEPTH_MAX = 8
_SMALL_MAX = 64 * 1024  # bytes of JSON that go into the metadata
_STEP = "_step"


def find(paths: list[Path], mapped: Mapping[str, str], advance: Advance) -> Iterator[Found]:
    """The runs in these folders and files, one after the other."""
    sources = [source for path in paths for source in _sources(path)]
    by_run: dict[str, list[Path]] = {}
    for source in dict.fromkeys(sources):
        by_run.setdefault(_run_id(source), []).append(source)
    # A run that was resumed has several.
    yield from each(by_run.items(), lambda run: _read(*run, mapped, advance))


def _sources(path: Path) -> list[Path]:
    """*.wandb files, and history files of folders that have none."""
    need_readable(path)
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        logs = [Path(folder, name) for name in sorted(names) if name.endswith(".wandb")]
        if logs:
            found += logs
            folders.clear()
        elif _HISTORY in names:
            found.append(Path(folder, _HISTORY))
            folders.clear()
        elif "files" in folders and (Path(folder, "files") / _HISTORY).exists():
            found.append(Path(folder, "files", _HISTORY))
            folders.clear()
    if not found:
        raise Unreadable(f"{path}: there is no *.wandb file and no {_HISTORY} in it")
    return found


def _run_id(source: Path) -> str:
    match = re.fullmatch(r"run-(.+)\.wandb", source.name)
    if match:
        return match[1]
    for folder in source.resolve().parents[:2]:
        match = _FOLDER.fullmatch(folder.name)
        if match:
            return match[1]
    return source.resolve().stem if source.suffix == ".wandb" else str(source.resolve().parent.name)


class _Reading:
    """What is gathered of one run, record by record."""

    def __init__(self, run_id: str, scratch: Scratch, findings: Findings) -> None:
        self.run = wandb_log.RunRecord(run_id=run_id)
        self.scratch = scratch
        self.findings = findings
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.next_step = 0
        self.last_time: float | None = None

    def take(self, where: str, record: wandb_log.Record) -> None:
        if record.run is not None:
            self.run = record.run
            self._put(self.config, record.run.config, where)
        if record.config is not None:
            self._put(self.config, record.config, where)
        if record.summary is not None:
            self._put(self.summary, record.summary, where)
        if record.exit_code is not None:
            self.exit_code = record.exit_code
        if record.history is not None:
            row: dict[str, Any] = {}
            self._put(row, record.history, where)
            self.row(row, record.step, where)

    def row(self, row: dict[str, Any], step: int | None, where: str) -> None:
        """One history row; its step: given, in it, or the one after the last."""
        noted = row.pop(_STEP, None)
        if step is None:
            step = noted if isinstance(noted, int) else self.next_step
        self.next_step = step + 1
        time = row.get("_timestamp")
        self.last_time = float(time) if isinstance(time, int | float) else self.last_time
        for name, value in _flat(row):
            if isinstance(value, int | float):
                self.scratch.add(step, name, float(value), None, where)
            else:
                self.findings.add(f"{name}: no number ({_kind(value)})", where)

    def _put(self, target: dict[str, Any], items: wandb_log.Items, where: str) -> None:
        for keys, text in items:
            if not keys:
                continue
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                self.findings.add(f"{'.'.join(keys)}: a value that is no JSON", where)
                continue
            inner = target
            for key in keys[:-1]:
                below = inner.setdefault(key, {})
                inner = below if isinstance(below, dict) else {}
            inner[keys[-1]] = value


def _flat(row: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict) and "_type" not in value and depth < _DEPTH_MAX:
            yield from _flat(value, name, depth + 1)
        else:
            yield name, value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("_type", "object"))[:40]
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "null"


def _read(run_id: str, parts: list[Path], mapped: Mapping[str, str], advance: Advance) -> FoundRun:
    findings = Findings()
    scratch = Scratch(findings)
    reading = _Reading(run_id, scratch, findings)
    try:
        for path in sorted(parts, key=lambda one: one.parent.name):
            if path.name == _HISTORY:
                _read_history(path, reading, advance)
            else:
                for where, record in wandb_log.read(path, findings, advance):
                    reading.take(where, record)
        names = scratch.settle(mapped)
        count = scratch.count()
        if count == 0:
            raise Unreadable(f"{parts[0]}: the run has no history with numbers in it")
    except BaseException:
        scratch.close()
        raise
    run = reading.run
    reading.config.pop("_wandb", None)
    reading.config.pop("wandb_version", None)
    return FoundRun(
        kind="wandb",
        identity="/".join((run.entity, run.project, run.run_id)),
        title=run.name or run.run_id,
        episodes=lambda: scratch.episodes(names),
        findings=findings,
        agent_id=run.name or run.project or run.run_id,
        algorithm=_text(reading.config, "algorithm", "algo", "exp_name"),
        config=reading.config,
        tags=run.tags,
        notes=run.notes or None,
        metadata=_metadata(reading, parts),
        status="completed" if reading.exit_code in (0, None) else "failed",
        episode_count=count,
        names=names,
        close=scratch.close,
    )


def _text(config: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        if isinstance(config.get(key), str) and config[key]:
            return str(config[key])
    return None


def _metadata(reading: _Reading, parts: list[Path]) -> dict[str, Any]:
    run = reading.run
    known = {
        "run_id": run.run_id, "entity": run.entity, "project": run.project, "group": run.group,
        "job_type": run.job_type, "name": run.name, "host": run.host,
    }  # fmt: skip
    metadata: dict[str, Any] = {key: value for key, value in known.items() if value}
    metadata["files"] = [path.name for path in parts][:100]
    metadata["started_at"] = None if run.start_time is None else iso(run.start_time)
    metadata["ended_at"] = None if reading.last_time is None else iso(reading.last_time)
    metadata["exit_code"] = reading.exit_code
    reading.summary.pop("_wandb", None)
    for name, value in (("summary", reading.summary), ("environment", reading.metadata)):
        if value and len(json.dumps(value)) <= _SMALL_MAX:
            metadata[name] = value
        elif value:
            reading.findings.add(f"{name}: more than {_SMALL_MAX} bytes", "")
    return metadata


# ---- what older versions wrote


def _read_history(path: Path, reading: _Reading, advance: Advance) -> None:
    _read_beside(path.parent, reading)
    for number, line in enumerate(text_lines(path, advance), 1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            reading.findings.add("a line that is no JSON", where)
            continue
        if isinstance(row, dict):
            reading.row(row, None, where)
        else:
            reading.findings.add("a line that is no JSON object", where)


def _read_beside(folder: Path, reading: _Reading) -> None:
    config = folder / "config.yaml"
    if config.exists():
        for key, entry in read_yaml(config).items():
            valued = isinstance(entry, dict) and "value" in entry
            if valued:
                reading.config[key] = entry["value"]
            elif key != "wandb_version":
                reading.findings.add(f"config {key}: it has no value", str(config))
    for name, target in (
        ("wandb-summary.json", reading.summary),
        ("wandb-metadata.json", reading.metadata),
    ):
        file = folder / name
        if file.exists():
            try:
                value = json.loads("\n".join(text_lines(file, lambda size: None)))
            except (ValueError, RecursionError):
                reading.findings.add("a file that is no JSON", str(file))
                continue
            if isinstance(value, dict):
                target.update(value)
