"""What a run learnt, read back through the API and never from the trainer's own memory.

Called by trainer.py when a run has ended. Also checks that both route families tell the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from training_client import TrainingClientError, Transport

_WINDOW = 100  # episodes; the API smooths before it thins
_SPARK_POINTS = 60
_SPARKS = "▁▂▃▄▅▆▇█"
_PART_MAX = 1000  # episodes at either end that are compared
_WHOLE_MAX = 50_000  # runs up to this length are compared episode by episode


@dataclass(frozen=True)
class Part:
    """The mean of some episodes."""

    first: int
    last: int
    reward: float
    win_rate: float  # wins only; draws count nothing


def learning_report(api: Transport, run_id: str) -> str:
    """Some lines for a person. Raises TrainingClientError, or ValueError when the API is odd."""
    try:
        return "\n".join(_lines(api, run_id))
    except (LookupError, TypeError) as error:
        raise ValueError(f"the API's answer lacks something ({error!r})") from error


def _lines(api: Transport, run_id: str) -> Iterable[str]:
    v1 = f"/api/v1/training/runs/{run_id}"
    answer = _curve(api, v1, "total_reward", max_points=_SPARK_POINTS * 4)
    rewards = answer["curve"]
    if not rewards:
        yield "what it learnt: nothing, there is no episode"
        return
    total = _row(api, run_id)["total_episodes"]
    length = min(_PART_MAX, max(total // 2, 1))
    last_number = rewards[-1]["episode"]
    first = _part(api, v1, 1, length)
    last = _part(api, v1, last_number - length + 1, last_number)
    yield f"what it learnt, read back from {v1} ({total} episodes):"
    for name, part in (("first", first), ("last", last)):
        yield (
            f"  {name:5} {length} episodes: mean reward {part.reward:+.3f},"
            f" win rate {part.win_rate:.1%}"
        )
    whole = [value for value in answer["smoothed_values"] if value is not None]
    values = whole or [point["smoothed"] for point in rewards]  # a run shorter than the window
    extremes = f"{min(values):+.2f} to {max(values):+.2f}"
    yield f"  mean reward of {_WINDOW} episodes: {sparkline(values)} {extremes}"
    yield f"  {_agreement(api, run_id, total)}"


def _curve(api: Transport, run: str, metric: str, **query: int) -> dict[str, Any]:
    params: dict[str, str | int] = {"metric": metric, "window": _WINDOW, **query}
    answer: dict[str, Any] = api.get(f"{run}/learning-curve", params)
    return answer


def _part(api: Transport, run: str, first: int, last: int) -> Part:
    between = {"from": first, "to": last}
    rewards = [point["value"] for point in _curve(api, run, "total_reward", **between)["curve"]]
    wins = [point["value"] for point in _curve(api, run, "win", **between)["curve"]]
    return Part(first, last, _mean(rewards), _mean([float(win == 1) for win in wins]))


def _row(api: Transport, run_id: str) -> dict[str, Any]:
    """v1's figures of the run, whatever its length."""
    answer = api.get("/api/v1/training/compare", {"run_ids": run_id})
    stats: dict[str, Any] = answer["runs"][0]["aggregate_stats"]
    return stats


def _agreement(api: Transport, run_id: str, total: int) -> str:
    """Compare /api/v1/training with /api/training-runs; one line that says the outcome."""
    if total <= _WHOLE_MAX:
        one = api.get(f"/api/v1/training/runs/{run_id}")
        other = api.get(f"/api/training-runs/{run_id}")
        same = _episodes_v1(one["episodes"]) == _episodes_004(other["metrics"]["episodes"])
        stats, what = one["aggregate_stats"], f"all {total} episodes and their averages"
    else:
        listed = api.get("/api/training-runs", {"q": run_id, "metrics": "none"})
        other = next(run for run in listed if run["run_id"] == run_id)
        same, stats, what = True, _row(api, run_id), "count and averages"
    summary = other["summary"]
    same = same and summary["episodes"] == stats["total_episodes"]
    for which in ("avg", "min", "max"):
        same = same and _close(stats[f"{which}_total_reward"], summary[f"{which}_reward"])
    wins = _curve(api, f"/api/v1/training/runs/{run_id}", "win", max_points=4)["curve"]
    same = same and _close(wins[-1]["smoothed"], summary["final_win_rate"])
    if same:
        return f"both families give the same numbers: {what}"
    return "THE TWO FAMILIES DISAGREE: /api/v1/training and /api/training-runs differ"


_COMPARED = ("total_reward", "steps", "win", "epsilon")


def _episodes_v1(episodes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (one["episode_number"], *(one["metrics"].get(name) for name in _COMPARED))
        for one in episodes
    ]


def _episodes_004(episodes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["episode"], *(one.get(name) for name in _COMPARED)) for one in episodes]


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def sparkline(values: Sequence[float], width: int = _SPARK_POINTS) -> str:
    """The values as a row of at most width blocks, each the mean of its share of them."""
    if not values:
        return ""
    width = min(width, len(values))
    edges = [at * len(values) // width for at in range(width + 1)]
    shares = [_mean(values[low:high]) for low, high in itertools.pairwise(edges)]
    low, span = min(shares), max(shares) - min(shares)
    if span == 0:
        return _SPARKS[0] * width
    return "".join(_SPARKS[round((value - low) / span * (len(_SPARKS) - 1))] for value in shares)


__all__ = ["TrainingClientError", "learning_report", "sparkline"]
