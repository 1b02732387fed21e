"""The episodes that end in a step of Stable-Baselines3's environments. Called by sb3.py."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor, is_vecenv_wrapped

from training_client.metric_names import metric_name, number

_KNOWN = frozenset({"r", "l", "t", "is_success"})  # of info["episode"]; Monitor's own, and success


@dataclass
class Finished:
    """One episode that ended: what its info says of it."""

    total_reward: float
    steps: int
    win: bool | float | None
    metrics: dict[str, float | int | None] = field(default_factory=dict)


class EpisodeReader:
    """Reads `info["episode"]` as Monitor, VecMonitor and Gymnasium's RecordEpisodeStatistics
    leave it; without any of them it sums up the rewards itself.
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self.monitored = is_vecenv_wrapped(env, VecMonitor) or all(env.env_is_wrapped(Monitor))
        self._seen_statistics = self.monitored
        now = time.time()
        self._began = [now] * env.num_envs  # of the episode that each environment plays now
        self._clock: list[float | None] = [None] * env.num_envs  # Monitor's t at its last end
        self._sums = [0.0] * env.num_envs
        self._lengths = [0] * env.num_envs

    def goes_on(self, env: Any, is_reset: bool) -> bool:
        """True when a further learn() plays on in the middle of the same environments' episodes."""
        return env is self._env and not is_reset

    def finished(self, step: Mapping[str, Any]) -> Iterator[Finished]:
        """The episodes that ended in this step, in the order of the environments.

        step: the local variables of SB3's loop: infos, dones and rewards, one an environment.
        """
        infos: Sequence[Mapping[str, Any]] = step["infos"]
        dones, rewards = step["dones"], step["rewards"]
        for index, info in enumerate(infos):
            statistics = info.get("episode")
            if isinstance(statistics, Mapping) and dones[index]:
                self._seen_statistics = True
                yield self._of_statistics(index, statistics, info)
            elif not self._seen_statistics:
                self._sums[index] += float(rewards[index])
                self._lengths[index] += 1
                if dones[index]:
                    yield self._of_sums(index, info)

    def _of_statistics(
        self, index: int, statistics: Mapping[str, Any], info: Mapping[str, Any]
    ) -> Finished:
        metrics: dict[str, float | int | None] = {
            metric_name(str(name)): number(value)
            for name, value in statistics.items()
            if name not in _KNOWN
        }
        metrics.update(self._times(index, number(statistics.get("t"))), **_truncated(info))
        return Finished(
            total_reward=float(_scalar(statistics["r"])),
            steps=int(_scalar(statistics["l"])),
            win=_win(info, statistics),
            metrics=metrics,
        )

    def _of_sums(self, index: int, info: Mapping[str, Any]) -> Finished:
        finished = Finished(
            total_reward=self._sums[index],
            steps=self._lengths[index],
            win=_win(info, {}),
            metrics={**self._times(index, None), **_truncated(info)},
        )
        self._sums[index], self._lengths[index] = 0.0, 0
        return finished

    def _times(self, index: int, t: float | None) -> dict[str, float | int | None]:
        """How long the episode took, and when it ended (Unix time), in seconds.

        Monitor's t counts from its own making, so that the first episode's own clock is ours.
        """
        now = time.time()
        before, duration_s = self._clock[index], now - self._began[index]
        if self.monitored and t is not None:
            if before is not None:
                duration_s = t - before
            self._clock[index] = t
        elif t is not None:
            duration_s = t  # RecordEpisodeStatistics' t is the episode's own
        self._began[index] = now
        return {"duration_s": round(duration_s, 6), "wall_time": round(now, 3)}


def _truncated(info: Mapping[str, Any]) -> dict[str, float | int | None]:
    value = info.get("TimeLimit.truncated")
    return {} if value is None else {"truncated": int(bool(value))}


def _win(info: Mapping[str, Any], statistics: Mapping[str, Any]) -> bool | float | None:
    """Success as an environment tells it; a share in [0, 1] too."""
    value = info.get("is_success", statistics.get("is_success"))
    if value is None:
        return None
    share = float(_scalar(value))
    if share in (0.0, 1.0):
        return share == 1.0
    return share if 0.0 < share < 1.0 else None


def _scalar(value: Any) -> Any:
    """RecordEpisodeStatistics has arrays of one."""
    return value.reshape(-1)[0] if hasattr(value, "reshape") else value
