"""
Lists of an account with 100 000 runs (contract sections 2 and 3): each page reads its own documents
and no others, whatever is filtered and sorted by. What the server did is read from MongoDB's
profiler, which notes the very commands that the API sent: docsExamined, keysExamined, planSummary.
"""

import datetime
import random
from contextlib import contextmanager

import bson
import pymongo
import pytest

from stack import Stack
from support import DOCUMENTS, RUNS, Client, follow, ok

COUNT = 100_000
DOCS_MAX = 200  # of one list of 50: the bar
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
STATUSES = ("running", "completed", "stopped", "failed")
NEVER = float("nan")


def search_of(run):
    """What the program keeps to search in: each text after a NUL and a sign, tags first."""
    names = (run["run_id"], run["strategy_label"] or "", run["agent_id"], run["algorithm"])
    texts = ["#" + tag for tag in run["tags"]] + ["=" + name for name in names]
    return "".join("\0" + text for text in texts) + "\0"


def figures_of(rng, i):
    """
    Rewards and wins of one run as the header counts them, and their means as Python sees them.
    """
    count = rng.randrange(1, 400)
    reward = None if i % 10 == 0 else round(rng.uniform(-5, 5), 3)
    wins = [] if i % 7 == 0 else [rng.choice((0.0, 0.5, 1.0)) for _ in range(rng.randrange(1, 9))]
    metrics = {}
    if reward is not None:
        figures = {"sum": reward * count, "carry": 0.0, "min": reward, "max": reward}
        metrics["total_reward"] = {"count": bson.Int64(count), **figures}
    rate = sum(wins) / len(wins) if wins else None
    mean = None if reward is None else reward * count / count
    header = {
        "episodes": bson.Int64(count),
        "metrics": metrics,
        "wins": [{"n": n + 1, "win": win} for n, win in enumerate(wins)],
        "rank": {
            "episodes": bson.Int64(count),
            "avg_reward": NEVER if mean is None else mean,
            "win_rate": NEVER if rate is None else rate,
            "revision": bson.Int64(0),
        },
    }
    return header, (count, mean, rate)


def make_run(rng, i, template):
    started = START + datetime.timedelta(seconds=rng.randrange(10_000_000))
    run = {
        **template,
        "_id": bson.ObjectId(),
        "run_id": f"{rng.getrandbits(48):012x}-{i:06d}",
        "status": STATUSES[min(i % 50, 3)],
        "agent_id": f"agent-{i % 20}",
        "algorithm": ("PPO", "MaskablePPO")[i % 2],
        "strategy_label": None if i % 3 == 0 else f"label {i % 40}",
        "tags": [f"t{i % 7}", "nightly"] if i % 5 else [],
        "started_at": started,
        "last_reported_at": started,
    }
    header, figures = figures_of(rng, i)
    run.update(header, search=search_of(run))
    return run, figures


@pytest.fixture(scope="module")
def crowd():
    """A stack of its own: (client, {run_id: (run, figures)}, database)."""
    stack = Stack()
    rng = random.Random(20240101)
    try:
        # What is read is counted here, not timed: no request may end because the machine is slow.
        stack.up("--port", stack.port, "--workers", 2, TRAINING_DB_SOCKET_MS="30000")
        client = Client(stack.url, stack.key, timeout=60)
        with pymongo.MongoClient(stack.mongodb_uri, tz_aware=True) as mongo:
            db = mongo[stack.mongodb_name]
            template = db.runs.find_one_and_delete({"run_id": client.create()})
            made = [make_run(rng, i, template) for i in range(COUNT)]
            db.runs.drop_indexes()  # an index is built quicker than it is added to
            db.runs.insert_many((run for run, _ in made), ordered=False)
            applied = stack.admin("schema", "apply")
            assert applied.returncode == 0, applied.stderr
            yield client, {run["run_id"]: (run, figures) for run, figures in made}, db
    finally:
        stack.remove()


