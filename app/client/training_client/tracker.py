"""TrainingTracker: wrap an environment, and its training is a run. Needs Gymnasium, 0.28 or later.

A vector of environments: vector_tracker.py. gymnasium.make with the tracker's options:
tracked_env.py. Next: episode_info.py, run_reporter.py.
"""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat

import gymnasium

from training_client.episode_info import Account, mapping, number
from training_client.run_reporter import RunReporter, Secret, TrackerOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

OPTIONS_ATTRIBUTE = "training_tracker_options"  # where tracked_env.py leaves them


class Tracked:
    """What both trackers show of their run."""

    _reporter: RunReporter

    @property
    def run_id(self) -> str | None:
        """The run's id; None before the first reset, and when nothing is tracked."""
        return self._reporter.run_id

    @property
    def run_url(self) -> str | None:
        """Where the run can be read."""
        return self._reporter.url

    @property
    def stop_requested(self) -> bool:
        """Somebody ended the run from the dashboard or the API: end the training when it suits."""
        return self._reporter.stop_requested


class TrainingTracker(
    Tracked, gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs
):
    """Reports the training on env as a run, an episode at a time.

        env = TrainingTracker(gymnasium.make("CartPole-v1"), strategy_label="ppo_v1")

    The first reset registers the run; each terminated or truncated episode is one report: reward,
    length, and what the last info says of roi_pct, sharpe_ratio, max_drawdown_pct, total_trades
    and is_success (an env whose infos have equity and filled_orders needs not say the first four).
    close() ends the run `completed`; during an exception, `failed` (Ctrl-C: `stopped`).

    Nothing here raises into the training or waits for the network but close(), for a bounded time.
    options: see TrackerOptions. A copy or a pickle of a tracker whose run has begun tracks nothing.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], **options: Unpack[TrackerOptions]) -> None:
        innermost = getattr(env, "unwrapped", None)
        # Before Gymnasium 1.0 a vector of environments passes for an environment, wrapped or not.
        if isinstance(innermost, gymnasium.vector.VectorEnv):
            raise TypeError("this is a vector of environments: use VectorTrainingTracker")
        options = with_hidden_key(options)
        registered = getattr(innermost, OPTIONS_ATTRIBUTE, {})
        gymnasium.utils.RecordConstructorArgs.__init__(self, **options)
        gymnasium.Wrapper.__init__(self, env)
        self._reporter = RunReporter({**registered, **options})
        self._begin_episode({})
        self._running = False  # an episode is under way

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        if self._reporter.active:
            try:
                self._reporter.begin(self.env.unwrapped.spec)
                self._begin_episode(info)
            except Exception as error:
                self._reporter.complain("reset()", error)
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        outcome = self.env.step(action)
        if self._reporter.active and self._running:
            try:
                self._follow(*outcome[1:])
            except Exception as error:
                self._reporter.complain("step()", error)
        return outcome

    def close(self) -> None:
        try:
            self.env.close()
        finally:
            self._reporter.end()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> Literal[False]:
        self._reporter.end(error)
        self.close()
        return False

    def _begin_episode(self, info: Any) -> None:
        self._running = True
        self._reward = 0.0
        self._steps = 0
        self._began = time.perf_counter()
        self._account = Account()
        self._account.follow(mapping(info))

    def _follow(self, reward: SupportsFloat, terminated: bool, truncated: bool, info: Any) -> None:
        self._steps += 1
        value, info = number(reward), mapping(info)
        if value is None:
            value = math.nan
            self._reporter.complain("the reward", TypeError(f"{reward!r:.40} is no number"))
        self._reward += value
        self._account.follow(info)
        if not (terminated or truncated):
            return
        self._running = False
        episode = self._reporter.reader.episode(info, self._reward, self._steps, self._account)
        duration_s = time.perf_counter() - self._began
        self._reporter.report(episode, duration_s, bool(truncated and not terminated))


def with_hidden_key(options: TrackerOptions) -> TrackerOptions:
    """The options as an environment's spec may show them."""
    if key := options.get("api_key"):
        return {**options, "api_key": Secret(key)}
    return options
