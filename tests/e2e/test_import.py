"""
training-admin import (contract section 6): collections that seed 004's own logger wrote become
runs, without loss, again and again with the same result. The documents are written with pymongo as
that logger wrote them, and read back through both families, the view, and the database; expected
values come from the documents by way of expected.py.
"""

import datetime
import json
import math
import random
import signal
import subprocess
import time
from pathlib import Path

import bson
import pymongo
import pytest
from bson import json_util
from bson.binary import Binary
from bson.decimal128 import Decimal128
from bson.int64 import Int64

from expected import Book, differences, rolling_win_rate
from stack import ROOT, plain_environment
from support import (
    DOCUMENTS,
    RUNS,
    Client,
    agree,
    detail_faults,
    document_faults,
    new_id,
    wait_until,
)

START = datetime.datetime(2024, 1, 1, 10, 30, 15, 250000)


class Logger:
    """A TrainingRunLogger as seed 004 describes it, writing straight to MongoDB."""

    def __init__(self, collection, agent_id="ppo_agent", algorithm="MaskablePPO", **config):
        self.collection = collection
        self.run_id = new_id("old")
        self.wins = []
        self.oid = collection.insert_one(
            {
                "run_id": self.run_id,
                "agent_id": agent_id,
                "algorithm": algorithm,
                "config": config,
                "status": "running",
                "start_time": START,
                "end_time": None,
                "metrics": {"episodes": [], "rolling_win_rate": []},
                "checkpoint_paths": [],
                "metadata": {},
            }
        ).inserted_id

    def update(self, change):
        self.collection.update_one({"_id": self.oid}, change)

    def log(self, reports):
        """[(number, members)…] as embedded episodes, and the rolling win rate after each."""
        rates = []
        for number, report in reports:
            if "win" in report:
                self.wins.append(report["win"])
                newest = self.wins[-100:]
                rates.append({"episode": number, "win_rate": sum(newest) / len(newest)})
        episodes = [{"episode": number, **report} for number, report in reports]
        self.update(
            {
                "$push": {
                    "metrics.episodes": {"$each": episodes},
                    "metrics.rolling_win_rate": {"$each": rates},
                }
            }
        )

    def checkpoint(self, episode, path):
        self.update({"$push": {"checkpoint_paths": {"episode": episode, "path": path}}})

    def end(self, status, **metadata):
        self.update(
            {
                "$set": {
                    "status": status,
                    "end_time": START + datetime.timedelta(hours=2, milliseconds=7),
                    **{f"metadata.{name}": value for name, value in metadata.items()},
                }
            }
        )

    def document(self):
        return self.collection.find_one({"_id": self.oid})


def random_reports(count, seed=1, first=1):
    rng = random.Random(seed)
    reports = []
    for n in range(first, first + count):
        report = {"total_reward": rng.gauss(0, 5), "steps": rng.randint(1, 500)}
        if rng.random() < 0.8:
            report["win"] = rng.choice((1.0, 0.5, 0.0))
        if rng.random() < 0.5:
            report["epsilon"] = rng.random()
        reports.append((n, report))
    return reports


def book_of(document):
    """What the document's episodes must amount to: the last of one number stands."""
    book, named = Book(), ("total_reward", "steps", "win", "epsilon", "session_id")
    for episode in document["metrics"]["episodes"]:
        report = {k: v for k, v in episode.items() if k in named}
        custom = {k: v for k, v in episode.items() if k not in named and k != "episode"}
        custom.pop("timestamp", None)
        book.report(episode["episode"], {**report, "metrics": custom})
    return book


@pytest.fixture
def mongo(stack):
    with pymongo.MongoClient(stack.mongodb_uri) as mongo:
        yield mongo


@pytest.fixture
def old(mongo):
    """A collection of an older logger, in a database of its own."""
    name = new_id("old")
    yield mongo[name].training_runs
    mongo.drop_database(name)


@pytest.fixture
def own(stack, admin):
    """(account, client): a new account."""
    account = new_id("account")
    done = admin("key", "create", "--account", account)
    return account, Client(stack.url, done.stdout.strip(), timeout=60)


@pytest.fixture
def bring(admin, old, own):
    """Runs the import into the new account; the finished process."""

    def run(*more, account=own[0]):
        return admin("import", "--account", account, "--from-db", old.database.name, *more)

    return run


