"""Values out of a framework's own log, made fit for an episode: numbers, names the API takes.

Used by the callbacks (sb3.py, rllib.py). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

METRICS_MAX = 64  # the API takes no more in one episode
NAME_MAX = 64  # characters
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._/-]")
# Members of an episode; a custom metric may not be called like one of them.
_TAKEN = frozenset(
    {
        *("roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades"),
        *("reward_sum", "total_reward", "steps", "win", "epsilon"),
        *("episode", "episode_number", "session_id", "created_at", "metrics"),
    }
)


def metric_name(name: str) -> str:
    """name as the API takes it: other characters become `_`, `steps` becomes `log/steps`."""
    fit = _NOT_IN_A_NAME.sub("_", name)
    return (f"log/{fit}" if fit in _TAKEN else fit)[:NAME_MAX]


def number(value: Any) -> float | int | None:
    """value as a number, out of numpy's and torch's scalars too; None when it is none."""
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "item") and all(length == 1 for length in shape):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, Real) else None


class PendingMetrics:
    """What the framework logged since the last episode ended; the next one takes it along.

    So each value is logged once, with the first episode that ended after it. Of a name that is
    logged twice between two episodes, the later value stands.
    """

    def __init__(self) -> None:
        self._values: dict[str, float | int] = {}
        self.left_out: set[str] = set()  # names beyond the limit of an episode

    def __bool__(self) -> bool:
        return bool(self._values)

    def put(self, values: Mapping[str, object]) -> None:
        """Keep what is a number; text, figures and the like are not for an episode."""
        for name, value in values.items():
            as_number = number(value)
            if name and as_number is not None:
                self._values[metric_name(name)] = as_number

    def take(
        self,
        own: Mapping[str, float | int | None],
        earlier: Mapping[str, float | int] | None = None,
    ) -> dict[str, float | int]:
        """The metrics of an episode: its own, then what waits, then earlier ones; of a name the
        first, and as far as there is room. Then none waits.
        """
        taken = {name: value for name, value in own.items() if value is not None}
        for name, value in [*self._values.items(), *(earlier or {}).items()]:
            if name in taken:
                continue
            if len(taken) < METRICS_MAX:
                taken[name] = value
            else:
                self.left_out.add(name)
        self._values.clear()
        return taken
