"""
GET /api/training-runs/benchmark (contract section 3): agents compared over their ended runs.
Scores, medians and interquartile means are worked out with NumPy and SciPy; the ends of an interval
must lie where those of 2000 resamples can, judged by a far larger bootstrap of NumPy's.
"""

import math
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats

from expected import Book, differences, rolling_means
from support import DOCUMENTS, Client, new_id, ok, problem, without

BENCHMARK = DOCUMENTS + "/benchmark"
WINDOW = 100
RESAMPLES = 2000  # the program's
REFERENCE = 100_000  # ours
TAIL = 0.025
SIGMAS = 5
RUNS_MAX = 1000


class Trained:
    """A run that has ended, and what it must contribute."""

    def __init__(self, client, reports, status="completed", **members):
        self.run_id = client.create(**members)
        self.task = (members.get("config") or {}).get("env_id", "")
        self.book = Book()
        client.report_all(self.run_id, reports)
        for number, report in reports.items():
            self.book.report(number, report)
        if status != "running":
            client.end(self.run_id, status)

    def score(self, metric="total_reward"):
        """The mean of the last 100 finite values; None when there is none."""
        values = self.book.column(metric)[1]
        finite = values[np.isfinite(values)]
        return float(np.mean(finite[-WINDOW:])) if finite.size else None

    def reached(self, target, metric="total_reward"):
        """The first episode whose rolling mean is at the target, or None."""
        numbers, values = self.book.column(metric)
        for number, mean in zip(numbers, rolling_means(values, WINDOW), strict=True):
            if mean is not None and mean >= target:
                return number
        return None


def rewards(values, first=1):
    return {first + i: {"total_reward": float(v)} for i, v in enumerate(values)}


def group_of(runs, agent_id, algorithm, metric="total_reward", target=None):
    """The group that these runs make, but for its interval."""
    scored = [r for r in runs if r.score(metric) is not None]
    scores = [r.score(metric) for r in scored]
    group = {
        "agent_id": agent_id,
        "algorithm": algorithm,
        "runs": len(scores),
        "best": max(scores),
        "median": float(np.median(scores)),
        "iqm": float(scipy.stats.trim_mean(scores, 0.25)),
        "episodes_to_target": None,
    }
    if target is not None:
        reached = [r.reached(target, metric) for r in scored]
        reached = [n for n in reached if n is not None]
        group["episodes_to_target"] = float(np.median(reached)) if reached else None
        group["reached"] = len(reached)
    return group


