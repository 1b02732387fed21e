"""A damaged spool: what SQLite can still read of it goes into a new file, the old is set aside.

Called by spool_folder.py.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from training_client.message import Packet
from training_client.spool_file import COLUMNS, SpoolFile, packet_of

log = logging.getLogger("training_client")


def salvage(path: Path) -> SpoolFile:
    """A new file at path with what is left; the damaged one is STEM.broken from here on.

    Packets that were sent already come back as waiting: sending them again does no harm.
    """
    broken = path.with_suffix(".broken")
    path.replace(broken)
    with suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{broken}-wal")
    packets: dict[int, Packet] = {}
    about: dict[str, str] = {}
    with closing(sqlite3.connect(broken, isolation_level=None)) as db:
        for order in ("ASC", "DESC"):  # from both ends up to the damage
            for row in _rows(db, f"SELECT {COLUMNS} FROM packet ORDER BY seq {order}"):
                with suppress(sqlite3.Error):
                    packet = packet_of(row)
                    packets[packet.seq] = packet
        about.update(_rows(db, "SELECT name, value FROM about"))
    file = SpoolFile(path)
    file.note(about)
    file.append([packets[seq] for seq in sorted(packets)])
    log.warning(
        "the spool %s is damaged: %d messages of it could be read; it is kept as %s",
        path, sum(packet.messages for packet in packets.values()), broken.name,
    )  # fmt: skip
    return file


def _rows(db: sqlite3.Connection, query: str) -> Iterator[Any]:
    with suppress(sqlite3.Error):
        yield from db.execute(query)
