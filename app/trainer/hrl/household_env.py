"""The household as a Gymnasium environment: draws what chance brings, lives a month a step.

Called by hierarchy.py. Next: household.py (the rules).
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from household import Chance, Household, Shares
from scenario import Scenario

Vector = NDArray[np.float32]

OBSERVATIONS = 7
ALLOCATIONS = 3  # invest, save, consume
_OBSERVED_MAX = 1000.0
_SAFE_RETURN = 0.01  # a year, without any risk
_RISK_PREMIUM = 0.07  # a year more at risk 1
_VOLATILITY = 0.18  # of a year at risk 1


class HouseholdEnv(gym.Env[Vector, Vector]):
    """A step is a month. It ends at bankruptcy, and is cut off when all months are lived.

    Action: three numbers from 0 to 1, the shares of the cash that are invested, saved and consumed.
    They are scaled to sum to 1; three zeros save everything.

    Observation, at the month's beginning, each from 0 to 1000:
      0  cash, in safety thresholds        4  variable expenses of last month, in usual incomes
      1  investments, in yearly incomes    5  price level, 1 in the first month
      2  income of last month, in usual    6  share of the months that is left
      3  fixed expenses, likewise
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.observation_space = gym.spaces.Box(0.0, _OBSERVED_MAX, (OBSERVATIONS,), np.float32)
        self.action_space = gym.spaces.Box(0.0, 1.0, (ALLOCATIONS,), np.float32)
        self.household = Household(scenario)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        super().reset(seed=seed)
        self.household = Household(self.scenario)
        return self._observation(), {}

    def step(self, action: Vector) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Raises ValueError for what is no allocation."""
        month = self.household.live(_shares(action), self._chance())
        over = self.household.month >= self.scenario.months
        info = {
            "consumed": month.consumed,
            "prices": month.prices,
            "reserve": month.reserve,
            "cash": self.household.cash,
            "invested": self.household.invested,
        }
        return self._observation(), month.reward, month.bankrupt, over, info

    def _chance(self) -> Chance:
        scenario, draw = self.scenario, self.np_random
        mean = (_SAFE_RETURN + _RISK_PREMIUM * scenario.risk) / 12.0
        deviation = _VOLATILITY * scenario.risk / math.sqrt(12.0)
        return Chance(  # drawn in this order
            income=max(draw.normal(scenario.income, scenario.income_deviation), 0.0),
            variable_expenses=max(
                draw.normal(scenario.variable_expenses, scenario.variable_deviation), 0.0
            ),
            investment_return=max(draw.normal(mean, deviation), -1.0),
        )

    def _observation(self) -> Vector:
        household, income = self.household, self.scenario.income
        values = [
            household.reserve,
            household.invested / (12.0 * income),
            household.income / income,
            household.fixed_expenses / income,
            household.variable_expenses / income,
            household.prices,
            1.0 - household.month / self.scenario.months,
        ]
        return np.array([min(value, _OBSERVED_MAX) for value in values], np.float32)


def _shares(action: Vector) -> Shares:
    numbers = [float(number) for number in np.asarray(action).ravel()]
    if len(numbers) != ALLOCATIONS or not all(0.0 <= number <= 1.0 for number in numbers):
        raise ValueError(f"an allocation is three numbers from 0 to 1, not {action!r}")
    total = math.fsum(numbers)
    if total == 0.0:
        return Shares(invest=0.0, save=1.0, consume=0.0)
    invest, save, consume = (number / total for number in numbers)
    return Shares(invest, save, consume)