@contextmanager
def profiled(db):
    """A list that is filled with what the server notes of commands on `runs` in the block."""
    noted = []
    db.command("profile", 0)
    db.drop_collection("system.profile")
    db.command("profile", 2)
    try:
        yield noted
    finally:
        db.command("profile", 0)
        # docsExamined is absent in what reads nothing, such as the lock of a session
        noted += db["system.profile"].find({"ns": f"{db.name}.runs", "op": {"$ne": "update"}})


def cost_of(noted):
    """(documents, keys) that the commands looked at; all of them by an index."""
    assert noted, "the profiler noted nothing"
    for entry in noted:
        assert "COLLSCAN" not in entry.get("planSummary", ""), entry["command"]
        assert not entry.get("hasSortStage") or "find" not in entry["command"], entry["command"]
    docs = sum(entry.get("docsExamined", 0) for entry in noted)
    return docs, sum(entry.get("keysExamined", 0) for entry in noted)


def passes(run, params):
    """Does the run meet the filters? Written from the contract."""
    names = (run["run_id"], run["strategy_label"] or "", run["agent_id"], run["algorithm"])
    wanted = {
        "status": lambda v: run["status"] == v,
        "agent_id": lambda v: run["agent_id"] == v,
        "strategy_label": lambda v: run["strategy_label"] == v,
        "tag": lambda v: v in run["tags"],
        "q": lambda v: any(v.lower() in text.lower() for text in (*names, *run["tags"])),
        "since": lambda v: run["started_at"] >= datetime.datetime.fromisoformat(v),
        "until": lambda v: run["started_at"] <= datetime.datetime.fromisoformat(v),
    }
    return all(test(params[name]) for name, test in wanted.items() if name in params)


ORDERS = {}  # sort: all runs in that order, made once


def sorted_runs(runs, sort):
    """The whole list: nulls last either way, ties by run_id, which turns round with the order."""
    name, up = sort.lstrip("-"), not sort.startswith("-")
    place = {"episodes": 0, "avg_reward": 1, "win_rate": 2}

    def value(item):
        run, figures = item
        return run["started_at"] if name == "start_time" else figures[place[name]]

    rows = sorted(runs, key=lambda item: item[0]["run_id"], reverse=up)
    rated = [item for item in rows if value(item) is not None]
    # Python's sort leaves equals in the order in which they are, reversed or not
    rated.sort(key=value, reverse=not up)
    return rated + [item for item in rows if value(item) is None]


def in_order(runs, sort, params):
    """run_ids of the runs that meet the filters, in the order of the list."""
    if sort not in ORDERS:
        ORDERS[sort] = sorted_runs(runs.values(), sort)
    return [run["run_id"] for run, _ in ORDERS[sort] if passes(run, params)]


FILTERS = {
    "none": {},
    "status common": {"status": "failed"},
    "status rare": {"status": "stopped"},
    "agent": {"agent_id": "agent-3"},
    "label": {"strategy_label": "label 7"},
    "tag": {"tag": "t3"},
    "q common": {"q": "maskable"},
    "q rare": {"q": "-077777"},
    "q nobody": {"q": "nobody has this"},
    "times": {"since": "2024-02-01T00:00:00+00:00", "until": "2024-03-01T00:00:00+00:00"},
    # agent-1 has every 20th run, stopped is 2 of 100: together a few, or none
    "agent and status": {"agent_id": "agent-2", "status": "stopped"},
    "agent and status, nobody": {"agent_id": "agent-4", "status": "running"},
    "tag and q": {"tag": "nightly", "q": "99"},
    "all": {"agent_id": "agent-1", "status": "completed", "tag": "nightly", "q": "PPO",
            "since": "2024-02-01T00:00:00+00:00", "until": "2024-04-01T00:00:00+00:00"},
}  # fmt: skip
SORTS = ("-start_time", "avg_reward", "-win_rate", "-episodes")
OTHERS = ("start_time", "-avg_reward", "win_rate", "episodes")


