"""What is known of a run that is watched, and what follows. Pure. Called by runs_watch.py."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

WINDOW = 100  # episodes in a rolling mean
_RATE_OVER_S = 60.0
_RATE_SAMPLES_MAX = 600
_NAMES_MAX = 8
_NO_METRICS = frozenset({"episode", "session_id", "created_at", "reward_sum"})
ENDED = ("completed", "stopped", "failed")


class WatchState:
    """Told of a run's document and events; the same news twice change nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock: seconds that never go back."""
        self._clock = clock
        self.run: dict[str, Any] = {}
        self.done = 0
        self.planned: int | None = None
        self.status = "running"
        self.deleted = False
        self._latest: dict[int, dict[str, Any]] = {}  # the WINDOW highest numbers
        self._samples: deque[tuple[float, int]] = deque(maxlen=_RATE_SAMPLES_MAX)

    @property
    def ended(self) -> bool:
        return self.deleted or self.status in ENDED

    def read(self, document: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        """The run was read: its document, and its latest episodes."""
        self.run = document
        self._latest = {}
        self._add(episodes)
        self._know(document, document["summary"]["episodes"])

    def hear(self, name: str, data: dict[str, Any]) -> None:
        """An event: run_updated or episodes; others are let pass."""
        if name == "episodes":
            self._add(data["episodes"])
        elif name == "run_updated":
            self.deleted = bool(data.get("deleted"))
            self._know(data, data["episodes_completed"])

    def _know(self, run: dict[str, Any], done: int) -> None:
        self.status = run["status"]
        self.planned = run["episodes_total"]
        self.done = done
        now = self._clock()
        if not self._samples or now - self._samples[-1][0] >= _RATE_OVER_S / _RATE_SAMPLES_MAX:
            self._samples.append((now, done))
        while len(self._samples) > 1 and now - self._samples[0][0] > _RATE_OVER_S:
            self._samples.popleft()

    def _add(self, episodes: list[dict[str, Any]]) -> None:
        for one in episodes:
            self._latest[one["episode"]] = one
        for number in sorted(self._latest)[:-WINDOW]:
            del self._latest[number]

    def rate(self) -> float | None:
        """Episodes a second over the last minute; None while that is not known."""
        if not self._samples:
            return None
        first_at, first = self._samples[0]
        over_s = self._clock() - first_at
        return (self.done - first) / over_s if over_s >= 0.5 and self.done > first else None

    def left_s(self) -> float | None:
        """Seconds until the planned end at this rate; None while that is not known."""
        rate = self.rate()
        if rate is None or self.planned is None or self.done >= self.planned:
            return None
        return (self.planned - self.done) / rate

    def latest(self) -> dict[str, list[float]]:
        """The metrics of the latest episodes: name → finite values in order of number."""
        values: dict[str, list[float]] = {}
        latest = dict(self._latest)  # the view draws in a thread of its own
        for number in sorted(latest):
            for name, value in latest[number].items():
                if name not in _NO_METRICS and isinstance(value, int | float):
                    values.setdefault(name, []).append(float(value))
        kept = {name: [one for one in of if math.isfinite(one)] for name, of in values.items()}
        return {name: of for name, of in list(kept.items())[:_NAMES_MAX] if of}
