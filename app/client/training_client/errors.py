"""The ways a request to the training API fails: not now (Unavailable) or not like this (Refused).

Raised by transport.py, handled by courier.py; TrainingRunLogger lets none of them out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM_FIELD = re.compile(r"^episodes\[(\d+)\]")


class TrainingClientError(Exception):
    """Base of everything this package raises."""


class Unavailable(TrainingClientError):
    """The API did not answer, or asked to come back later: the same request may be sent again."""

    def __init__(
        self, reason: str, retry_after_s: float | None = None, slow_down: bool = False
    ) -> None:
        """slow_down: the API is there and well, and only asks for fewer requests."""
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.slow_down = slow_down


@dataclass(frozen=True)
class Fault:
    """One wrong member of a request, as the API names it."""

    field: str
    message: str


class Refused(TrainingClientError):
    """The API answered that it will not do this; the same request would fail again."""

    def __init__(self, status: int, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.detail = detail
        self.faults = faults

    def faults_by_item(self) -> dict[int, str]:
        """Of a refused batch: the index of each item named in the answer, and why (first fault)."""
        items: dict[int, str] = {}
        for fault in self.faults:
            match = _ITEM_FIELD.match(fault.field)
            if match:
                items.setdefault(int(match.group(1)), f"{fault.field}: {fault.message}")
        return items
