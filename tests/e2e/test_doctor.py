"""
training-admin doctor: each thing that must not be is made by hand with pymongo; the doctor must
find it and nothing else, mend it when asked, and be silent afterwards, while the API's answers
equal an independent computation over what was acknowledged (expected.py).
"""

import datetime
import random
import threading

import bson
import pymongo
import pytest

from expected import Book
from support import Client, agree, new_id, stored, wait_until
from writers import Crowd

NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture
def mongo(stack):
    with pymongo.MongoClient(stack.mongodb_uri) as mongo:
        yield mongo


@pytest.fixture
def db(stack, mongo):
    return mongo[stack.mongodb_name]


@pytest.fixture
def account(admin):
    return new_id("account")


@pytest.fixture
def client(stack, admin, account):
    return Client(stack.url, admin("key", "create", "--account", account).stdout.strip())


@pytest.fixture
def doctor(admin, account):
    """Runs the doctor on the new account; (exit code, findings, closing line)."""

    def run(*more):
        done = admin("doctor", "--account", account, *more)
        assert done.stderr == "", done.stderr
        *lines, last = done.stdout.splitlines()
        return done.returncode, lines, last

    return run


def fill(client, rows=200, waiting=20, seed=3):
    """A run with so many episodes among the rows and in the tail; (run_id, book)."""
    rng, run_id, book = random.Random(seed), client.create(), Book()

    def report(number):
        members = {"total_reward": rng.gauss(0, 9), "steps": rng.randint(1, 50)}
        members |= {"win": rng.choice((0, 0.5, 1)), "metrics": {"loss.a": rng.random()}}
        book.report(number, members)
        return members

    client.report_all(run_id, {n: report(n) for n in range(1, rows + 1)})
    for n in range(rows + 1, rows + waiting + 1):
        client.report(run_id, n, **report(n))
    return run_id, book


def header(db, run_id):
    return db.runs.find_one({"run_id": run_id})


def row_id(db, run_id, number):
    return bson.SON([("run", header(db, run_id)["_id"]), ("n", number)])


# ---- healthy ----


def test_a_healthy_account_has_no_findings_and_nothing_is_written(client, db, account, doctor):
    for seed, (rows, waiting) in enumerate([(0, 0), (0, 5), (3, 0), (1500, 64), (10, 64)]):
        run_id, _ = fill(client, rows, waiting, seed) if rows else (client.create(), None)
        for n in range(waiting if not rows else 0):
            client.report(run_id, n + 1, total_reward=n)
    before = stored(db)
    code, lines, last = doctor()
    assert (code, lines) == (0, [])
    assert last == f"5 runs, {1500 + 10 + 3} episodes: 0 findings, 0 mended"
    assert doctor("--mend")[:2] == (0, []) and stored(db) == before


def test_replacements_retries_and_values_that_are_not_finite_are_no_findings(client, doctor):
    rng, run_id, book = random.Random(5), client.create(), Book()
    for _ in range(25):
        reports = {}
        for _ in range(40):
            value = rng.choice([rng.gauss(0, 1e9), 1e-9, "NaN", "Infinity", 1e12, -1e12])
            reports[rng.randint(1, 300)] = {"total_reward": value, "win": rng.choice((0, 1))}
        for n, report in reports.items():
            book.report(n, report)
        client.report_all(run_id, reports)
        assert doctor()[:2] == (0, [])
    agree(client, run_id, book, windows=(10,))


def test_a_run_that_is_written_meanwhile_is_never_accused(client, doctor):
    run_id, _ = fill(client, 3000, 5)
    crowd, seen, stop = Crowd(client, run_id, 3, rounds=30, endless=True), [], threading.Event()

    def ask():
        while not stop.is_set():
            seen.append(doctor("--mend" if len(seen) % 2 else "--unended-after=1"))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        crowd.wait_for_more(300, 120)
        wait_until(lambda: len(seen) >= 3 or not asking.is_alive(), 120, "three reports")
    finally:
        stop.set()
        asking.join()
        crowd.done()
    lines = [line for _, lines, _ in seen for line in lines]
    assert len(seen) >= 3 and not [ln for ln in lines if "wait to be computed" not in ln], lines
    assert doctor()[:2] == (0, [])


