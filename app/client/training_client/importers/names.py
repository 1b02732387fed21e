"""Which metric a tool's name becomes. Pure. Called by scratch.py and monitor.py.

1. --map NAME=METRIC says so (NAME= leaves it out).
2. The first name of a row of RULES that the run has becomes that row's metric, if all its values
   can be that metric's (steps: whole numbers; win: 0 to 1).
3. Any other keeps its name as a custom metric: characters that the API does not take become _, a
   name that is too long is cut, one that means something else here gets log/ before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

from training_client.importers.source import Findings
from training_client.metric_names import NAME_MAX, metric_name

NAMES_MAX = 1000  # different metrics of a run
WHOLE = frozenset({"steps", "total_trades"})
WELL_KNOWN = frozenset(
    {
        "roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades", "reward_sum",
        "total_reward", "steps", "win", "epsilon",
    }
)  # fmt: skip

_REWARD = frozenset({"total_reward", "reward_sum"})

# metric: the names that become it; the first that a run has wins.
RULES: Mapping[str, tuple[str, ...]] = {
    "total_reward": (
        "total_reward", "reward_sum",
        "r",  # Monitor
        "rollout/ep_rew_mean",  # Stable-Baselines3
        "charts/episodic_return",  # CleanRL
        "ray/tune/env_runners/episode_return_mean", "ray/tune/episode_reward_mean",  # RLlib
        "env_runners/episode_return_mean", "episode_return_mean", "episode_reward_mean",
        "episode_reward", "episode_return", "episodic_return", "episode/reward", "episode/return",
    ),
    "steps": (
        "steps", "l", "rollout/ep_len_mean", "charts/episodic_length",
        "ray/tune/env_runners/episode_len_mean", "ray/tune/episode_len_mean",
        "env_runners/episode_len_mean", "episode_len_mean",
        "episode_length", "episodic_length", "episode/length",
    ),
    "win": ("win", "is_success", "rollout/success_rate", "success"),
    "epsilon": ("epsilon", "rollout/exploration_rate", "charts/epsilon"),
    "roi_pct": ("roi_pct",),
    "sharpe_ratio": ("sharpe_ratio",),
    "max_drawdown_pct": ("max_drawdown_pct",),
    "total_trades": ("total_trades",),
    "wall_time": ("wall_time", "_timestamp"),
}  # fmt: skip


def wanted(pairs: Iterable[str]) -> dict[str, str]:
    """--map's NAME=METRIC words. Raises ValueError with a sentence."""
    mapped = {}
    for pair in pairs:
        name, sign, metric = pair.rpartition("=")
        if not sign or not name:
            raise ValueError(f"{pair!r} is not NAME=METRIC")
        if metric and metric not in WELL_KNOWN and metric_name(metric) != metric:
            raise ValueError(f"{metric!r} is no metric's name")
        mapped[name] = metric
    return mapped


def assign(
    names: Iterable[str],
    mapped: Mapping[str, str],
    fits: Callable[[str, str], bool],
    findings: Findings,
) -> dict[str, str]:
    """name → metric, for the names that are taken. fits(name, metric): can all values be that?"""
    there = list(dict.fromkeys(names))
    assignment = _Assignment(fits, findings)
    for name in there:
        if mapped.get(name):
            assignment.take(name, mapped[name])
    for metric, candidates in RULES.items():
        free = [name for name in candidates if name in there and name not in mapped]
        any(assignment.take(name, metric) for name in free)  # until one is taken
    for name in there:
        if name not in assignment.metrics and mapped.get(name) != "":
            assignment.keep(name)
    return assignment.metrics


class _Assignment:
    def __init__(self, fits: Callable[[str, str], bool], findings: Findings) -> None:
        self.metrics: dict[str, str] = {}
        self._fits = fits
        self._findings = findings
        self._used: set[str] = set()

    def take(self, name: str, metric: str) -> bool:
        """name as metric, unless another is that already, or its values cannot be that."""
        metric = "total_reward" if metric == "reward_sum" else metric
        if metric in self._used:
            return False
        if not self._fits(name, metric):
            self._findings.add(f"{name}: not all its values can be {metric}; it keeps its own name")
            return False
        self._used.add(metric)
        self.metrics[name] = metric
        return True

    def keep(self, name: str) -> None:
        """name as itself, or as near to that as the API takes."""
        if len(self.metrics) >= NAMES_MAX:
            self._findings.add(f"more than {NAMES_MAX} different names: the rest is left out", name)
            return
        if name in _REWARD and self.metrics.keys() & _REWARD:
            self._findings.add(f"{name}: it is another name of total_reward")
            return
        metric = _custom(name, self._used)
        self._used.add(metric)
        self.metrics[name] = metric
        if metric != name:
            self._findings.add(f"{name} is called {metric} here")


def _custom(name: str, used: set[str]) -> str:
    """A name that the API takes and that is not in use: name itself if it can be."""
    metric = metric_name(name) or "_"
    if len(metric) == NAME_MAX != len(name) or metric in used:
        metric = metric[: NAME_MAX - 9] + "_" + _mark(name)
    return metric


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def can_be(metric: str, value: float) -> bool:
    """May this value be the metric's?"""
    if metric in WHOLE:
        return 0 <= value <= 2**53 - 1 and value == int(value)
    if metric == "win":
        return 0 <= value <= 1
    return True
