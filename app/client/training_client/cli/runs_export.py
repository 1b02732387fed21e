"""training runs export. Called by main.py. Next: download_name.py, transport.py."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from training_client.backoff import Backoff
from training_client.cli import screen
from training_client.cli.api import compared, path_of
from training_client.cli.download_name import name_of, target_of, whole_file
from training_client.cli.settings import Failure, connect
from training_client.errors import Unavailable
from training_client.transport import Streamed, Transport

_ATTEMPTS = 4
_EXTENSION = {"csv": "csv", "jsonl": "jsonl", "json": "json", "tensorboard": "tfevents"}
_HEADER_LINES = {"csv": 1, "jsonl": 0}  # of the formats that have a line an episode

Progress = Callable[[int, int], None]  # bytes and lines so far


def run(options: argparse.Namespace) -> int:
    with connect(options) as transport:
        found = compared(transport, [options.run])["runs"][0]
        run_id, episodes = str(found["run_id"]), int(found["episodes_completed"])
        if options.output == "-":
            _to_stdout(transport, run_id, options.format)
            return 0
        with _progress(options, episodes) as progress:
            written = _to_file(transport, run_id, options, progress)
    size = written.stat().st_size
    if options.json:
        screen.print_json({"file": str(written), "bytes": size, "run_id": run_id})
    else:
        print(screen.clean(written))
    return 0


def _to_stdout(transport: Transport, run_id: str, form: str) -> None:
    """Once: what was written cannot be taken back, so a break is a failure."""
    with transport.stream(path_of(run_id, "export"), {"format": form}) as answer:
        for piece in answer.pieces():
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _to_file(
    transport: Transport, run_id: str, options: argparse.Namespace, progress: Progress
) -> Path:
    backoff = Backoff(0.2, 2.0)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transport.stream(path_of(run_id, "export"), {"format": options.format}) as answer:
                otherwise = f"run.{_EXTENSION[options.format]}"
                name = name_of(answer.header("Content-Disposition"), otherwise)
                target = target_of(options.output, name)
                with whole_file(target, options.force) as file:
                    _copy(answer, file, progress)
                return target
        except Unavailable as reason:
            if attempt == _ATTEMPTS:
                raise Failure(
                    f"the download broke off {_ATTEMPTS} times ({reason}); nothing was kept"
                ) from reason
            time.sleep(backoff.next_s(reason.retry_after_s))
    raise AssertionError("not reached")


def _copy(answer: Streamed, file: BinaryIO, progress: Progress) -> None:
    size = lines = 0
    for piece in answer.pieces():
        file.write(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        progress(size, lines)


@contextlib.contextmanager
def _progress(options: argparse.Namespace, episodes: int) -> Iterator[Progress]:
    """A bar on stderr where that is a terminal (and rich is there); nothing elsewhere."""
    if options.json or not screen.draws_bars():
        yield lambda size, lines: None
        return
    console = screen.console(sys.stderr)
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    header = _HEADER_LINES.get(options.format)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[share]}", markup=False),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(screen.clean(options.run), total=None, share="")

        def advance(size: int, lines: int) -> None:
            if header is None or episodes == 0:
                bar.update(task, completed=size)
                return
            share = min(max(lines - header, 0) / episodes, 1.0)
            total = size / share if share > 0 else None
            bar.update(task, completed=size, total=total, share=f"{100 * share:3.0f} %")

        yield advance
