"""
Family /api/training-runs (contract section 3): list, create, detail, PATCH, checkpoints,
agents/list. Episodes are in test_episode.py; refusals of bodies in test_bad_input.py.
"""

import datetime
import itertools
import uuid

import numpy as np
import pytest

from expected import Book, summary
from support import (
    DOCUMENTS,
    RUNS,
    TIME,
    agree,
    document_faults,
    follow,
    new_id,
    ok,
    problem,
    strict_json,
    walk,
)

MEMBERS = {
    "id", "run_id", "agent_id", "algorithm", "status", "start_time", "end_time", "config",
    "metrics", "checkpoint_paths", "metadata", "strategy_id", "strategy_label", "tags", "notes",
    "episodes_total", "summary",
}  # fmt: skip


def create(client, **members):
    return client.write(DOCUMENTS, members, 201)


@pytest.fixture
def run(client):
    return client.create()


def test_create_answers_201_with_the_document_and_its_place(client):
    body = {
        "run_id": new_id(), "agent_id": "ppo_agent", "algorithm": "MaskablePPO",
        "config": {"mode": "full", "learning_rate": 0.0003}, "strategy_id": str(uuid.uuid4()),
        "strategy_label": "label", "episodes_total": 1000, "tags": ["a", "b"], "notes": "# a\n*x*",
        "metadata": {"host": "gpu1", "nested": {"a": [1, 2.5, None]}},
    }  # fmt: skip
    answer = client.post(DOCUMENTS, body)
    document = ok(answer, 201)
    assert set(document) >= MEMBERS
    for name, value in body.items():
        assert document[name] == value, name
    assert document["status"] == "running" and document["end_time"] is None
    assert TIME.match(document["start_time"])
    assert document["metrics"] == {"episodes": [], "rolling_win_rate": []}
    assert document["checkpoint_paths"] == []
    assert isinstance(document["id"], str) and document["id"]
    place = answer.headers["Location"]
    assert place.endswith(f"{DOCUMENTS}/{body['run_id']}")
    assert client.document(body["run_id"]) == document


def test_what_is_not_set_reads_as_the_contract_says(client):
    document = create(client, run_id=new_id())
    assert document["metadata"] == {} and document["tags"] == []
    assert document["notes"] is None and document["end_time"] is None
    assert document["strategy_id"] is None and document["episodes_total"] is None
    assert (document["agent_id"], document["algorithm"]) == ("unassigned", "unknown")
    assert document["summary"] == summary(Book())


def test_without_a_run_id_the_server_makes_a_uuid(client):
    documents = [create(client) for _ in range(3)]
    run_ids = {d["run_id"] for d in documents}
    assert len(run_ids) == 3
    for run_id in run_ids:
        assert str(uuid.UUID(run_id)) == run_id
        assert client.detail(run_id)["status"] == "running"


@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
def test_both_creates_take_the_same_members(client, path):
    run_id = new_id()
    body = {"run_id": run_id, "agent_id": "x", "algorithm": "y", "tags": ["t"], "notes": "n",
            "metadata": {"m": 1}, "episodes_total": 5, "strategy_label": "z"}  # fmt: skip
    client.write(path, body, 201)
    document = client.document(run_id)
    assert {name: document[name] for name in body} == body


def test_create_again_answers_201_with_the_stored_document(client):
    first = create(client, run_id=new_id(), config={"a": 1}, notes="first")
    client.report(first["run_id"], 1, total_reward=3)
    again = create(client, run_id=first["run_id"], config={"a": 1.0}, notes="second")
    assert again["id"] == first["id"] and again["start_time"] == first["start_time"]
    assert again["notes"] == "first" and again["summary"]["episodes"] == 1


