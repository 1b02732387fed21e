"""What the calls return: the API's JSON objects, with attributes. Pure.

Every object gives its members both ways, `run.status` and `run["status"]`, those that this version
does not know too. A documented member that is null or absent is None as an attribute.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

_TIMES = frozenset(
    {"started_at", "completed_at", "created_at", "last_reported_at", "start_time", "end_time"}
)
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_REPR_MAX = 60  # characters of one member


class Answer(Mapping[str, Any]):
    """One JSON object, read-only: items as the API answered, attributes with times as datetimes.

    `answer.to_dict()` is the plain JSON object.
    """

    __slots__ = ("_members", "_raw")

    _documented: ClassVar[frozenset[str]] = frozenset()
    _nested: ClassVar[Mapping[str, type[Answer]]] = {}  # members that are objects, or lists of them

    def __init_subclass__(cls) -> None:
        own = (name for name in inspect.get_annotations(cls) if name[0] != "_")
        cls._documented = cls._documented.union(own)

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._raw = members
        self._members = {name: self._read(name, value) for name, value in members.items()}

    def _read(self, name: str, value: Any) -> Any:
        kind = self._nested.get(name)
        if kind is None:
            return value
        if isinstance(value, list):
            return [kind(one) if isinstance(one, Mapping) else one for one in value]
        return kind(value) if isinstance(value, Mapping) else value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._members.get(name)
        if isinstance(value, str) and name in _TIMES:
            return _time(value)
        if value is None and name not in self._members and name not in self._documented:
            raise AttributeError(
                f"{type(self).__name__} has no member {name!r}", name=name, obj=self
            )
        return value

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._members, *self._documented})

    def __repr__(self) -> str:
        shown = (f"{name}={_short(value)}" for name, value in self.items() if value is not None)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._raw,))

    def to_dict(self) -> dict[str, Any]:
        """A copy of the object as the API answered it, fit for json.dumps."""
        return copy.deepcopy(dict(self._raw))


class AggregateStats(Answer):
    """Of all episodes of a run: `avg_`, `min_` and `max_` of each metric that occurs."""

    __slots__ = ()

    total_episodes: int
    avg_roi_pct: float | None
    min_roi_pct: float | None
    max_roi_pct: float | None
    best_roi_pct: float | None
    worst_roi_pct: float | None
    avg_sharpe: float | None
    avg_sharpe_ratio: float | None
    avg_max_drawdown_pct: float | None
    avg_total_trades: float | None
    avg_reward_sum: float | None
    min_reward_sum: float | None
    max_reward_sum: float | None
    avg_total_reward: float | None
    avg_steps: float | None
    avg_win: float | None
    nonfinite: dict[str, int] | None  # by metric: how many values count in no average


class EpisodeMetrics(Answer):
    """The metrics of one episode; those that are not finite are floats here, too."""

    __slots__ = ()

    roi_pct: float | None
    sharpe_ratio: float | None
    max_drawdown_pct: float | None
    total_trades: int | None
    reward_sum: float | None
    total_reward: float | None
    steps: int | None
    win: bool | float | None
    epsilon: float | None

    def _read(self, name: str, value: Any) -> Any:
        return _NONFINITE.get(value, value) if isinstance(value, str) else value


class TrainingEpisode(Answer):
    """One episode of a run."""

    __slots__ = ()
    _nested: ClassVar = {"metrics": EpisodeMetrics}

    episode_number: int
    metrics: EpisodeMetrics
    session_id: str | None
    created_at: datetime


class TrainingRun(Answer):
    """A run without its episodes."""

    __slots__ = ()

    run_id: str
    status: str  # "running", then one of "completed", "stopped", "failed"
    config: dict[str, Any] | None
    strategy_id: str | None
    strategy_label: str | None
    agent_id: str
    algorithm: str
    episodes_total: int | None  # planned
    episodes_completed: int  # reported so far
    total_episodes: int  # the same number
    started_at: datetime
    completed_at: datetime | None
    last_reported_at: datetime
    stale: bool  # running, but unheard of for minutes
    avg_roi_pct: float | None  # of all episodes; writes may leave the averages out
    avg_sharpe: float | None


class TrainingRunDetail(TrainingRun):
    """A run with everything about it."""

    __slots__ = ()
    _nested: ClassVar = {"episodes": TrainingEpisode, "aggregate_stats": AggregateStats}

    learning_curve: dict[str, list[float | None]] | None  # by metric: rolling means, window 10
    aggregate_stats: AggregateStats | None
    episodes: list[TrainingEpisode]


class CurvePoint(Answer):
    """One point of a curve."""

    __slots__ = ()

    episode: int
    value: float | None
    smoothed: float | None


class LearningCurve(Answer):
    """One metric over the episodes, and its rolling mean."""

    __slots__ = ()
    _nested: ClassVar = {"curve": CurvePoint}

    run_id: str
    metric: str
    window: int
    episode_numbers: list[int]
    raw_values: list[float | None]
    smoothed_values: list[float | None]  # None at the first window - 1 episodes
    curve: list[CurvePoint]  # the same points; smoothed from the first on
    points_total: int
    points_returned: int  # fewer than points_total when max_points thinned them


class ComparedRun(Answer):
    """A run as a comparison shows it."""

    __slots__ = ()
    _nested: ClassVar = {"aggregate_stats": AggregateStats}

    run_id: str
    status: str
    strategy_label: str | None
    agent_id: str
    algorithm: str
    config: dict[str, Any] | None
    episodes_completed: int
    aggregate_stats: AggregateStats | None
    started_at: datetime
    completed_at: datetime | None


class Comparison(Answer):
    """Runs side by side, in the order they were asked for."""

    __slots__ = ()
    _nested: ClassVar = {"runs": ComparedRun}

    runs: list[ComparedRun]
    missing: list[str]  # ids that this account has no run of


class TrainingRunPage(Answer):
    """Runs of one page, as an object with `runs`."""

    __slots__ = ()
    _nested: ClassVar = {"runs": TrainingRun}

    runs: list[TrainingRun]
    total: int | None  # how many there are on all pages


class TrainingRunList(list[TrainingRun]):
    """Runs of one page, newest start first."""

    total: int | None = None  # how many there are on all pages
    next_page: dict[str, str] | None = None  # the query of the page behind this one


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text


def _short(value: object) -> str:
    if isinstance(value, list):
        return repr(value) if len(value) <= 3 and not _deep(value) else f"[{len(value)} items]"
    if isinstance(value, Mapping) and len(value) > 4:
        return f"{{{len(value)} members}}"
    text = repr(value)
    return text if len(text) <= _REPR_MAX else text[: _REPR_MAX - 1] + "…"


def _deep(values: list[Any]) -> bool:
    return any(isinstance(value, Mapping | list) for value in values)