def report_of(done):
    """The closing report as numbers: {"imported": 1, …}."""
    runs, episodes = done.stdout.splitlines()[-10:], {}
    for line in runs:
        head, _, rest = line.partition(": ")
        if head.endswith("runs"):
            words = [word.split() for word in rest.split(", ")]
            episodes.update({name: int(count) for count, name in words})
        elif head == "episodes":
            words = [word.split() for word in rest.split(", ")]
            episodes.update({f"episodes {name}": int(count) for count, name in words})
    return episodes


def counts(**changed):
    names = ("seen", "imported", "extended", "unchanged", "refused")
    return {name: changed.get(name, 0) for name in names}


def runs_of(done):
    return {k: v for k, v in report_of(done).items() if "episodes" not in k}


def refused(done):
    """The lines of what was not taken, without the document's name."""
    lines = [ln for ln in done.stdout.splitlines() if ln.startswith("not taken: ") and "(_id" in ln]
    return [line.split("): ", 1)[1] for line in lines]


def iso(moment):
    return moment.isoformat(timespec="milliseconds") + "Z"


# ---- nothing is lost ----


@pytest.mark.parametrize("count", [0, 1, 2, 64, 65, 999, 1000, 1001, 2500])
def test_a_run_of_any_length_reads_as_if_it_had_been_reported_here(old, own, bring, count):
    logger = Logger(old, learning_rate=0.0003, mode="full")
    if count:
        logger.log(random_reports(count, seed=count))
    logger.checkpoint(100, "checkpoints/ppo")
    logger.checkpoint(200, "checkpoints/ppo")
    logger.end("completed", note="fine")
    done = bring()
    assert done.returncode == 0, done.stdout + done.stderr
    assert runs_of(done) == counts(seen=1, imported=1)
    document, client = logger.document(), own[1]
    book = book_of(document)
    shown = client.document(logger.run_id)
    assert shown["id"] == str(logger.oid)
    assert shown["config"] == {"learning_rate": 0.0003, "mode": "full"}
    assert shown["metadata"] == {"note": "fine"}
    assert (shown["status"], shown["agent_id"]) == ("completed", "ppo_agent")
    assert shown["start_time"] == "2024-01-01T10:30:15.250Z"
    assert shown["end_time"] == "2024-01-01T12:30:15.257Z"
    assert shown["checkpoint_paths"] == document["checkpoint_paths"]
    assert {e["created_at"] for e in shown["metrics"]["episodes"]} <= {shown["start_time"]}
    agree(client, logger.run_id, book)


def test_the_view_shows_the_very_document(stack, mongo, old, own, bring):
    """_id, dates and every BSON type of config included; the win rate is computed anew."""
    logger = Logger(
        old,
        seed=Int64(2**40),
        ratio=1.0,
        tiny=1e-7,
        when=START,
        owner=bson.ObjectId(),
        price=Decimal128("1.10"),
        blob=Binary(b"\x00\x01", 5),
        inner={"list": [1, 2.5, None, {"a.b": True}], "": "empty", "nan": math.nan},
    )
    logger.log(random_reports(150))
    logger.end("failed", error_message="out of cards", at=START, nested={"n": Int64(3)})
    assert bring().returncode == 0
    view = mongo[stack.mongodb_name].training_runs
    want, got = logger.document(), view.find_one({"run_id": logger.run_id})
    assert list(got) == list(want)
    for name in set(want) - {"metrics", "config"}:
        assert got[name] == want[name], name
    as_bson = [bson.encode(d["config"]) for d in (got, want)]
    assert as_bson[0] == as_bson[1], "config is the same, byte for byte"
    assert got["metrics"]["episodes"] == want["metrics"]["episodes"]
    assert not differences(got["metrics"]["rolling_win_rate"], want["metrics"]["rolling_win_rate"])
    rates = rolling_win_rate(book_of(want))
    assert not differences(got["metrics"]["rolling_win_rate"], rates)
    shown = own[1].document(logger.run_id)["config"]
    relaxed = json_util.dumps(want["config"], json_options=json_util.RELAXED_JSON_OPTIONS)
    assert shown == json.loads(relaxed), "what JSON lacks is relaxed Extended JSON"


