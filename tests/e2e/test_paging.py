"""
GET /api/training-runs/{id}/episodes (contract section 3): pages of a run's episodes, sorted by any
metric, with comparisons. Every answer is compared with a model in Python of what was acknowledged.
"""

import contextlib
import itertools
import json
import math
import operator
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from expected import Book, both_names, differences, number_of
from lone_api import children_of
from support import DOCUMENTS, follow, new_id, ok, problem, raw_request, send_raw, without
from writers import random_report

COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
CONDITION = re.compile(r"^\s*([\w./-]+?)\s*(<=|>=|!=|<|>|=)\s*(\S+)\s*$")
CUSTOM = ("loss", "policy/kl", "a.b")
METRICS = (
    "roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades", "reward_sum", "total_reward",
    "steps", "win", "epsilon", *CUSTOM,
)  # fmt: skip
RUNS_OF = {"tail": 40, "rows_and_tail": 230, "batches": 1500}


# ---- the model


def value_of(report, number, metric):
    """The metric of an episode as a double; None when it has none."""
    if metric == "episode":
        return float(number)
    value = report.get("total_reward" if metric == "reward_sum" else metric)
    return None if value is None else number_of(value)


def meets(report, number, condition):
    metric, sign, text = CONDITION.match(condition).groups()
    value = value_of(report, number, metric)
    wanted = {"true": 1.0, "false": 0.0, "NaN": math.nan}.get(text)
    wanted = float(text) if wanted is None else wanted
    if value is None:
        return False
    if math.isnan(value) and math.isnan(wanted):
        return sign == "="
    return COMPARISONS[sign](value, wanted)


def selected(book, sort=None, where=()):
    """The numbers of the episodes that meet all conditions, in the order asked."""
    numbers = [n for n in book.numbers() if all(meets(book.reports[n], n, c) for c in where)]
    metric = (sort or "episode").removeprefix("-")
    sign = -1 if (sort or "").startswith("-") else 1

    def place(number):
        value = value_of(book.reports[number], number, metric)
        if value is None or not math.isfinite(value):
            return (1, 0.0, number)
        return (0, sign * value, number)

    return sorted(numbers, key=place)


def shown(book, number, metrics=None):
    """An episode as the answer shows it, without session_id and created_at."""
    values = both_names(book.reports[number])
    if metrics:
        values = {m: values[m] for m in metrics if m in values}
    return {"episode": number, **values}


# ---- the client


def episodes_of(run_id):
    return f"{DOCUMENTS}/{run_id}/episodes"


def one_page(client, run_id, **params):
    response = client.get(episodes_of(run_id), **params)
    answer = ok(response, 200)
    assert list(answer) == ["episodes", "next_after"], answer.keys()
    assert ("next" in response.links) == (answer["next_after"] is not None)
    return answer


def all_pages(client, run_id, by_link=False, **params):
    """Every episode, page by page along next_after, or along Link."""
    found, limit = [], params.get("limit", 1000)
    response = client.get(episodes_of(run_id), **params)
    while response is not None:
        answer = ok(response, 200)
        found += answer["episodes"]
        last = answer["next_after"]
        if last is None:
            assert "next" not in response.links
            assert answer["episodes"] or not found, "an empty last page"
            return found
        assert len(answer["episodes"]) == limit and last == found[-1]["episode"]
        if by_link:
            response = follow(client, response)
        else:
            response = client.get(episodes_of(run_id), **{**params, "after": last})
    raise AssertionError("Link has no next page where next_after has one")


def check(client, run_id, book, metrics=None, by_link=False, **params):
    """All pages together are what the model says; where may be a list, joined by commas."""
    where = params.get("where", [])
    where = where.split(",") if isinstance(where, str) else where
    numbers = selected(book, params.get("sort"), where)
    sent = {**params, **({"where": ",".join(where)} if where else {})}
    if metrics:
        sent["metrics"] = ",".join(metrics)
    got = [
        without(e, "session_id", "created_at")
        for e in all_pages(client, run_id, by_link=by_link, **sent)
    ]
    found = differences(got, [shown(book, n, metrics) for n in numbers])
    assert not found, f"{sent}: {len(found)} differences:\n" + "\n".join(found[:8])


