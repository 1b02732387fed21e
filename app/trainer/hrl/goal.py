"""What the strategist asks of the executor, and how well it was kept. Pure.

Called by hierarchy.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

GOAL_NUMBERS = 2
_RESERVE_MAX = 3.0  # safety thresholds
_SPENDING_MAX = 0.3  # of the usual income, a month
_RESERVE_MISS = 1.0  # so far off, that half of the goal is kept to 1/e
_SPENDING_MISS = 0.1


@dataclass(frozen=True)
class Goal:
    """For some months: hold such a reserve, and spend so much freely."""

    reserve: float  # safety thresholds of cash at a month's end
    spending: float  # of the usual income, a month, in prices of the first month

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Goal:
        """From the strategist's output, each from 0 to 1."""
        return cls(numbers[0] * _RESERVE_MAX, numbers[1] * _SPENDING_MAX)

    def observed(self) -> list[float]:
        """As the executor sees it."""
        return [self.reserve / _RESERVE_MAX, self.spending / _SPENDING_MAX]

    def adherence(self, reserve: float, spending: float) -> float:
        """1 when both are met; the further off, the nearer to 0, but always better when nearer."""
        reserve_miss = abs(reserve - self.reserve) / _RESERVE_MISS
        spending_miss = abs(spending - self.spending) / _SPENDING_MISS
        return (math.exp(-reserve_miss) + math.exp(-spending_miss)) / 2.0
