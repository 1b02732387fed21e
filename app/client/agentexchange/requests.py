"""What may be said in a request, beside the run's id: one TypedDict a call. Pure.

The clients' methods take these as keyword arguments. None means not given, everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

from training_client.payload import Number

RunId = str | uuid.UUID
Status = Literal["running", "completed", "stopped", "failed"]


class NewRun(TypedDict, total=False):
    """What a run is registered with."""

    config: Mapping[str, Any] | None  # hyperparameters, any JSON object; given back unchanged
    strategy_id: str | uuid.UUID | None
    strategy_label: str | None  # groups runs in the dashboard
    agent_id: str | None
    algorithm: str | None
    episodes_total: int | None  # planned
    tags: Sequence[str] | None
    notes: str | None  # Markdown
    metadata: Mapping[str, Any] | None


class EpisodeReport(TypedDict, total=False):
    """What is reported of an episode, all of it optional. Numbers need not be finite."""

    session_id: str | uuid.UUID | None
    roi_pct: Number | None  # return on investment, %
    sharpe_ratio: Number | None
    max_drawdown_pct: Number | None
    total_trades: int | None
    reward_sum: Number | None  # reads give it as total_reward, too
    total_reward: Number | None  # the same metric; give one of the two
    steps: int | None
    win: Number | None  # True, False, or in between: 0.5 is a draw
    epsilon: Number | None
    metrics: Mapping[str, Number | None] | None  # any others, by name


class BatchedEpisode(EpisodeReport):
    """One episode of a batch."""

    episode_number: int  # from 1


class RunFilter(TypedDict, total=False):
    """Which runs of a list, and which of its pages."""

    status: Status | str | None
    limit: int | None  # 1 to 100; 50 when not given
    offset: int | None
    strategy_label: str | None
    agent_id: str | None
    q: str | None  # in the id, label, agent, algorithm or a tag
    tag: str | None
    since: str | datetime | None  # started then or later
    until: str | datetime | None
    sort: str | None  # start_time, episodes, avg_reward, win_rate; "-" before it reverses


class CurveOptions(TypedDict, total=False):
    """How a curve is smoothed, and which part of it is wanted."""

    metric: str | None  # any metric that the run has; "roi_pct" when not given
    window: int | None  # episodes of the rolling mean, 1 to 100; 10 when not given
    max_points: int | None  # thinned so that extremes stay, smoothed before
    from_episode: int | None
    to_episode: int | None


def checked(kind: type, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """members, if kind knows them all: the API would ignore a misspelt one. Raises TypeError."""
    known = kind.__annotations__.keys()  # of a TypedDict: the inherited ones, too
    if unknown := members.keys() - known:
        raise TypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    return members
