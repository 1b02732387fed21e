"""
The view db.training_runs, asked through a real mongosh (contract section 6): exactly seed 004's
document, live, whichever family wrote the run. Win rates are compared with an independent
computation (expected.py).
"""

import json
import random

import pytest

from expected import Book, metrics_of, rolling_win_rate
from support import DOCUMENTS, RUNS, new_id, ok

MEMBERS = [
    "_id",
    "run_id",
    "agent_id",
    "algorithm",
    "config",
    "status",
    "start_time",
    "end_time",
    "metrics",
    "checkpoint_paths",
    "metadata",
]
SHOWN_MAX = 1000


@pytest.fixture
def mongosh(stack):
    """Runs an expression of mongosh; its value comes back as relaxed Extended JSON."""

    def evaluate(expression):
        where = f"db = db.getSiblingDB({json.dumps(stack.mongodb_name)})"
        shown = stack.mongosh(f"{where}; print(EJSON.stringify({expression}, {{relaxed: true}}))")
        return json.loads(shown or "null")

    return evaluate


def shown(mongosh, run_id):
    return mongosh(f"db.training_runs.findOne({{run_id: {json.dumps(run_id)}}})")


def run_of(client, count, wins):
    """A run whose episode n has wins(n) (None: no win); its id, and the Book of it."""
    rng = random.Random(count)
    run_id, book, reports = client.create(), Book(), {}
    for n in range(1, count + 1):
        reports[n] = {"total_reward": rng.gauss(0, 5), "steps": rng.randint(1, 99)}
        if wins(n) is not None:
            reports[n]["win"] = wins(n)
        book.report(n, reports[n])
    client.report_all(run_id, reports)
    return run_id, book


def agrees(document, book):
    """The document's metrics are what the book gives for its newest 1000 episodes."""
    numbers = book.numbers()[-SHOWN_MAX:]
    assert document["metrics"]["episodes"] == [{"episode": n, **book.reports[n]} for n in numbers]
    want = [p for p in rolling_win_rate(book) if numbers and p["episode"] >= numbers[0]]
    got = document["metrics"]["rolling_win_rate"]
    assert [p["episode"] for p in got] == [p["episode"] for p in want]
    assert [p["win_rate"] for p in got] == pytest.approx([p["win_rate"] for p in want], abs=1e-12)
    assert document.get("metrics_truncated", False) is (len(book) > SHOWN_MAX)


def test_a_run_is_shown_as_the_seed_does(client, mongosh):
    run_id = client.write(
        DOCUMENTS,
        {"agent_id": "ppo", "algorithm": "MaskablePPO", "config": {"lr": 0.5, "net": {"n": 3}}},
        201,
    )["run_id"]
    client.write(
        f"{DOCUMENTS}/{run_id}/episodes",
        {"episode": 1, "total_reward": 10.5, "steps": 50, "win": True, "epsilon": 0.25},
    )
    client.write(f"{DOCUMENTS}/{run_id}/checkpoints", {"episode": 1, "path": "c/ppo"}, 201)
    ok(
        client.patch(
            f"{DOCUMENTS}/{run_id}", {"status": "failed", "error_message": "out of cards"}
        ),
        200,
    )
    document = shown(mongosh, run_id)
    assert list(document) == MEMBERS
    assert set(document.pop("_id")) == {"$oid"}
    assert set(document.pop("start_time")) == set(document.pop("end_time")) == {"$date"}
    assert document == {
        "run_id": run_id,
        "agent_id": "ppo",
        "algorithm": "MaskablePPO",
        "config": {"lr": 0.5, "net": {"n": 3}},
        "status": "failed",
        "metrics": {
            "episodes": [
                {"episode": 1, "total_reward": 10.5, "steps": 50, "win": True, "epsilon": 0.25}
            ],
            "rolling_win_rate": [{"episode": 1, "win_rate": 1}],
        },
        "checkpoint_paths": [{"episode": 1, "path": "c/ppo"}],
        "metadata": {"error_message": "out of cards"},
    }


def test_an_empty_running_run_of_the_other_family_is_shown_too(client, mongosh):
    run_id = client.create()
    document = shown(mongosh, run_id)
    assert list(document) == MEMBERS
    assert document["status"] == "running"
    assert document["end_time"] is None
    assert document["metrics"] == {"episodes": [], "rolling_win_rate": []}
    assert document["checkpoint_paths"] == [] and document["metadata"] == {}


def test_every_metric_is_shown_whichever_family_wrote_it(client, mongosh):
    run_id = client.create()
    report = {"reward_sum": 2.5, "roi_pct": 1.25, "metrics": {"loss/policy.mean": 0.5, "n-1": 3}}
    client.report(run_id, 7, **report)
    assert shown(mongosh, run_id)["metrics"]["episodes"] == [{"episode": 7, **metrics_of(report)}]


def test_the_view_is_live(client, mongosh):
    run_id = client.create()
    client.report(run_id, 1, total_reward=1, win=1)
    assert len(shown(mongosh, run_id)["metrics"]["episodes"]) == 1
    client.report(run_id, 1, total_reward=2, win=0)
    client.complete(run_id)
    document = shown(mongosh, run_id)
    assert document["status"] == "completed"
    assert document["metrics"]["episodes"] == [{"episode": 1, "total_reward": 2, "win": 0}]
    assert document["metrics"]["rolling_win_rate"] == [{"episode": 1, "win_rate": 0}]


