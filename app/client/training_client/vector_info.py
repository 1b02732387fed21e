"""The info of one environment out of the infos of a vector of them, in any layout. Pure.

1. Arrays by name, each with a mask: {"roi": [3.0, 0.0], "_roi": [True, False]}. Gymnasium's vector
   statistics have one mask for all of theirs: {"episode": {"r": […], "l": […]}, "_episode": […]}.
2. The same, nested, when each environment has its own: {"episode": {"r": […], "_r": […]}}.
3. With autoreset in the same step, the last info of the finished episode is in `final_info`, either
   as layout 1 and 2 or (Gymnasium before 1.0) an array of dicts; the rest is of the next episode.
4. A list of dicts, as before Gymnasium 0.24 and from DictInfoToList.

Called by vector_tracker.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FINAL = ("final_info", "final_obs", "final_observation")


def info_of(infos: Any, index: int) -> dict[str, Any]:
    """All that infos say about the environment of this index."""
    if isinstance(infos, Mapping):
        return _picked(infos, index)
    if isinstance(infos, list | tuple) and index < len(infos):
        return dict(infos[index] or {})
    return {}


def last_info_of(infos: Any, index: int, stats_key: str) -> dict[str, Any]:
    """The same of an environment whose episode has just ended: only what is about that episode."""
    info = info_of(infos, index)
    final = info.get("final_info")
    if not isinstance(final, Mapping):
        return info
    last = dict(final)
    if stats_key in info:
        last.setdefault(stats_key, info[stats_key])
    return last


def was_reset_in_the_same_step(infos: Any, index: int) -> bool:
    """Of an environment whose episode has just ended."""
    info = info_of(infos, index)
    return any(info.get(name) is not None for name in _FINAL)


def _picked(infos: Mapping[str, Any], index: int) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for name, values in infos.items():
        if name.startswith("_") and name[1:] in infos:
            continue
        mask = infos.get(f"_{name}")
        if mask is not None and not mask[index]:
            continue
        picked[name] = _picked(values, index) if isinstance(values, Mapping) else _at(values, index)
    return picked


def _at(values: Any, index: int) -> Any:
    """The element; what is one value for all environments is it for each."""
    if isinstance(values, str | bytes):
        return values
    try:
        return values[index]
    except (TypeError, IndexError, KeyError):
        return values
