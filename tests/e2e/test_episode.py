"""
Episodes (contract section 1) through both families: replacing, order, batches, values of every
kind, and reports that waited in a queue. What is read back must be what NumPy makes of what was
acknowledged (expected.py). Refusals are in test_bad_input.py.
"""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from expected import Book
from support import (
    DOCUMENTS,
    RUNS,
    TIME,
    agree,
    fastcgi,
    list_faults,
    literal_member,
    new_id,
    ok,
    problem,
)

# How each family reports one episode and a batch: (path of one, path of a batch, member).
FAMILIES = {
    "v1": ("/episodes", "/episodes/batch", "episode_number"),
    "documents": ("/episodes", "/episodes", "episode"),
}


@pytest.fixture(params=FAMILIES)
def report(request, client):
    """report(run_id, number, members) and report.batch(run_id, [(number, members)]) of a family."""
    base = RUNS if request.param == "v1" else DOCUMENTS
    one, batch, member = FAMILIES[request.param]

    def send(run_id, number, members):
        return client.write(f"{base}/{run_id}{one}", {member: number, **members})

    def send_batch(run_id, items):
        episodes = [{member: n, **m} for n, m in items]
        return client.write(f"{base}/{run_id}{batch}", {"episodes": episodes})

    send.batch, send.family = send_batch, request.param
    return send


@pytest.fixture
def run(client):
    return client.create()


def metrics_of_episode(client, run_id, number):
    """An episode's metrics in both details, which must be the same."""
    episodes = {e["episode_number"]: e for e in client.detail(run_id)["episodes"]}
    flat = {e["episode"]: e for e in client.document(run_id)["metrics"]["episodes"]}
    metrics = episodes[number]["metrics"]
    rest = {
        k: v for k, v in flat[number].items() if k not in ("episode", "session_id", "created_at")
    }
    assert json.dumps(rest, sort_keys=True) == json.dumps(metrics, sort_keys=True)
    return metrics


def test_a_report_is_answered_with_what_the_family_says(client, run, report):
    first = report(run, 42, {"roi_pct": 3.7, "reward_sum": 245.3})
    again = report(run, 42, {"roi_pct": 3.8})
    batch = report.batch(run, [(42, {"roi_pct": 1}), (43, {"roi_pct": 2}), (44, {})])
    if report.family == "v1":
        assert [r["episodes_completed"] for r in (first, again, batch)] == [1, 1, 3]
        assert first["run_id"] == run and first["status"] == "running"
    else:
        counts = ("accepted", "inserted", "replaced", "episodes")
        assert {"run_id", *counts} <= set(first)
        assert [first[c] for c in counts] == [1, 1, 0, 1]
        assert [again[c] for c in counts] == [1, 0, 1, 1]
        assert [batch[c] for c in counts] == [3, 2, 1, 3]


def test_reporting_a_number_again_replaces_the_whole_report_and_counts_once(client, run, report):
    book = Book()
    session = str(uuid.uuid4())
    for members in (
        {"roi_pct": 5, "sharpe_ratio": 2, "win": True, "metrics": {"a": 1}, "session_id": session},
        {"roi_pct": -3.5, "metrics": {"b/c": 2}},
    ):
        report(run, 7, members)
        book.report(7, members)
    assert metrics_of_episode(client, run, 7) == {"roi_pct": -3.5, "b/c": 2}
    assert client.detail(run)["episodes"][0]["session_id"] is None
    agree(client, run, book)


def test_a_retry_of_the_same_report_changes_nothing_but_its_time(client, run, report):
    members = {"roi_pct": 1.25, "win": 0.5, "metrics": {"loss": 0.1}}
    book = Book()
    for _ in range(5):
        report(run, 3, members)
        report.batch(run, [(3, members)])
        book.report(3, members)
    agree(client, run, book)


