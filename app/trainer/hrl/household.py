"""The rules of a household's money, month by month. Pure: chance comes in from outside.

Called by household_env.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scenario import Scenario

SALE_COST = 0.02  # of what must be sold in need: early, and at a bad moment
JOY_OF_SPENDING = 10.0  # the first tenth of the income spent freely is worth ln 2, the next less
JOY_OF_WEALTH = 6.0  # for a month's income added to what is owned
GOAL_STABILITY = 0.9
_CENT = 0.01


@dataclass(frozen=True)
class Shares:
    """What becomes of the cash at a month's beginning; they sum to 1."""

    invest: float
    save: float
    consume: float


@dataclass(frozen=True)
class Chance:
    """What a month brings that nobody decides."""

    income: float
    variable_expenses: float  # in prices of the first month, not below 0
    investment_return: float  # 0.01 is 1 %, not below -1


@dataclass(frozen=True)
class Month:
    """What a month was like."""

    consumed: float
    prices: float  # when it was consumed
    reserve: float  # cash at the end, in safety thresholds
    bankrupt: bool
    reward: float


class Household:
    """What it owns, and how a month changes that."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.month = 0  # months lived
        self.cash = scenario.start_cash
        self.invested = 0.0
        self.income = scenario.income  # of the month before, as are the two below
        self.fixed_expenses = scenario.fixed_expenses
        self.variable_expenses = scenario.variable_expenses
        self._secure_months = 0

    @property
    def prices(self) -> float:
        """What costs 1 in the first month costs so much now."""
        return float((1.0 + self.scenario.inflation) ** (self.month / 12.0))

    @property
    def wealth(self) -> float:
        """Cash and investments, in euros of the first month."""
        return (self.cash + self.invested) / self.prices

    @property
    def reserve(self) -> float:
        """Cash in safety thresholds; at 1 the household sleeps well."""
        return self.cash / (self.scenario.safety_threshold * self.prices)

    @property
    def reached_goal(self) -> bool:
        """All months lived, secure nearly always, and no poorer than at the start."""
        lived = self.month == self.scenario.months
        secure = self.stability >= GOAL_STABILITY
        return lived and secure and self.wealth >= self.scenario.start_cash

    @property
    def stability(self) -> float:
        """The share of the months lived that ended with the whole reserve."""
        return self._secure_months / self.month if self.month else 0.0

    def live(self, shares: Shares, chance: Chance) -> Month:
        """One month: the cash is divided, the market moves, pay comes in, bills go out."""
        scenario, prices, wealth = self.scenario, self.prices, self.wealth
        consumed = shares.consume * self.cash
        self.invested = (self.invested + shares.invest * self.cash) * (
            1.0 + chance.investment_return
        )
        self.cash *= shares.save
        self.income = chance.income
        self.fixed_expenses = scenario.fixed_expenses * prices
        self.variable_expenses = chance.variable_expenses * prices
        self.cash += self.income - self.fixed_expenses - self.variable_expenses
        self._sell_in_need()
        bankrupt = self.cash <= -_CENT
        self.cash = max(self.cash, 0.0)
        self.month += 1
        self._secure_months += self.reserve >= 1.0
        reward = (
            math.log1p(JOY_OF_SPENDING * consumed / prices / scenario.income)
            + JOY_OF_WEALTH * (self.wealth - wealth) / scenario.income
            - max(1.0 - self.reserve, 0.0)
        )
        if bankrupt:  # each month that will not be lived is one without a reserve
            reward -= scenario.months - self.month
        return Month(consumed, prices, self.reserve, bankrupt, reward)

    def _sell_in_need(self) -> None:
        if self.cash >= 0.0:
            return
        sold = min(-self.cash / (1.0 - SALE_COST), self.invested)
        self.invested -= sold
        self.cash += sold * (1.0 - SALE_COST)
