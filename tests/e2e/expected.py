"""
The independent computation: what every average, extreme, count, curve and win rate must be, worked
out with NumPy from the reports that the server acknowledged. Written from the contract (sections 1
to 3), never from the C code. Called by test_*.py and support.py.
"""

import math

import numpy as np

NAMED_METRICS = (
    "roi_pct",
    "sharpe_ratio",
    "max_drawdown_pct",
    "total_trades",
    "reward_sum",
    "total_reward",
    "steps",
    "win",
    "epsilon",
)
INTEGER_METRICS = ("total_trades", "steps")
REWARD_NAMES = ("total_reward", "reward_sum")
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
DETAIL_WINDOW = 10
WIN_WINDOW = 100


def number_of(value):
    """A metric as a report carries it (number, bool, "NaN"…), as a double."""
    if isinstance(value, str):
        return NOT_FINITE[value]
    return float(value)


def metrics_of(report):
    """The metrics that a report gives, custom ones beside the nine, the reward as total_reward."""
    given = {name: report[name] for name in NAMED_METRICS if report.get(name) is not None}
    for name, value in (report.get("metrics") or {}).items():
        if value is not None:
            given[name] = value
    if "reward_sum" in given:
        given["total_reward"] = given.pop("reward_sum")
    return given


def both_names(metrics):
    """The same metrics with the reward under both of its names, as every read shows it."""
    shown = dict(metrics)
    if "total_reward" in shown:
        shown["reward_sum"] = shown["total_reward"]
    return shown


class Book:
    """What was acknowledged for one run: for each episode number the report that stands."""

    def __init__(self):
        self.reports = {}

    def report(self, number, report):
        self.reports[int(number)] = metrics_of(report)

    def merge(self, other):
        self.reports.update(other.reports)

    def __len__(self):
        return len(self.reports)

    def numbers(self):
        return sorted(self.reports)

    def metrics(self):
        """Every metric that occurs, the reward once, as total_reward."""
        return sorted({name for report in self.reports.values() for name in report})

    def column(self, metric):
        """(episode numbers, values) of the episodes that have the metric, in number order."""
        name = "total_reward" if metric == "reward_sum" else metric
        numbers = [n for n in self.numbers() if name in self.reports[n]]
        values = [number_of(self.reports[n][name]) for n in numbers]
        return numbers, np.array(values, dtype=np.float64)


def mean(values):
    """The mean, summed wide enough that neither rounding nor overflow shows."""
    return float(np.mean(np.asarray(values, dtype=np.longdouble)))


def rolling_means(values, window):
    """
    At each position the mean of the last min(k, window) finite values, k counting the finite
    ones up to there; None at a position that is not finite.
    """
    means, seen = [], []
    for value in np.asarray(values, dtype=np.float64):
        if not np.isfinite(value):
            means.append(None)
            continue
        seen.append(value)
        means.append(mean(seen[-window:]))
    return means


def curve_points(book, metric, window):
    """[(episode, value or None, rolling mean or None, value of smoothed_values)] of a whole run."""
    numbers, values = book.column(metric)
    smoothed = rolling_means(values, window)
    raw = [float(v) if np.isfinite(v) else None for v in values]
    late = [None if i < window - 1 else s for i, s in enumerate(smoothed)]
    return list(zip(numbers, raw, smoothed, late, strict=True))


def curve_answer(book, run_id, metric, window, first=1, last=2**53, points=None):
    """The whole answer of learning-curve; points, when given, are what thinning left."""
    inside = [p for p in curve_points(book, metric, window) if first <= p[0] <= last]
    left = inside if points is None else points
    return {
        "run_id": run_id,
        "metric": metric,
        "window": window,
        "episode_numbers": [p[0] for p in left],
        "raw_values": [p[1] for p in left],
        "smoothed_values": [p[3] for p in left],
        "curve": [{"episode": p[0], "value": p[1], "smoothed": p[2]} for p in left],
        "points_total": len(inside),
        "points_returned": len(left),
    }


