"""
GET /api/v1/training/runs/{id}/learning-curve (contract section 2): windows, both documents' forms,
custom metrics, thinning by max_points, from and to. Expected curves are computed in expected.py.
"""

import math

import numpy as np
import pytest

from expected import (
    NAMED_METRICS,
    Book,
    curve_answer,
    curve_points,
    differences,
    rolling_means,
    thinning_faults,
)
from support import RUNS, problem

LONG = 3000


@pytest.fixture
def run(client):
    return client.create()


def filled(client, reports):
    """A run with these reports {number: members}, and the book of them."""
    run_id, book = client.create(), Book()
    client.report_all(run_id, reports)
    for number, members in reports.items():
        book.report(number, members)
    return run_id, book


@pytest.fixture(scope="module")
def varied(module_client):
    """A run of 240 episodes with gaps: every metric, each on some episodes only."""
    rng = np.random.default_rng(1)
    numbers = sorted(int(n) for n in rng.choice(np.arange(1, 400), 240, replace=False))
    reports = {}
    for n in numbers:
        members = {
            "roi_pct": float(rng.normal()),
            "sharpe_ratio": float(rng.normal()) if n % 2 else None,
            "max_drawdown_pct": float(rng.random() * 20),
            "total_trades": int(rng.integers(0, 90)),
            "reward_sum": float(rng.normal() * 100) if n % 5 else None,
            "steps": int(rng.integers(1, 500)),
            "win": [True, False, 0.5][int(rng.integers(3))] if n % 3 else None,
            "epsilon": math.exp(-n / 100),
            "metrics": {"policy/loss": float(rng.random()), "rare": n if n % 40 == 0 else None},
        }
        reports[n] = members
    return filled(module_client, reports)


@pytest.fixture(scope="module")
def walk_run(module_client):
    """A long random walk with lone spikes and values that are not finite."""
    rng = np.random.default_rng(2)
    walk = np.cumsum(rng.normal(size=LONG))
    reports = {n: {"roi_pct": float(walk[n - 1])} for n in range(1, LONG + 1)}
    for n in range(100, LONG, 375):
        reports[n] = {"roi_pct": 1000.0 + n}
        reports[n + 150] = {"roi_pct": -1000.0 - n}
    for n in (1, 2, 500, 501, 502, 1499, LONG):
        reports[n] = {"roi_pct": ["NaN", "Infinity", "-Infinity"][n % 3]}
    return filled(module_client, reports)


@pytest.mark.parametrize("window", [1, 2, 3, 10, 99, 100])
@pytest.mark.parametrize("metric", (*NAMED_METRICS, "policy/loss", "rare"))
def test_a_curve_is_the_rolling_mean_in_both_forms(client, varied, metric, window):
    run_id, book = varied
    got = client.curve(run_id, metric=metric, window=window)
    assert not differences(got, curve_answer(book, run_id, metric, window))


def test_the_seeds_own_example_comes_out(client):
    values = [1.2, -0.3, 2.1, 3.4, 1.8, 4.2, 2.9, 3.7, 5.1, 4.8]
    run_id, _ = filled(client, {i + 1: {"roi_pct": v} for i, v in enumerate(values)})
    curve = client.curve(run_id)
    assert curve["metric"] == "roi_pct" and curve["window"] == 10
    assert curve["episode_numbers"] == list(range(1, 11))
    assert curve["raw_values"] == values
    assert curve["smoothed_values"][:9] == [None] * 9
    assert curve["smoothed_values"][9] == pytest.approx(2.89)
    assert curve["curve"][1] == {"episode": 2, "value": -0.3, "smoothed": pytest.approx(0.45)}


@pytest.mark.parametrize("metric", NAMED_METRICS)
def test_one_of_the_nine_that_the_run_lacks_gives_an_empty_curve(client, run, metric):
    client.report(run, 1, metrics={"other": 1})
    got = client.curve(run, metric=metric)
    assert not differences(got, curve_answer(Book(), run, metric, 10))


def test_a_run_without_episodes_has_an_empty_curve(client, run):
    assert not differences(client.curve(run), curve_answer(Book(), run, "roi_pct", 10))


def test_a_window_longer_than_the_run_smooths_over_what_there_is(client):
    run_id, book = filled(client, {n: {"roi_pct": n * n} for n in (1, 2, 3)})
    got = client.curve(run_id, window=100)
    assert got["smoothed_values"] == [None, None, None]
    assert not differences(got, curve_answer(book, run_id, "roi_pct", 100))