def test_the_document_shows_episodes_and_win_rates_as_the_seed_does(client, run):
    client.report(run, 1, total_reward=10.5, steps=50, win=True, epsilon=0.1)
    client.report(run, 2, total_reward=-2, steps=30, win=0.5)
    client.report(run, 4, total_reward=1, roi_pct=2.5, metrics={"loss": 0.5})
    document = client.document(run)
    episodes = document["metrics"]["episodes"]
    for episode in episodes:
        assert TIME.match(episode.pop("created_at"))
        assert episode.pop("session_id") is None
    assert episodes == [
        {"episode": 1, "total_reward": 10.5, "reward_sum": 10.5, "steps": 50, "win": True,
         "epsilon": 0.1},
        {"episode": 2, "total_reward": -2, "reward_sum": -2, "steps": 30, "win": 0.5},
        {"episode": 4, "total_reward": 1, "reward_sum": 1, "roi_pct": 2.5, "loss": 0.5},
    ]  # fmt: skip
    assert document["metrics"]["rolling_win_rate"] == [
        {"episode": 1, "win_rate": 1},
        {"episode": 2, "win_rate": 0.75},
    ]
    assert document["summary"] == {
        "episodes": 3,
        "avg_reward": pytest.approx(9.5 / 3),
        "max_reward": 10.5,
        "min_reward": -2,
        "final_win_rate": 0.75,
    }


def test_the_document_can_be_had_without_its_episodes(client, run):
    client.report_all(run, {n: {"total_reward": n, "win": n % 2} for n in range(1, 30)})
    whole = client.document(run)
    header = client.read(f"{DOCUMENTS}/{run}", metrics="none")
    assert header == {name: value for name, value in whole.items() if name != "metrics"}
    assert client.read(f"{DOCUMENTS}/{run}", metrics="full") == whole
    problem(client.get(f"{DOCUMENTS}/{run}", metrics="some"), 422, fields=["metrics"])


def test_its_summary_is_right_after_an_extreme_was_replaced(client, run):
    client.report_all(run, {1: {"total_reward": 9}, 2: {"total_reward": 5}})
    client.report_all(run, {1: {"total_reward": 1}, 2: {"total_reward": 4}})
    summary = client.read(f"{DOCUMENTS}/{run}", metrics="none")["summary"]
    assert (summary["min_reward"], summary["max_reward"], summary["avg_reward"]) == (1, 4, 2.5)


def test_the_document_is_whole_however_long_the_run(client, run):
    rng = np.random.default_rng(3)
    book, reports = Book(), {}
    for number in range(1, 5001):
        reports[number] = {"total_reward": float(rng.normal()), "win": bool(rng.random() < 0.4)}
        book.report(number, reports[number])
    client.report_all(run, reports)
    document = client.document(run)
    assert len(document["metrics"]["episodes"]) == 5000
    assert not document_faults(document, book, "document")
    assert "metrics_truncated" not in document


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_ending_a_run_sets_its_end_time_once(client, run, status):
    first = client.end(run, status)
    assert first["status"] == status and TIME.match(first["end_time"])
    assert first["end_time"] >= first["start_time"]
    again = client.end(run, status)
    assert again["end_time"] == first["end_time"]
    assert client.detail(run)["completed_at"] == first["end_time"]


@pytest.mark.parametrize("first", ["completed", "stopped", "failed"])
@pytest.mark.parametrize("second", ["completed", "stopped", "failed", "running"])
def test_another_ending_is_409_and_changes_nothing(client, run, first, second):
    if first == second:
        second = "running"
    client.end(run, first)
    before = client.get(f"{DOCUMENTS}/{run}").content
    body = {"status": second, "notes": "new", "tags": ["new"], "metadata": {"new": 1}}
    problem(client.patch(f"{DOCUMENTS}/{run}", body), 409, "run_ended")
    assert client.get(f"{DOCUMENTS}/{run}").content == before


def test_running_again_on_a_running_run_is_no_change(client, run):
    assert client.end(run, "running")["status"] == "running"
    assert client.document(run)["end_time"] is None


