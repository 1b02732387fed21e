"""finished_episodes: the episodes that ended in a step, out of whatever a loop's step() gave.

For training loops written out by hand (CleanRL's, say) around Gymnasium's RecordEpisodeStatistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training_client.episode_info import number
from training_client.vector_info import last_info_of


@dataclass(frozen=True)
class FinishedEpisode:
    index: int  # of its environment
    total_reward: float
    steps: int
    duration_s: float | None  # as RecordEpisodeStatistics measured it
    win: bool | float | None  # from is_success, when the environment tells it


def finished_episodes(infos: Any) -> Iterator[FinishedEpisode]:
    """In the order of the environments; nothing when none ended.

    infos: the last thing that step() returned, of one environment or of several, in any of the
    layouts that vector_info.py tells.
    """
    count = _environments(infos)
    for index in range(count or 1):
        info = infos if count is None else last_info_of(infos, index, "episode")
        statistics = info.get("episode")
        if not isinstance(statistics, Mapping):
            continue
        t, success = number(statistics.get("t")), number(info.get("is_success"))
        yield FinishedEpisode(
            index=index,
            total_reward=float(number(statistics["r"]) or 0.0),
            steps=int(number(statistics["l"]) or 0),
            duration_s=None if t is None else float(t),
            win=None if success is None else _win(float(success)),
        )


def _environments(infos: Any) -> int | None:
    """How many of them infos tell about; None: it is the info of the one there is, or of none."""
    if not isinstance(infos, Mapping):
        return len(infos)
    statistics = infos.get("episode")
    inner = statistics.get("_r") if isinstance(statistics, Mapping) else None
    for mask in (infos.get("_episode"), infos.get("_final_info"), inner):
        if mask is not None:
            return len(mask)
    final = infos.get("final_info")
    return None if final is None or isinstance(final, Mapping) else len(final)


def _win(share: float) -> bool | float | None:
    if share in (0.0, 1.0):
        return share == 1.0
    return share if 0.0 < share < 1.0 else None
