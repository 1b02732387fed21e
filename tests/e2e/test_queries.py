"""
schema/mongo/queries.md: every block is run as it is printed, by a real mongosh, against a database
of its own with runs of several accounts that a training-api wrote there; each answer is compared
with what was sent. Plans tell whether a query reads what its sentence says.
"""

import datetime
import json
import random
import re
import subprocess
import time

import bson
import pymongo
import pytest

from expected import Book, differences, number_of, rolling_win_rate
from lone_api import LoneApi
from stack import ROOT, plain_environment
from support import DOCUMENTS, fastcgi, new_id, wait_until

PAGE = (ROOT / "schema" / "mongo" / "queries.md").read_text()
BLOCKS = re.findall(r"^```js\n(.*?)^```$", PAGE, re.S | re.M)


def block(sentence):
    """The js block that follows a sentence of the page."""
    assert PAGE.count(sentence) == 1, sentence
    return re.search(r"^```js\n(.*?)^```$", PAGE.split(sentence)[1], re.S | re.M).group(1)


class Written:
    """A run as this test wrote it."""

    def __init__(self, account, run_id, agent_id):
        self.account, self.run_id, self.agent_id = account, run_id, agent_id
        self.status, self.deleted, self.error = "running", False, None
        self.book = Book()


class Site:
    """A database of its own, a training-api on it, and what was written."""

    def __init__(self, stack, api, name, db):
        self.stack, self.api, self.name, self.db = stack, api, name, db
        self.keys, self.runs = {}, []

    def settings(self):
        return {"MONGODB_URI": self.stack.mongodb_uri, "MONGODB_DB_NAME": self.name}

    def admin(self, *words):
        done = self.stack.admin(*words, MONGODB_DB_NAME=self.name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, account, method, path, body=None, status=200):
        answer = fastcgi(self.api.path, method, path, body, time.time(), self.keys[account])
        assert answer.status_code == status, answer.text
        return json.loads(answer.text) if answer.text else None

    def run(self, account, agent_id):
        body = {"agent_id": agent_id, "algorithm": "PPO", "config": {"a": 1}}
        run_id = self.ask(account, "POST", DOCUMENTS, body, 201)["run_id"]
        self.runs.append(Written(account, run_id, agent_id))
        return self.runs[-1]

    def report(self, run, reports, one_by_one=False):
        for number, report in reports.items():
            run.book.report(number, report)
        items = [{"episode": n, **report} for n, report in reports.items()]
        bodies = items if one_by_one else [{"episodes": items}]
        for body in bodies:
            self.ask(run.account, "POST", f"{DOCUMENTS}/{run.run_id}/episodes", body)

    def end(self, run, status, **more):
        self.ask(run.account, "PATCH", f"{DOCUMENTS}/{run.run_id}", {"status": status, **more})
        run.status, run.error = status, more.get("error_message")

    def change(self, run, **members):
        """What only time can do: earlier dates, straight in the database."""
        self.db.runs.update_one({"run_id": run.run_id}, {"$set": members})

    def header(self, run):
        return self.db.runs.find_one({"run_id": run.run_id})

    def alive(self):
        return [run for run in self.runs if not run.deleted]

    def shell(self, text):
        env = self.stack.env()
        use = f"db = db.getSiblingDB({json.dumps(self.name)});\n"
        done = subprocess.run(
            [env["MONGOSH"], "--quiet", self.stack.mongodb_uri, "--eval", use + text],
            env={
                **plain_environment(),
                "HOME": str(self.stack.run_folder),
                "MONGODB_DB_NAME": self.name,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def answer(self, text):
        """What a block's last statement gives, as JSON; of a cursor its documents."""
        last = [found.start() for found in re.finditer(r"^(?=[a-z(])", text, re.M)][-1]
        shown = "shown.toArray && !Array.isArray(shown) ? shown.toArray() : shown"
        more = f"print(EJSON.stringify({shown}, {{relaxed: true}}))"
        return json.loads(self.shell(f"{text[:last]}var shown = {text[last:].rstrip()};\n{more}"))


def reports_of(rng, first, count):
    reports = {}
    for n in range(first, first + count):
        reports[n] = {"total_reward": rng.gauss(0, 3), "steps": rng.randint(1, 9)}
        if rng.random() < 0.7:
            reports[n]["win"] = rng.choice((True, False, 0.5, 1, 0))
    return reports


def fill(site):
    """Runs of three accounts: long and short, in rows and in tails, ended in every way, deleted."""
    rng, now = random.Random(11), time.time()
    for i in range(12):
        run = site.run(("alpha", "beta", "gamma")[i % 3], ("ppo", "dqn")[i % 2])
        if i != 5:
            site.report(run, reports_of(rng, 1, 100 + 37 * i))
        site.report(run, reports_of(rng, 5000, 3 + i), one_by_one=True)
        ends = {1: "completed", 2: "failed", 3: "stopped", 4: "failed", 6: "completed", 7: "failed"}
        if i in ends:
            more = {"error_message": f"broke {i}"} if ends[i] == "failed" and i != 7 else {}
            site.end(run, ends[i], **more)
            ended = now - 3600 * i - (7 * 86400 if i == 4 else 0)
            site.change(run, completed_at=stamp(ended), started_at=stamp(ended - 5000 * (i + 1)))
        else:
            site.change(run, started_at=stamp(now - 100 * (i + 1)))
        if i in (8, 9):
            site.change(run, last_reported_at=stamp(now - 3000))
        if i in (9, 10):
            site.change(run, deleted_at=stamp(now - 86400 * i))
            run.deleted = True
    run = site.run("old", "a2c")
    site.report(run, reports_of(rng, 1, 1))
    site.change(run, started_at=stamp(now - 40 * 86400))


def stamp(seconds):
    return datetime.datetime.fromtimestamp(
        round(seconds, 3), datetime.timezone.utc
    )


@pytest.fixture(scope="module")
def site(stack, tmp_path_factory):
    name = new_id("queries")
    folder = tmp_path_factory.mktemp("queries")
    settings = {"MONGODB_URI": stack.mongodb_uri, "MONGODB_DB_NAME": name}
    with (
        pymongo.MongoClient(stack.mongodb_uri, tz_aware=True) as mongo,
        LoneApi(folder, TRAINING_API_WORKERS=2, **settings) as api,
    ):
        site = Site(stack, api, name, mongo[name])
        site.admin("schema", "apply")
        for account in ("alpha", "beta", "gamma", "old", "somebody"):
            site.keys[account] = site.admin("key", "create", "--account", account).strip()
        wait_until(api.answers, 60, "the API answers")
        fill(site)
        yield site
        mongo.drop_database(name)


def test_running_now(site):
    before = time.time()
    rows = {r["run_id"]: r for r in site.answer(block("Running now:"))}
    after = time.time()
    want = [run for run in site.alive() if run.status == "running"]
    assert rows.keys() == {run.run_id for run in want}
    for run in want:
        row, header = rows[run.run_id], site.header(run)
        assert row["episodes"] == len(run.book)
        assert (row["account"], row["agent_id"]) == (run.account, run.agent_id)
        heard, began = (header[n].timestamp() for n in ("last_reported_at", "started_at"))
        slack = 0.01  # both clocks are this machine's; mongod's has milliseconds
        assert before - began - slack <= row["minutes"] * 60 <= after - began + slack
        assert before - heard - slack <= row["heard_of_s_ago"] <= after - heard + slack
        assert row["stale"] in {before - heard > 300, after - heard > 300}
    assert sum(row["stale"] for row in rows.values()) >= 1


def started(site, run):
    return site.header(run)["started_at"]


def test_newest_runs(site):
    rows = site.answer(block("The newest runs of all accounts."))
    want = sorted(site.alive(), key=lambda run: started(site, run), reverse=True)
    assert [row["run_id"] for row in rows] == [run.run_id for run in want]
    assert [row["episodes"] for row in rows] == [len(run.book) for run in want]
    assert [row["status"] for row in rows] == [run.status for run in want]


def test_failed_in_the_last_day(site):
    rows = site.answer(block("Failed in the last day, with their errors."))
    fresh = [
        run
        for run in site.alive()
        if run.status == "failed" and time.time() - ended(site, run).timestamp() < 86400
    ]
    want = sorted(fresh, key=lambda run: ended(site, run), reverse=True)
    assert [(r["run_id"], r.get("error")) for r in rows] == [(r.run_id, r.error) for r in want]
    assert len(want) == 2 and None in {run.error for run in want}


def ended(site, run):
    return site.header(run)["completed_at"]


def lengths(site):
    """{run_id: seconds} of the runs that have ended."""
    return {
        run.run_id: (ended(site, run) - started(site, run)).total_seconds()
        for run in site.alive()
        if ended(site, run) is not None
    }


def test_longest_runs(site):
    by_time = site.answer(block("The longest runs by time."))
    want = sorted(lengths(site).items(), key=lambda item: -item[1])
    assert [r["run_id"] for r in by_time] == [run_id for run_id, _ in want]
    assert [r["hours"] * 3600 for r in by_time] == pytest.approx([s for _, s in want])
    by_count = site.answer(block("The longest runs by episodes."))
    most = sorted(site.alive(), key=lambda run: (-len(run.book), run.run_id))[:10]
    assert [(r["run_id"], r["episodes"]) for r in by_count] == [
        (run.run_id, len(run.book)) for run in most
    ]


def test_slowest_runs(site):
    rows = site.answer(block("The slowest: episodes a minute"))
    sizes = {run.run_id: len(run.book) for run in site.alive()}
    want = {run_id: sizes[run_id] * 60 / s for run_id, s in lengths(site).items() if s > 0}
    assert [r["run_id"] for r in rows] == sorted(want, key=want.get)
    assert [r["per_minute"] for r in rows] == pytest.approx(sorted(want.values()))


def test_win_rates_of_agents(site):
    rows = {r["agent_id"]: r for r in site.answer(block("Win rates of all agents"))}
    for agent in {run.agent_id for run in site.alive()}:
        runs = [run for run in site.alive() if run.agent_id == agent]
        wins = [number_of(w) for run in runs for w in run.book.column("win")[1]]
        row = rows.pop(agent)
        assert (row["runs"], row["of"]) == (len(runs), len(wins))
        assert row["episodes"] == sum(len(run.book) for run in runs)
        want = sum(wins) / len(wins) if wins else None
        assert row["win_rate"] == (pytest.approx(want) if wins else None)
        assert row["in_doubt"] == 0
    assert rows == {}


def newest(site):
    return max(site.alive(), key=lambda run: started(site, run))


def test_one_run_whole(site):
    run, document = newest(site), site.answer(block("Whole, as a document"))
    assert document["run_id"] == run.run_id
    assert [e["episode"] for e in document["metrics"]["episodes"]] == run.book.numbers()[-1000:]
    rates = document["metrics"]["rolling_win_rate"]
    assert not differences(rates, rolling_win_rate(run.book))


def test_newest_episodes_of_a_run_come_from_tail_and_rows(site):
    run, rows = newest(site), site.answer(block("Its newest 20 episodes"))
    tail = site.header(run)["tail"]
    assert 0 < len(tail) < 20, "some wait in the tail, some do not"
    assert [r["n"] for r in rows] == run.book.numbers()[::-1][:20]
    assert [r["metrics"] for r in rows] == [run.book.reports[r["n"]] for r in rows]


def test_checkpoints_of_a_run(site):
    run = newest(site)
    paths = [{"episode": n, "path": f"c/{n}"} for n in range(1, 25)]
    for path in paths:
        site.ask(run.account, "POST", f"{DOCUMENTS}/{run.run_id}/checkpoints", path, 201)
    assert site.answer(block("Its checkpoints, newest first.")) == paths[::-1][:20]


def test_disk_by_account(site):
    def row_bytes_now():
        """Changes whenever mongod makes a checkpoint."""
        stats = site.db.command("collStats", "episodes")
        return (stats["storageSize"] + stats["totalIndexSize"]) / stats["count"]

    def steady_answer():
        row_bytes = row_bytes_now()
        rows = site.answer(block("Disk by account"))
        return (rows, row_bytes) if row_bytes_now() == row_bytes else None

    found, row_bytes = wait_until(steady_answer, 120, "an answer between two checkpoints")
    rows = {r["account"]: r for r in found}
    for account in {run.account for run in site.runs}:
        runs = [run for run in site.runs if run.account == account]
        row = rows.pop(account)
        assert (row["runs"], row["deleted"]) == (len(runs), sum(run.deleted for run in runs))
        assert row["episodes"] == sum(len(run.book) for run in runs)
        raw = [site.header(run) for run in runs]
        count = sum(site.db.episodes.count_documents({"_id.run": h["_id"]}) for h in raw)
        headers = sum(len(bson.encode(h)) for h in raw)
        assert row["mb"] * 1e6 == pytest.approx(headers + count * row_bytes, rel=0.2)
    assert rows == {}


def test_deleted_runs(site):
    rows = site.answer(block("Deleted runs, and when each goes for good."))
    deleted = [run for run in site.runs if run.deleted]
    assert len(deleted) == 2
    in_order = sorted(deleted, key=lambda r: site.header(r)["deleted_at"])
    for row, run in zip(rows, in_order, strict=True):
        assert row["run_id"] == run.run_id
        gone = site.header(run)["deleted_at"].timestamp() + 30 * 86400
        goes = datetime.datetime.fromisoformat(row["goes_at"]["$date"].replace("Z", "+00:00"))
        assert goes.timestamp() == pytest.approx(gone)


def test_keys(site):
    idle = site.answer(block("Keys in force of accounts where no run"))
    assert {key["account"] for key in idle} == {"old", "somebody"}
    assert site.answer(block("Revoked keys.")) == []
    site.admin("key", "create", "--account", "gone")
    site.admin("key", "revoke", "--account", "gone")
    assert [key["account"] for key in site.answer(block("Revoked keys."))] == ["gone"]
    idle = site.answer(block("Keys in force of accounts where no run"))
    assert {key["account"] for key in idle} == {"old", "somebody"}


def test_one_accounts_purge(site):
    victim, other = site.run("somebody", "ppo"), site.run("alpha", "ppo")
    site.keys["somebody"] = site.admin("key", "create", "--account", "somebody").strip()
    for run in (victim, other):
        site.report(run, reports_of(random.Random(1), 1, 50))
        site.report(run, reports_of(random.Random(2), 60, 5), one_by_one=True)
    seen = site.answer(block("First look at what would go."))
    keys = site.db.api_keys.count_documents({"account": "somebody", "revoked_at": None})
    assert seen == {"account": "somebody", "keys_in_force": keys, "runs": 1, "episodes": 55}
    oid, rows = site.header(victim)["_id"], site.db.episodes.count_documents({})
    assert site.answer(block("The same by hand")) == 0
    assert site.db.runs.count_documents({"account": "somebody"}) == 0
    assert site.db.episodes.count_documents({"_id.run": oid}) == 0
    assert site.db.episodes.count_documents({}) == rows - 50
    site.runs.remove(victim)
    path = f"{DOCUMENTS}/{other.run_id}"
    assert site.ask("alpha", "GET", path)["summary"]["episodes"] == 55


PLANS = [
    "Running now:",
    "The newest runs of all accounts.",
    "Failed in the last day, with their errors.",
    "Win rates of all agents",
    "The longest runs by episodes.",
    "Deleted runs, and when each goes for good.",
]


@pytest.mark.parametrize("sentence", PLANS)
def test_queries_go_by_an_index(site, sentence):
    text = block(sentence)
    if ".aggregate(" in text:
        text = text.replace(".aggregate(", ".explain().aggregate(")
    else:
        text = text.rstrip() + ".explain()"
    plan = json.dumps(site.answer(text))
    assert "IXSCAN" in plan and "COLLSCAN" not in plan, plan


def test_the_newest_episodes_are_read_by_range(site):
    """The profiler counts what the block of the page touched."""
    site.db.command("profile", 2)
    try:
        site.answer(block("Its newest 20 episodes"))
    finally:
        site.db.command("profile", 0)
    asked = list(site.db["system.profile"].find({"command.aggregate": "runs"}))
    site.db.drop_collection("system.profile")
    assert asked and all("COLLSCAN" not in entry["planSummary"] for entry in asked)
    assert max(entry["docsExamined"] for entry in asked) <= 21


def test_every_block_of_the_page_can_be_pasted_again_and_again(site):
    assert len(BLOCKS) >= 16
    assert "Error" not in site.shell("".join(BLOCKS + BLOCKS))


def test_the_page_says_where_the_view_must_not_be_used():
    view = [text for text in BLOCKS if "training_runs" in text]
    assert view and not any(re.search(r"training_runs.*(sort|count|distinct)", t) for t in view)