def test_an_error_message_is_kept_in_the_metadata(client, run):
    text = 'Traceback: "ZeroDivisionError" \n über'
    ok(client.patch(f"{DOCUMENTS}/{run}", {"metadata": {"host": "a"}}), 200)
    body = {"status": "failed", "error_message": text}
    document = ok(client.patch(f"{DOCUMENTS}/{run}", body), 200)
    assert document["status"] == "failed"
    assert document["metadata"] == {"host": "a", "error_message": text}
    assert client.document(run)["metadata"] == document["metadata"]


def test_metadata_is_merged(client):
    run = create(client, metadata={"a": 1, "b": {"x": 1}, "k.e$y": "v"})["run_id"]
    for metadata in ({"a": 2.5}, {"c": [1, "2"]}, {"": "empty", "$set": 1}, {}):
        ok(client.patch(f"{DOCUMENTS}/{run}", {"metadata": metadata}), 200)
    assert client.document(run)["metadata"] == {
        "a": 2.5, "b": {"x": 1}, "k.e$y": "v", "c": [1, "2"], "": "empty", "$set": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"tags": ["x", "y z", "ünï"]},
        {"tags": []},
        {"tags": [f"t{i}" for i in range(32)]},
        {"notes": "# Title\n\n* a\n* b <script>"},
        {"episodes_total": 500},
        {"episodes_total": 42.0},
        {"tags": ["q"], "notes": "n", "episodes_total": 7},
    ],
)
def test_patch_sets_what_it_names_and_leaves_the_rest(client, body):
    run = create(client, tags=["old"], notes="old", episodes_total=1, metadata={"m": 1})
    changed = ok(client.patch(f"{DOCUMENTS}/{run['run_id']}", body), 200)
    want = {**run, **body}
    for name in MEMBERS - {"summary"}:
        assert changed[name] == want[name], name
    assert client.document(run["run_id"])["tags"] == want["tags"]
    assert client.detail(run["run_id"])["episodes_total"] == want["episodes_total"]


def test_patch_without_a_known_member_changes_nothing(client, run):
    before = client.document(run)
    for body in ({}, {"run_id": "other", "config": {"a": 1}, "start_time": "x", "unknown": 1}):
        after = ok(client.patch(f"{DOCUMENTS}/{run}", body), 200)
        assert {n: after[n] for n in MEMBERS} == {n: before[n] for n in MEMBERS}


@pytest.mark.parametrize(
    "body, fields",
    [
        ({"status": "done"}, ["status"]),
        ({"status": 1}, ["status"]),
        ({"status": {"$ne": "x"}}, ["status"]),
        ({"error_message": 5}, ["error_message"]),
        ({"metadata": [1]}, ["metadata"]),
        ({"metadata": "x"}, ["metadata"]),
        ({"tags": "x"}, ["tags"]),
        ({"tags": [1]}, ["tags"]),
        ({"tags": ["x"] * 33}, ["tags"]),
        ({"notes": 5}, ["notes"]),
        ({"episodes_total": -1}, ["episodes_total"]),
        ({"episodes_total": 1.5}, ["episodes_total"]),
        ({"episodes_total": "5"}, ["episodes_total"]),
        ({"status": "done", "tags": 1, "notes": [], "episodes_total": "x"},
         ["status", "tags", "notes", "episodes_total"]),
    ],
)  # fmt: skip
def test_a_wrong_patch_is_422_and_changes_nothing(client, run, body, fields):
    before = client.get(f"{DOCUMENTS}/{run}").content
    answer = client.patch(f"{DOCUMENTS}/{run}", {"notes": "changed", **body})
    problem(answer, 422, "validation_failed", fields)
    assert client.get(f"{DOCUMENTS}/{run}").content == before


