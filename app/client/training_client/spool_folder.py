"""The folder of spools: a new one for each logger, and those that dead loggers left behind.

A spool is STEM.db (spool_file.py; while open, STEM.db-wal too) and STEM.log0, STEM.log1
(journal.py). STEM is NUMBER-PID-TOKEN; the number gives their order, whatever the clock says. Who
works with a spool holds a lock on STEM.log0, which the kernel ends with the process.
Called by run_logger.py, sender.py and sync.py. Next: outbox.py.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from training_client.journal import SUFFIXES, Journal
from training_client.message import pack
from training_client.salvage import salvage
from training_client.spool_file import SpoolFile

log = logging.getLogger("training_client")

_ours: set[Path] = set()  # this process's: a lock does not keep a process from itself
_ours_lock = threading.Lock()


class Spool:
    """One logger's spool, locked. Makes what is missing. Raises OSError and sqlite3.Error."""

    def __init__(self, stem: Path) -> None:
        """Raises BlockingIOError when a living logger has it."""
        with _ours_lock:
            if stem in _ours:
                raise BlockingIOError(f"{stem} is in use")
            _ours.add(stem)
        self.stem = stem
        self.damaged = False  # the file was, and something may be lost
        try:
            self.journal = Journal(stem)
            try:
                self.file = self._open()
            except BaseException:
                self.journal.close()
                raise
        except BaseException:
            _ours.discard(stem)
            raise

    def _open(self) -> SpoolFile:
        fcntl.lockf(self.journal.first_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(self.journal.first_file).st_nlink == 0:
            raise FileNotFoundError(self.stem)  # sent and deleted by another meanwhile
        path = self.stem.with_name(f"{self.stem.name}.db")
        try:
            file = SpoolFile(path)
            if file.is_sound():
                return file
            file.close()
        except sqlite3.OperationalError:
            raise  # the disk's fault, not the file's
        except sqlite3.DatabaseError:
            pass
        self.damaged = True
        return salvage(path)

    def recover(self) -> None:
        """Move what its dead logger had written to the journal alone into the SQLite file."""
        last_seq = self.file.last_seq()
        messages = [message for message in self.journal.read() if message.seq > last_seq]
        if messages:
            self.file.append(pack(messages))
        for _ in SUFFIXES:
            self.journal.forget()
            self.journal.turn()

    def close(self) -> None:
        """Leave it to whoever comes next."""
        with suppress(sqlite3.Error):
            self.file.close()
        self.journal.close()
        _ours.discard(self.stem)

    def delete(self) -> None:
        """Everything in it was sent."""
        with suppress(sqlite3.Error):
            self.file.close()
        for suffix in (".db", ".db-wal", ".db-shm", *reversed(SUFFIXES)):
            with suppress(FileNotFoundError):
                self.stem.with_name(self.stem.name + suffix).unlink()
        self.close()


def default_folder() -> Path:
    """Where spools are when nobody says otherwise. Raises RuntimeError when there is no home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "training-client"


def new_spool(folder: Path, about: Mapping[str, str]) -> Spool:
    """A spool of its own for a logger. Raises OSError and sqlite3.Error."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = max((_number(stem) for stem in stems(folder)), default=0) + 1
    spool = Spool(folder / f"{number:06d}-{os.getpid()}-{secrets.token_hex(3)}")
    try:
        spool.file.note(about)
    except BaseException:
        with suppress(OSError):
            spool.delete()
        raise
    return spool


def stems(folder: Path) -> list[Path]:
    """Of all spools in the folder, oldest first, in use or not."""
    found = {path.with_suffix("") for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")}
    found |= {path.with_suffix("") for path in folder.glob("*.db")}
    return sorted((stem for stem in found if _number(stem)), key=lambda stem: (_number(stem), stem))


def left_behind(folder: Path) -> Iterator[Spool]:
    """The spools that no living logger holds, oldest first, each to be closed by the caller."""
    for stem in stems(folder):
        try:
            if (spool := claim(stem)) is not None:
                yield spool
        except (OSError, sqlite3.Error) as error:
            log.warning("the spool %s cannot be read now: %s", stem, error)


def claim(stem: Path) -> Spool | None:
    """Lock and mend the spool of a dead logger; None when its logger lives."""
    try:
        spool = Spool(stem)
    except (BlockingIOError, PermissionError, FileNotFoundError):
        return None
    try:
        spool.recover()
    except BaseException:
        spool.close()
        raise
    return spool


def _number(stem: Path) -> int:
    """0 of a file that is no spool's."""
    word = stem.name.split("-")[0]
    return int(word) if word.isascii() and word.isdigit() and stem.name.count("-") == 2 else 0
