"""What an episode comes to: the figures in its infos, and those that they add up to. Pure.

Called by tracker.py. Nothing here knows Gymnasium or numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Figure = bool | int | float
Info = Mapping[str, Any]

_NAMES_IN_INFO = {  # the API's name → names under which environments have it, the first one wins
    "roi_pct": ("roi_pct",),
    "sharpe_ratio": ("sharpe_ratio", "sharpe"),
    "max_drawdown_pct": ("max_drawdown_pct",),
    "total_trades": ("total_trades", "num_trades", "n_trades"),
}


@dataclass(frozen=True)
class Episode:
    """As the run logger takes it."""

    total_reward: float
    steps: int
    win: Figure | None
    metrics: dict[str, Figure]


@dataclass
class Account:
    """Follows `equity` and `filled_orders` through an episode, for environments that trade.

    From the equity of each step: the return on investment and the largest drawdown in %, and the
    Sharpe ratio of the steps' returns (mean / sample deviation, per step, not annualised).
    """

    _first: float | None = None
    _last: float = 0.0
    _peak: float = 0.0
    _drawdown: float = 0.0  # the largest so far, of 1
    _returns: int = 0
    _mean: float = 0.0  # of the returns; with _squares by Welford's method
    _squares: float = 0.0
    _trades: int | None = None
    _broken: bool = False  # an equity that no ratio can be made of

    def follow(self, info: Info) -> None:
        """The info of a reset or of a step, in their order."""
        if "filled_orders" in info:
            self._trades = (self._trades or 0) + _count(info["filled_orders"])
        equity = number(info.get("equity"))
        if equity is None:
            return
        if not (math.isfinite(equity) and equity > 0):
            self._broken = True
        elif self._first is None:
            self._first = self._last = self._peak = float(equity)
        else:
            self._add(float(equity))

    def _add(self, equity: float) -> None:
        change = equity / self._last - 1
        self._returns += 1
        off = change - self._mean
        self._mean += off / self._returns
        self._squares += off * (change - self._mean)
        self._last = equity
        self._peak = max(self._peak, equity)
        self._drawdown = max(self._drawdown, 1 - equity / self._peak)

    def figures(self) -> dict[str, Figure]:
        found: dict[str, Figure] = {}
        if self._trades is not None:
            found["total_trades"] = self._trades
        if self._first is None or self._returns == 0 or self._broken:
            return found
        found["roi_pct"] = (self._last / self._first - 1) * 100
        found["max_drawdown_pct"] = self._drawdown * 100
        if self._returns > 1 and self._squares > 0:
            found["sharpe_ratio"] = self._mean / math.sqrt(self._squares / (self._returns - 1))
        return found


@dataclass(frozen=True)
class Reader:
    """Reads the info of an episode's last step."""

    stats_key: str = "episode"  # of RecordEpisodeStatistics or Monitor
    more: tuple[str, ...] = field(default=())  # further members that are metrics

    def episode(self, info: Info, reward: float, steps: int, account: Account | None) -> Episode:
        """reward and steps: as counted. The statistics in info win, for they know the raw reward;
        but not when they are of fewer steps: those of a vector forget the other environments'
        episodes when one is reset by a mask (Gymnasium 1.4).

        Their `t` is passed over: it is the episode's duration with some, the time since the
        wrapper was made with others.
        """
        statistics = mapping(info.get(self.stats_key))
        length, total = whole(statistics.get("l")), number(statistics.get("r"))
        if length is not None and length < steps:
            length = total = None
        metrics = account.figures() if account else {}
        metrics.update(_named(info))
        metrics.update(_given(info, self.more))
        return Episode(
            total_reward=reward if total is None else float(total),
            steps=steps if length is None else length,
            win=_win(info),
            metrics=metrics,
        )


def mapping(info: object) -> Info:
    """info, or none when an environment gives something else."""
    return info if isinstance(info, Mapping) else {}


def number(value: object) -> Figure | None:
    """value as a number, also out of numpy scalars and arrays of one; None when it is none."""
    if isinstance(value, bool | int | float):
        return value
    if value is None or isinstance(value, str) or not hasattr(value, "item"):
        return None
    try:
        value = value.item()
    except (TypeError, ValueError, RuntimeError):
        return None
    return value if isinstance(value, bool | int | float) else None


def whole(value: object) -> int | None:
    """value as a count; None when it is none."""
    found = number(value)
    if found is None or not math.isfinite(found) or found < 0 or found != int(found):
        return None
    return int(found)


def _real(value: object) -> Figure | None:
    """value as a number that is no truth value."""
    found = number(value)
    return int(found) if isinstance(found, bool) else found


def _named(info: Info) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name, aliases in _NAMES_IN_INFO.items():
        values = (info[alias] for alias in aliases if info.get(alias) is not None)
        read = whole if name == "total_trades" else _real
        value = read(next(values, None))
        if value is not None:
            found[name] = value
    return found


def _given(info: Info, names: Iterable[str]) -> dict[str, Figure]:
    values = ((name, _real(info.get(name))) for name in names)
    return {name: value for name, value in values if value is not None}


def _win(info: Info) -> Figure | None:
    """Whether the episode succeeded, if the environment says so (as Stable-Baselines3 reads it)."""
    value = number(info.get("win"))
    if value is None:
        value = number(info.get("is_success"))
    return value if value is not None and 0 <= value <= 1 else None


def _count(orders: object) -> int:
    if isinstance(orders, list | tuple):
        return len(orders)
    return whole(orders) or 0
