"""training import. Called by main.py. Next: importers/source.py, importers/delivery.py."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_client.cli import screen
from training_client.cli.settings import Failure, base_url, connect, explain
from training_client.errors import Refused, Unavailable
from training_client.importers import delivery
from training_client.importers.names import wanted
from training_client.importers.source import Found, FoundRun, Unreadable

if TYPE_CHECKING:
    from rich.progress import Progress

_SHOWN = 20  # findings of a run, unless --json


class _Bar:
    """Bytes read, then episodes sent; on stderr where that is a terminal, nowhere else."""

    def __init__(self, progress: Progress | None, size: int) -> None:
        self._progress = progress
        self._reading = (
            None if progress is None else progress.add_task("reading", total=size or None)
        )
        self._sending: Any = None

    def read(self, size: int) -> None:
        if self._progress is not None and self._reading is not None:
            self._progress.advance(self._reading, size)

    def begin(self, title: str, count: int | None) -> None:
        if self._progress is not None:
            self._sending = self._progress.add_task(screen.clean(title)[:40], total=count)

    def sent(self, count: int) -> None:
        if self._progress is not None and self._sending is not None:
            self._progress.advance(self._sending, count)


def run(options: argparse.Namespace) -> int:
    try:
        mapped = wanted(options.map)
    except ValueError as error:
        raise Failure(f"--map: {error}", 2) from error
    find = importlib.import_module(f"training_client.importers.{options.kind}").find
    reports: list[dict[str, Any]] = []
    failures: list[str] = []
    with _bar(options, _size(options.paths)) as bar, connect(options) as transport:
        for found in _found(find(options.paths, mapped, bar.read), options):
            if isinstance(found, Unreadable):
                failures.append(str(found))
                continue
            try:
                reports.append(_import(transport, found, options, bar))
            except Unreadable as error:  # the files changed since they were first read
                failures.append(str(error))
            except (Refused, Unavailable) as error:
                failures.append(f"{found.title}: {explain(error, base_url(options))}")
                if isinstance(error, Unavailable) or error.status in (401, 403):
                    break
    if options.json:
        screen.print_json({"runs": reports, "failures": failures})
    else:
        for report in reports:
            _print(report)
    for failure in failures:
        screen.say(f"not imported: {failure}")
    return 1 if failures else 0


def _found(runs: Iterator[Found], options: argparse.Namespace) -> Iterator[Found]:
    """The runs with what the command line says of them instead of the files."""
    try:
        first = list(islice(runs, 2 if options.run_id else 1))
        if len(first) > 1:
            for found in first:
                if isinstance(found, FoundRun):
                    found.close()
            raise Failure("--run-id is for one run, and there are several in these files", 2)
        for found in chain(first, runs):
            if isinstance(found, FoundRun):
                found.agent_id = options.agent or found.agent_id
                found.algorithm = options.algorithm or found.algorithm
                found.status = options.status or found.status
                found.tags = [*options.tag, *found.tags]
            yield found
    except Unreadable as error:  # of the paths, before there was any run
        yield error


def _import(
    transport: Any, found: FoundRun, options: argparse.Namespace, bar: _Bar
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "run_id": options.run_id or found.run_id,
        "kind": found.kind,
        "source": found.title,
        "status": found.status,
        "names": found.names,
        "dry_run": options.dry_run,
    }
    try:
        bar.begin(found.title, found.episode_count)
        if options.dry_run:
            report["episodes"] = 0
            for _ in found.episodes():
                report["episodes"] += 1
                bar.sent(1)
        else:
            receipt = delivery.send(transport, found, options.run_id, bar.sent)
            report |= {
                "run_id": receipt.run_id,
                "status": receipt.status,
                "episodes": receipt.sent,
                "inserted": receipt.inserted,
                "replaced": receipt.replaced,
                "refused": receipt.refused,
                "url": f"{base_url(options)}/api/training-runs/{receipt.run_id}",
            }
    finally:
        found.close()
    report["not_taken"] = [
        {"what": one.why, "where": one.where, "count": one.count} for one in found.findings
    ]
    report["not_listed"] = found.findings.unlisted
    return report


def _print(report: dict[str, Any]) -> None:
    """A few lines a run. Plain text, so that it needs no rich."""
    lines = [f"{report['kind']} {report['source']} -> run {report['run_id']}"]
    if report["dry_run"]:
        lines.append(f"  {report['episodes']:,} episodes would be sent (--dry-run)")
    else:
        lines.append(
            f"  {report['status']}, {report['episodes']:,} episodes: {report['inserted']:,} new,"
            f" {report['replaced']:,} again"
        )
    renamed = [f"{name} -> {metric}" for name, metric in report["names"].items() if name != metric]
    kept = [name for name, metric in report["names"].items() if name == metric]
    if renamed:
        lines.append("  taken as  " + ", ".join(renamed))
    if kept:
        lines.append("  metrics   " + ", ".join(kept))
    for one in report["not_taken"][:_SHOWN]:
        times = f" ({one['count']:,} times)" if one["count"] > 1 else ""
        where = f", first at {one['where']}" if one["where"] and one["count"] > 1 else ""
        where = where or (f" at {one['where']}" if one["where"] else "")
        lines.append(f"  ! {one['what']}{times}{where}")
    more = len(report["not_taken"]) - _SHOWN
    if more > 0:
        lines.append(f"  ! and {more} more; --json lists them")
    if "url" in report:
        lines.append(f"  {report['url']}")
    print("\n".join(screen.clean(line) for line in lines))


def _size(paths: list[Path]) -> int:
    """Bytes of all files there, about."""
    size = 0
    for path in paths:
        for folder, _, names in os.walk(path):
            for name in names:
                with contextlib.suppress(OSError):
                    size += Path(folder, name).stat().st_size
        if path.is_file():
            size += path.stat().st_size
    return size


@contextlib.contextmanager
def _bar(options: argparse.Namespace, size: int) -> Iterator[_Bar]:
    if options.json or not screen.draws_bars():
        yield _Bar(None, size)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = screen.console(sys.stderr)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield _Bar(progress, size)