def test_members_of_their_own_are_kept(stack, mongo, old, own, bring):
    logger = Logger(old)
    moment = START + datetime.timedelta(minutes=5)
    logger.log(
        [
            (
                1,
                {"total_reward": 1, "loss": 0.25, "entropy": 3, "truncated": True, "epsilon": None},
            ),
            (2, {"total_reward": 2.5, "timestamp": moment, "metrics": {"kl/mean": 0.5}}),
            (3, {"total_reward": math.nan, "loss": math.inf, "timestamp": iso(moment)}),
            (4, {"total_reward": -math.inf, "steps": 7.0, "timestamp": 1704105000.5}),
        ]
    )
    logger.update({"$set": {"host": "gpu-3", "parent": logger.oid, "metrics.losses": [1, 2.5]}})
    logger.update({"$set": {"tags": ["old"], "notes": "# Old", "episodes_total": 9}})
    done = bring()
    assert done.returncode == 0, done.stdout
    shown = own[1].document(logger.run_id)
    imported = {
        "host": "gpu-3",
        "parent": {"$oid": str(logger.oid)},
        "metrics": {"losses": [1, 2.5]},
    }
    assert shown["metadata"] == {"imported": imported}
    assert (shown["tags"], shown["notes"], shown["episodes_total"]) == (["old"], "# Old", 9)
    in_view = mongo[stack.mongodb_name].training_runs.find_one({"run_id": logger.run_id})
    assert in_view["metadata"]["imported"]["parent"] == logger.oid
    episodes = shown["metrics"]["episodes"]
    for episode in episodes:
        del episode["session_id"], episode["reward_sum"]
    assert episodes == [
        {"episode": 1, "total_reward": 1, "loss": 0.25, "entropy": 3, "truncated": 1}
        | {"created_at": iso(START)},
        {"episode": 2, "total_reward": 2.5, "kl/mean": 0.5, "created_at": iso(moment)},
        {"episode": 3, "total_reward": "NaN", "loss": "Infinity", "created_at": iso(moment)},
        {"episode": 4, "total_reward": "-Infinity", "steps": 7, "timestamp": 1704105000.5}
        | {"created_at": iso(START)},
    ]


def test_running_runs_stay_running_and_take_reports_on(old, own, bring):
    logger, client = Logger(old), own[1]
    logger.log(random_reports(30))
    assert bring().returncode == 0
    shown = client.document(logger.run_id)
    assert (shown["status"], shown["end_time"], shown["stale"]) == ("running", None, True)
    book = book_of(logger.document())
    client.report(logger.run_id, 31, total_reward=4)
    book.report(31, {"total_reward": 4})
    agree(client, logger.run_id, book)


def test_the_rules_for_agent_and_run_id_are_the_same_as_for_requests(old, own, bring):
    logger = Logger(old, strategy_label="greedy")
    upper = "550E8400-E29B-41D4-A716-446655440000"
    logger.update({"$set": {"run_id": upper}, "$unset": {"agent_id": "", "algorithm": ""}})
    assert bring().returncode == 0
    shown = own[1].document(upper.lower())
    assert (shown["agent_id"], shown["algorithm"]) == ("greedy", "unknown")


# ---- again and again ----


def snapshot(mongo, stack, account):
    """Everything that is stored of an account, byte for byte."""
    db = mongo[stack.mongodb_name]
    runs = list(db.runs.find({"account": account}).sort("_id"))
    ids = [run["_id"] for run in runs]
    rows = [list(db.episodes.find({"_id.run": oid}).sort("_id")) for oid in ids]
    return [bson.encode(run) for run in runs], [bson.encode(r) for rs in rows for r in rs]


def test_a_second_import_changes_nothing(stack, mongo, old, own, bring):
    for i, status in enumerate(("completed", "failed", None, "stopped")):
        logger = Logger(old, i=i)
        logger.log(random_reports(i * 700 + 1, seed=i))
        logger.checkpoint(1, f"c/{i}")
        if status:
            logger.end(status, error_message="e", when=START)
    first = bring()
    assert runs_of(first) == counts(seen=4, imported=4)
    before = snapshot(mongo, stack, own[0])
    for _ in range(2):
        again = bring()
        assert again.returncode == 0
        assert runs_of(again) == counts(seen=4, unchanged=4)
        assert report_of(again)["episodes inserted"] == report_of(again)["episodes replaced"] == 0
        assert snapshot(mongo, stack, own[0]) == before