# ---- each kind of damage ----


def wrong_episodes(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$inc": {"episodes": 3}})


def wrong_count(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$inc": {"metrics.steps.count": -1}})


def wrong_sum(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$inc": {"metrics.total_reward.sum": 0.5}})


def wrong_extreme(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$set": {"metrics.loss:a.max": 2.0}})


def lost_metric(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$unset": {"metrics.steps": ""}})


def strange_metric(db, run_id):
    figures = {"count": 1, "sum": 1.0, "carry": 0.0, "min": 1.0, "max": 1.0}
    db.runs.update_one({"run_id": run_id}, {"$set": {"metrics.ghost": figures}})


def wrong_wins(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$pop": {"wins": -1}})


def wrong_rows_max(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$set": {"rows_max": 7}})


def in_tail_twice(db, run_id):
    entry = header(db, run_id)["tail"][4]
    db.runs.update_one({"run_id": run_id}, {"$push": {"tail": entry}})


def row_in_tail(db, run_id):
    row = db.episodes.find_one({"_id": row_id(db, run_id, 50)})
    entry = {"n": 50, "created_at": row["created_at"], "metrics": row["metrics"]}
    db.runs.update_one({"run_id": run_id}, {"$push": {"tail": entry}})


def row_in_tail_twice(db, run_id):
    row_in_tail(db, run_id)
    row_in_tail(db, run_id)


def no_episode_in_tail(db, run_id):
    db.runs.update_one({"run_id": run_id}, {"$push": {"tail": {"nothing": 1}}})


DAMAGES = [
    (wrong_episodes, ["episodes says 223; there are 220"]),
    (wrong_count, ["metric steps is out of step: count 199, sum"]),
    (wrong_sum, ["metric total_reward is out of step: count 200, sum"]),
    (wrong_extreme, ["metric loss.a is out of step: count 200, sum"]),
    (lost_metric, ["metric steps is in the rows alone"]),
    (strange_metric, ["metric ghost is in the header alone"]),
    (wrong_wins, ["the newest wins are out of step with the rows"]),
    (wrong_rows_max, ["rows_max says 7; there are 200"]),
    (in_tail_twice, ["episode 205 is in the tail and in the tail again"]),
    (row_in_tail, ["episode 50 is in the tail and among the rows"]),
    (row_in_tail_twice, ["episode 50 is in the tail and among the rows"] * 2),
    (no_episode_in_tail, ["the tail holds 1 reports that are none"]),
]


@pytest.mark.parametrize("damage, want", DAMAGES, ids=lambda v: getattr(v, "__name__", ""))
def test_each_damage_is_found_mended_and_gone(client, db, account, doctor, damage, want):
    run_id, book = fill(client)
    fill(client, seed=4)
    damage(db, run_id)
    for _ in range(2):
        code, lines, last = doctor()
        assert code == 1 and len(lines) == len(want), lines
        for line, what in zip(lines, want, strict=True):
            assert line.startswith(f"found: run {account}/{run_id} {what}"), line
    code, lines, last = doctor("--mend")
    assert code == 0 and [line.split(": ")[0] for line in lines] == ["mended"] * len(want)
    assert last == f"2 runs, 400 episodes: {len(want)} findings, {len(want)} mended"
    assert doctor()[:2] == (0, [])
    agree(client, run_id, book, windows=(10,))
    for n in (30, 201, 221, 222):
        client.report(run_id, n, total_reward=n)
        book.report(n, {"total_reward": n})
    client.report_all(run_id, {n: {"win": 1} for n in range(215, 300)})
    for n in range(215, 300):
        book.report(n, {"win": 1})
    agree(client, run_id, book, windows=(10,))
    assert doctor()[:2] == (0, [])


def test_rows_that_went_are_counted_no_more(client, db, doctor):
    run_id, book = fill(client)
    for n in (1, 77, 200):
        assert db.episodes.delete_one({"_id": row_id(db, run_id, n)}).deleted_count == 1
        del book.reports[n]
    code, lines, _ = doctor()
    assert code == 1 and any("episodes says 220; there are 217" in line for line in lines)
    assert any("rows_max says 200; there are 199" in line for line in lines)
    assert doctor("--mend")[0] == 0 and doctor()[:2] == (0, [])
    agree(client, run_id, book, windows=(10,))


def test_figures_in_doubt_are_computed_when_asked(client, db, doctor):
    run_id, book = fill(client)
    extreme = max(book.reports, key=lambda n: book.reports[n]["total_reward"] if n <= 200 else -99)
    client.report(run_id, extreme, total_reward=0, win=0)
    book.report(extreme, {"total_reward": 0, "win": 0})
    assert header(db, run_id)["summary_stale"] is True
    assert doctor()[:2] == (0, []), "it is in order that they wait"
    code, lines, _ = doctor("--mend")
    assert code == 0 and lines[0].endswith("the figures wait to be computed anew")
    assert header(db, run_id)["summary_stale"] is False
    agree(client, run_id, book, windows=(10,))


def test_a_tail_that_is_too_long_is_told_and_left(client, db, doctor):
    run_id, _ = fill(client, waiting=60)
    db.command("collMod", "runs", validationLevel="off")
    try:
        more = [{"n": n, "created_at": NOW, "metrics": {}} for n in range(900, 910)]
        change = {"$push": {"tail": {"$each": more}}, "$inc": {"episodes": 10}}
        db.runs.update_one({"run_id": run_id}, change)
    finally:
        db.command("collMod", "runs", validationLevel="strict")
    code, lines, _ = doctor("--mend")
    assert code == 1 and any("the tail holds 70 reports; there may be 64" in ln for ln in lines)
    assert len(header(db, run_id)["tail"]) == 70, "nothing was lost by mending"
    db.episodes.delete_many({"_id.run": header(db, run_id)["_id"]})
    db.runs.delete_one({"run_id": run_id})


# ---- runs that never ended ----


def test_unended_runs_are_told_and_ended_only_when_asked(client, db, account, doctor):
    old, fresh, done = client.create(), client.create(), client.create()
    client.end(done, "completed")
    for run_id in (old, done):
        weeks_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=8)
        db.runs.update_one({"run_id": run_id}, {"$set": {"last_reported_at": weeks_ago}})
    assert doctor()[:2] == doctor("--unended-after", "9")[:2] == (0, [])
    code, lines, _ = doctor("--mend", "--unended-after", "7")
    assert code == 1
    want = f"found: run {account}/{old} is running, but was last heard of 192 hours ago"
    assert lines == [want]
    assert client.document(old)["status"] == "running"
    code, lines, _ = doctor("--mend", "--unended-after", "7", "--end-unended")
    assert (code, lines) == (0, [want.replace("found", "mended", 1)])
    shown = client.document(old)
    assert shown["status"] == "failed" and "never ended" in shown["metadata"]["error_message"]
    assert client.document(fresh)["status"] == "running"
    assert client.document(done)["metadata"] == {}
    assert doctor("--unended-after", "7")[:2] == (0, [])


def test_another_accounts_runs_are_not_looked_at(client, db, stack, admin, doctor):
    other = Client(stack.url, admin("key", "create", "--account", new_id("other")).stdout.strip())
    run_id, _ = fill(other)
    wrong_episodes(db, run_id)
    assert doctor() == (0, [], "0 runs, 0 episodes: 0 findings, 0 mended")
    wrong_back = {"$inc": {"episodes": -3}}
    db.runs.update_one({"run_id": run_id}, wrong_back)


# ---- a whole database: schema, lost episodes ----


@pytest.fixture
def own(stack, mongo, admin):
    """A database of its own with the schema applied, and the doctor on it."""
    name = new_id("doctor")

    def doctor(*more):
        done = admin("doctor", *more, MONGODB_DB_NAME=name)
        assert done.stderr == "", done.stderr
        *lines, _ = done.stdout.splitlines()
        return done.returncode, lines

    assert admin("schema", "apply", MONGODB_DB_NAME=name).returncode == 0
    yield mongo[name], doctor
    mongo.drop_database(name)


def test_a_database_that_drifted_from_its_schema(own):
    db, doctor = own
    assert doctor() == (0, [])
    db.runs.drop_index("by_run_id")
    db.runs.drop_index("by_newest")
    db.runs.create_index([("started_at", 1)], name="by_newest")
    db.runs.create_index([("tags", 1)], name="mine")
    db.command("collMod", "episodes", validator={})
    db.drop_collection("training_runs")
    db.drop_collection("accounts")
    want = [
        "collection accounts is missing",
        "collection episodes is not what its schema file says",
        "index runs.by_newest is not what its schema file says",
        "index runs.by_run_id is missing",
        "view training_runs is missing",
    ]
    assert doctor() == (1, sorted(f"found: {what}" for what in want))
    assert "training_runs" not in db.list_collection_names(), "looking changed nothing"
    code, lines = doctor("--mend")
    assert (code, lines) == (0, sorted(f"mended: {what}" for what in want))
    assert doctor() == (0, []) and "mine" in db.runs.index_information()


def test_a_database_without_anything(mongo, admin):
    name = new_id("empty")
    done = admin("doctor", MONGODB_DB_NAME=name)
    assert done.returncode == 1 and "found: collection runs is missing\n" in done.stdout
    assert name not in mongo.list_database_names()


def rows_of(oid, count):
    return [
        {"_id": bson.SON([("run", oid), ("n", n)]), "created_at": NOW, "metrics": {"steps": n}}
        for n in range(1, count + 1)
    ]


def test_episodes_of_no_run_are_found_and_removed_unless_a_purge_is_at_work(own):
    db, doctor = own
    lost, doomed, few = (bson.ObjectId() for _ in range(3))
    for oid, count in ((lost, 12_345), (doomed, 10), (few, 1)):
        db.episodes.insert_many(rows_of(oid, count))
    tombstone = {"_id": doomed, "account": "a", "run_id": "r", "deleted_at": NOW, "due": NOW}
    db.purges.insert_one(tombstone | {"next_at": NOW})
    what = "are in the database; a run with this _id is not"
    assert doctor() == (1, [f"found: episodes of {oid} {what}" for oid in (lost, few)])
    assert db.episodes.count_documents({}) == 12_356
    code, lines = doctor("--mend")
    assert code == 0
    counts = ((lost, 12_345), (few, 1))
    assert lines == [f"mended: episodes of {oid} were no run's: {n}" for oid, n in counts]
    assert db.episodes.count_documents({}) == 10
    assert doctor() == (0, [])


def test_blocks_of_no_run_too(own):
    db, doctor = own
    lost, few = bson.ObjectId(), bson.ObjectId()
    for oid, count in ((lost, 3), (few, 1)):
        db.blocks.insert_many(
            {"_id": bson.SON([("run", oid), ("b", b)]), "rows": 0, "metrics": {}}
            for b in range(count)
        )
    what = "are in the database; a run with this _id is not"
    assert doctor() == (1, [f"found: blocks of {oid} {what}" for oid in (lost, few)])
    code, lines = doctor("--mend")
    assert code == 0
    assert lines == [
        f"mended: blocks of {oid} were no run's: {n}" for oid, n in ((lost, 3), (few, 1))
    ]
    assert db.blocks.count_documents({}) == 0
    assert doctor() == (0, [])


# ---- its arguments ----


@pytest.mark.parametrize(
    "words",
    [
        ["more"],
        ["--account"],
        ["--account", "a b"],
        ["--unended-after", "0"],
        ["--unended-after", "3651"],
        ["--unended-after", "7d"],
        ["--unended-after", "-1"],
        ["--unended-after", ""],
        ["--end-unended"],
        ["--mend", "--end-unended"],
        ["--unended-after", "7", "--end-unended"],
    ],
)
def test_wrong_arguments_get_the_usage(admin, words):
    done = admin("doctor", *words)
    assert done.returncode == 2 and "usage: training-admin" in done.stderr and done.stdout == ""


def test_the_command_explains_itself(admin):
    done = admin("doctor", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: training-admin ")
    assert "--mend" in done.stdout and done.stderr == ""


def test_a_folder_without_schema_files_is_named(admin, tmp_path):
    done = admin("doctor", "--schema", str(tmp_path))
    assert done.returncode == 1 and str(tmp_path) in done.stderr
