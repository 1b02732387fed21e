"""A tracker's run: opened, filled with numbered episodes, ended. Never raises, never holds up.

Between tracker.py, vector_tracker.py and the run logger. Next: run_logger.py.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from training_client.connection import chosen_key
from training_client.episode_info import Episode, Reader
from training_client.payload import KNOWN
from training_client.run_logger import TrainingRunLogger

log = logging.getLogger("training_client")

_METRIC_NAME = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_TAKEN = frozenset({"episode", "episode_number", "session_id", "created_at", "metrics",
                    "duration_s", "wall_time", "truncated"})  # fmt: skip
_INFO_METRICS_MAX = 61  # of 64 an episode; three are ours
_SECRET = re.compile(r"key|token|secret|passw", re.IGNORECASE)
_OF_MAKE_VEC = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
_NOT_FAILURES = (StopIteration, StopAsyncIteration, GeneratorExit)


class TrackerOptions(TypedDict, total=False):
    """What trackers take beside the environment."""

    track_training: bool  # False: the environment is only passed through. True when not given
    strategy_label: str | None  # groups runs in the dashboard
    api_key: str | None  # TRAINING_API_KEY when not given
    base_url: str | None  # TRAINING_URL when not given
    agent_id: str | None  # the server takes strategy_label when not given
    algorithm: str | None
    config: Mapping[str, Any] | None  # hyperparameters, beside env_id and env_kwargs
    run_id: str | None  # to go on with a run; a new UUID when not given
    first_episode: int  # number of the first episode; 1 when not given
    episodes_total: int | None  # planned
    strategy_id: str | None
    tags: Sequence[str] | None
    notes: str | None
    stats_key: str  # where the infos have RecordEpisodeStatistics' figures; "episode"
    info_metrics: Sequence[str]  # further numbers in an episode's last info to report
    close_timeout_s: float  # how long close() may wait for the last answers; 10


class Secret(str):
    """A key that is not shown, in an environment's spec for example."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'ak_…'"


class RunReporter:
    """One run at most. A copy of one that has begun reports nothing."""

    def __init__(self, options: TrackerOptions) -> None:
        """Raises TypeError or ValueError for options that no tracker has."""
        if unknown := options.keys() - TrackerOptions.__annotations__.keys():
            raise TypeError(f"a tracker takes no {', '.join(sorted(unknown))}")
        self._options = options
        more = _checked_names(options.get("info_metrics", ()))
        self.reader = Reader(options.get("stats_key", "episode"), more)
        self.active = options.get("track_training", True)
        self._number = options.get("first_episode", 1)  # of the next episode
        self._logger: TrainingRunLogger | None = None
        self._said: set[str] = set()
        # An exception that was being handled when we were made is none of this training.
        self._before = sys.exc_info()[1]

    @property
    def run_id(self) -> str | None:
        """None before the run is opened, and when nothing is tracked."""
        return self._logger.run_id if self._logger else None

    @property
    def url(self) -> str | None:
        """Where the run can be read."""
        return self._logger.url if self._logger else None

    @property
    def stop_requested(self) -> bool:
        """Somebody else ended the run."""
        return self._logger is not None and self._logger.stop_requested

    def begin(self, spec: Any, **more: Any) -> None:
        """Open the run, unless it is open. spec: the environment's; more: what else config has."""
        if not self.active or self._logger is not None:
            return
        try:
            self._logger = self._open({**_described(spec), **more})
        except Exception as error:
            self.active = False
            self.complain("the run", error)

    def _open(self, config: dict[str, Any]) -> TrainingRunLogger:
        given = self._options
        logger = TrainingRunLogger(
            given.get("base_url"),
            chosen_key(given.get("api_key")),
            close_timeout_s=given.get("close_timeout_s", 10.0),
        )
        logger.create_run(
            agent_id=given.get("agent_id"),
            algorithm=given.get("algorithm"),
            config={**config, **(given.get("config") or {})},
            run_id=given.get("run_id"),
            episodes_total=given.get("episodes_total"),
            strategy_id=given.get("strategy_id"),
            strategy_label=given.get("strategy_label"),
            tags=given.get("tags"),
            notes=given.get("notes"),
        )
        return logger

    def report(self, episode: Episode, duration_s: float, truncated: bool) -> None:
        """Log the episode under the next number. truncated: cut off, not ended by itself."""
        if self._logger is None or not self.active:
            return
        times = {"duration_s": round(duration_s, 6), "wall_time": round(time.time(), 3)}
        self._logger.log_episode(
            self._number,
            episode.total_reward,
            episode.steps,
            win=episode.win,
            metrics={**times, "truncated": int(truncated), **episode.metrics},
        )
        self._number += 1

    def end(self, error: BaseException | None = None) -> None:
        """End the run and wait for the answers; again does nothing.

        completed; during an exception, or with error, failed; on Ctrl-C stopped.
        """
        if not self.active:
            return
        self.active = False
        error = error or sys.exc_info()[1]
        if error is self._before or isinstance(error, _NOT_FAILURES):
            error = None
        if self._logger is not None:
            self._logger.__exit__(type(error) if error else None, error, None)

    def complain(self, where: str, error: Exception) -> None:
        """Say, once a place, what went wrong in tracking."""
        if where not in self._said:
            self._said.add(where)
            log.warning("training tracker: %s is not tracked as it should be: %r", where, error)

    def __deepcopy__(self, memo: dict[int, Any]) -> RunReporter:
        return self._copied()

    def __reduce__(self) -> tuple[Any, ...]:
        return (RunReporter, (self._copied()._options,))

    def _copied(self) -> RunReporter:
        """Copies are made to look ahead, or to be sent to a worker before anything has begun."""
        begun = self._logger is not None or not self.active
        return RunReporter({**self._options, "track_training": not begun})


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """names, if the API takes them: it would refuse every episode for one that it does not take."""
    if len(names) > _INFO_METRICS_MAX:
        raise ValueError(f"at most {_INFO_METRICS_MAX} info_metrics")
    for name in names:
        if not _METRIC_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a metric: A-Z a-z 0-9 . _ - /, up to 64")
        if name in KNOWN or name in _TAKEN:
            raise ValueError(f"{name!r} is not free for a metric of one's own")
    return tuple(names)


def _described(spec: Any) -> dict[str, Any]:
    """The environment, as far as its spec tells and without what is secret or ours."""
    if spec is None:
        return {}
    passed_over = {*TrackerOptions.__annotations__, *_OF_MAKE_VEC}
    kwargs = {
        name: _plain(value)
        for name, value in (getattr(spec, "kwargs", None) or {}).items()
        if name not in passed_over and not _SECRET.search(name)
    }
    return {"env_id": spec.id, **({"env_kwargs": kwargs} if kwargs else {})}


def _plain(value: Any) -> Any:
    """value if JSON has it, else its class: an object's text may hold an address, ever another."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    kind = value if isinstance(value, type) or callable(value) else type(value)
    return getattr(kind, "__qualname__", type(value).__qualname__)