def test_replacing_the_extremes_moves_minimum_maximum_and_average(client, run, report):
    book = Book()
    told = [(1, 5.0), (2, 100.0), (3, -100.0), (4, 1.0), (2, 6.0), (3, -6.0), (4, 2.0), (2, 5.5)]
    for number, reward in told:
        members = {"total_reward": reward, "roi_pct": reward / 2}
        report(run, number, members)
        book.report(number, members)
        assert not list_faults(client, run, book)
    agree(client, run, book)


def test_a_replaced_huge_value_leaves_no_trace_in_any_average(client, run, report):
    book = Book()
    for number, value in ((1, 1e300), (2, 3.0), (1, 1.0)):
        report(run, number, {"roi_pct": value, "reward_sum": value, "sharpe_ratio": value})
        book.report(number, {"roi_pct": value, "reward_sum": value, "sharpe_ratio": value})
    agree(client, run, book)


def test_out_of_order_with_gaps_reads_are_in_number_order(client, run, report):
    book = Book()
    for number in (7, 3, 10, 1, 1000000, 8, 2):
        report(run, number, {"roi_pct": number * 1.5, "win": number % 2 == 0})
        book.report(number, {"roi_pct": number * 1.5, "win": number % 2 == 0})
    agree(client, run, book)


def test_the_largest_number_is_two_to_the_53_less_one(client, run, report):
    largest = 2**53 - 1
    report(run, largest, {"roi_pct": 2})
    report(run, 2**31 - 1, {"roi_pct": 1})
    report.batch(run, [(2**31, {"roi_pct": 1.5}), (largest - 1, {"roi_pct": 1.75})])
    want = [2**31 - 1, 2**31, largest - 1, largest]
    assert [e["episode_number"] for e in client.detail(run)["episodes"]] == want
    assert client.curve(run, window=1)["episode_numbers"] == want


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_late_episodes_are_taken_whatever_the_status(client, run, report, status):
    report(run, 1, {"roi_pct": 1})
    ended = client.end(run, status)
    report(run, 2, {"roi_pct": 3})
    report.batch(run, [(3, {"roi_pct": 5})])
    detail = client.detail(run)
    assert detail["status"] == status and detail["completed_at"] == ended["end_time"]
    assert detail["episodes_completed"] == 3
    assert detail["aggregate_stats"]["avg_roi_pct"] == 3


@pytest.mark.parametrize("count", [1, 2, 999, 1000])
def test_batches_of_1_to_1000_are_stored_whole(client, run, report, count):
    rng = np.random.default_rng(count)
    items = [
        (int(n), {"roi_pct": float(v), "win": bool(v > 0), "total_reward": float(v) * 2})
        for n, v in zip(rng.permutation(count) + 1, rng.normal(size=count), strict=True)
    ]
    report.batch(run, items)
    book = Book()
    for number, members in items:
        book.report(number, members)
    agree(client, run, book, windows=(10,))


def test_in_a_batch_the_last_report_of_a_number_stands_and_counts_once(client, run, report):
    report(run, 2, {"roi_pct": 50})
    answer = report.batch(
        run,
        [(1, {"roi_pct": 1}), (2, {"roi_pct": 2}), (1, {"sharpe_ratio": 3}), (2, {"roi_pct": 4})],
    )
    book = Book()
    book.report(1, {"sharpe_ratio": 3})
    book.report(2, {"roi_pct": 4})
    agree(client, run, book)
    if report.family == "documents":
        assert answer["accepted"] == 4 and answer["episodes"] == 2
        assert answer["inserted"] == 1 and answer["replaced"] >= 1