def outcome(n, sparse=1):
    """Win, draw or loss of episode n, in no simple order; None but for every sparse-th."""
    return (1.0, 0.5, 0.0, 0.0, 1.0)[n * n % 7 % 5] if n % sparse == 0 else None


@pytest.mark.parametrize(
    "count, wins",
    [
        (50, outcome),
        (1000, outcome),
        (1001, outcome),
        (2500, lambda n: bool(n * n % 3)),
        (2500, lambda n: outcome(n, sparse=7)),
        (2500, lambda n: outcome(n, sparse=300)),
        (2500, lambda n: outcome(n) if n <= 1450 else None),
        (2500, lambda n: outcome(n) if n <= 1550 else None),
        (1500, lambda n: outcome(n) if n > 1200 else None),
        (1200, lambda n: None),
    ],
    ids=[
        "short",
        "exactly-what-is-shown",
        "one-more",
        "bools",
        "every-7th-has-win",
        "every-300th-has-win",
        "wins-only-before-what-is-shown",
        "wins-end-early",
        "wins-begin-late",
        "no-wins",
    ],
)
def test_win_rates_are_those_of_an_independent_computation(client, mongosh, count, wins):
    run_id, book = run_of(client, count, wins)
    agrees(shown(mongosh, run_id), book)


def test_a_replacement_that_takes_a_win_away_is_seen(client, mongosh):
    run_id, book = run_of(client, 1300, outcome)
    for n in (1, 250, 299, 700, 1300):
        report = {"total_reward": 1, "steps": 1}
        book.report(n, report)
        client.report_all(run_id, {n: report})
    agrees(shown(mongosh, run_id), book)


def test_reports_one_by_one_are_shown_beside_those_of_batches(client, mongosh):
    """Single reports wait in the run's header for a while, in any order: nobody may notice."""
    run_id, book = run_of(client, 1010, lambda n: outcome(n, sparse=20))
    rng = random.Random(9)
    numbers = [2000 + n for n in range(70)] + [3, 1005, 2001, 1500, 1400, 2069]
    for i, n in enumerate(numbers):
        report = {"total_reward": rng.gauss(0, 5), "steps": i, "win": rng.choice((0, 0.5, 1))}
        book.report(n, report)
        client.report(run_id, n, **report)
        if i % 19 == 0:
            agrees(shown(mongosh, run_id), book)
    agrees(shown(mongosh, run_id), book)


def test_numbers_with_gaps_that_come_out_of_order_are_shown_in_order(client, mongosh):
    run_id, book = client.create(), Book()
    for n in (500, 3, 1_000_000, 7, 40):
        report = {"total_reward": n, "win": n % 2}
        book.report(n, report)
        client.report_all(run_id, {n: report})
    agrees(shown(mongosh, run_id), book)


def test_a_deleted_run_is_not_shown(client, mongosh):
    run_id = client.create()
    mongosh(f"db.runs.updateOne({{run_id: '{run_id}'}}, {{$set: {{deleted_at: new Date()}}}})")
    assert shown(mongosh, run_id) is None


def test_a_bare_find_is_newest_first(client, mongosh):
    made = [client.create() for _ in range(4)]
    now = "new Date(Date.now() + 86400000 + {})"
    for i, run_id in enumerate(made):
        started = now.format(i)
        mongosh(f"db.runs.updateOne({{run_id: '{run_id}'}}, {{$set: {{started_at: {started}}}}})")
    newest = mongosh("db.training_runs.find().limit(4).toArray().map(r => r.run_id)")
    assert newest == made[::-1]
    mongosh(
        f"db.runs.updateMany({{run_id: {{$in: {made}}}}}, {{$set: {{started_at: new Date(0)}}}})"
    )


@pytest.mark.parametrize(
    "condition",
    [
        "{run_id: 'x'}",
        "{agent_id: 'x'}",
        "{algorithm: 'x'}",
        "{status: 'failed'}",
        "{start_time: {$gte: new Date(0)}}",
        "{status: 'failed', start_time: {$gte: new Date(0)}}",
        "{_id: ObjectId()}",
        "{}",
    ],
)
def test_filters_use_indexes_before_any_episode_is_read(mongosh, condition):
    plan = mongosh(f"db.training_runs.find({condition}).limit(5).explain()")
    assert "$cursor" in plan["stages"][0]
    first = json.dumps(plan["stages"][0]["$cursor"]["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in first and "COLLSCAN" not in first
    later = [name for stage in plan["stages"][1:] for name in stage]
    assert "$match" not in later and "$sort" not in later, "the filter waits for the episodes"


def test_the_view_cannot_be_written(client, mongosh):
    run_id = client.create()
    refusal = mongosh(
        f"(() => {{ try {{ db.training_runs.deleteOne({{run_id: '{run_id}'}}); return 'done' }} "
        "catch (e) { return e.code } })()"
    )
    assert refusal == 166  # CommandNotSupportedOnView
    assert client.read(f"{RUNS}/{run_id}")["run_id"] == run_id


def test_both_accounts_of_one_run_id_are_shown(client, mongosh):
    run_id = client.create(new_id())
    mongosh(
        f"(() => {{ const r = db.runs.findOne({{run_id: '{run_id}'}}); "
        "r._id = ObjectId(); r.account = 'another'; return db.runs.insertOne(r) })()"
    )
    assert mongosh(f"db.training_runs.find({{run_id: '{run_id}'}}).toArray().length") == 2