def test_a_run_that_has_grown_since_is_extended(old, own, bring):
    logger, client = Logger(old, a=1), own[1]
    logger.log(random_reports(1500))
    logger.checkpoint(1, "c/1")
    logger.update({"$set": {"metadata.host": "a"}})
    bring()
    client.patch(f"{DOCUMENTS}/{logger.run_id}", {"metadata": {"mine": 1}, "tags": ["kept"]})
    logger.log(random_reports(700, seed=2, first=1501))
    logger.checkpoint(2, "c/2")
    logger.update({"$set": {"metrics.episodes.4.total_reward": 1e6, "metadata.host": "b"}})
    logger.end("completed")
    done = bring()
    assert done.returncode == 0, done.stdout
    assert runs_of(done) == counts(seen=1, extended=1)
    assert report_of(done)["episodes inserted"] == 700
    assert report_of(done)["episodes replaced"] == 1
    shown = client.document(logger.run_id)
    assert (shown["status"], shown["end_time"]) == ("completed", "2024-01-01T12:30:15.257Z")
    assert shown["checkpoint_paths"] == logger.document()["checkpoint_paths"]
    assert shown["metadata"] == {"host": "b", "mine": 1} and shown["tags"] == ["kept"]
    agree(client, logger.run_id, book_of(logger.document()))
    assert runs_of(bring()) == counts(seen=1, unchanged=1)


def test_what_was_reported_here_later_stands(old, own, bring):
    logger, client = Logger(old), own[1]
    logger.log(random_reports(10))
    bring()
    client.report(logger.run_id, 3, total_reward=99)
    done = bring()
    assert done.returncode == 0 and runs_of(done) == counts(seen=1, unchanged=1)
    assert "reported here later than in the source, and left: 1 episodes" in done.stdout
    book = book_of(logger.document())
    book.report(3, {"total_reward": 99})
    agree(client, logger.run_id, book)


def test_a_dry_run_reports_the_same_and_writes_nothing(stack, mongo, old, own, bring):
    logger = Logger(old)
    logger.log(random_reports(1200))
    logger.log([(0, {"total_reward": 1})])
    dry = bring("--dry-run")
    assert snapshot(mongo, stack, own[0]) == ([], [])
    real = bring()
    assert dry.stdout.replace("dry run, nothing written; ", "") == real.stdout
    assert dry.returncode == real.returncode == 1
    logger.log(random_reports(5, first=1201))
    before = snapshot(mongo, stack, own[0])
    assert report_of(bring("--dry-run")) != report_of(real)
    assert snapshot(mongo, stack, own[0]) == before


def test_two_accounts_import_the_same_collection(stack, admin, old, own, bring):
    logger = Logger(old)
    logger.log(random_reports(20))
    assert bring().returncode == 0
    other = new_id("account")
    key = admin("key", "create", "--account", other).stdout.strip()
    for _ in range(2):
        done = bring(account=other)
        assert refused(done) == ["_id: another run has this _id: the run here has a new one"]
        for client in (own[1], Client(stack.url, key)):
            agree(client, logger.run_id, book_of(logger.document()))


# ---- what cannot be taken is told, and nothing else suffers ----

BAD_RUNS = [
    ({"run_id": "-x"}, "run_id: must be a UUID or 1 to 64 of"),
    ({"run_id": None}, "run_id: is required"),
    ({"run_id": 5}, "run_id: must be a UUID or"),
    ({"status": "paused"}, "status: must be running, completed, stopped or failed"),
    ({"status": 1}, "status: must be running, completed, stopped or failed"),
    ({"start_time": "yesterday"}, "start_time: is required: a date"),
    ({"end_time": 5}, "end_time: must be a date or null"),
    ({"config": [1]}, "config: must be an object or null"),
    ({"config": {"a": "x" * (1 << 20)}}, "config: must be at most 1048576 bytes of JSON"),
    ({"config": bson.SON([("deep", None)])}, None),
    ({"agent_id": "a" * 257}, "agent_id: must be at most 256 bytes long"),
    ({"algorithm": 7}, "algorithm: must be a string or null"),
    ({"metrics_truncated": True}, "metrics_truncated: says that this document was cut"),
    ({"metadata": {"imported": 1}, "other": 1}, "metadata.imported: is needed for"),
]