@pytest.mark.parametrize("name", FILTERS)
def test_a_page_of_50_of_100000_reads_its_own_documents_in_any_order(crowd, name):
    client, runs, db = crowd
    params = FILTERS[name]
    for sort in SORTS + OTHERS if name == "agent and status" else SORTS:
        with profiled(db) as noted:
            answer = client.get(DOCUMENTS, metrics="none", sort=sort, **params)
        want = in_order(runs, sort, params)
        assert [row["run_id"] for row in ok(answer, 200)] == want[:50], sort
        assert answer.headers["X-Total-Count"] == str(len(want))
        docs, keys = cost_of(noted)
        print(f"{name}, {sort}: {len(want)} runs, {docs} documents, {keys} keys")
        assert docs <= min(len(want), 51) <= DOCS_MAX, sort
        assert keys <= 2 * (COUNT + 2)  # the list and the count


def test_the_other_family_lists_at_the_same_cost(crowd):
    client, runs, db = crowd
    with profiled(db) as noted:
        rows = client.read(RUNS, status="failed", q="PPO", limit=50)
    want = in_order(runs, "-start_time", {"status": "failed", "q": "PPO"})
    assert [row["run_id"] for row in rows] == want[:50]
    assert cost_of(noted)[0] <= 51


@pytest.mark.parametrize("sort", ["-start_time", "avg_reward", "-win_rate", "episodes"])
@pytest.mark.parametrize("offset", [50, 50_000, COUNT - 30, COUNT])
def test_an_offset_passes_over_keys_and_not_over_documents(crowd, sort, offset):
    client, runs, db = crowd
    with profiled(db) as noted:
        answer = client.get(DOCUMENTS, metrics="none", sort=sort, offset=offset)
    want = in_order(runs, sort, {})[offset : offset + 50]
    assert [row["run_id"] for row in ok(answer, 200)] == want
    assert ("next" in answer.links) == (offset + 50 < COUNT)
    assert cost_of(noted)[0] <= 51


@pytest.mark.parametrize("sort", ["start_time", "-avg_reward", "win_rate", "-episodes"])
def test_a_page_far_down_costs_what_the_first_does(crowd, sort):
    client, runs, db = crowd
    there = client.get(DOCUMENTS, metrics="none", sort=sort, offset=70_000)
    with profiled(db) as noted:
        page = follow(client, there)
    assert [r["run_id"] for r in ok(page, 200)] == in_order(runs, sort, {})[70_050:70_100]
    docs, _ = cost_of(noted)
    lists = [n for n in noted if n["command"].get("find") or n["command"].get("getMore")]
    assert docs <= 51 and sum(entry["keysExamined"] for entry in lists) <= DOCS_MAX


def test_agents_are_named_from_the_index_alone(crowd):
    client, _, db = crowd
    with profiled(db) as noted:
        agents = client.read(f"{DOCUMENTS}/agents/list")["agent_ids"]
    assert agents == sorted(f"agent-{i}" for i in range(20))
    docs, keys = cost_of(noted)
    assert docs == 0 and keys <= 100
    assert all("DISTINCT_SCAN" in entry["planSummary"] for entry in noted)


def test_runs_with_reports_since_are_settled_and_no_others(crowd):
    """Ten of 100 000 report: the next list by a figure reads those ten and its own page."""
    client, runs, db = crowd
    chosen = in_order(runs, "avg_reward", {})[1000:1010]
    for i, run_id in enumerate(chosen):
        client.report(run_id, 1000, total_reward=1e9 + i)
    with profiled(db) as noted:
        rows = client.read(DOCUMENTS, metrics="none", sort="-avg_reward")
    means = [row["summary"]["avg_reward"] for row in rows]
    assert means == sorted(means, reverse=True)
    assert {row["run_id"] for row in rows[:10]} == set(chosen)
    assert cost_of(noted)[0] <= 51 + 10
    with profiled(db) as noted:
        again = client.read(DOCUMENTS, metrics="none", sort="-avg_reward")
    assert again == rows and cost_of(noted)[0] == 51
