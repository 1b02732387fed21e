"""What waits to be sent, in the order it was logged: first in memory, then in the spool.

put() runs on the trainer's thread: one write to the journal, one entry in a bounded queue. A thread
of this class moves the queue into the spool's SQLite file, a group at a time; sender.py takes
packets from there. When the disk cannot be written, groups stay in memory instead.
Next: sender.py.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import NamedTuple

from training_client.message import EPISODES_MAX, Kind, Message, Packet, pack
from training_client.spool_file import SpoolFile
from training_client.spool_folder import Spool

log = logging.getLogger("training_client")

URGENT_RESERVE = 1000  # room that only creations, checkpoints and statuses may use
URGENT_BYTES = 1024  # for each of them
SENT_KEPT_BYTES = 64 * 1024 * 1024  # of sent episodes, should the server turn out to lack some
_SLOW_S = 0.02
_SLOW_WRITES_MAX = 5  # in a row: the disk hangs
_JOIN_S = 5.0  # for the last commit


class Left(NamedTuple):
    """Messages in the spool when its logger ends."""

    unsent: int
    refused: int  # with their run, or the key


class Outbox:
    """Thread-safe. One thread puts or many; one takes and settles."""

    def __init__(
        self, spool: Spool | None, queue_size: int, spool_bytes: int, linger_s: float
    ) -> None:
        """queue_size bounds the messages in memory, spool_bytes what waits on the disk.

        linger_s: how long a message may wait for others to share its commit and its request.
        """
        self._spool = spool
        self._memory = SpoolFile(None)  # takes the disk's place when it fails
        self._queue_size = max(queue_size, 1)
        self._spool_bytes = spool_bytes
        self._linger_s = linger_s
        self._changed = threading.Condition(threading.Lock())
        self._queue: list[Message] = []
        self._oldest_at = 0.0  # when the queue last became non-empty
        self._put_seq = 0  # of the last message accepted
        self._stored_seq = 0  # of the last one in a file
        self._settled_seq = 0  # of the last one that needs no more sending
        self._hurry_seq = 0  # no lingering before this one is stored
        self._bytes = 0  # of all bodies that wait, or are kept for sync
        self._in_memory = 0  # messages out of the queue, and not on the disk
        self._on_disk = 0  # messages that wait there
        self._kept = 0  # messages there that this process will not send
        self._disk_failure_said = False
        self._journaling = False
        self._turnable = spool is not None  # the journal's resting file is empty
        self._slow_writes = 0
        self._sent_bytes = 0  # on the disk since old ones were last forgotten
        self._closed = False
        self._all_stored = False  # closed, and the queue is in a file
        self._finished = False
        self._start_journal()
        self._thread = threading.Thread(target=self._run, name="training-spool", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many messages wait."""
        return self._put_seq - self._settled_seq

    @property
    def folder(self) -> Path | None:
        """Where the spool is; None: it is in memory."""
        return self._spool.stem.parent if self._spool else None

    @property
    def file(self) -> SpoolFile:
        """Where messages that were sent are still to be found."""
        return self._spool.file if self._spool else self._memory

    # ---- the trainer's thread

    def put(self, kind: Kind, run_id: str, body: bytes, wait_s: float) -> bool:
        """Accept a message; False when there was no room for it within wait_s."""
        reserve = 0 if kind is Kind.EPISODE else URGENT_RESERVE
        with self._changed:
            if not self._has_room(reserve) and not (
                wait_s > 0 and self._changed.wait_for(lambda: self._has_room(reserve), wait_s)
            ):
                return False
            if self._closed:
                return False
            self._put_seq += 1
            message = Message(self._put_seq, kind, run_id, body)
            if self._journaling:
                self._write(message)
            self._queue.append(message)
            self._bytes += len(body)
            waiting = len(self._queue)
            if waiting == 1:
                self._oldest_at = time.monotonic()
            if waiting == 1 or waiting == EPISODES_MAX:
                self._changed.notify_all()
            return True

    def _has_room(self, reserve: int) -> bool:
        in_memory = len(self._queue) + self._in_memory
        fits = self._bytes < self._spool_bytes + reserve * URGENT_BYTES
        return self._closed or (fits and in_memory < self._queue_size + reserve)

    def _write(self, message: Message) -> None:
        """A disk that is full or hangs must not hold up the training: no journal, then."""
        assert self._spool is not None
        began = time.perf_counter()
        try:
            self._spool.journal.write(message)
        except OSError:
            self._journaling = False
            return
        self._slow_writes = self._slow_writes + 1 if time.perf_counter() - began > _SLOW_S else 0
        if self._slow_writes == _SLOW_WRITES_MAX:
            self._journaling = False
            log.warning(
                "the spool folder %s is slow: a kill of this process may lose the last"
                " %.0f ms of the log", self.folder, self._linger_s * 1e3,
            )  # fmt: skip

    # ---- the spool's thread

    def _run(self) -> None:
        while messages := self._next_group():
            on_disk = self._store(pack(messages))
            with self._changed:
                self._stored_seq = messages[-1].seq
                if on_disk:
                    self._in_memory -= len(messages)
                    self._on_disk += len(messages)
                self._changed.notify_all()
        with self._changed:
            self._all_stored = True
            self._changed.notify_all()

    def _next_group(self) -> list[Message]:
        """All of the queue, once it has lingered; empty when the outbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            while self._may_linger():
                self._changed.wait(self._oldest_at + self._linger_s - time.monotonic())
            messages, self._queue = self._queue, []
            self._in_memory += len(messages)
            self._start_journal()
            return messages

    def _may_linger(self) -> bool:
        if self._closed or self._stored_seq < self._hurry_seq:
            return False
        if len(self._queue) >= EPISODES_MAX or self._queue[0].kind is not Kind.EPISODE:
            return False
        return time.monotonic() < self._oldest_at + self._linger_s

    def _start_journal(self) -> None:
        """What is put from here on goes to the journal's other file, when that is empty."""
        if self._spool is not None and self._turnable:
            self._spool.journal.turn()
            self._turnable = False
            self._journaling = self._slow_writes < _SLOW_WRITES_MAX

    def _store(self, packets: list[Packet]) -> bool:
        """Keep the packets; True when on the disk. In memory newer ones follow older ones."""
        if self._spool is not None and not self._memory.waiting():
            try:
                self._spool.file.append(packets)
                self._spool.journal.forget()
            except Exception as error:  # this thread must not end
                self._disk_failed(error)
            else:
                self._turnable = True
                return True
        self._memory.append(packets)
        return False

    def _disk_failed(self, error: Exception) -> None:
        self._journaling = False  # until the disk takes a group again
        if not self._disk_failure_said:
            self._disk_failure_said = True
            log.warning(
                "the spool in %s cannot be written (%s): what is logged is kept in memory"
                " until it can", self.folder, error,
            )  # fmt: skip

    # ---- the sender's thread

    def take(self, wait: bool = True) -> Packet | None:
        """The next packet; it counts as waiting until it is settled.

        Blocks while there is nothing to send; None when the outbox is closed and empty, or at once
        with wait=False.
        """
        while True:
            with self._changed:
                if wait:
                    self._changed.wait_for(
                        lambda: (
                            self._settled_seq < self._stored_seq
                            or self._all_stored
                            or self._finished
                        )
                    )
                if self._settled_seq >= self._stored_seq or self._finished:
                    return None
            if (packet := self._head()) is not None:
                return packet

    def _head(self) -> Packet | None:
        if self._spool is None or not self._on_disk:
            return self._memory.next()
        try:
            packet = self._spool.file.next()
            if packet is not None:
                return packet
            raise sqlite3.DatabaseError("messages are missing")
        except sqlite3.Error as error:
            log.warning(
                "the spool in %s cannot be read (%s): %d messages stay there for"
                " training-client sync", self.folder, error, self._on_disk,
            )  # fmt: skip
            with self._changed:
                self._settled_seq += self._on_disk
                self._kept += self._on_disk
                self._on_disk = 0
                self._changed.notify_all()
            return None

    def settle(self, packet: Packet, keep: bool = False) -> None:
        """The packet that was taken last needs no more sending; keep: sync may try it again."""
        from_disk = self._spool is not None and self._on_disk > 0
        file = self._spool.file if self._spool is not None and from_disk else self._memory
        try:
            if keep and from_disk:
                file.refuse(packet)
            else:
                file.sent(packet)
                self._forget_old(file, len(packet.body))
        except sqlite3.Error as error:
            log.debug("what was sent could not be marked (%s): it may be sent twice", error)
        with self._changed:
            self._settled_seq = packet.seq
            if from_disk:
                self._on_disk -= packet.messages
                self._kept += packet.messages if keep else 0
            else:
                self._in_memory -= packet.messages
            if not (keep and from_disk):
                self._bytes -= len(packet.body) - (packet.messages - 1)
            self._changed.notify_all()

    def _forget_old(self, file: SpoolFile, sent_bytes: int) -> None:
        if file is self._memory:
            file.forget_sent(0)
            return
        self._sent_bytes += sent_bytes
        if self._sent_bytes > SENT_KEPT_BYTES // 4:
            file.forget_sent(SENT_KEPT_BYTES)
            self._sent_bytes = 0

    # ---- the end

    def flush(self, timeout_s: float, stored: bool = False) -> bool:
        """Hurry; True when all that was put before was settled (or stored) within timeout_s."""
        with self._changed:
            target = self._put_seq
            self._hurry_seq = max(self._hurry_seq, target)
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: (self._stored_seq if stored else self._settled_seq) >= target, timeout_s
            )

    def close(self) -> None:
        """Accept nothing more and linger no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def finish(self) -> Left:
        """After close: let go of the spool. What stays in it, for others to send."""
        self._thread.join(_JOIN_S)
        with self._changed:
            self._finished = True
            self._changed.notify_all()
        left = Left(self._on_disk, self._kept)
        if self._spool is None or self._thread.is_alive():  # a disk that hangs
            return left
        if any(left):
            self._spool.close()
        else:
            self._spool.delete()
        return left