def test_patches_and_episodes_at_once_lose_nothing(client, run):
    from concurrent.futures import ThreadPoolExecutor

    book = Book()

    def until_taken(send):
        answer = send()
        while answer.status_code == 503:  # on a slow machine eight at once may be too many
            problem(answer, 503, "store_busy")
            answer = send()
        return ok(answer, 200)

    def patch(i):
        mine, body = client.another(), {"metadata": {f"k{i}": i}}
        return until_taken(lambda: mine.patch(f"{DOCUMENTS}/{run}", body))

    def report(i):
        mine, body = client.another(), {"episode": i + 1, "total_reward": i}
        return until_taken(lambda: mine.post(f"{DOCUMENTS}/{run}/episodes", body))

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(f, i) for i in range(40) for f in (patch, report)]
        for future in futures:
            future.result()
    for i in range(40):
        book.report(i + 1, {"total_reward": i})
    assert client.document(run)["metadata"] == {f"k{i}": i for i in range(40)}
    agree(client, run, book, windows=(10,))


def checkpoint(client, run_id, episode, path):
    answer = client.post(f"{DOCUMENTS}/{run_id}/checkpoints", {"episode": episode, "path": path})
    assert answer.status_code == 201, answer.text
    return strict_json(answer.text)


def test_checkpoints_are_kept_in_the_order_logged_and_once(client, run):
    logged = [(100, "models/a.pt"), (0, "start"), (50, "b"), (100, "models/a.pt"), (100, "other"),
              (50, "b"), (0, "$set.x/ü")]  # fmt: skip
    for episode, path in logged:
        checkpoint(client, run, episode, path)
    want = [(100, "models/a.pt"), (0, "start"), (50, "b"), (100, "other"), (0, "$set.x/ü")]
    assert client.document(run)["checkpoint_paths"] == [{"episode": e, "path": p} for e, p in want]


@pytest.mark.parametrize(
    "body, fields",
    [
        ({}, ["episode", "path"]),
        ({"episode": 1}, ["path"]),
        ({"path": "x"}, ["episode"]),
        ({"episode": -1, "path": "x"}, ["episode"]),
        ({"episode": 1.5, "path": "x"}, ["episode"]),
        ({"episode": "1", "path": "x"}, ["episode"]),
        ({"episode": 1, "path": 5}, ["path"]),
        ({"episode": 1, "path": ""}, ["path"]),
        ({"episode": {"$gt": 0}, "path": {"$ne": ""}}, ["episode", "path"]),
    ],
)
def test_a_wrong_checkpoint_is_422_and_not_kept(client, run, body, fields):
    answer = client.post(f"{DOCUMENTS}/{run}/checkpoints", body)
    problem(answer, 422, "validation_failed", fields)
    assert client.document(run)["checkpoint_paths"] == []


def test_agents_list_is_sorted_and_names_each_once(client):
    mark = new_id("ag")
    for name in ("b", "a", "b", "C", "ü"):
        client.create(agent_id=f"{mark}-{name}")
    agents = client.read(f"{DOCUMENTS}/agents/list")["agent_ids"]
    mine = [a for a in agents if a.startswith(mark)]
    assert mine == sorted(f"{mark}-{n}" for n in ("a", "b", "C", "ü"))
    assert len(set(agents)) == len(agents) and agents == sorted(agents)


