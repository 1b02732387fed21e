"""training-client sync: sends what offline loggers, and loggers that died, left in a folder.

Exit codes: 0 all was sent, or nothing was there; 1 something stays; 2 wrong usage; 130 Ctrl-C.
Doing it twice, or twice at a time, does no harm. Uses spool_folder.py and replay.py.
"""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import sys
import time
from pathlib import Path

from training_client.backoff import Backoff
from training_client.courier import Courier, GivenUp
from training_client.replay import replay
from training_client.settings import DEFAULT_URL, Settings, read_settings
from training_client.spool_folder import Spool, claim, default_folder, stems
from training_client.transport import Transport

EXIT_SENT, EXIT_LEFT, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
_TIMEOUT_S = 10.0  # of a request


class Progress:
    """How far a spool is: a line that grows on a terminal, nothing until its end elsewhere."""

    def __init__(self, name: str, total: int, quiet: bool) -> None:
        self._name = name
        self._total = total
        self._done = 0
        self._quiet = quiet
        self._live = not quiet and sys.stdout.isatty()

    def step(self, messages: int) -> None:
        self._done += messages
        if self._live:
            print(f"\r{self._name}: {self._done} of {self._total} messages", end="", flush=True)

    def end(self, result: str) -> None:
        if not self._quiet:
            start = "\r\033[K" if self._live else ""
            print(f"{start}{self._name}: {result}", flush=True)


class Sync:
    """One call of the command."""

    def __init__(
        self, url: str | None, api_key: str | None, patience_s: float, quiet: bool
    ) -> None:
        """url None: each spool goes where its logger would have sent it."""
        self._url = url
        self._api_key = api_key
        self._patience_s = patience_s
        self._quiet = quiet
        self._couriers: dict[str, Courier] = {}

    def folder(self, folder: Path) -> bool:
        """Send all spools in the folder, oldest first; True when nothing stays."""
        found, all_sent = stems(folder), True
        for stem in found:
            try:
                spool = claim(stem)
            except (OSError, sqlite3.Error) as error:
                Progress(stem.name, 0, False).end(f"cannot be read: {error}")
                all_sent = False
                continue
            if spool is None:
                Progress(stem.name, 0, self._quiet).end("is in use; its logger sends it")
                continue
            all_sent = self._spool(spool) and all_sent
        if not found and not self._quiet:
            print(f"nothing waits in {folder}")
        return all_sent

    def _spool(self, spool: Spool) -> bool:
        name = spool.stem.name
        try:
            spool.file.retry_refused()
            courier = self._courier(spool.file.about.get("url", DEFAULT_URL))
            progress = Progress(name, spool.file.waiting(), self._quiet)
        except sqlite3.Error:
            spool.close()
            raise
        courier.deadline = time.monotonic() + self._patience_s

        def step(messages: int) -> None:
            courier.deadline = time.monotonic() + self._patience_s
            progress.step(messages)

        try:
            sent = replay(spool, courier, step)
        except GivenUp:
            progress.end("the API is away; the rest stays")
            return False
        except sqlite3.Error as error:
            progress.end(f"cannot be read or written: {error}")
            return False
        lost = ", part of it was damaged" if spool.damaged else ""
        refused = f", {sent.refused} refused" if sent.refused or sent.keep else ""
        kept = " and kept" if sent.keep else ""
        progress.end(f"{sent.delivered} episodes sent{refused}{kept}{lost}")
        return not (sent.refused or sent.keep or spool.damaged)

    def _courier(self, recorded_url: str) -> Courier:
        url = self._url or recorded_url
        if url not in self._couriers:
            self._couriers[url] = Courier(
                lambda: Transport(url, self._api_key, _TIMEOUT_S), url, Backoff()
            )
        return self._couriers[url]

    def close(self) -> None:
        for courier in self._couriers.values():
            courier.close()


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    settings = read_settings(os.environ)
    given = _arguments(settings)
    url = (given.url or settings.url or "").rstrip("/") or None
    sync = Sync(url, settings.api_key, given.patience, given.quiet)
    try:
        return EXIT_SENT if sync.folder(given.folder) else EXIT_LEFT
    except KeyboardInterrupt:
        print("interrupted; what was not sent stays", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        print(f"training-client: {error}", file=sys.stderr)
        return EXIT_LEFT
    finally:
        sync.close()


def _arguments(settings: Settings) -> argparse.Namespace:
    """A wrong command line ends the program with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="training-client", description="What goes with training_client's TrainingRunLogger."
    )
    commands = parser.add_subparsers(required=True, metavar="sync")
    command = commands.add_parser(
        "sync",
        help="send what waits in a spool folder",
        description="Send what offline loggers, and loggers that died, left in a spool folder"
        " (TRAINING_API_KEY is the key). Twice does no harm.",
    )
    command.add_argument("folder", type=Path, nargs="?", metavar="DIR",
                         help="the folder (TRAINING_DIR, else the user's cache)")  # fmt: skip
    command.add_argument("--url", help="send all to this API (TRAINING_URL, else each spool's own)")
    command.add_argument("--patience", type=_seconds, default=30.0, metavar="S",
                         help="seconds to wait for an API that is away (30)")  # fmt: skip
    command.add_argument("--quiet", action="store_true", help="say only what goes wrong")
    given = parser.parse_args()
    try:
        given.folder = given.folder or settings.folder or default_folder()
    except RuntimeError as error:
        command.error(str(error))
    if not given.folder.is_dir():
        command.error(f"there is no folder {given.folder}")
    return given


def _seconds(text: str) -> float:
    """argparse's type of --patience."""
    seconds = float(text)
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("must be from 0 to 86400")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
