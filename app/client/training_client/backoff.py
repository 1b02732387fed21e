"""How long to wait before trying again: exponential, with jitter, and bounded. Pure."""

from __future__ import annotations

import random


class Backoff:
    """Waits of about 0.1, 0.2, 0.4 … s up to 2 s, each between half of that and all of it."""

    def __init__(self, first_s: float = 0.1, most_s: float = 2.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._attempts = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """The next wait; never shorter than the server asked for."""
        step_s = min(self._first_s * 2.0 ** min(self._attempts, 30), self._most_s)
        self._attempts += 1
        wait_s = step_s * random.uniform(0.5, 1.0)
        return wait_s if retry_after_s is None else max(wait_s, retry_after_s)

    def reset(self) -> None:
        self._attempts = 0
