"""finished_episodes: the episodes that ended in a step, out of whatever a loop's step() gave.

For training loops written out by hand (CleanRL's, say) around Gymnasium's RecordEpisodeStatistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FinishedEpisode:
    index: int  # of its environment
    total_reward: float
    steps: int
    duration_s: float | None  # as RecordEpisodeStatistics measured it
    win: bool | float | None  # from is_success, when the environment tells it


def finished_episodes(infos: Any) -> Iterator[FinishedEpisode]:
    """In the order of the environments; nothing when none ended.

    infos: the last thing that step() returned, of one environment or of several. Understood are
    arrays in infos["episode"] (Gymnasium 1), infos["final_info"] of dictionaries (0.28, 0.29) or
    of arrays (1, resetting in the same step), and a list of dictionaries (older, and SB3).
    """
    if not isinstance(infos, Mapping):
        yield from _of_dictionaries(infos)
        return
    if isinstance(infos.get("episode"), Mapping):
        yield from _of_arrays(infos)
        return
    final = infos.get("final_info")
    if isinstance(final, Mapping):
        yield from _of_arrays(final)
    elif final is not None:
        yield from _of_dictionaries(final)


def _of_dictionaries(infos: Sequence[Any]) -> Iterator[FinishedEpisode]:
    for index, info in enumerate(infos):
        if info is not None and isinstance(info.get("episode"), Mapping):
            yield _finished(index, 0, info)


def _of_arrays(infos: Mapping[str, Any]) -> Iterator[FinishedEpisode]:
    """An environment's values are at its place; a mask says which of them are meant."""
    episode = infos.get("episode")
    if not isinstance(episode, Mapping):
        return
    mask = infos.get("_episode", episode.get("_r"))
    if mask is None:  # one environment
        yield _finished(0, 0, infos)
        return
    for index, meant in enumerate(mask):
        if meant:
            yield _finished(index, index, infos)


def _finished(index: int, at: int, info: Mapping[str, Any]) -> FinishedEpisode:
    episode = info["episode"]
    t, success = episode.get("t"), info.get("is_success")
    return FinishedEpisode(
        index=index,
        total_reward=float(_value(episode["r"], at)),
        steps=int(_value(episode["l"], at)),
        duration_s=None if t is None else float(_value(t, at)),
        win=None if success is None else _win(float(_value(success, at))),
    )


def _value(values: Any, at: int) -> Any:
    """Old versions have a number where newer ones have an array."""
    return values[at] if getattr(values, "shape", ()) or isinstance(values, list) else values


def _win(share: float) -> bool | float | None:
    if share in (0.0, 1.0):
        return share == 1.0
    return share if 0.0 < share < 1.0 else None