def test_values_that_are_not_finite_are_null_and_not_counted_in_a_window(client):
    values = ["NaN", 1.0, "Infinity", 3.0, "-Infinity", "NaN", 5.0, 7.0]
    run_id, book = filled(client, {i + 1: {"roi_pct": v} for i, v in enumerate(values)})
    got = client.curve(run_id, window=2)
    assert got["raw_values"] == [None, 1, None, 3, None, None, 5, 7]
    assert [p["smoothed"] for p in got["curve"]] == [None, 1, None, 2, None, None, 4, 6]
    assert got["smoothed_values"] == [None, 1, None, 2, None, None, 4, 6]
    assert not differences(got, curve_answer(book, run_id, "roi_pct", 2))


@pytest.mark.parametrize("huge", [1e16, -1e300, 1.7976931348623157e308])
def test_a_huge_value_that_left_the_window_leaves_no_trace(client, huge):
    values = [1.0, huge, 1.0, 2.0, 3.0, 4.0]
    run_id, _ = filled(client, {i + 1: {"roi_pct": v} for i, v in enumerate(values)})
    got = client.curve(run_id, window=2)
    assert [p["smoothed"] for p in got["curve"]][3:] == [1.5, 2.5, 3.5]
    learnt = client.detail(run_id)["learning_curve"]["roi_pct"]
    assert not differences(learnt, rolling_means(values, 10))


def test_values_near_the_largest_double_have_a_mean(client):
    values = [1.5e308] * 12
    run_id, book = filled(
        client, {i + 1: {"roi_pct": v, "total_reward": v} for i, v in enumerate(values)}
    )
    got = client.curve(run_id, window=3)
    assert not differences(got, curve_answer(book, run_id, "roi_pct", 3))
    stats = client.detail(run_id)["aggregate_stats"]
    assert stats["avg_roi_pct"] == pytest.approx(1.5e308, rel=1e-12)


def test_the_curve_does_not_drift_over_a_long_run(client):
    values = [1e9 + (n % 7) * 1e-3 for n in range(3000)]
    run_id, _ = filled(client, {n + 1: {"roi_pct": v} for n, v in enumerate(values)})
    got = np.array([p["smoothed"] for p in client.curve(run_id, window=7)["curve"]])
    want = np.array(rolling_means(values, 7))
    assert np.max(np.abs(got - want)) <= 2.5e-7  # twice the spacing of doubles near 1e9


@pytest.mark.parametrize(
    "query, field",
    [
        ("window=0", "window"),
        ("window=101", "window"),
        ("window=-1", "window"),
        ("window=1.5", "window"),
        ("window=ten", "window"),
        ("window=99999999999999999999", "window"),
        ("metric=loss", "metric"),
        ("metric=ROI_PCT", "metric"),
        ("metric=%24where", "metric"),
        ("metric=metrics", "metric"),
        ("metric=_id", "metric"),
        ("metric=created_at", "metric"),
        ("metric=bad%20name", "metric"),
        ("metric=" + "x" * 65, "metric"),
        ("max_points=3", "max_points"),
        ("max_points=0", "max_points"),
        ("max_points=-5", "max_points"),
        ("max_points=many", "max_points"),
        ("from=x", "from"),
        ("from=-1", "from"),
        ("to=1e3", "to"),
        ("to=99999999999999999999", "to"),
    ],
)
def test_a_wrong_parameter_is_422_that_names_it(client, run, query, field):
    client.report(run, 1, roi_pct=1, metrics={"other": 1})
    answer = client.get(f"{RUNS}/{run}/learning-curve?{query}")
    problem(answer, 422, "validation_failed", [field])


def test_every_wrong_parameter_is_told(client, run):
    answer = client.get(f"{RUNS}/{run}/learning-curve", window=0, max_points=1, metric="nope")
    problem(answer, 422, "validation_failed", ["window", "max_points", "metric"])


def test_a_custom_metric_of_another_run_is_422(client, run):
    other = client.create()
    client.report(other, 1, metrics={"theirs": 1})
    client.report(run, 1, metrics={"mine": 1})
    problem(client.get(f"{RUNS}/{run}/learning-curve", metric="theirs"), 422, fields=["metric"])
    client.curve(run, metric="mine")


def test_a_custom_metric_that_a_replacement_took_away_is_gone(client, run):
    client.report(run, 1, metrics={"old": 1})
    client.report(run, 1, metrics={"new": 2})
    problem(client.get(f"{RUNS}/{run}/learning-curve", metric="old"), 422, fields=["metric"])
    assert client.curve(run, metric="new", window=1)["raw_values"] == [2]
    assert set(client.detail(run)["learning_curve"]) == {"new"}