@pytest.mark.parametrize("change, why", BAD_RUNS, ids=lambda v: None if v is None else str(v)[:30])
def test_a_document_that_is_no_run_is_named_and_the_others_are_taken(old, own, bring, change, why):
    good, bad, last = Logger(old), Logger(old), Logger(old)
    bad.update({"$set": change})
    if why is None:  # nested more deeply than JSON texts may be
        deep = 1
        for _ in range(70):
            deep = {"d": deep}
        bad.update({"$set": {"config": deep}})
        why = "config: is nested too deeply"
    done = bring()
    assert done.returncode == 1
    assert runs_of(done) == counts(seen=3, imported=2, refused=1)
    assert [line for line in refused(done) if line.startswith(why)], done.stdout
    assert str(bad.oid) in done.stdout
    ids = {run["run_id"] for run in own[1].read(RUNS)}
    assert ids == {good.run_id, last.run_id}


BAD_EPISODES = [
    ({"total_reward": 1}, "metrics.episodes[1]: has no episode number"),
    ({"episode": 0, "total_reward": 1}, "metrics.episodes[1]: has no episode number"),
    ({"episode": 1.5}, "metrics.episodes[1]: has no episode number"),
    ({"episode": 2**53}, "metrics.episodes[1]: has no episode number"),
    ({"episode": "7"}, "metrics.episodes[1]: has no episode number"),
    (17, "metrics.episodes[1]: has no episode number"),
    ({"episode": 7, "episode_number": 8}, "metrics.episodes[1].episode (episode 7): differs"),
    (
        {"episode": 1, "total_reward": 5},
        "metrics.episodes[0] (episode 1): the same number comes again with other values",
    ),
]


@pytest.mark.parametrize("bad, why", BAD_EPISODES)
def test_an_episode_that_is_none_is_named_and_the_others_are_taken(old, own, bring, bad, why):
    logger = Logger(old)
    logger.log([(1, {"total_reward": 1.0})])
    logger.update({"$push": {"metrics.episodes": bad}})
    logger.log([(2, {"total_reward": 2.0})])
    done = bring()
    assert done.returncode == 1
    assert len(refused(done)) == 1 and refused(done)[0].startswith(why), done.stdout
    book = Book()
    book.report(1, {"total_reward": 5 if bad == {"episode": 1, "total_reward": 5} else 1.0})
    book.report(2, {"total_reward": 2.0})
    agree(own[1], logger.run_id, book)
    assert refused(bring()) == refused(done)


def test_equal_copies_of_an_episode_are_one(old, own, bring):
    logger = Logger(old)
    for _ in range(3):
        logger.log([(1, {"total_reward": 1.0, "win": 1.0})])
    done = bring()
    assert done.returncode == 0
    assert "equal copies within a document, counted once: 2 episodes" in done.stdout
    agree(own[1], logger.run_id, book_of(logger.document()))


BAD_MEMBERS = [
    ({"steps": -1}, "steps"),
    ({"steps": 1.5}, "steps"),
    ({"win": 2.0}, "win"),
    ({"win": "yes"}, "win"),
    ({"epsilon": [1]}, "epsilon"),
    ({"loss": "low"}, "metrics.loss"),
    ({"loss": START}, "metrics.loss"),
    ({"loss": Decimal128("1.5")}, "metrics.loss"),
    ({"two words": 1}, "two words"),
    ({"big": Int64(2**53 + 1)}, "big"),
    ({"session_id": "s1"}, "session_id"),
    ({"created_at": 17}, "created_at"),
    ({"reward_sum": 7}, "reward_sum"),
    ({"metrics": [1]}, "metrics"),
    ({"metrics": {"win": 1}}, "win"),
    ({f"m{i}": i for i in range(70)}, "m64"),
]