def bootstrap_means(strata, seed=1):
    """Interquartile means of many resamples, each stratum drawn by itself."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.array(s), size=(REFERENCE, len(s))) for s in strata]
    return scipy.stats.trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1)


def assert_interval(ends, means):
    """
    The end of a percentile interval of 2000 resamples is their quantile q; how many of them lie
    below the true quantile is binomial, so its place in the true distribution has the standard
    deviation sqrt(q (1 - q) / 2000), whatever that distribution is.
    """
    slack = SIGMAS * math.sqrt(TAIL * (1 - TAIL) / RESAMPLES)
    for end, q in zip(ends, (TAIL, 1 - TAIL), strict=True):
        low, high = np.quantile(means, [max(q - slack, 0), min(q + slack, 1)])
        rounding = 1e-9 * max(abs(low), abs(high), 1)
        assert low - rounding <= end <= high + rounding, (ends, low, high)


def assert_group(group, runs, agent_id, algorithm="unknown", metric="total_reward", target=None):
    want = group_of(runs, agent_id, algorithm, metric, target)
    assert not differences(without(group, "ci95"), want)
    tasks = sorted({r.task for r in runs})
    scores = {t: [r.score(metric) for r in runs if r.task == t] for t in tasks}
    strata = [[s for s in scores[t] if s is not None] for t in tasks]
    assert_interval(group["ci95"], bootstrap_means([s for s in strata if s]))


@pytest.fixture
def agent():
    return new_id("agent")


# ---- figures ----


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 12, 25])
def test_a_groups_figures_are_those_of_numpy_and_scipy(client, agent, count):
    rng = np.random.default_rng(count)
    runs = [
        Trained(client, rewards(rng.normal(rng.normal(0, 30), 5, 130)), agent_id=agent)
        for _ in range(count)
    ]
    answer = client.read(BENCHMARK, agent_id=agent)
    assert set(answer) == {"metric", "window", "groups"}
    assert answer["metric"] == "total_reward" and answer["window"] == WINDOW
    (group,) = answer["groups"]
    assert list(group) == [
        "agent_id", "algorithm", "runs", "best", "median", "iqm", "ci95", "episodes_to_target",
    ]  # fmt: skip
    assert_group(group, runs, agent)
    assert group["ci95"][0] <= group["iqm"] <= group["ci95"][1]
    if count == 1:
        assert group["ci95"] == [group["best"], group["best"]]


def test_the_interval_is_that_of_scipys_bootstrap_too(client, agent):
    rng = np.random.default_rng(99)
    runs = [Trained(client, rewards(rng.gamma(2, 10, 20)), agent_id=agent) for _ in range(15)]
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    done = scipy.stats.bootstrap(
        ([r.score() for r in runs],),
        lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis),
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(5),
    )
    assert_interval(group["ci95"], done.bootstrap_distribution)


def test_each_task_is_drawn_by_itself(client, agent):
    rng = np.random.default_rng(7)
    level = {"CartPole-v1": 500, "Pong-v5": -20, "Hopper-v4": 3000}
    runs = [
        Trained(
            client,
            rewards(rng.normal(level[task], 10, 3) + rng.normal(0, 8)),
            agent_id=agent,
            config={"env_id": task, "seed": seed},
        )
        for task in level
        for seed in range(6)
    ]
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert_group(group, runs, agent)
    low, high = np.quantile(bootstrap_means([[r.score() for r in runs]]), [TAIL, 1 - TAIL])
    width = group["ci95"][1] - group["ci95"][0]
    assert width < 0.5 * (high - low), (
        "tasks are kept apart: runs of one do not stand in for others"
    )


@pytest.mark.parametrize(
    "name, other, kept",
    [
        ("env_id", "env", True),
        ("env", "environment", True),
        ("environment", "scenario_name", True),
        ("scenario_name", "task", True),
        ("task", "", False),
    ],
)
def test_the_task_is_the_first_text_of_four_members(client, agent, name, other, kept):
    for task, reward in (("a", 0.0), ("b", 1000.0)):
        for i in range(4):
            config = {name: task, other: f"other {i}"}
            Trained(client, rewards([reward + i]), agent_id=agent, config=config)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    # Four of each task in every resample: the middle half always holds two of either.
    assert (group["ci95"][0] > 495) == kept and (group["ci95"][1] < 510) == kept


def test_a_task_that_is_no_text_is_none(client, agent):
    for value in (None, 7, True, [], {"$gt": ""}, "", "x" * 257):
        Trained(client, rewards([1]), agent_id=agent, config={"env_id": value})
    Trained(client, rewards([1]), agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert group["runs"] == 8 and group["ci95"] == [1, 1]


def test_groups_are_agent_and_algorithm_in_order(stack, make_key):
    client = Client(stack.url, make_key(new_id("account")))
    places = [("b", "PPO"), ("a", "PPO"), ("b", "A2C"), ("B", "PPO"), ("a", "DQN"), ("é $ne", "x")]
    runs = {}
    for i in range(3):
        for agent_id, algorithm in random.Random(i).sample(places, len(places)):
            run = Trained(client, rewards([i, 2 * i]), agent_id=agent_id, algorithm=algorithm)
            runs.setdefault((agent_id, algorithm), []).append(run)
    Trained(client, rewards([5]))
    answer = client.read(BENCHMARK)
    names = [(g["agent_id"], g["algorithm"]) for g in answer["groups"]]
    assert names == sorted(
        [*places, ("unassigned", "unknown")], key=lambda p: [s.encode() for s in p]
    )
    for group in answer["groups"]:
        place = (group["agent_id"], group["algorithm"])
        if place in runs:
            assert_group(group, runs[place], *place)
    assert client.read(BENCHMARK, agent_id="b")["groups"] == [
        g for g in answer["groups"] if g["agent_id"] == "b"
    ]
    assert client.read(BENCHMARK, agent_id="$ne")["groups"] == []


def test_the_same_runs_give_the_same_answer(client, agent):
    rng = np.random.default_rng(3)
    values = [rng.normal(size=5) for _ in range(10)]
    for v in values:
        Trained(client, rewards(v), agent_id=agent)
    first = client.get(BENCHMARK, agent_id=agent).text
    assert client.get(BENCHMARK, agent_id=agent).text == first
    other = new_id("agent")
    for v in reversed(values):
        Trained(client, rewards(v), agent_id=other)
    assert client.get(BENCHMARK, agent_id=other).text.replace(other, agent) == first


# ---- scores ----


@pytest.mark.parametrize("length", [1, 2, 99, 100, 101, 128, 129, 1000, 4200])
def test_a_score_is_the_mean_of_the_last_hundred(client, agent, length):
    rng = np.random.default_rng(length)
    run = Trained(client, rewards(np.cumsum(rng.normal(size=length))), agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert not differences(group["best"], run.score())
    assert group["best"] == group["median"] == group["iqm"]


def test_a_score_is_the_end_of_the_curve(client, agent):
    rng = np.random.default_rng(11)
    numbers = sorted(random.Random(1).sample(range(1, 3000), 400))
    reports = {n: {"total_reward": float(rng.normal())} for n in numbers}
    run = Trained(client, reports, agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    curve = client.curve(run.run_id, metric="total_reward", window=100)
    assert not differences(group["best"], curve["curve"][-1]["smoothed"])


def test_values_that_are_not_finite_do_not_count(client, agent):
    reports = rewards(range(1, 301))
    for n in (*range(210, 290, 3), 1, 2, 300):
        reports[n] = {"total_reward": ["NaN", "Infinity", "-Infinity"][n % 3]}
    run = Trained(client, reports, agent_id=agent)
    Trained(client, {1: {"total_reward": "NaN"}, 2: {"total_reward": "Infinity"}}, agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert_group(group, [run], agent)


@pytest.mark.parametrize("single", [1, 16, 63, 64, 65, 100, 130])
def test_reports_one_by_one_count_wherever_they_are_kept(client, agent, single):
    run = Trained(client, rewards(range(60)), status="running", agent_id=agent)
    numbers = list(range(31, 31 + single))  # some replace, the others are new
    random.Random(single).shuffle(numbers)
    for n in numbers:
        client.report(run.run_id, n, total_reward=1000 + n)
        run.book.report(n, {"total_reward": 1000 + n})
    client.complete(run.run_id)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert_group(group, [run], agent)


def test_a_run_that_was_only_reported_one_by_one(client, agent):
    run = Trained(client, rewards([4]), status="running", agent_id=agent)
    for n in (9, 3, 700, 5):
        client.report(run.run_id, n, reward_sum=n, win=n > 4)
        run.book.report(n, {"reward_sum": n, "win": n > 4})
    client.complete(run.run_id)
    for metric in ("total_reward", "reward_sum", "win"):
        answer = client.read(BENCHMARK, agent_id=agent, metric=metric)
        assert answer["metric"] == metric
        assert_group(answer["groups"][0], [run], agent, metric=metric)


@pytest.mark.parametrize(
    "metric", ["roi_pct", "max_drawdown_pct", "steps", "win", "policy/loss", "a.b.c-d_e", "9"]
)
def test_any_metric_can_be_compared(client, agent, metric):
    rng = np.random.default_rng(5)
    runs = []
    for _ in range(6):
        reports = {}
        for n in range(1, 160):
            value = {"win": bool(rng.random() < 0.4), "steps": int(rng.integers(1, 99))}.get(
                metric, float(rng.normal())
            )
            own = metric in ("roi_pct", "max_drawdown_pct", "steps", "win")
            reports[n] = {metric: value} if own else {"metrics": {metric: value}}
        runs.append(Trained(client, reports, agent_id=agent))
    (group,) = client.read(BENCHMARK, agent_id=agent, metric=metric)["groups"]
    assert_group(group, runs, agent, metric=metric)


def test_a_rare_metric_is_found_far_back(client, agent):
    reports = {n: {"steps": n} for n in range(1, 9001)}
    for n in (*range(1, 3000, 40), 8500):
        reports[n] = {"steps": n, "metrics": {"rare": n}}
    run = Trained(client, reports, agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent, metric="rare")["groups"]
    assert_group(group, [run], agent, metric="rare")


def test_giants_are_averaged_without_overflow(client, agent):
    for sign in (1, -1, 1, -1):
        Trained(client, rewards([sign * 1.7e308] * 5), agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert group["best"] == 1.7e308 and group["median"] == group["iqm"] == 0
    assert group["ci95"][0] == pytest.approx(-1.7e308)
    assert group["ci95"][1] == pytest.approx(1.7e308)


# ---- which runs count ----


def test_ended_runs_count_and_no_others(client, agent, db):
    runs = [
        Trained(client, rewards([10.0 * i]), status=status, agent_id=agent)
        for i, status in enumerate(["completed", "stopped", "failed"])
    ]
    Trained(client, rewards([500]), status="running", agent_id=agent)
    Trained(client, {}, agent_id=agent)  # no episode
    Trained(client, {1: {"steps": 3}}, agent_id=agent)  # another metric alone
    deleted = Trained(client, rewards([600]), agent_id=agent)
    now = db.runs.find_one({"run_id": deleted.run_id})["started_at"]
    db.runs.update_one({"run_id": deleted.run_id}, {"$set": {"deleted_at": now}})
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert_group(group, runs, agent)


def test_a_metric_that_no_run_has_gives_no_groups(client, agent):
    Trained(client, rewards([1]), agent_id=agent)
    answer = client.read(BENCHMARK, agent_id=agent, metric="no/such.metric")
    assert answer == {"metric": "no/such.metric", "window": WINDOW, "groups": []}
    assert client.read(BENCHMARK, agent_id="nobody", target=1)["groups"] == []


def test_a_metric_that_was_replaced_away_does_not_count(client, agent):
    run = Trained(client, {1: {"metrics": {"m": 1}}}, status="running", agent_id=agent)
    client.report(run.run_id, 1, metrics={"other": 2})
    client.complete(run.run_id)
    assert client.read(BENCHMARK, agent_id=agent, metric="m")["groups"] == []


def test_another_accounts_runs_are_not_compared(stack, client, agent, make_key):
    Trained(client, rewards([1]), agent_id=agent)
    stranger = Client(stack.url, make_key(new_id("account")))
    assert stranger.read(BENCHMARK)["groups"] == []
    Trained(stranger, rewards([2]), agent_id=agent)
    assert [g["best"] for g in stranger.read(BENCHMARK)["groups"]] == [2]
    (group,) = client.read(BENCHMARK, agent_id=agent)["groups"]
    assert group["best"] == 1 and group["runs"] == 1


# ---- target ----


@pytest.mark.parametrize("target", [-5, 0, 3.25, 20, 39.5, 1e3])
def test_episodes_to_target_is_the_median_of_the_first_that_reach_it(client, agent, target):
    rng = np.random.default_rng(17)
    runs = []
    for i in range(5):
        values = np.linspace(-4, 10 * i, 350) + rng.normal(0, 3, 350)
        reports = rewards(values, first=3 * i + 1)
        reports[3 * i + 1] = {"total_reward": "NaN"}
        runs.append(Trained(client, reports, agent_id=agent))
    answer = client.read(BENCHMARK, agent_id=agent, target=target)
    assert answer["target"] == target
    assert_group(answer["groups"][0], runs, agent, target=target)
    assert answer["groups"][0]["reached"] <= 5
    if target == 1e3:
        assert answer["groups"][0]["episodes_to_target"] is None


def test_a_target_counts_from_the_first_point_and_is_reached_when_equal(client, agent):
    Trained(client, {7: {"total_reward": 5}, 8: {"total_reward": -100}}, agent_id=agent)
    Trained(client, {1: {"total_reward": 4}, 9: {"total_reward": 6}}, agent_id=agent)
    (group,) = client.read(BENCHMARK, agent_id=agent, target="5")["groups"]
    assert group["reached"] == 2 and group["episodes_to_target"] == 8


# ---- parameters ----


@pytest.mark.parametrize(
    "name, value",
    [
        ("metric", "a b"), ("metric", "$ne"), ("metric", "x" * 65), ("metric", "é"),
        ("metric", "a\tb"), ("metric", "a:b"),
        ("target", "x"), ("target", "nan"), ("target", "inf"), ("target", "-Infinity"),
        ("target", "0x10"), ("target", "1e400"), ("target", "1,5"), ("target", "1 "),
        ("target", " 1"), ("target", "--1"), ("target", "1e"), ("target", "-"), ("target", "."),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(client, name, value):
    problem(client.get(BENCHMARK, **{name: value}), 422, "validation_failed", [name])


def test_all_wrong_parameters_are_named_at_once(client):
    response = client.get(BENCHMARK, metric="$", target="$", agent_id="$")
    problem(response, 422, "validation_failed", ["metric", "target"])


@pytest.mark.parametrize("target", ["1", "-1.5", "1e2", "+3", "1E-400", ".5", "-0"])
def test_targets_are_decimal_numbers(client, target):
    answer = client.read(BENCHMARK, agent_id="nobody", target=target)
    assert answer["target"] == float(target)


def test_a_name_of_64_is_taken(client):
    assert client.read(BENCHMARK, agent_id="nobody", metric="x" * 64)["groups"] == []


def test_empty_and_unknown_parameters_count_as_absent(client, agent):
    Trained(client, rewards([1, 2]), agent_id=agent)
    plain = client.get(BENCHMARK, agent_id=agent).text
    assert client.get(BENCHMARK, agent_id=agent, metric="", target="", window="7").text == plain
    assert client.get(BENCHMARK + "/", agent_id=agent).text == plain


# ---- the path ----


def test_a_run_named_benchmark_is_read_by_the_other_family(stack, make_key):
    client = Client(stack.url, make_key(new_id("account")))
    client.create("benchmark")
    assert client.read(f"{DOCUMENTS}/benchmark") == {
        "metric": "total_reward", "window": WINDOW, "groups": [],
    }  # fmt: skip
    assert client.detail("benchmark")["run_id"] == "benchmark"
    assert ok(client.patch(f"{DOCUMENTS}/benchmark", {"notes": "n"}), 200)["notes"] == "n"
    assert client.read(f"{DOCUMENTS}/benchmark/evaluations") == []


def test_methods_and_keys(stack, client, make_key):
    refused = client.post(BENCHMARK, {})
    problem(refused, 405, "method_not_allowed")
    methods = refused.headers["Allow"].split(", ")
    assert "GET" in methods and "HEAD" in methods and "POST" not in methods
    assert len(methods) == len(set(methods))
    problem(Client(stack.url, "ak_wrong").get(BENCHMARK), 401)
    writer = Client(stack.url, make_key(new_id("account"), "write"))
    problem(writer.get(BENCHMARK), 403, "scope_missing")


# ---- many ----


@pytest.fixture(scope="module")
def crowd(stack, make_key):
    """An account of 1001 ended runs, of which the oldest has the agent "first"."""
    key = make_key(new_id("account"))
    client = Client(stack.url, key)
    first = client.create(agent_id="first")
    client.report(first, 1, total_reward=1)
    client.complete(first)

    def train(share):
        own = Client(stack.url, key)
        for i in share:
            run_id = own.create(agent_id=f"agent-{i % 3}")
            own.report(run_id, 1, total_reward=i)
            own.complete(run_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, (range(i, RUNS_MAX, 4) for i in range(4))))
    return client


def test_the_newest_1000_are_compared_and_more_are_told(crowd):
    answer = crowd.read(BENCHMARK)
    assert answer["truncated"] is True
    assert sum(g["runs"] for g in answer["groups"]) == RUNS_MAX
    assert [g["agent_id"] for g in answer["groups"]] == ["agent-0", "agent-1", "agent-2"]
    for i, group in enumerate(answer["groups"]):
        scores = list(range(i, RUNS_MAX, 3))
        assert group["iqm"] == pytest.approx(scipy.stats.trim_mean(scores, 0.25), rel=1e-12)
        assert_interval(group["ci95"], bootstrap_means([scores]))


def test_what_a_filter_leaves_is_not_called_truncated(crowd):
    answer = crowd.read(BENCHMARK, agent_id="first")
    assert "truncated" not in answer and [g["runs"] for g in answer["groups"]] == [1]
    assert "truncated" not in crowd.read(BENCHMARK, agent_id="agent-1", target=3)
