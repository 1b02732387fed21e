"""VectorTrainingTracker: the training on a vector of environments as one run.

One environment: tracker.py. Next: vector_info.py, episode_info.py, run_reporter.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from training_client.episode_info import Account
from training_client.run_reporter import RunReporter, TrackerOptions
from training_client.tracker import Tracked, with_hidden_key
from training_client.vector_info import info_of, last_info_of, was_reset_in_the_same_step

if TYPE_CHECKING:
    from gymnasium.vector import VectorWrapper
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    Base = VectorWrapper[Any, Any, Any, Any, Any]
else:  # before Gymnasium 1.0 a vector of environments was an environment
    Base = getattr(gymnasium.vector, "VectorWrapper", gymnasium.Wrapper)

_NEXT_STEP, _SAME_STEP, _DISABLED = "NEXTSTEP", "SAMESTEP", "DISABLED"  # when one begins again
_MONEY = ("equity", "filled_orders")


class VectorTrainingTracker(Tracked, Base, gymnasium.utils.RecordConstructorArgs):
    """Reports the training on a vector of environments as one run.

        envs = VectorTrainingTracker(gymnasium.make_vec("CartPole-v1", num_envs=8))

    As TrainingTracker; episodes are numbered in the order in which they end, over all environments.
    Knows every autoreset mode, and the layouts of infos of Gymnasium 0.28 to 1.x.
    """

    def __init__(self, env: Any, **options: Unpack[TrackerOptions]) -> None:
        options = with_hidden_key(options)
        gymnasium.utils.RecordConstructorArgs.__init__(self, **options)
        Base.__init__(self, env)
        self._reporter = RunReporter(options)
        self._mode = _autoreset_mode(env)
        self._count = int(env.num_envs)
        self._begin_episodes(np.ones(self._count, dtype=bool), {})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        mask = (options or {}).get("reset_mask")  # the environments take it out
        observations, infos = self.env.reset(seed=seed, options=options)
        if self._reporter.active:
            try:
                spec = getattr(self.env.unwrapped, "spec", None)
                self._reporter.begin(spec, num_envs=self._count)
                everyone = np.ones(self._count, dtype=bool)
                self._begin_episodes(everyone if mask is None else np.array(mask), infos)
            except Exception as error:
                self._reporter.complain("reset()", error)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        outcome = self.env.step(actions)
        if self._reporter.active:
            try:
                self._follow(*outcome[1:])
            except Exception as error:
                self._reporter.complain("step()", error)
        return outcome

    def close(self, **kwargs: Any) -> None:
        try:
            self.env.close(**kwargs)
        finally:
            self._reporter.end()

    def __enter__(self) -> VectorTrainingTracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._reporter.end(error)
        self.close()

    def _begin_episodes(self, which: NDArray[np.bool_], infos: Any) -> None:
        if which.all():
            self._rewards = np.zeros(self._count)
            self._steps = np.zeros(self._count, dtype=np.int64)
            self._began = np.zeros(self._count)
            self._over = np.zeros(self._count, dtype=bool)  # ended, and not begun again
            self._accounts: dict[int, Account] = {}  # of those that trade
        self._rewards[which] = 0.0
        self._steps[which] = 0
        self._began[which] = time.perf_counter()
        self._over[which] = False
        for index in np.flatnonzero(which):
            self._accounts.pop(int(index), None)
        self._follow_accounts(which, infos)

    def _follow(self, rewards: Any, terminated: Any, truncated: Any, infos: Any) -> None:
        terminated = np.asarray(terminated, dtype=bool)
        done = terminated | np.asarray(truncated, dtype=bool)
        begun = self._over if self._mode == _NEXT_STEP else None  # by this very step
        running = ~self._over
        self._rewards[running] += self._numbers(rewards)[running]
        self._steps[running] += 1
        ended = done & running
        self._follow_accounts(running & ~ended, infos)
        if begun is not None and begun.any():
            self._begin_episodes(begun.copy(), infos)
        if ended.any():
            self._end_episodes(ended, terminated, infos)

    def _numbers(self, rewards: Any) -> NDArray[np.float64]:
        try:
            return np.asarray(rewards, dtype=np.float64).reshape(self._count)
        except (TypeError, ValueError) as error:
            self._reporter.complain("the rewards", error)
            return np.full(self._count, np.nan)

    def _end_episodes(
        self, ended: NDArray[np.bool_], terminated: NDArray[np.bool_], infos: Any
    ) -> None:
        now = time.perf_counter()
        for index in np.flatnonzero(ended):
            at = int(index)
            last = self._info(infos, at, last=True)
            self._follow_money(at, last)
            episode = self._reporter.reader.episode(
                last, float(self._rewards[at]), int(self._steps[at]), self._accounts.get(at)
            )
            self._reporter.report(episode, now - float(self._began[at]), not terminated[at])
        if self._mode is None:  # the environments do not say; their infos do
            same = was_reset_in_the_same_step(infos, int(np.flatnonzero(ended)[0]))
            self._mode = _SAME_STEP if same else _NEXT_STEP
        if self._mode == _SAME_STEP:
            self._begin_episodes(ended, infos)
        else:
            self._over |= ended

    def _follow_accounts(self, which: NDArray[np.bool_], infos: Any) -> None:
        if _has_money(infos):
            for index in np.flatnonzero(which):
                self._follow_money(int(index), self._info(infos, int(index)))

    def _info(self, infos: Any, index: int, last: bool = False) -> dict[str, Any]:
        """Odd infos cost what they say, not the episode."""
        try:
            if last:
                return last_info_of(infos, index, self._reporter.reader.stats_key)
            return info_of(infos, index)
        except Exception as error:
            self._reporter.complain("the infos", error)
            return {}

    def _follow_money(self, index: int, info: dict[str, Any]) -> None:
        if any(name in info for name in _MONEY):
            self._accounts.setdefault(index, Account()).follow(info)


def _has_money(infos: Any) -> bool:
    if isinstance(infos, list | tuple):
        return any(info and (_MONEY[0] in info or _MONEY[1] in info) for info in infos)
    return isinstance(infos, Mapping) and any(name in infos for name in _MONEY)


def _autoreset_mode(env: Any) -> str | None:
    """When an environment begins its next episode; None when nothing says so."""
    mode = (getattr(env, "metadata", None) or {}).get("autoreset_mode")
    name = str(getattr(mode, "name", mode)).replace("_", "").upper()
    if name in (_NEXT_STEP, _SAME_STEP, _DISABLED):
        return name
    return _SAME_STEP if int(gymnasium.__version__.split(".")[0]) < 1 else None
