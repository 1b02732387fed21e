"""The count of what became of the episodes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Delivery:
    """What became of the episodes that were logged."""

    delivered: int = 0  # acknowledged by the API
    waiting: int = 0  # messages of any kind that are not
    dropped: int = 0  # there was no room for them
    refused: int = 0  # not taken by the API, or not sendable


class Tally:
    """A Delivery that several threads add to."""

    def __init__(self) -> None:
        self._counts = Delivery()
        self._lock = threading.Lock()

    def add(self, delivered: int = 0, dropped: int = 0, refused: int = 0) -> None:
        with self._lock:
            self._counts = Delivery(
                delivered=self._counts.delivered + delivered,
                dropped=self._counts.dropped + dropped,
                refused=self._counts.refused + refused,
            )

    def so_far(self, waiting: int) -> Delivery:
        with self._lock:
            return replace(self._counts, waiting=waiting)
