"""Monitor CSV files of Stable-Baselines3 and Gymnasium. Called by the command line.

Line 1: #{"t_start": …, "env_id": …}. Line 2: r,l,t and more columns. Then an episode a line: its
reward, its length, seconds since t_start. All files given are one run, merged in order of time.
"""

from __future__ import annotations

import csv
import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_client.importers.names import assign, can_be
from training_client.importers.scratch import bounded
from training_client.importers.source import (
    Advance,
    Episode,
    Findings,
    Found,
    FoundRun,
    Unreadable,
    digest,
    iso,
    need_readable,
    text_lines,
)

_FILES_MAX = 500  # that are read side by side
_SUFFIX = "monitor.csv"

Row = tuple[float, int, int, dict[str, float]]  # its place in time, file, line, values by column


@dataclass
class _File:
    path: Path
    header: dict[str, Any]
    columns: list[str]
    first_row: str
    t_start: float
    unfit: set[str] = field(default_factory=set)  # columns with a value that a metric cannot be
    last_time: float | None = None
    rows: int = 0


def find(paths: list[Path], mapped: Mapping[str, str], advance: Advance) -> Iterator[Found]:
    """The one run that the files are. Raises Unreadable."""
    findings = Findings()
    files = [_open(path) for path in _files(paths)]
    files.sort(key=lambda one: (one.t_start, one.path.name))
    for at, one in enumerate(files):  # a first reading: what is in it, and whether it can be read
        for _ in _rows(one, at, findings, advance):
            one.rows += 1
    for one in [one for one in files if one.rows == 0]:
        findings.add("a file without an episode", str(one.path))
    columns = list(
        dict.fromkeys(column for one in files for column in one.columns if column != "t")
    )
    if "t" in {column for one in files for column in one.columns}:
        columns.append("wall_time")
    unfit = {column for one in files for column in one.unfit}
    names = assign(columns, mapped, lambda name, metric: f"{name} {metric}" not in unfit, findings)
    count = sum(one.rows for one in files)
    if count == 0:
        raise Unreadable(f"{files[0].path}: it holds no episode")
    yield FoundRun(
        kind="monitor",
        identity=digest(sorted(_identity(one) for one in files)),
        title=str(files[0].path.parent if len(files) > 1 else files[0].path),
        episodes=lambda: _episodes(files, names),
        findings=findings,
        config=_config(files),
        metadata=_metadata(files),
        episode_count=count,
        names=names,
    )


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        need_readable(path)
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.endswith(_SUFFIX))
            if not inside:
                raise Unreadable(f"{path}: there is no *{_SUFFIX} in it")
            found += inside
        else:
            found.append(path)
    files = list({one.resolve(): one for one in found}.values())
    if len(files) > _FILES_MAX:
        raise Unreadable(f"{len(files)} files: at most {_FILES_MAX} are read as one run")
    return files


def _open(path: Path) -> _File:
    lines = text_lines(path, lambda size: None)
    first = next(lines, "")
    if not first.startswith("#"):
        raise Unreadable(f'{path}:1: a Monitor file begins with #{{"t_start": …}}')
    try:
        header = json.loads(first[1:])
        t_start = float(header["t_start"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"{path}:1: after the # there must be JSON with t_start") from error
    columns = _cells(next(lines, ""))
    if not {"r", "l", "t"} <= set(columns):
        raise Unreadable(
            f"{path}:2: the columns must be r,l,t and more, not {','.join(columns)!r:.80}"
        )
    if len(set(columns)) != len(columns):
        raise Unreadable(f"{path}:2: a column's name occurs twice")
    return _File(path, header, columns, next(lines, ""), t_start)


def _identity(file: _File) -> bytes:
    """t_start has microseconds: it tells a file from all others. The first row makes it certain."""
    known = json.dumps(file.header, sort_keys=True)
    return f"{known}\n{','.join(file.columns)}\n{file.first_row}".encode()


def _rows(file: _File, at: int, findings: Findings, advance: Advance) -> Iterator[Row]:
    lines = text_lines(file.path, advance)
    next(lines)
    next(lines)
    place, resumed = file.t_start, False
    for number, line in enumerate(lines, 3):
        where = f"{file.path}:{number}"
        if not line:
            continue
        cells = _cells(line)
        if len(cells) != len(file.columns):
            findings.add("a line with too few or too many columns", where)
            continue
        values = {
            column: value
            for column, cell in zip(file.columns, cells, strict=True)
            if (value := _value(column, cell, where, findings)) is not None
        }
        if "r" not in values or "t" not in values:
            continue
        time = file.t_start + values.pop("t")
        if time < place - 1.0 and not resumed:
            resumed = True
            findings.add("t goes back: a later program went on with the file; no wall_time", where)
        place = max(place, time)
        if not resumed:
            values["wall_time"] = file.last_time = time
        _check(file, values)
        yield place, at, number, values


def _cells(line: str) -> list[str]:
    """Of one line; none of one that is no CSV."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _value(column: str, cell: str, where: str, findings: Findings) -> float | None:
    if cell == "":
        return None
    if cell in ("True", "False"):
        return float(cell == "True")
    try:
        return float(cell)
    except ValueError:
        findings.add(f"column {column}: a value that is no number", f"{where} ({cell[:40]!r})")
        return None


def _check(file: _File, values: dict[str, float]) -> None:
    """Note what rules out that a column becomes one of the API's own metrics."""
    for column, value in values.items():
        for metric in ("steps", "total_trades", "win"):
            if not can_be(metric, value):
                file.unfit.add(f"{column} {metric}")


def _episodes(files: list[_File], names: Mapping[str, str]) -> Iterator[Episode]:
    unheard = Findings()  # all was said when the files were read first
    merged = heapq.merge(
        *(_rows(one, at, unheard, lambda size: None) for at, one in enumerate(files)),
        key=lambda row: row[:3],
    )
    for number, (_, _, _, values) in enumerate(merged, 1):
        mapped = {names[column]: value for column, value in values.items() if column in names}
        yield number, bounded(mapped, f"episode {number}", unheard)


def _config(files: list[_File]) -> dict[str, Any]:
    """What the headers say besides the time: env_id, and what else someone wrote there."""
    config: dict[str, Any] = {}
    for one in files:
        for key, value in one.header.items():
            if key != "t_start" and value is not None:
                config.setdefault(key, value)
    return config


def _metadata(files: list[_File]) -> dict[str, Any]:
    ends = [one.last_time for one in files if one.last_time is not None]
    return {
        "files": [one.path.name for one in files],
        "started_at": iso(min(one.t_start for one in files)),
        "ended_at": iso(max(ends)) if ends else None,
    }