@pytest.mark.parametrize("where", [0, 1, 3])
@pytest.mark.parametrize(
    "bad",
    [
        {"roi_pct": "much"},
        {"win": 2},
        {"metrics": {"bad name": 1}},
        {"episode_number": 0, "episode": 0},
        {"session_id": "x"},
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_one_bad_item_refuses_the_whole_batch_by_its_index(client, run, db, family, where, bad):
    client.report(run, 1, roi_pct=1)
    base = RUNS if family == "v1" else DOCUMENTS
    _, path, member = FAMILIES[family]
    items = [{member: n, "roi_pct": n} for n in (1, 2, 3, 4)]
    items[where] |= {k: v for k, v in bad.items() if not k.startswith("episode") or k == member}
    before = client.get(f"{DOCUMENTS}/{run}").content
    answer = client.post(f"{base}/{run}{path}", {"episodes": items})
    problem(answer, 422, "validation_failed", [f"episodes[{where}]"])
    assert client.get(f"{DOCUMENTS}/{run}").content == before


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fault_of_a_batch_is_told(client, run, family):
    base = RUNS if family == "v1" else DOCUMENTS
    _, path, member = FAMILIES[family]
    items = [
        {member: 1, "roi_pct": "x", "win": 7},
        {member: 2},
        {member: 3, "metrics": {"loss": True}},
        7,
        {},
    ]
    answer = client.post(f"{base}/{run}{path}", {"episodes": items})
    fields = ["episodes[0].roi_pct", "episodes[0].win", "episodes[2].metrics", "episodes[3]",
              "episodes[4]"]  # fmt: skip
    body = problem(answer, 422, "validation_failed", fields)
    assert not any("episodes[1]" in fault["field"] for fault in body["errors"])


def test_the_document_family_takes_episode_or_episode_number(client, run):
    path = f"{DOCUMENTS}/{run}/episodes"
    client.write(path, {"episode": 1, "roi_pct": 1})
    client.write(path, {"episode_number": 2, "roi_pct": 2})
    client.write(path, {"episodes": [{"episode": 3}, {"episode_number": 4}]})
    assert [e["episode_number"] for e in client.detail(run)["episodes"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "members",
    [
        dict.fromkeys(("roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades",
                       "reward_sum", "total_reward", "steps", "win", "epsilon")),
        {"session_id": None, "metrics": None},
        {"metrics": {"loss": None, "other": None}},
        {"metrics": {}},
        {},
    ],
)  # fmt: skip
def test_null_means_not_given(client, run, report, members):
    report(run, 1, members)
    assert metrics_of_episode(client, run, 1) == {}
    book = Book()
    book.report(1, members)
    agree(client, run, book)


def test_a_null_beside_a_value_under_the_rewards_other_name_is_no_difference(client, run, report):
    report(run, 1, {"reward_sum": 3.5, "total_reward": None})
    assert metrics_of_episode(client, run, 1) == {"reward_sum": 3.5, "total_reward": 3.5}


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_sent_and_given_back_as_a_string(client, run, report, token):
    book = Book()
    reports = [
        (1, {"roi_pct": 2.0, "reward_sum": token, "metrics": {"loss": token, "only": token}}),
        (2, {"roi_pct": token, "total_reward": 4.0, "epsilon": token, "metrics": {"loss": 1}}),
        (3, {"roi_pct": 5.0, "sharpe_ratio": token, "max_drawdown_pct": token}),
    ]
    for number, members in reports[:2]:
        report(run, number, members)
    report.batch(run, reports[2:])
    for number, members in reports:
        book.report(number, members)
    assert metrics_of_episode(client, run, 1) == {
        "roi_pct": 2.0, "reward_sum": token, "total_reward": token, "loss": token, "only": token,
    }  # fmt: skip
    stats = client.detail(run)["aggregate_stats"]
    assert stats["nonfinite"]["roi_pct"] == 1 and stats["nonfinite"]["loss"] == 1
    assert stats["avg_roi_pct"] == 3.5 and stats["avg_only"] is None
    agree(client, run, book)


def test_the_reward_may_be_not_finite_under_both_names(client, run, report):
    report(run, 1, {"reward_sum": "NaN", "total_reward": "NaN"})
    assert metrics_of_episode(client, run, 1) == {"reward_sum": "NaN", "total_reward": "NaN"}


@pytest.mark.parametrize(
    "name",
    ["a", "loss", "policy/loss", "a.b.c", "A-b_C.9/z", "0", "-", ".", "/", "x" * 64, "..", "_id",
     "__proto__", "constructor", "id", "name", "n", "run", "status", "total_episodes"],
)  # fmt: skip
def test_custom_metrics_of_any_allowed_name_come_back(client, run, report, name):
    book = Book()
    for number in (1, 2, 3):
        members = {"metrics": {name: number * 1.5}}
        report(run, number, members)
        book.report(number, members)
    assert metrics_of_episode(client, run, 2) == {name: 3.0}
    agree(client, run, book, windows=(2,))


def test_names_that_differ_by_a_dot_or_its_neighbours_stay_apart(client, run, report):
    members = {"metrics": {"a.b": 1, "a_b": 2, "a/b": 3, "a-b": 4, "A.b": 5, "a": 6, "a.b.c": 7}}
    report(run, 1, members)
    book = Book()
    book.report(1, members)
    agree(client, run, book, windows=(1,))


def test_64_custom_metrics_fit_beside_the_nine(client, run, report):
    members = {"metrics": {f"m{i:02d}": i * 0.5 for i in range(64)}}
    members |= {"roi_pct": 1, "sharpe_ratio": 2, "max_drawdown_pct": 3, "total_trades": 4,
                "reward_sum": 5, "steps": 6, "win": True, "epsilon": 0.5}  # fmt: skip
    report(run, 1, members)
    book = Book()
    book.report(1, members)
    agree(client, run, book, windows=(1,))


def test_custom_metrics_named_like_an_alias_do_not_double_a_member(client, run):
    client.report(run, 1, sharpe_ratio=1, roi_pct=2, metrics={"sharpe": 3, "reward": 4})
    stats = client.detail(run)["aggregate_stats"]  # the client refuses a member that occurs twice
    assert stats["avg_sharpe_ratio"] == 1 and stats["avg_reward"] == 4


@pytest.mark.parametrize(
    "win, literal",
    [(True, True), (False, False), (0.5, "0.5"), (1, "1"), (0, "0"), (0.25, "0.25"), (1e-9, None)],
)
def test_a_win_comes_back_as_it_was_written(client, run, report, win, literal):
    report(run, 1, {"win": win})
    got = metrics_of_episode(client, run, 1)["win"]
    assert got == win and isinstance(got, bool) == isinstance(win, bool)
    if literal is not None:
        text = client.get(f"{RUNS}/{run}").text
        episode = dict(literal_member(text, "episodes")[0])
        shown = dict(episode["metrics"])["win"]
        assert shown == literal or float(shown) == float(literal)
    rate = client.document(run)["metrics"]["rolling_win_rate"]
    assert rate == [{"episode": 1, "win_rate": pytest.approx(float(win))}]


def test_win_rates_are_over_the_last_100_episodes_that_have_a_win(client, run):
    rng = np.random.default_rng(4)
    book, items = Book(), {}
    for number in range(1, 351):
        members = {"total_reward": number}
        if number % 3:
            members["win"] = [True, False, 0.5, 1, 0][int(rng.integers(5))]
        items[number] = members
        book.report(number, members)
    client.report_all(run, items)
    rates = client.document(run)["metrics"]["rolling_win_rate"]
    assert [r["episode"] for r in rates] == [n for n in items if n % 3]
    agree(client, run, book, windows=(100,))


def test_a_replacement_deep_in_the_last_100_wins_moves_the_final_win_rate(client, run):
    book, items = Book(), {}
    for number in range(1, 131):
        items[number] = {"win": True, "total_reward": 1}
        book.report(number, items[number])
    client.report_all(run, items)
    changes = ((80, False), (31, 0.5), (30, 0), (130, None), (29, 1), (200, 0.5), (150, 0))
    for number, win in changes:
        members = {"win": win}
        client.report(run, number, **members)
        book.report(number, members)
        agree(client, run, book, windows=(100,))


@pytest.mark.parametrize(
    "members",
    [{"reward_sum": 4.5}, {"total_reward": 4.5}, {"reward_sum": 4.5, "total_reward": 4.5},
     {"reward_sum": 4, "total_reward": 4.0}],
)  # fmt: skip
def test_the_reward_is_one_metric_under_two_names(client, run, report, members):
    report(run, 1, members)
    value = next(iter(members.values()))
    assert metrics_of_episode(client, run, 1) == {"reward_sum": value, "total_reward": value}
    stats = client.detail(run)["aggregate_stats"]
    for name in ("reward_sum", "total_reward"):
        assert stats[f"avg_{name}"] == stats[f"min_{name}"] == stats[f"max_{name}"] == value
        assert client.curve(run, metric=name, window=1)["raw_values"] == [value]


@pytest.mark.parametrize("family", FAMILIES)
def test_integers_may_be_written_as_reals_and_come_back_as_integers(client, run, family):
    base = RUNS if family == "v1" else DOCUMENTS
    member = FAMILIES[family][2]
    raw = f'{{"{member}":42.0,"steps":18.0,"total_trades":1e3}}'
    ok(client.post(f"{base}/{run}/episodes", raw=raw), 200)
    text = client.get(f"{RUNS}/{run}").text
    episode = dict(literal_member(text, "episodes")[0])
    assert episode["episode_number"] == "42"
    assert dict(episode["metrics"]) == {"steps": "18", "total_trades": "1000"}


@pytest.mark.parametrize(
    "value",
    [0.1, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e308, 1 / 3,
     123456789.125, 9007199254740993.0, 1e21, 1e-7, 12345678901234567890.0],
)  # fmt: skip
def test_doubles_come_back_to_the_last_bit(client, run, report, value):
    report(run, 1, {"roi_pct": value, "metrics": {"custom": value}})
    metrics = metrics_of_episode(client, run, 1)
    assert float(metrics["roi_pct"]) == value and float(metrics["custom"]) == value
    curve = client.curve(run, window=1)
    assert float(curve["raw_values"][0]) == value and float(curve["smoothed_values"][0]) == value
    stats = client.detail(run)["aggregate_stats"]
    assert stats["avg_roi_pct"] == stats["min_roi_pct"] == stats["max_roi_pct"] == value


def test_session_id_comes_back_in_both_families(client, run, report):
    session = str(uuid.uuid4())
    report(run, 1, {"session_id": session.upper()})
    episode = client.detail(run)["episodes"][0]
    assert episode["session_id"].lower() == session
    flat = client.document(run)["metrics"]["episodes"][0]
    assert flat["session_id"] == episode["session_id"]
    assert flat["created_at"] == episode["created_at"] and TIME.match(flat["created_at"])


def test_writers_of_one_run_at_once_lose_nothing(client, run):
    rng = np.random.default_rng(8)
    values = [float(v) for v in rng.normal(size=240)]
    book = Book()

    def write(worker):
        mine = client.another()
        for number in range(worker + 1, 241, 8):
            mine.report(run, number, roi_pct=values[number - 1], win=number % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    for number in range(1, 241):
        book.report(number, {"roi_pct": values[number - 1], "win": number % 2 == 0})
    agree(client, run, book, windows=(10,))


def test_writers_of_one_number_at_once_count_it_once(client, run):
    with ThreadPoolExecutor(8) as pool:
        futures = [
            pool.submit(client.another().report, run, 5, roi_pct=2.5, win=True) for _ in range(40)
        ]
        counts = {f.result()["episodes_completed"] for f in futures}
    assert counts == {1}
    book = Book()
    book.report(5, {"roi_pct": 2.5, "win": True})
    agree(client, run, book, windows=(10,))


def test_of_reports_a_moment_apart_the_later_stands(client, run, report):
    for i in range(60):
        report(run, 1, {"roi_pct": i})
    assert metrics_of_episode(client, run, 1) == {"roi_pct": 59}


def report_from_the_queue(stack, run_id, body, arrived_s):
    """Hand a worker a report that reached nginx at arrived_s, as if it had waited since then."""
    path = f"{DOCUMENTS}/{run_id}/episodes"
    return ok(fastcgi(stack.socket, "POST", path, body, arrived_s, stack.key), 200)


def seconds_of(created_at):
    return np.datetime64(created_at.rstrip("Z")).astype("datetime64[ms]").astype(int) / 1000


def test_a_report_that_waited_in_a_queue_does_not_replace_a_later_one(client, run, stack):
    client.report(run, 1, roi_pct=10, win=True)
    before = client.get(f"{DOCUMENTS}/{run}").content
    episode = client.detail(run)["episodes"][0]
    arrived = seconds_of(episode["created_at"]) - 5
    receipt = report_from_the_queue(
        stack, run, {"episode": 1, "roi_pct": -1, "epsilon": 1}, arrived
    )
    counts = [receipt[c] for c in ("accepted", "inserted", "replaced", "episodes")]
    assert counts == [1, 0, 0, 1]
    document = client.document(run)
    assert document["metrics"]["episodes"][0]["roi_pct"] == 10
    assert client.get(f"{DOCUMENTS}/{run}").content == before or document["status"] == "running"
    book = Book()
    book.report(1, {"roi_pct": 10, "win": True})
    agree(client, run, book)


def test_a_receipt_tells_the_runs_status(client, run):
    path = f"{DOCUMENTS}/{run}"
    assert client.post(f"{path}/episodes", {"episode": 1}).json()["status"] == "running"
    assert client.patch(path, {"status": "stopped"}).status_code == 200
    late = client.post(f"{path}/episodes", {"episodes": [{"episode": 2}]}).json()
    assert (late["status"], late["episodes"]) == ("stopped", 2)


def test_a_late_report_of_a_new_number_is_stored_with_the_time_it_reached_nginx(client, run, stack):
    client.report(run, 1, roi_pct=10)
    arrived = seconds_of(client.detail(run)["episodes"][0]["created_at"]) - 5
    receipt = report_from_the_queue(stack, run, {"episode": 2, "roi_pct": 20}, arrived)
    assert (receipt["inserted"], receipt["replaced"], receipt["episodes"]) == (1, 0, 2)
    _, second = client.detail(run)["episodes"]
    assert second["metrics"] == {"roi_pct": 20}
    assert seconds_of(second["created_at"]) == pytest.approx(arrived, abs=0.0015)


def test_a_batch_from_the_queue_stores_what_is_new_and_leaves_what_is_newer(client, run, stack):
    client.report(run, 2, roi_pct=2)
    arrived = seconds_of(client.detail(run)["episodes"][0]["created_at"]) - 60
    body = {"episodes": [{"episode": n, "roi_pct": -n} for n in (1, 2, 3)]}
    receipt = report_from_the_queue(stack, run, body, arrived)
    counts = [receipt[c] for c in ("accepted", "inserted", "replaced", "episodes")]
    assert counts == [3, 2, 0, 3]
    book = Book()
    for number, value in ((1, -1), (2, 2), (3, -3)):
        book.report(number, {"roi_pct": value})
    agree(client, run, book)


def test_a_report_into_the_future_of_a_queue_replaces(client, run, stack):
    client.report(run, 1, roi_pct=10)
    arrived = seconds_of(client.detail(run)["episodes"][0]["created_at"]) + 0.001
    receipt = report_from_the_queue(stack, run, {"episode": 1, "roi_pct": 11}, arrived)
    assert (receipt["inserted"], receipt["replaced"]) == (0, 1)
    assert metrics_of_episode(client, run, 1) == {"roi_pct": 11}


def test_a_run_id_in_the_body_of_a_report_is_ignored(client, run):
    other = client.create(new_id("other"))
    body = {"run_id": other, "episode_number": 1, "roi_pct": 1}
    client.write(f"{RUNS}/{run}/episodes", body)
    assert client.detail(other)["episodes_completed"] == 0
    assert client.detail(run)["episodes_completed"] == 1