@pytest.mark.parametrize("more, member", BAD_MEMBERS, ids=lambda v: str(v)[:20])
def test_a_member_that_is_unfit_is_named_and_its_episode_is_taken(old, own, bring, more, member):
    logger = Logger(old)
    episode = {"episode": 1, "total_reward": 1.0, "steps": 3} | more
    logger.update({"$push": {"metrics.episodes": episode}})
    done = bring()
    assert done.returncode == 1
    assert f"metrics.episodes[0].{member} (episode 1): " in done.stdout, done.stdout
    assert len(refused(done)) == (6 if "m0" in more else 1)
    shown = own[1].document(logger.run_id)["metrics"]["episodes"][0]
    assert shown["total_reward"] == shown["reward_sum"] == 1.0
    assert shown.get("steps", 3) == 3
    assert (shown["session_id"], shown["created_at"]) == (None, iso(START))
    assert shown.keys().isdisjoint({"win", "epsilon", "loss", "metrics", "two words", "big", "m64"})


def test_unfit_checkpoints_are_named_and_the_others_are_taken(old, own, bring):
    logger = Logger(old)
    logger.checkpoint(-1, "c")
    logger.checkpoint(5, "kept")
    logger.checkpoint(5, "kept")
    logger.update({"$push": {"checkpoint_paths": {"$each": ["text", {"episode": 1}]}}})
    logger.update({"$push": {"checkpoint_paths": {"episode": 6, "path": "p", "size": 9}}})
    done = bring()
    assert [line.split(": ")[0] for line in refused(done)] == [
        f"checkpoint_paths[{i}]" for i in (0, 3, 4, 5)
    ]
    shown = own[1].document(logger.run_id)["checkpoint_paths"]
    assert shown == [{"episode": 5, "path": "kept"}, {"episode": 6, "path": "p"}]


def test_another_run_with_the_same_run_id_is_left_alone(stack, mongo, old, own, bring):
    logger, (account, client) = Logger(old, a=1), own
    logger.log(random_reports(3))
    client.create(logger.run_id, config={"a": 1})
    before = snapshot(mongo, stack, account)
    done = bring()
    assert done.returncode == 1 and runs_of(done) == counts(seen=1, refused=1)
    assert refused(done) == ["start_time: a run with this run_id is here, begun at another time"]
    assert snapshot(mongo, stack, account) == before


def test_a_run_that_ended_otherwise_here_keeps_its_end(old, own, bring):
    logger, client = Logger(old), own[1]
    bring()
    client.end(logger.run_id, "stopped")
    logger.end("completed")
    assert refused(bring()) == ["status: the run here has ended with another one, which stands"]
    assert client.document(logger.run_id)["status"] == "stopped"


def test_nothing_in_a_document_moves_the_terminal(old, bring):
    logger = Logger(old)
    logger.update({"$set": {"run_id": "x\x1b[2J"}})
    logger.update({"$push": {"metrics.episodes": {"episode": 1, "\x1b[31m": 1}}})
    assert "\x1b" not in bring().stdout


# ---- killed, large, from files ----


