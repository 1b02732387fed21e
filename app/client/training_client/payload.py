"""What the logger is given, as the JSON texts that the API takes. Pure.

Called by run_logger.py. Next: outbox.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from training_client.transport import encode

KNOWN = frozenset(  # metrics that are members of an episode; all others are custom ones
    ["roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades", "reward_sum", "total_reward",
     "steps", "win", "epsilon"]
)  # fmt: skip
Number = bool | int | float | SupportsFloat  # numpy and torch scalars are SupportsFloat


def plain(value: object) -> Any:
    """value with numpy scalars, arrays, tuples, sets, paths … as JSON values.

    JSON knows no infinity: floats that are not finite become "NaN", "Infinity" or "-Infinity".
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return int(value)  # an IntEnum too
    if isinstance(value, float):
        return _finite_or_text(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays, torch tensors
        return plain(value.tolist())
    return str(value)


def _number(name: str, value: object) -> bool | int | float | str:
    if type(value) is float:
        return value if math.isfinite(value) else _finite_or_text(value)
    if type(value) is int or type(value) is bool:
        return value
    if hasattr(value, "item"):  # numpy and torch scalars
        value = value.item()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str) or not isinstance(value, SupportsFloat):
        raise TypeError(f"{name} is not a number: {value!r:.80}")
    return _finite_or_text(float(value))


def _finite_or_text(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def episode_json(
    episode: int,
    total_reward: Number,
    steps: int,
    win: Number | None,
    epsilon: Number | None,
    metrics: Mapping[str, Number | None] | None,
) -> bytes:
    """One episode object. Raises TypeError or ValueError when something given is no number.

    A metric of the nine known names travels beside the others, not among the custom ones; what is
    an argument of its own wins over it.
    """
    body: dict[str, object] = {
        "episode": _number("episode", episode),
        "total_reward": _number("total_reward", total_reward),
        "steps": _number("steps", steps),
    }
    if win is not None:
        body["win"] = _number("win", win)
    if epsilon is not None:
        body["epsilon"] = _number("epsilon", epsilon)
    if metrics:
        custom = {}
        for name, value in metrics.items():
            if value is None:
                continue
            if name not in KNOWN:
                custom[name] = _number(name, value)
            elif name not in body and name != "reward_sum":  # that is total_reward
                body[name] = _number(name, value)
        if custom:
            body["metrics"] = custom
    return encode(body)


def batch_json(episodes: Sequence[bytes]) -> bytes:
    return b'{"episodes":[' + b",".join(episodes) + b"]}"


def object_json(members: Mapping[str, object]) -> bytes:
    """A JSON object of the members that are not None."""
    return encode({name: plain(value) for name, value in members.items() if value is not None})