@pytest.fixture
def team(client, db):
    """
    Six runs of one agent, oldest first, an hour apart: [run_id]. Rewards, wins and counts
    differ; the fourth has no episode, the fifth has episodes without reward and win.
    """
    agent = new_id("team")
    runs = []
    told = [
        {n: {"total_reward": 5, "win": True} for n in range(1, 4)},
        {n: {"total_reward": -7, "win": False} for n in range(1, 8)},
        {1: {"total_reward": 9, "win": 0.5}},
        {},
        {n: {"roi_pct": 1} for n in range(1, 6)},
        {1: {"total_reward": 1, "win": 0.25}, 2: {"total_reward": 0, "win": 1}},
    ]
    start = datetime.datetime(2024, 3, 1, 12, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    for i, reports in enumerate(told):
        run_id = client.create(f"{new_id('team')}-n{i}", agent_id=agent, tags=[f"t{i % 2}", "All"])
        if reports:
            client.report_all(run_id, reports)
        started = start + datetime.timedelta(hours=i)
        db.runs.update_one({"run_id": run_id}, {"$set": {"started_at": started}})
        runs.append(run_id)
    client.end(runs[0], "completed")
    client.end(runs[1], "failed")
    return agent, runs


def ids(rows):
    return [row["run_id"] for row in rows]


def test_the_list_is_newest_first_with_metrics(client, team):
    agent, runs = team
    rows = client.read(DOCUMENTS, agent_id=agent)
    assert ids(rows) == runs[::-1]
    assert all(set(row) >= MEMBERS for row in rows)
    for row in rows:
        document = client.document(row["run_id"])
        assert row["metrics"] == document["metrics"] and row["summary"] == document["summary"]


def test_metrics_none_leaves_the_episodes_out(client, team):
    agent, runs = team
    rows = client.read(DOCUMENTS, agent_id=agent, metrics="none")
    assert ids(rows) == runs[::-1]
    assert not any((row.get("metrics") or {}).get("episodes") for row in rows)
    assert rows[-1]["summary"]["avg_reward"] == 5


@pytest.mark.parametrize(
    "sort, order",
    [
        ("-start_time", [5, 4, 3, 2, 1, 0]),
        ("start_time", [0, 1, 2, 3, 4, 5]),
        ("episodes", [3, 2, 5, 0, 4, 1]),
        ("-episodes", [1, 4, 0, 5, 2, 3]),
        ("avg_reward", [1, 5, 0, 2, 3, 4]),
        ("-avg_reward", [2, 0, 5, 1, 3, 4]),
        ("win_rate", [1, 2, 5, 0, 3, 4]),
        ("-win_rate", [0, 5, 2, 1, 3, 4]),
    ],
)
def test_sort_orders_the_list_and_puts_nulls_last(client, team, sort, order):
    agent, runs = team
    got = [runs.index(r) for r in ids(client.read(DOCUMENTS, agent_id=agent, sort=sort))]
    if "reward" in sort or "rate" in sort:
        assert set(got[4:]) == {3, 4}
        got[4:] = [3, 4]
    assert got == order


@pytest.mark.parametrize("sort", ["start_time", "episodes", "avg_reward", "win_rate"])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_every_order_can_be_walked_there_and_back(client, team, sort, sign, limit):
    agent, _ = team
    asked = {"agent_id": agent, "sort": sign + sort, "metrics": "none"}
    whole = ids(client.read(DOCUMENTS, **asked))
    assert len(whole) == 6
    pages, page = [], client.get(DOCUMENTS, limit=limit, **asked)
    while page is not None:
        pages.append((page, ids(ok(page, 200))))
        page = follow(client, page)
    assert [run_id for _, part in pages for run_id in part] == whole
    for (_, before), (later, _) in itertools.pairwise(pages):
        link = later.links["prev"]["url"].split("?", 1)[1]
        assert ids(client.read(f"{DOCUMENTS}?{link}")) == before
    by_offset = [ids(client.read(DOCUMENTS, limit=limit, offset=i, **asked)) for i in range(8)]
    assert by_offset == [whole[i : i + limit] for i in range(8)]


def test_a_cursor_is_good_for_its_own_order_alone(client, team):
    agent, _ = team
    orders = [sign + s for s in ("start_time", "episodes", "avg_reward", "win_rate")
              for sign in ("", "-")]  # fmt: skip
    for sort in orders:
        page = client.get(DOCUMENTS, agent_id=agent, sort=sort, limit=1)
        cursor = page.links["next"]["url"].split("cursor=")[1]
        for other in orders:
            answer = client.get(f"{DOCUMENTS}?cursor={cursor}&sort={other}")
            if other == sort:
                ok(answer, 200)
            else:
                problem(answer, 422, "validation_failed", ["cursor"])


def test_an_order_by_figures_follows_every_kind_of_write(client):
    """New, replaced, late, batched, and after the end: the order is that of the shown summaries."""
    agent, rng = new_id("moves"), np.random.default_rng(11)
    runs = [client.create(agent_id=agent) for _ in range(6)]
    books = {run_id: Book() for run_id in runs}

    def report(run_id, numbers):
        told = {int(n): {"total_reward": float(rng.normal()), "win": bool(rng.random() < 0.5)}
                for n in numbers}  # fmt: skip
        for number, one in told.items():
            books[run_id].report(number, one)
        if len(told) == 1:
            client.report(run_id, number, **one)
        else:
            client.report_all(run_id, told)

    for turn in range(24):
        report(
            runs[rng.integers(6)], [turn + 1] if turn % 3 else range(1, 2 + int(rng.integers(90)))
        )
        if turn == 12:
            client.end(runs[0], "completed")
        for sort, name in (("episodes", "episodes"), ("avg_reward", "avg_reward"),
                           ("win_rate", "final_win_rate")):  # fmt: skip
            rows = client.read(DOCUMENTS, agent_id=agent, sort=f"-{sort}", metrics="none")
            shown = [row["summary"][name] for row in rows]
            want = [summary(books[row["run_id"]])[name] for row in rows]
            assert shown == pytest.approx(want, rel=1e-12, nan_ok=True), sort
            rated = [figure for figure in shown if figure is not None]
            assert shown[: len(rated)] == sorted(rated, reverse=True), sort


def test_what_is_searched_for_follows_a_change_of_tags(client):
    run = create(client, tags=["before"], agent_id=new_id("tagged"))
    agent = run["agent_id"]
    ok(client.patch(f"{DOCUMENTS}/{run['run_id']}", {"tags": ["After", "=", "a#b"]}), 200)
    for params, found in (
        ({"tag": "before"}, 0), ({"q": "before"}, 0), ({"tag": "After"}, 1), ({"tag": "after"}, 0),
        ({"q": "aFTER"}, 1), ({"tag": "="}, 1), ({"tag": "Aft"}, 0), ({"tag": agent}, 0),
        ({"q": "#After"}, 0), ({"q": "=" + agent}, 0), ({"q": "a#B"}, 1), ({"tag": "a#b"}, 1),
        ({"tag": ".*"}, 0), ({"q": "after="}, 0),
    ):  # fmt: skip
        assert len(client.read(DOCUMENTS, agent_id=agent, **params)) == found, params


def test_schema_apply_brings_headers_of_an_earlier_version_up_to_date(client, db, team, stack):
    agent, _ = team
    lists = {"q": agent}, {"q": agent, "tag": "t1"}, {"agent_id": agent, "sort": "-avg_reward"}
    before = [ids(client.read(DOCUMENTS, metrics="none", **asked)) for asked in lists]
    gone = {"search": "", "rank": "", "unranked_since": ""}
    db.runs.update_many({"agent_id": agent}, {"$unset": gone})
    for count in (6, 0):
        done = stack.admin("schema", "apply")
        assert done.returncode == 0, done.stderr
        assert (f" {count} of an earlier version" in done.stdout) == (count > 0)
        after = [ids(client.read(DOCUMENTS, metrics="none", **asked)) for asked in lists]
        assert after == before


@pytest.mark.parametrize(
    "params, want",
    [
        ({"status": "running"}, [5, 4, 3, 2]),
        ({"status": "failed"}, [1]),
        ({"status": "stopped"}, []),
        ({"tag": "t0"}, [4, 2, 0]),
        ({"tag": "All"}, [5, 4, 3, 2, 1, 0]),
        ({"tag": "t"}, []),
        ({"q": "-N3"}, [3]),
        ({"q": "ALL"}, [5, 4, 3, 2, 1, 0]),
        ({"limit": 2}, [5, 4]),
        ({"limit": 2, "offset": 3}, [2, 1]),
        ({"since": "2024-03-01T15:00:00.500Z"}, [5, 4, 3]),
        ({"since": "2024-03-01T15:00:00.501Z"}, [5, 4]),
        ({"until": "2024-03-01T14:00:00.500Z"}, [2, 1, 0]),
        ({"until": "2024-03-01T14:00:00.499Z"}, [1, 0]),
        ({"since": "2024-03-01T13:00:00.500Z", "until": "2024-03-01T14:00:00.500Z"}, [2, 1]),
        ({"since": "2024-03-01T15:00:00.5+01:00", "until": "2024-03-01T15:00:00Z"}, [2]),
        ({"since": "2024-03-01T17:00:00Z"}, [5]),
        ({"status": "", "tag": "", "limit": "", "since": "", "sort": "", "metrics": ""},
         [5, 4, 3, 2, 1, 0]),
    ],
)  # fmt: skip
def test_filters_pick_runs(client, team, params, want):
    agent, runs = team
    got = ids(client.read(DOCUMENTS, agent_id=agent, **params))
    assert [runs.index(r) for r in got if r in runs] == want
    assert len(got) == len(want)


def test_the_list_can_be_walked_page_by_page(client, team):
    agent, runs = team
    answer = client.get(DOCUMENTS, agent_id=agent, limit=4)
    assert answer.headers["X-Total-Count"] == "6"
    assert ids(walk(client, DOCUMENTS, agent_id=agent, limit=4)) == runs[::-1]


@pytest.mark.parametrize(
    "query, field",
    [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("sort=notes", "sort"),
        ("sort=--episodes", "sort"),
        ("sort=%24natural", "sort"),
        ("sort=win_rate&cursor=nwin_rate:nan_r", "cursor"),
        ("sort=win_rate&cursor=nwin_rate:7ff0000000000000_r", "cursor"),
        ("sort=win_rate&cursor=nwin_rate:3fe000000000000_r", "cursor"),
        ("sort=episodes&cursor=nepisodes:+1_r", "cursor"),
        ("sort=episodes&cursor=nepisodes:9223372036854775808_r", "cursor"),
        ("cursor=n-start_time:1_", "cursor"),
        (f"tag={'t' * 129}", "tag"),
        ("since=yesterday", "since"),
        ("since=2024-02-30T00:00:00Z", "since"),
        ("until=2024-13-01T00:00:00Z", "until"),
        ("metrics=some", "metrics"),
    ],
)
def test_a_wrong_parameter_of_the_list_is_422_that_names_it(client, query, field):
    problem(client.get(f"{DOCUMENTS}?{query}"), 422, "validation_failed", [field])


def test_500_runs_may_be_asked_for(client, team):
    agent, runs = team
    assert len(client.read(DOCUMENTS, agent_id=agent, limit=500)) == len(runs)


def test_a_list_holds_50000_episodes_filled_from_the_newest_run_on(client):
    agent = new_id("many")
    runs = []
    for count in (300, 26000, 25000):
        run_id = client.create(agent_id=agent)
        reports = {n: {"total_reward": n, "win": n % 2 == 0} for n in range(1, count + 1)}
        client.report_all(run_id, reports)
        runs.append(run_id)
    rows = {r["run_id"]: r for r in client.read(DOCUMENTS, agent_id=agent)}
    shown = {r: len(row["metrics"]["episodes"]) for r, row in rows.items()}
    assert shown == {runs[2]: 25000, runs[1]: 25000, runs[0]: 0}
    assert "metrics_truncated" not in rows[runs[2]]
    assert rows[runs[1]]["metrics_truncated"] is True
    assert rows[runs[0]]["metrics_truncated"] is True
    assert [rows[r]["summary"]["episodes"] for r in runs] == [300, 26000, 25000]