def start_import(stack, old, account):
    database = {"MONGODB_URI": stack.mongodb_uri, "MONGODB_DB_NAME": stack.mongodb_name}
    words = ["import", "--account", account, "--from-db", old.database.name]
    return subprocess.Popen(
        [str(stack.build / "training-admin"), *words],
        env={**plain_environment(), **database},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def short_transactions(mongo):
    """MongoDB ends what a killed writer left open after 5 s instead of a minute."""
    parameter = "transactionLifetimeLimitSeconds"
    before = mongo.admin.command("getParameter", 1, **{parameter: 1})[parameter]
    mongo.admin.command("setParameter", 1, **{parameter: 5})
    yield
    mongo.admin.command("setParameter", 1, **{parameter: before})


@pytest.mark.usefixtures("short_transactions")
def test_killed_in_the_middle_it_goes_on_when_run_again(stack, mongo, old, own, bring):
    loggers = [Logger(old, i=i) for i in range(3)]
    for i, logger in enumerate(loggers):
        logger.log(random_reports(8000, seed=i))
        logger.end("completed")
    db, (account, client) = mongo[stack.mongodb_name], own

    def stored():
        return sum(run["episodes"] for run in db.runs.find({"account": account}))

    ends = []
    for goal in (1000, 4000, 8000):
        running = start_import(stack, old, account)
        wait_until(
            lambda goal=goal, running=running: stored() >= goal or running.poll() is not None,
            120,
            f"{goal} stored",
        )
        running.send_signal(signal.SIGKILL)
        ends.append(running.wait())
    assert -signal.SIGKILL in ends, "it was killed before its end"
    done = bring()
    assert done.returncode == 0, done.stdout + done.stderr
    for logger in loggers:
        agree(client, logger.run_id, book_of(logger.document()), windows=(10,))
    assert runs_of(bring()) == counts(seen=3, unchanged=3)


def test_a_document_of_16_mb_needs_little_memory_and_time(stack, mongo, old, own, bring):
    logger = Logger(old)
    for part in range(7):
        logger.log(random_reports(10_000, seed=part, first=1 + part * 10_000))
    logger.end("completed")
    assert len(bson.encode(logger.document())) > 6_000_000
    began = time.monotonic()
    running = start_import(stack, old, own[0])
    peak_kib = 0
    while running.poll() is None:
        try:
            with Path(f"/proc/{running.pid}/status").open(encoding="ascii") as status:
                peak = [line.split()[1] for line in status if line.startswith("VmHWM")]
            peak_kib = max(peak_kib, int(peak[0])) if peak else peak_kib
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.01)
    assert running.wait() == 0
    assert time.monotonic() - began < 300
    if "asan" not in stack.build.name:
        assert peak_kib < 120_000, f"{peak_kib} KiB"
    book = book_of(logger.document())
    found = detail_faults(own[1], logger.run_id, book)
    found += document_faults(own[1].document(logger.run_id), book, "document")
    assert not found, found[:10]


@pytest.mark.parametrize("kind", ["runs.bson", "runs.json"])
def test_a_file_is_as_good_as_a_collection(old, own, admin, tmp_path, kind):
    loggers = [Logger(old, i=i, when=START) for i in range(3)]
    for i, logger in enumerate(loggers):
        logger.log([*random_reports(300 * i, seed=i), (5000, {"total_reward": math.nan})])
    path = tmp_path / kind
    with path.open("wb") as file:
        for logger in loggers:
            if kind.endswith("bson"):
                file.write(bson.encode(logger.document()))
            else:
                file.write(json_util.dumps(logger.document()).encode() + b"\n")
    for outcome in ("imported", "unchanged"):
        done = admin("import", "--account", own[0], "--file", str(path))
        assert done.returncode == 0, done.stdout + done.stderr
        assert runs_of(done) == counts(seen=3, **{outcome: 3})
    for logger in loggers:
        document = logger.document()
        document["metrics"]["episodes"][-1]["total_reward"] = "NaN"
        agree(own[1], logger.run_id, book_of(document), windows=(10,))


@pytest.mark.parametrize(
    "name, content, why",
    [
        ("none.bson", None, "it cannot be read"),
        ("cut.bson", b"\x40\x00\x00\x00\x02", "damaged"),
        ("cut.json", b'{"run_id": "x"', "no Extended JSON"),
        ("text.json", b"hello", "no Extended JSON"),
    ],
)
def test_a_file_that_is_none_is_a_sentence(admin, own, tmp_path, name, content, why):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = admin("import", "--account", own[0], "--file", str(path))
    assert done.returncode == 1
    assert why in done.stderr


def test_the_view_and_a_missing_collection_are_no_sources(stack, admin, own):
    for collection, why in (("training_runs", "is a view"), ("nothing", "there is no collection")):
        words = ["--from-db", stack.mongodb_name, "--collection", collection]
        done = admin("import", "--account", own[0], *words)
        assert done.returncode == 1 and why in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--account", "a"],
        ["--account", "a b", "--from-db", "x"],
        ["--account", "a", "--from-db", "x", "--file", "y"],
        ["--account", "a", "--file", "y", "--collection", "z"],
        ["--account", "a", "--from-db", "x", "more"],
        ["--from-db", "x"],
    ],
)
def test_wrong_arguments_get_the_usage(admin, words):
    done = admin("import", *words)
    assert done.returncode == 2 and "usage: training-admin" in done.stderr and done.stdout == ""


def test_the_command_explains_itself(admin):
    done = admin("import", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: training-admin ")
    assert "--dry-run" in done.stdout and done.stderr == ""
