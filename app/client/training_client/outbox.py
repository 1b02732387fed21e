"""What waits to be sent: a bounded queue in memory, in the order it was logged.

Filled by run_logger.py on the trainer's thread; emptied by sender.py. Whatever keeps messages
elsewhere (a spool on disk, say) takes this class's place: put, take, settle, flush, close.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from itertools import islice

BATCH_EPISODES_MAX = 1000  # the API takes no more in one request
BATCH_BYTES_MAX = 4 * 1024 * 1024  # the API takes 8 MiB
URGENT_RESERVE = 1000  # room that only creations, checkpoints and statuses may use


class Kind(Enum):
    CREATE = "create"
    EPISODE = "episode"
    CHECKPOINT = "checkpoint"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Message:
    kind: Kind
    run_id: str
    body: bytes  # JSON
    episode: int = 0  # its number, of an episode


class Outbox:
    """Thread-safe. take() leaves messages inside, so that they count until they are settled."""

    def __init__(self, capacity: int, linger_s: float) -> None:
        """linger_s: how long an episode may wait for others to share its request."""
        self._capacity = max(capacity, 1)
        self._linger_s = linger_s
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._put_count = 0  # of all messages ever accepted
        self._settled_count = 0
        self._hurry_until = 0  # no lingering before so many are settled
        self._oldest_at = 0.0  # when the queue last became non-empty
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message, wait_s: float) -> bool:
        """Accept the message; False when there was no room for it within wait_s."""
        reserve = 0 if message.kind is Kind.EPISODE else URGENT_RESERVE
        with self._changed:
            if len(self._waiting) >= self._capacity + reserve and not self._wait_for_room(
                self._capacity + reserve, wait_s
            ):
                return False
            if self._closed:
                return False
            self._waiting.append(message)
            self._put_count += 1
            waiting = len(self._waiting)
            if waiting == 1:
                self._oldest_at = time.monotonic()
            if waiting == 1 or waiting == BATCH_EPISODES_MAX:
                self._changed.notify_all()
            return True

    def _wait_for_room(self, capacity: int, wait_s: float) -> bool:
        return wait_s > 0 and self._changed.wait_for(
            lambda: self._closed or len(self._waiting) < capacity, wait_s
        )

    def take(self) -> list[Message]:
        """The next message, or the next episodes of one run as a batch.

        Blocks while there is nothing to send. Empty when the outbox is closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            while self._may_linger():
                self._changed.wait(self._oldest_at + self._linger_s - time.monotonic())
            return self._head()

    def _may_linger(self) -> bool:
        if self._closed or self._settled_count < self._hurry_until or not self._waiting:
            return False
        if self._waiting[0].kind is not Kind.EPISODE:
            return False
        full = len(self._waiting) >= BATCH_EPISODES_MAX
        return not full and time.monotonic() < self._oldest_at + self._linger_s

    def _head(self) -> list[Message]:
        batch: list[Message] = []
        size = 0
        for message in islice(self._waiting, BATCH_EPISODES_MAX):
            size += len(message.body)
            if batch and (
                message.kind is not Kind.EPISODE
                or message.run_id != batch[0].run_id
                or size > BATCH_BYTES_MAX
            ):
                break
            batch.append(message)
            if message.kind is not Kind.EPISODE:
                break
        return batch

    def settle(self, count: int) -> None:
        """The oldest count messages need no more sending: stored, refused or given up."""
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._settled_count += count
            self._oldest_at = time.monotonic()
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Send at once what waits; True when all of it was settled within timeout_s."""
        with self._changed:
            target = self._put_count
            self._hurry_until = max(self._hurry_until, target)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled_count >= target, timeout_s)

    def close(self) -> None:
        """Accept nothing more and linger no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