# ---- the runs


def report(client, run_id, book, number, members):
    client.write(episodes_of(run_id), {"episode": number, **members})
    book.report(number, members)


def report_batch(client, run_id, book, reports):
    client.report_all(run_id, reports)
    for number, members in reports.items():
        book.report(number, members)


def make_run(client, name, rng):
    """A run with holes, replacements, late arrivals, values that are not finite or not there."""
    run_id, book = client.create(), Book()
    count = RUNS_OF[name]
    numbers = sorted(int(n) for n in rng.choice(np.arange(1, 2 * count), count, replace=False))
    late = set(numbers[3::17])
    first = [n for n in numbers if n not in late]
    if name == "batches":
        for i in range(0, len(first), 400):
            reports = {n: random_report(rng) for n in first[i : i + 400]}
            report_batch(client, run_id, book, reports)
        first = []
    for number in first + sorted(late):
        report(client, run_id, book, number, random_report(rng))
    for number in rng.choice(numbers, count // 20, replace=False):
        report(client, run_id, book, int(number), random_report(rng))
    for number in range(2 * count + 1, 2 * count + 8):  # the newest wait in the tail
        report(client, run_id, book, number, {"steps": 7, "win": number % 2 == 0, "roi_pct": -0.0})
    extremes = {"epsilon": "NaN", "metrics": dict.fromkeys(CUSTOM, "Infinity")}
    report(client, run_id, book, 2 * count + 8, {"roi_pct": "-Infinity", **extremes})
    return run_id, book


@pytest.fixture(scope="module")
def runs(module_client):
    rng = np.random.default_rng(11)
    return {name: make_run(module_client, name, rng) for name in RUNS_OF}


@pytest.fixture(params=RUNS_OF)
def run(request, runs):
    return runs[request.param]


@pytest.fixture(scope="module")
def short(module_client):
    """Ten episodes: reward 10 n, but for 3, 7 (none); steps n % 3."""
    run_id, book = module_client.create(), Book()
    reports = {
        n: {"total_reward": None if n in (3, 7) else 10 * n, "steps": n % 3, "win": n % 2 == 0}
        for n in range(1, 11)
    }
    report_batch(module_client, run_id, book, reports)
    return run_id, book


# ---- what is in an answer


def test_a_page_is_what_the_document_shows(client, run):
    run_id, book = run
    whole = client.document(run_id)["metrics"]["episodes"]
    assert one_page(client, run_id, limit=10000) == {"episodes": whole, "next_after": None}
    assert len(whole) == len(book)


def test_a_run_without_episodes_has_an_empty_page(client):
    run_id = client.create()
    for params in ({}, {"after": 5}, {"sort": "-steps"}, {"where": "steps>1"}, {"metrics": "win"}):
        answer = one_page(client, run_id, **params)
        assert answer == {"episodes": [], "next_after": None}, params


def test_empty_and_unknown_parameters_count_as_absent(client, short):
    run_id, _ = short
    want = one_page(client, run_id)
    got = one_page(
        client, run_id, after="", limit="", metrics="", sort="", where="", colour="red"
    )
    assert got == want and len(want["episodes"]) == 10


def test_metrics_chooses_what_an_episode_shows(client, run):
    run_id, book = run
    for metrics in (
        ["steps"],
        ["win", "loss"],
        ["reward_sum"],
        ["total_reward"],
        ["reward_sum", "total_reward"],
        ["a.b", "policy/kl", "epsilon"],
        list(METRICS),
    ):
        check(client, run_id, book, metrics=metrics, limit=400)
    episodes = one_page(client, run_id, metrics="loss")["episodes"]
    assert any("loss" not in e for e in episodes) and any("loss" in e for e in episodes)
    assert all(set(e) <= {"episode", "session_id", "created_at", "loss"} for e in episodes)
    assert one_page(client, run_id, metrics="loss,loss")["episodes"] == episodes


def test_the_defaults_are_a_thousand_episodes_by_number(client, runs):
    run_id, book = runs["batches"]
    answer = one_page(client, run_id)
    assert [e["episode"] for e in answer["episodes"]] == book.numbers()[:1000]
    assert answer["next_after"] == book.numbers()[999]


# ---- pages


@pytest.mark.parametrize("sort", [None, "episode", "-episode", "steps", "-total_reward"])
@pytest.mark.parametrize("limit", [1, 7, 64, 10000])
def test_pages_make_up_the_whole(client, runs, sort, limit):
    run_id, book = runs["tail" if limit == 1 else "rows_and_tail"]
    params = {"limit": limit, **({"sort": sort} if sort else {})}
    check(client, run_id, book, **params)
    check(client, run_id, book, by_link=True, **params)


@pytest.mark.parametrize("sort", [None, "-episode", "total_reward", "-steps"])
@pytest.mark.parametrize("where", [[], ["steps>=1"], ["win=true"]])
def test_next_after_is_null_exactly_when_nothing_is_left(client, short, sort, where):
    run_id, book = short
    numbers = selected(book, sort, where)
    params = {"sort": sort or "", "where": ",".join(where)}
    for limit in range(1, len(numbers) + 2):
        for start in range(0, len(numbers)):
            after = numbers[start - 1] if start else 0
            answer = one_page(client, run_id, limit=limit, after=after, **params)
            page = numbers[start : start + limit]
            assert [e["episode"] for e in answer["episodes"]] == page, (limit, after)
            left = start + limit < len(numbers)
            assert answer["next_after"] == (page[-1] if left else None), (limit, after)


def test_after_need_not_be_there_when_the_order_is_that_of_numbers(client):
    run_id = client.create()
    client.report_all(run_id, {n: {"steps": n} for n in (2, 5, 9)})

    def numbers(**params):
        return [e["episode"] for e in one_page(client, run_id, **params)["episodes"]]

    assert numbers(after=3) == [5, 9] and numbers(after=1) == [2, 5, 9]
    assert numbers(after=9) == [] and numbers(after=2**53 - 1) == []
    assert numbers(after=6, sort="-episode") == [5, 2] and numbers(after=2, sort="-episode") == []
    assert numbers(after=0, sort="-episode") == [9, 5, 2] == numbers(after=0, sort="-steps")
    problem(client.get(episodes_of(run_id), after=3, sort="steps"), 422, fields=["after"])


def test_the_next_page_begins_behind_the_place_that_its_episode_has_now(client):
    run_id = client.create()
    client.report_all(run_id, {n: {"steps": 10 * n} for n in range(1, 7)})
    page = one_page(client, run_id, sort="steps", where="steps<55", limit=2)
    assert [e["episode"] for e in page["episodes"]] == [1, 2]
    client.report(run_id, 2, steps=100)  # it meets the condition no more
    page = one_page(client, run_id, sort="steps", where="steps<55", after=page["next_after"])
    assert page == {"episodes": [], "next_after": None}
    client.report(run_id, 2, steps=35)
    page = one_page(client, run_id, sort="steps", where="steps<55", after=2)
    assert [e["episode"] for e in page["episodes"]] == [4, 5]


def test_the_highest_possible_number_is_a_page_like_others(client):
    run_id, book = client.create(), Book()
    report_batch(client, run_id, book, {n: {"steps": 1} for n in (1, 2**53 - 2, 2**53 - 1)})
    for sort in ("episode", "-episode", "steps", "-steps"):
        check(client, run_id, book, sort=sort, limit=1)
        check(client, run_id, book, sort=sort, where=[f"episode>={2**53 - 2}"], limit=1)


# ---- order and comparisons


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_any_metric_sorts(client, run, metric, sign):
    run_id, book = run
    check(client, run_id, book, sort=sign + metric, limit=10000)


CONDITIONS = [
    "steps>100", "steps<=150", "steps>=1e2", "steps!=7", "win=true", "win=false", "win!=0.5",
    "win>0", "total_reward<0", "reward_sum>=-12.5", "total_reward>-Infinity", "loss=NaN",
    "loss!=NaN", "roi_pct=Infinity", "roi_pct=-Infinity", "roi_pct<Infinity", "roi_pct<=0.0",
    "roi_pct=0", "policy/kl>0", "a.b<=0.25", "epsilon<0.5", "episode>60", "episode<=400",
    "episode!=77", "episode=12", "episode>=-5", "episode<1e300", "episode>20.5", " steps > 10 ",
    "total_trades=0", "sharpe_ratio<0", "max_drawdown_pct>3",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_comparison_leaves_what_meets_it(client, run, condition):
    run_id, book = run
    for sort in ("episode", "-episode", "-total_reward"):
        check(client, run_id, book, where=[condition], sort=sort, limit=10000)


def test_random_combinations_agree_with_the_model(client, runs):
    rng = np.random.default_rng(12)
    for _ in range(150):
        run_id, book = runs[str(rng.choice(list(RUNS_OF)))]
        where = list(rng.choice(CONDITIONS, int(rng.integers(0, 4)), replace=False))
        sort = str(rng.choice(["", "-"])) + str(rng.choice(["episode", *METRICS]))
        metrics = list(rng.choice(METRICS, int(rng.integers(0, 5)), replace=False))
        limit = int(rng.choice([50, 250, 999]))
        check(client, run_id, book, where=where, sort=sort, metrics=metrics, limit=limit)


def test_where_may_be_repeated_and_joined(client, short):
    run_id, book = short
    want = selected(book, None, ["steps>=1", "win=true", "episode<9"])
    for query in (
        "where=steps>=1&where=win=true&where=episode<9",
        "where=steps>=1,win=true,episode<9",
        "where=steps>=1,win=true&limit=5&where=episode<9",
        "where=steps%3E%3D1%2Cwin%3Dtrue&where=episode%3C9",
        "where=steps+%3e=+1,+win+=+true+&where=episode%20<%209&where=",
    ):
        got = ok(client.get(f"{episodes_of(run_id)}?{query}"), 200)
        assert [e["episode"] for e in got["episodes"]] == want, query


def test_a_literal_sign_passes_as_curl_sends_it(stack, client, short):
    run_id, book = short
    for where in ("steps>=2", "steps<1", "steps!=1", "steps>0&where=win=true"):
        path = f"{episodes_of(run_id)}?where={where}"
        answer = send_raw(stack.url, raw_request("GET", path, [("X-API-Key", stack.key)]))
        assert answer.status_code == 200, answer.text
        got = [e["episode"] for e in json.loads(answer.content)["episodes"]]
        assert got == selected(book, None, where.split("&where=")), where


# ---- refusals

TOO_MANY = ",".join(["steps>1"] * 17)
BAD = [
    ("after", "-1"), ("after", "x"), ("after", "1.5"), ("after", str(2**53)), ("limit", "0"),
    ("limit", "10001"), ("limit", "ten"), ("metrics", "nope"), ("metrics", "steps,nope"),
    ("metrics", "steps,"), ("metrics", ","), ("metrics", "a b"), ("metrics", "episode"),
    ("metrics", "$where"), ("sort", "nope"), ("sort", "-"), ("sort", "--steps"),
    ("sort", "steps,win"), ("sort", "+steps"), ("sort", "$natural"), ("sort", "x" * 65),
    ("where", "steps"), ("where", "steps>"), ("where", ">5"), ("where", "steps>>5"),
    ("where", "steps=>5"), ("where", "steps==5"), ("where", "steps<>5"), ("where", "steps~5"),
    ("where", "steps>5,"), ("where", ","), ("where", "steps>5;win=true"), ("where", "steps>0x10"),
    ("where", "steps>nan"), ("where", "steps>NaN"), ("where", "steps<=NaN"), ("where", "steps>inf"),
    ("where", "steps>1e400"), ("where", "steps>5 5"), ("where", "steps=true"), ("where", "win>yes"),
    ("where", "nope>5"), ("where", "steps>1,nope>5"), ("where", "session_id=5"), ("where", "é>5"),
    ("where", "steps=\"5\""), ("where", "steps>--5"), ("where", "steps>."), ("where", TOO_MANY),
    ("where", "x" * 3000 + ">5"),
]  # fmt: skip


@pytest.mark.parametrize("name,value", BAD)
def test_a_bad_parameter_is_named(client, short, name, value):
    body = problem(client.get(episodes_of(short[0]), **{name: value}), 422, fields=[name])
    assert {fault["field"] for fault in body["errors"]} == {name}


def test_an_unknown_metric_is_told_by_its_name(client, short):
    for params in ({"metrics": "steps,nope"}, {"sort": "-nope"}, {"where": "steps>1,nope<=3"}):
        body = problem(client.get(episodes_of(short[0]), **params), 422)
        assert "nope" in body["errors"][0]["message"], body


def test_all_faults_are_told_at_once(client, short):
    path = episodes_of(short[0])
    wrong = {"after": "x", "limit": "0", "metrics": "nope,a b", "sort": "nope", "where": "a,b"}
    body = problem(client.get(path, **wrong), 422, fields=list(wrong))
    assert [f["field"] for f in body["errors"]].count("where") == 2
    assert [f["field"] for f in body["errors"]].count("metrics") == 2


@pytest.mark.parametrize("where", ["steps>0", ",".join(["steps>0"] * 16)])
def test_as_many_comparisons_as_are_allowed(client, short, where):
    run_id, book = short
    check(client, run_id, book, where=where)


def test_a_hundred_metrics_may_be_chosen(client):
    run_id = client.create()
    for first in (0, 60):
        values = {f"m{i}": i for i in range(first, first + 60)}
        client.report(run_id, first + 1, metrics=values)
    names = [f"m{i}" for i in range(101)]
    episodes = one_page(client, run_id, metrics=",".join(names[:100]))["episodes"]
    assert [len(e) - 3 for e in episodes] == [60, 40]
    problem(client.get(episodes_of(run_id), metrics=",".join(names)), 422, fields=["metrics"])


def test_another_account_a_deleted_and_an_impossible_run_are_not_there(client, make_key, short):
    stranger = client.another()
    stranger.session.headers["X-API-Key"] = make_key(new_id("acc"), "read")
    problem(stranger.get(episodes_of(short[0]), limit=0), 404, "run_not_found")
    problem(client.get(episodes_of("_no")), 404, "run_not_found")
    problem(client.get(episodes_of(new_id()), where="x"), 404, "run_not_found")
    writer = client.another()
    writer.session.headers["X-API-Key"] = make_key(new_id("acc"), "write")
    problem(writer.get(episodes_of(short[0])), 403, "scope_missing")


# ---- while others write


@pytest.mark.parametrize(
    "params", [{}, {"sort": "-episode"}, {"sort": "steps"}, {"where": "steps>=0"}]
)
def test_pages_neither_repeat_nor_skip_what_was_there(client, params):
    run_id = client.create()
    client.report_all(run_id, {2 * n: {"steps": n % 10} for n in range(1, 301)})
    there = {2 * n for n in range(1, 301)}
    stop = threading.Event()

    def append(writer, numbers):
        for number in numbers:
            if stop.is_set():
                return
            writer.report(run_id, number, steps=number % 10)

    streams = (itertools.count(1, 2), itertools.count(602, 2))
    threads = [threading.Thread(target=append, args=(client.another(), s)) for s in streams]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            got = [e["episode"] for e in all_pages(client, run_id, limit=20, **params)]
            assert len(got) == len(set(got)), "an episode came twice"
            assert there <= set(got), f"skipped: {sorted(there - set(got))[:9]}"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# ---- cost


@pytest.fixture(scope="module")
def long_run(module_client):
    run_id = module_client.create()
    for i in range(0, 30000, 1000):
        batch = {i + k: {"steps": (i + k) % 997, "win": k % 2 == 0} for k in range(1, 1001)}
        module_client.report_all(run_id, batch)
    return run_id


@pytest.fixture
def profiled(db):
    """
    profiled() gives what the database did to `episodes` since the last call, but for transactions:
    no page is read in one, but a worker that is idle packs the long run in some.
    """
    db.command("profile", 0)
    db.drop_collection("system.profile")
    db.command("profile", 2)

    def taken():
        reads = {"ns": f"{db.name}.episodes", "command.txnNumber": {"$exists": False}}
        found = list(db.system.profile.find(reads))
        db.command("profile", 0)
        db.drop_collection("system.profile")
        db.command("profile", 2)
        return found

    yield taken
    db.command("profile", 0)
    db.drop_collection("system.profile")


def examined(operations):
    """(documents, keys) of the index that were looked at."""
    assert operations and all("COLLSCAN" not in op.get("planSummary", "") for op in operations)
    return tuple(
        sum(op.get(name, 0) for op in operations) for name in ("docsExamined", "keysExamined")
    )


@pytest.mark.parametrize("sort", ["episode", "-episode"])
def test_a_page_reads_itself_and_no_more_however_deep(client, long_run, profiled, sort):
    for after in (0, 100, 15000, 29000):
        answer = one_page(client, long_run, limit=50, after=after, sort=sort)
        assert len(answer["episodes"]) == 50
        docs, keys = examined(profiled())
        assert docs <= 51 and keys <= 52, (after, docs, keys)


def test_a_selection_reads_the_run_once_and_the_page(client, long_run, profiled):
    answer = one_page(client, long_run, sort="-steps", limit=100)
    assert answer["episodes"][0]["steps"] == 996
    docs, _ = examined(profiled())
    assert docs <= 30000 + 101
    answer = one_page(client, long_run, where="episode>20000,episode<=20100,win=true", limit=100)
    assert len(answer["episodes"]) == 50
    docs, _ = examined(profiled())
    assert docs <= 100 + 52
    one_page(client, long_run, where="episode>20000", limit=10)
    docs, _ = examined(profiled())
    assert docs <= 10 + 1


def test_a_worker_does_not_grow_with_the_page(stack, client):
    """Ten thousand episodes with many metrics: 16 MB of JSON go through in pieces."""
    run_id = client.create()
    values = {f"a-rather-long-name/of-a-metric-{i}": i / 3 for i in range(60)}
    for i in range(0, 10000, 1000):
        batch = {i + k: {"steps": i + k, "metrics": values} for k in range(1, 1001)}
        client.report_all(run_id, batch)
    one_page(client, run_id, limit=10)
    before = worker_memory(stack)
    for sort in ("episode", "-steps"):
        response = client.get(episodes_of(run_id), limit=10000, sort=sort)
        assert len(response.content) > 20_000_000
        assert len(response.json()["episodes"]) == 10000
    after = worker_memory(stack)
    grown = max(after[pid] - before[pid] for pid in after.keys() & before.keys())
    if "asan" not in stack.build.name:
        assert grown < 24_000, f"{grown} kB"


def worker_memory(stack):
    """Peak resident kB of each worker that lives."""
    peak = {}
    for pid in children_of(stack.pid("api")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{pid}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+)", status):  # a zombie has none
                peak[pid] = int(found.group(1))
    return peak
