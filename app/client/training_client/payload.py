"""What the logger is given, as the JSON texts that the API takes. Pure.

Called by run_logger.py. Next: outbox.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from training_client.transport import encode

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
    """One episode object. Raises TypeError or ValueError when something given is no number."""
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
        body["metrics"] = {
            name: _number(name, value) for name, value in metrics.items() if value is not None
        }
    return encode(body)


def batch_json(episodes: Sequence[bytes]) -> bytes:
    return b'{"episodes":[' + b",".join(episodes) + b"]}"


def object_json(members: Mapping[str, object]) -> bytes:
    """A JSON object of the members that are not None."""
    return encode({name: plain(value) for name, value in members.items() if value is not None})
