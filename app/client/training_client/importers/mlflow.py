"""MLflow's file store (mlruns): runs as folders of small texts. Called by the command line.

run/meta.yaml; metrics/NAME: a line `timestamp value step` a value; params/NAME and tags/NAME: a
file a value. A step is an episode's number, its latest timestamp its wall_time. Next: scratch.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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

_META = "meta.yaml"
_TRASH = ".trash"
_VALUE_MAX = 64 * 1024  # bytes of a param or a tag
_ENTRIES_MAX = 10_000  # params or tags of a run
_STATUS = {1: "running", 2: "running", 3: "completed", 4: "failed", 5: "stopped"}
_STATUS_NAMES = {
    "RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5,
}  # fmt: skip


def find(paths: list[Path], mapped: Mapping[str, str], advance: Advance) -> Iterator[Found]:
    """The runs in these folders, one after the other."""
    folders = [folder for path in paths for folder in _runs(path)]
    yield from each(dict.fromkeys(folders), lambda folder: _read(folder, mapped, advance))


def _runs(path: Path) -> list[Path]:
    """path is a run, an experiment, or a store."""
    need_readable(path)
    if not path.is_dir():
        raise Unreadable(f"{path}: a run of MLflow's file store is a folder")
    if (path / "metrics").is_dir() or (path / "params").is_dir():
        return [path]
    found = []
    for inside in sorted(one for one in path.iterdir() if one.is_dir() and one.name != _TRASH):
        if (inside / _META).exists() and (inside / "metrics").is_dir():
            found.append(inside)
        else:
            found += sorted(
                one
                for one in inside.iterdir()
                if (one / _META).exists() and (one / "metrics").is_dir()
            )
    if not found:
        raise Unreadable(f"{path}: there is no run (a folder with {_META} and metrics) in it")
    return found


def _read(folder: Path, mapped: Mapping[str, str], advance: Advance) -> FoundRun:
    findings = Findings()
    meta = read_yaml(folder / _META)
    run_id = str(meta.get("run_id") or meta.get("run_uuid") or "")
    if not run_id:
        raise Unreadable(f"{folder / _META}: it names no run_id")
    tags = dict(_texts(folder / "tags", findings))
    scratch = Scratch(findings)
    try:
        for name, path in _files(folder / "metrics"):
            _read_metric(name, path, scratch, findings, advance)
        names = scratch.settle(mapped)
        count = scratch.count()
        if count == 0:
            raise Unreadable(f"{folder}: the run has no metric with a value")
    except BaseException:
        scratch.close()
        raise
    config = {name: _typed(text) for name, text in _texts(folder / "params", findings)}
    experiment = _experiment(folder.parent, findings)
    name = str(meta.get("run_name") or tags.get("mlflow.runName") or run_id)
    return FoundRun(
        kind="mlflow",
        identity=run_id,
        title=name,
        episodes=lambda: scratch.episodes(names),
        findings=findings,
        agent_id=experiment or name,
        algorithm=_first_text(config, "algorithm", "algo"),
        config=config,
        tags=_own_tags(tags),
        notes=tags.get("mlflow.note.content"),
        metadata=_metadata(run_id, name, experiment, meta, tags),
        status=_status(meta.get("status")),
        episode_count=count,
        names=names,
        close=scratch.close,
    )


def _status(value: Any) -> str:
    number = _STATUS_NAMES.get(value) if isinstance(value, str) else value
    return _STATUS.get(number, "completed") if isinstance(number, int) else "completed"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name, file): a name with slashes is a file in folders."""
    for inside, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(inside, name)
            yield path.relative_to(folder).as_posix(), path


def _texts(folder: Path, findings: Findings) -> Iterator[tuple[str, str]]:
    for number, (name, path) in enumerate(_files(folder)):
        if number >= _ENTRIES_MAX:
            findings.add(f"more than {_ENTRIES_MAX} params or tags", str(folder))
            return
        try:
            with path.open("rb") as file:
                value = file.read(_VALUE_MAX + 1)
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}") from error
        if len(value) > _VALUE_MAX:
            findings.add(f"a param or tag of more than {_VALUE_MAX} bytes", str(path))
            continue
        yield name, value.decode("utf-8", "replace")


def _read_metric(
    name: str, path: Path, scratch: Scratch, findings: Findings, advance: Advance
) -> None:
    for number, line in enumerate(text_lines(path, advance), 1):
        words = line.split()
        where = f"{path}:{number}"
        try:
            time, value = int(words[0]) / 1000, float(words[1])
            step = int(words[2]) if len(words) > 2 else 0
        except (ValueError, IndexError, OverflowError):
            findings.add(f"{name}: a line that is not `timestamp value step`", where)
            continue
        scratch.add(step, name, value, time, where)


def _typed(text: str) -> Any:
    """MLflow keeps params as texts: what is written as a number or a bool is one again."""
    if text in ("True", "False"):
        return text == "True"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text
    return value if abs(value) < 2**63 and value == value else text


def _experiment(folder: Path, findings: Findings) -> str | None:
    if not (folder / _META).exists():
        return None
    try:
        name = read_yaml(folder / _META).get("name")
    except Unreadable as error:
        findings.add(str(error))
        return None
    return str(name) if name else None


def _first_text(config: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        if isinstance(config.get(key), str) and config[key]:
            return str(config[key])
    return None


def _own_tags(tags: Mapping[str, str]) -> list[str]:
    """key:value of the tags that people set; MLflow's own are in the metadata."""
    own = [(key, value) for key, value in tags.items() if not key.startswith("mlflow.")]
    return [f"{key}:{value}" if value else key for key, value in own]


def _metadata(
    run_id: str, name: str, experiment: str | None, meta: Mapping[str, Any], tags: Mapping[str, str]
) -> dict[str, Any]:
    times = {
        key: iso(meta[source] / 1000) if isinstance(meta.get(source), int | float) else None
        for key, source in (("started_at", "start_time"), ("ended_at", "end_time"))
    }
    own = {key: value for key, value in tags.items() if key != "mlflow.note.content"}
    return {"run_id": run_id, "name": name, "experiment": experiment, **times, "tags": own}
