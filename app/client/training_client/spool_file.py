"""The packets of one logger in SQLite: what waits, what was sent, what was refused.

Power loss: a commit is forced to the disk (WAL, synchronous=FULL), so a packet that append() has
returned for is there afterwards. One connection, with SQLite's lock held as long as it is open
(locking_mode=EXCLUSIVE): the write-ahead log then needs no shared memory, and works on NFS, too.
Opened by spool_folder.py; filled and emptied by outbox.py and replay.py. Next: spool_folder.py.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

from training_client.message import BYTES_MAX, EPISODES_MAX, OPENING, Kind, Packet, merge

_WAITING, _SENT, _REFUSED = 0, 1, 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS packet (
    seq INTEGER PRIMARY KEY, -- of its last message
    kind TEXT NOT NULL,
    run_id TEXT NOT NULL,
    count INTEGER NOT NULL, -- of its messages
    body BLOB NOT NULL, -- JSON objects, a line each
    crc INTEGER NOT NULL, -- CRC-32 of all the above: SQLite does not check what it holds
    state INTEGER NOT NULL DEFAULT 0 -- 0 waiting, 1 sent, 2 refused with its run
);
CREATE INDEX IF NOT EXISTS packet_state ON packet (state, seq);
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_SENT_EPISODE = f"state = {_SENT} AND kind = 'episode'"
COLUMNS = "seq, kind, run_id, count, body, crc"


class SpoolFile:
    """Thread-safe. Methods raise sqlite3.Error when the disk or the file is at fault."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it; None: in memory, for want of a disk. OSError, too."""
        self._lock = threading.Lock()
        self._settled = 0  # also when that could not be written
        if path is not None:
            path.touch(mode=0o600)
        self._db = sqlite3.connect(
            path or ":memory:", timeout=0, isolation_level=None, check_same_thread=False
        )
        _open.add(self)
        try:
            for pragma in (
                "locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
                "journal_size_limit=1048576",
            ):  # fmt: skip
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def is_sound(self) -> bool:
        """Nothing is wrong in the whole file."""
        with self._lock:
            if self._db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                return False
            for row in self._db.execute(f"SELECT {COLUMNS} FROM packet"):
                packet_of(row)
            return True

    @property
    def about(self) -> dict[str, str]:
        """What the logger noted about itself."""
        with self._lock:
            return dict(self._db.execute("SELECT name, value FROM about").fetchall())

    def note(self, about: Mapping[str, str]) -> None:
        with self._lock:
            self._db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())

    def append(self, packets: list[Packet]) -> None:
        """Keep the packets, all or none of them."""
        rows = [(p.seq, p.kind.value, p.run_id, p.messages, p.body, _crc(p)) for p in packets]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(f"INSERT INTO packet ({COLUMNS}) VALUES (?,?,?,?,?,?)", rows)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def last_seq(self) -> int:
        """Of all messages that were ever kept here; 0 when there was none."""
        return self._number("SELECT coalesce(max(seq), 0) FROM packet")

    def waiting(self) -> int:
        """How many messages."""
        return self._count(_WAITING)

    def refused(self) -> int:
        """How many messages wait for sync, because their run was refused."""
        return self._count(_REFUSED)

    def next(self) -> Packet | None:
        """What is to be sent next, as one packet; None when nothing waits."""
        packets: list[Packet] = []
        count = size = 0
        with self._lock:
            rows = self._db.execute(
                f"SELECT {COLUMNS} FROM packet WHERE state = {_WAITING} AND seq > ? ORDER BY seq",
                (self._settled,),
            )
            for row in rows:
                packets.append(packet_of(row))
                count += packets[-1].messages
                size += len(packets[-1].body)
                if count >= EPISODES_MAX or size >= BYTES_MAX or row[1] != Kind.EPISODE.value:
                    break
        return merge(packets)[0] if packets else None

    def sent(self, packet: Packet) -> None:
        """The API has acknowledged what next() gave."""
        self._settle(packet, _SENT)

    def refuse(self, packet: Packet) -> None:
        """The API will not take this run: what next() gave waits for sync."""
        self._settle(packet, _REFUSED)

    def _settle(self, packet: Packet, state: int) -> None:
        with self._lock:
            self._settled = packet.seq
            self._db.execute(
                f"UPDATE packet SET state = ? WHERE state = {_WAITING} AND seq <= ?",
                (state, packet.seq),
            )

    def retry_refused(self) -> None:
        """What was refused waits again."""
        with self._lock:
            self._settled = 0
            self._db.execute(f"UPDATE packet SET state = {_WAITING} WHERE state = {_REFUSED}")

    def is_free(self, packet: Packet) -> None:
        """There was no run of this id; if there is one later, it is ours."""
        known = packet._replace(kind=Kind.CREATE)
        with self._lock:
            self._db.execute(
                "UPDATE packet SET kind = ?, crc = ? WHERE seq = ?",
                (known.kind.value, _crc(known), known.seq),
            )

    def run_ids(self) -> list[str]:
        """Of all runs that have packets here."""
        with self._lock:
            rows = self._db.execute("SELECT run_id FROM packet GROUP BY run_id ORDER BY min(seq)")
            return [row[0] for row in rows.fetchall()]

    def opening(self, run_id: str) -> Packet | None:
        """The run's creation."""
        kinds = tuple(kind.value for kind in OPENING)
        with self._lock:
            row = self._db.execute(
                f"SELECT {COLUMNS} FROM packet WHERE run_id = ? AND kind IN (?,?,?) LIMIT 1",
                (run_id, *kinds),
            ).fetchone()
        return packet_of(row) if row else None

    def sent_episodes(self, run_id: str) -> Iterator[Packet]:
        """The run's episodes that were acknowledged, as far as they are still kept."""
        seq = 0
        while True:
            with self._lock:
                row = self._db.execute(
                    f"SELECT {COLUMNS} FROM packet WHERE {_SENT_EPISODE} AND run_id = ?"
                    " AND seq > ? ORDER BY seq LIMIT 1",
                    (run_id, seq),
                ).fetchone()
            if row is None:
                return
            yield (packet := packet_of(row))
            seq = packet.seq

    def forget_sent(self, bytes_max: int) -> None:
        """Delete the oldest sent episodes beyond so many bytes of them."""
        with self._lock:
            self._db.execute(
                f"DELETE FROM packet WHERE {_SENT_EPISODE} AND seq <= (SELECT max(seq) FROM ("
                "    SELECT seq, sum(length(body)) OVER (ORDER BY seq DESC) AS size FROM packet"
                f"    WHERE {_SENT_EPISODE}) WHERE size > ?)",
                (bytes_max,),
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _count(self, state: int) -> int:
        return self._number(f"SELECT coalesce(sum(count), 0) FROM packet WHERE state = {state}")

    def _number(self, query: str) -> int:
        with self._lock:
            return int(self._db.execute(query).fetchone()[0])


def packet_of(row: Any) -> Packet:
    """Out of a row of COLUMNS. Raises sqlite3.DatabaseError when it is not what was written."""
    try:
        seq, kind, run_id, count, body, crc = row
        packet = Packet(seq, Kind(kind), run_id, count, body)
        if _crc(packet) == crc:
            return packet
    except (AttributeError, TypeError, ValueError):
        pass
    raise sqlite3.DatabaseError("a packet is damaged")


def _crc(packet: Packet) -> int:
    seq, kind, run_id, messages, body = packet
    head = f"{seq} {kind.value} {run_id} {messages} ".encode("utf-8", "surrogatepass")
    return zlib.crc32(body, zlib.crc32(head))


_open: WeakSet[SpoolFile] = WeakSet()


def _leave_to_parent() -> None:
    """After a fork the file is the parent's. The child must not even close it.

    SQLite would believe that it holds the parent's lock, and remove the write-ahead log. So the
    child's copy of the connection is never freed.
    """
    for spool_file in _open:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(spool_file._db))


os.register_at_fork(after_in_child=_leave_to_parent)