def points_of(answer):
    """An answer's points in expected.py's form, after checking that its two forms agree."""
    pairs = zip(answer["episode_numbers"], answer["raw_values"], strict=True)
    assert [(p["episode"], p["value"]) for p in answer["curve"]] == list(pairs)
    assert len(answer["smoothed_values"]) == len(answer["curve"])
    assert answer["points_returned"] == len(answer["curve"])
    return [
        (p["episode"], p["value"], p["smoothed"], late)
        for p, late in zip(answer["curve"], answer["smoothed_values"], strict=True)
    ]


@pytest.mark.parametrize("window", [1, 10, 100])
@pytest.mark.parametrize(
    "max_points", [4, 5, 6, 7, 10, 50, 99, 333, LONG - 1, LONG, LONG + 1, 100000]
)
def test_thinning_smooths_first_and_keeps_ends_and_extremes(client, walk_run, max_points, window):
    run_id, book = walk_run
    answer = client.curve(run_id, max_points=max_points, window=window)
    assert answer["points_total"] == LONG
    whole = curve_points(book, "roi_pct", window)
    faults = thinning_faults(whole, points_of(answer), max_points)
    assert not faults, faults[:5]


@pytest.mark.parametrize("max_points", [100, 400, 1000])
def test_thinning_keeps_every_lone_spike(client, walk_run, max_points):
    run_id, _ = walk_run
    shown = set(client.curve(run_id, max_points=max_points)["episode_numbers"])
    spikes = [n + d for n in range(100, LONG, 375) for d in (0, 150) if n + d <= LONG]
    assert not [n for n in spikes if n not in shown]


@pytest.mark.parametrize("max_points", [40, 100, 1000])
def test_thinning_fills_a_fair_part_of_what_was_asked_for(client, walk_run, max_points):
    run_id, _ = walk_run
    assert client.curve(run_id, max_points=max_points)["points_returned"] >= max_points // 3


def test_thinning_spreads_over_the_whole_run(client, walk_run):
    run_id, _ = walk_run
    shown = np.array(client.curve(run_id, max_points=100)["episode_numbers"])
    assert np.max(np.diff(shown)) <= 4 * LONG / (100 / 4)


def test_a_collapse_of_the_win_rate_survives_thinning(client):
    wins = np.ones(4000)
    wins[1500:1900] = 0
    run_id, book = filled(client, {i + 1: {"win": bool(w)} for i, w in enumerate(wins)})
    answer = client.curve(run_id, metric="win", window=100, max_points=60)
    assert not thinning_faults(curve_points(book, "win", 100), points_of(answer), 60)
    assert min(p[2] for p in points_of(answer)) == 0


@pytest.mark.parametrize(
    "first, last",
    [(1, LONG), (1, 1), (LONG, LONG), (11, 20), (1000, 2000), (2999, 10**9), (LONG + 1, LONG + 5),
     (None, 50), (2950, None), (700, 700)],
)  # fmt: skip
@pytest.mark.parametrize("max_points", [None, 20])
def test_from_and_to_cut_after_smoothing_over_all_episodes(
    client, walk_run, first, last, max_points
):
    run_id, book = walk_run
    params = {"from": first, "to": last, "max_points": max_points, "window": 10}
    answer = client.curve(run_id, **{k: v for k, v in params.items() if v is not None})
    low, high = first or 1, last or 2**53
    inside = [p for p in curve_points(book, "roi_pct", 10) if low <= p[0] <= high]
    assert answer["points_total"] == len(inside)
    faults = thinning_faults(inside, points_of(answer), max_points or 10**9)
    assert not faults, faults[:5]


def test_thinning_a_curve_of_nothing_but_nan_works(client):
    run_id, book = filled(client, {n: {"roi_pct": "NaN"} for n in range(1, 51)})
    answer = client.curve(run_id, max_points=10)
    assert not thinning_faults(curve_points(book, "roi_pct", 10), points_of(answer), 10)
    assert set(answer["raw_values"]) == {None}


def test_thinning_a_flat_curve_keeps_its_ends(client):
    run_id, book = filled(client, {n * 10: {"roi_pct": 1.5} for n in range(1, 101)})
    answer = client.curve(run_id, max_points=8)
    assert not thinning_faults(curve_points(book, "roi_pct", 10), points_of(answer), 8)