def thinning_faults(whole, left, max_points):
    """What is wrong with a thinned curve, as sentences; whole and left are curve points."""
    faults = []
    by_episode = {p[0]: p for p in whole}
    if len(left) > max_points:
        faults.append(f"{len(left)} points are more than max_points={max_points}")
    if len(whole) <= max_points and len(left) != len(whole):
        faults.append(f"{len(whole) - len(left)} points left out though all fit")
    episodes = [p[0] for p in left]
    if episodes != sorted(set(episodes)):
        faults.append("episodes are not strictly ascending")
    for point in left:
        if point[0] not in by_episode:
            faults.append(f"episode {point[0]} is not in the run")
        elif differences(point, by_episode[point[0]]):
            faults.append(f"{point} is not what smoothing first gives: {by_episode[point[0]]}")
    if whole and (not left or left[0][0] != whole[0][0] or left[-1][0] != whole[-1][0]):
        faults.append("the first or the last point is missing")
    columns = [(1, "raw")] + ([(2, "smoothed")] if max_points >= 6 else [])
    for column, name in columns:
        of_whole = [p[column] for p in whole if p[column] is not None]
        of_left = [p[column] for p in left if p[column] is not None]
        for extreme in (min, max):
            if of_whole and (not of_left or differences(extreme(of_left), extreme(of_whole))):
                faults.append(f"the {extreme.__name__} of {name} is missing")
    return faults


def aggregate_stats(book):
    """aggregate_stats of a run; None while it has no episode."""
    if not book.reports:
        return None
    stats = {"total_episodes": len(book), "nonfinite": {}}
    for metric in book.metrics():
        values = book.column(metric)[1]
        finite = values[np.isfinite(values)]
        for name in REWARD_NAMES if metric == "total_reward" else (metric,):
            stats[f"avg_{name}"] = mean(finite) if finite.size else None
            stats[f"min_{name}"] = float(np.min(finite)) if finite.size else None
            stats[f"max_{name}"] = float(np.max(finite)) if finite.size else None
            if finite.size < values.size:
                stats["nonfinite"][name] = int(values.size - finite.size)
    if "avg_sharpe_ratio" in stats:
        stats["avg_sharpe"] = stats["avg_sharpe_ratio"]
    if "max_roi_pct" in stats:
        stats["best_roi_pct"] = stats["max_roi_pct"]
        stats["worst_roi_pct"] = stats["min_roi_pct"]
    return stats


def learning_curve(book):
    """learning_curve of the detail; None while the run has no episode."""
    if not book.reports:
        return None
    curves = {m: rolling_means(book.column(m)[1], DETAIL_WINDOW) for m in book.metrics()}
    return both_names(curves)


def detail_episodes(book):
    """episodes of the detail, without session_id and created_at."""
    return [{"episode_number": n, "metrics": both_names(book.reports[n])} for n in book.numbers()]


def document_episodes(book):
    """metrics.episodes of a RunDocument, without session_id and created_at."""
    return [{"episode": n, **both_names(book.reports[n])} for n in book.numbers()]


def rolling_win_rate(book):
    """metrics.rolling_win_rate of a RunDocument."""
    numbers, wins = book.column("win")
    rates = rolling_means(wins, WIN_WINDOW)
    return [{"episode": n, "win_rate": r} for n, r in zip(numbers, rates, strict=True)]


def summary(book):
    """summary of a RunDocument."""
    rewards = book.column("total_reward")[1]
    finite = rewards[np.isfinite(rewards)]
    rates = rolling_win_rate(book)
    return {
        "episodes": len(book),
        "avg_reward": mean(finite) if finite.size else None,
        "max_reward": float(np.max(finite)) if finite.size else None,
        "min_reward": float(np.min(finite)) if finite.size else None,
        "final_win_rate": rates[-1]["win_rate"] if rates else None,
    }


def list_row(book):
    """The figures of a TrainingRun in a list."""
    stats = aggregate_stats(book) or {}
    return {
        "episodes_completed": len(book),
        "total_episodes": len(book),
        "avg_roi_pct": stats.get("avg_roi_pct"),
        "avg_sharpe": stats.get("avg_sharpe_ratio"),
    }


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def differences(got, want, path="$"):
    """
    Where two JSON values differ, as sentences; empty when they are the same. Numbers may differ by
    rounding (1e-9 of their size), all else must be equal, and 1 is not true.
    """
    if is_number(got) and is_number(want):
        same = math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9)
        return [] if same else [f"{path}: {got!r} instead of {want!r}"]
    if isinstance(got, dict) and isinstance(want, dict):
        found = [f"{path}.{k}: missing" for k in want if k not in got]
        found += [f"{path}.{k}: {got[k]!r}, not expected" for k in got if k not in want]
        for key in want:
            if key in got:
                found += differences(got[key], want[key], f"{path}.{key}")
        return found
    if isinstance(got, (list, tuple)) and isinstance(want, (list, tuple)):
        if len(got) != len(want):
            return [f"{path}: {len(got)} items instead of {len(want)}"]
        found = []
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            found += differences(a, b, f"{path}[{i}]")
        return found
    if type(got) is type(want) and got == want:
        return []
    return [f"{path}: {got!r} instead of {want!r}"]
