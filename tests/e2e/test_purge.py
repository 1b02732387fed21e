"""
What becomes of deleted runs: after their retention idle workers remove every trace of them, and
training-admin purge removes whole accounts. Looked at in the database: nothing is orphaned, even
when mongod or the one who purges is killed in the middle.
"""

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
from datetime import timedelta

import pytest

from lone_api import children_of, kill_if_there
from stack import plain_environment
from support import DOCUMENTS, RUNS, Client, new_id, ok, problem, wait_until

REPORT = {"total_reward": 1.5, "win": True}


@pytest.fixture
def account(make_key):
    """The name of an account, and a client with its key."""
    name = new_id("account")
    return name, make_key(name)


@pytest.fixture
def mine(stack, account):
    return Client(stack.url, account[1])


def make_run(client, episodes, **members):
    run_id = client.create(**members)
    if episodes:
        client.report_all(run_id, dict.fromkeys(range(1, episodes + 1), REPORT))
    return run_id


def delete(client, run_id):
    assert client.request("DELETE", f"{DOCUMENTS}/{run_id}").status_code == 204


def evaluate(db, run_id):
    """An evaluation of the run, as the program would store one."""
    run = db.runs.find_one({"run_id": run_id})
    db.evaluations.insert_one(
        {
            "run": run["_id"],
            "account": run["account"],
            "created_at": run["started_at"],
            "checkpoint_path": "p.pt",
            "opponent_type": "random",
            "games_played": 1,
            "win_rate": 0.5,
            "avg_reward": 0.5,
            "avg_game_length": 1.5,
        }
    )


def let_it_be_due(db, run_id, next_at=None):
    """As if the run had been deleted 30 days ago; with next_at nobody takes it up before then."""
    tombstone = db.purges.find_one({"run_id": run_id})
    due = tombstone["deleted_at"] - timedelta(seconds=1)
    this = {"_id": tombstone["_id"]}
    change = {"$set": {"due": due, "next_at": next_at or due}}
    assert db.purges.update_one(this, change).matched_count == 1
    assert db.runs.update_one(this, {"$set": {"purge_at": due}}).matched_count == 1


@contextlib.contextmanager
def no_ttl(db):
    """Meanwhile mongod removes no document whose time is over."""
    db.client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
    try:
        yield
    finally:
        db.client.admin.command("setParameter", 1, ttlMonitorEnabled=True)


def start(stack, program, *words, **more):
    """A program of the build with the stack's database."""
    settings = {"MONGODB_URI": stack.mongodb_uri, "MONGODB_DB_NAME": stack.mongodb_name}
    environment = {**plain_environment(), **settings, **more.pop("settings", {})}
    return subprocess.Popen([stack.build / program, *words], env=environment, text=True, **more)


def orphans(db):
    """Episodes and evaluations whose run has neither a header nor a tombstone."""
    known = set(db.runs.distinct("_id")) | set(db.purges.distinct("_id"))
    rows = {group["_id"] for group in db.episodes.aggregate([{"$group": {"_id": "$_id.run"}}])}
    return (rows | set(db.evaluations.distinct("run"))) - known


def traces(db, oid):
    return [
        name
        for name, query in {
            "runs": {"_id": oid},
            "episodes": {"_id.run": oid},
            "evaluations": {"run": oid},
            "purges": {"_id": oid},
        }.items()
        if db[name].count_documents(query)
    ]


# ---- after the retention ----


def test_a_deletion_is_due_in_30_days(client, db):
    run_id = make_run(client, 1)
    delete(client, run_id)
    run = db.runs.find_one({"run_id": run_id})
    tombstone = db.purges.find_one({"_id": run["_id"]})
    assert run["purge_at"] == tombstone["due"] == run["deleted_at"] + timedelta(days=30)
    assert (tombstone["account"], tombstone["run_id"]) == (run["account"], run_id)
    index = db.runs.index_information()["purged"]
    assert index["key"] == [("purge_at", 1)] and index["expireAfterSeconds"] == 0


def test_idle_workers_purge_a_run_whose_time_is_over(client, db, another_api):
    ask = another_api(
        TRAINING_API_WORKERS="3",
        TRAINING_RETENTION_S="1",
        TRAINING_SWEEP_S="1",
        TRAINING_ANONYMOUS_ACCOUNT="local",
    )
    gone, kept, back = (make_run(client, 1300) for _ in range(3))
    evaluate(db, gone)
    oids = {name: db.runs.find_one({"run_id": name})["_id"] for name in (gone, kept, back)}
    assert ask("DELETE", f"{DOCUMENTS}/{gone}").status_code == 204
    delete(client, back)  # not here: in a second it would be too late to restore it
    ok(ask("POST", f"{DOCUMENTS}/{back}/restore"), 200)
    assert traces(db, oids[back]) == ["runs", "episodes"]
    assert "purge_at" not in db.runs.find_one({"_id": oids[back]})
    wait_until(lambda: not traces(db, oids[gone]), 60, "the purge")
    assert client.detail(kept)["episodes_completed"] == 1300
    assert client.detail(back)["episodes_completed"] == 1300
    problem(client.post(f"{DOCUMENTS}/{gone}/restore"), 404, "run_not_found")
    entries = list(db.audit.find({"subject": gone}, sort=[("at", 1)]))
    assert [e["action"] for e in entries] == ["run.create", "run.delete", "run.purge"]
    assert entries[-1]["actor"] == "training-api"
    assert client.create(gone) == gone and client.detail(gone)["episodes"] == []
    assert not orphans(db)


def test_a_tombstone_of_a_deletion_that_was_taken_back_purges_nothing(client, db, admin_tool):
    """What a sweeper meets that took the tombstone just before the run was restored."""
    run_id = make_run(client, 3)
    delete(client, run_id)
    tombstone = db.purges.find_one({"run_id": run_id})
    client.write(f"{DOCUMENTS}/{run_id}/restore")
    for again in (False, True):
        if again:
            delete(client, run_id)
        stale = {**tombstone, "next_at": tombstone["deleted_at"]}
        db.purges.replace_one({"_id": tombstone["_id"]}, stale, upsert=True)
        admin_tool("purge", "--due")
        gone = lambda: db.purges.find_one({"_id": tombstone["_id"]}) is None  # noqa: E731
        wait_until(gone, 60, "the tombstone gone")  # a worker of the stack's may have it in hand
        assert db.runs.count_documents({"_id": tombstone["_id"]}) == 1
        assert db.episodes.count_documents({"_id.run": tombstone["_id"]}) == 3


def test_purge_due_removes_what_is_due_and_nothing_else(client, db, admin_tool):
    due, early, alive = (make_run(client, 30) for _ in range(3))
    oid = db.runs.find_one({"run_id": due})["_id"]
    evaluate(db, due)
    for run_id in (due, early):
        delete(client, run_id)
    let_it_be_due(db, due)
    removed = counts(admin_tool("purge", "--due"))
    assert removed["runs"] <= 1 and removed["episodes"] <= 30  # or a worker of the stack's does it
    wait_until(lambda: not traces(db, oid), 60, "the purge")
    client.write(f"{DOCUMENTS}/{early}/restore")
    assert client.detail(early)["episodes_completed"] == 30
    assert client.detail(alive)["episodes_completed"] == 30
    assert "removed: 0 runs, 0 episodes" in admin_tool("purge", "--due")


def test_a_run_that_is_due_can_be_restored_until_it_is_purged(client, db, admin_tool):
    run_id = make_run(client, 3)
    delete(client, run_id)
    tombstone = db.purges.find_one({"run_id": run_id})
    with no_ttl(db):
        let_it_be_due(db, run_id, next_at=tombstone["due"])  # and no worker purges it first
        client.write(f"{DOCUMENTS}/{run_id}/restore")
    assert db.purges.find_one({"_id": tombstone["_id"]}) is None
    admin_tool("purge", "--due")
    assert client.detail(run_id)["episodes_completed"] == 3


def test_rows_are_found_though_the_ttl_index_has_removed_the_header(client, db, admin_tool):
    run_id = make_run(client, 50)
    oid = db.runs.find_one({"run_id": run_id})["_id"]
    delete(client, run_id)
    let_it_be_due(db, run_id)
    db.runs.delete_one({"_id": oid})  # what mongod does by itself within a minute
    problem(client.post(f"{DOCUMENTS}/{run_id}/restore"), 404, "run_not_found")
    admin_tool("purge", "--due")
    wait_until(lambda: not traces(db, oid), 60, "the purge")


def test_a_purge_of_many_episodes_holds_up_no_request(client, db, another_api):
    ask = another_api(
        TRAINING_API_WORKERS="1",
        TRAINING_RETENTION_S="0",
        TRAINING_SWEEP_S="1",
        TRAINING_ANONYMOUS_ACCOUNT="local",
    )
    run_id = make_run(client, 20000)
    oid = db.runs.find_one({"run_id": run_id})["_id"]
    other = make_run(client, 1)
    assert ask("DELETE", f"{DOCUMENTS}/{run_id}").status_code == 204
    left = []  # of its episodes, after each answer
    deadline = time.monotonic() + 120
    while traces(db, oid):
        assert time.monotonic() < deadline, "the purge does not end"
        ok(ask("GET", f"{DOCUMENTS}/{other}"), 200)
        left.append(db.episodes.count_documents({"_id.run": oid}))
        time.sleep(0.02)
    amid = {count for count in left if 0 < count < 20000}
    print(f"{len(left)} answers, {len(amid)} of them between two steps of the purge")
    assert len(amid) >= 3, left


# ---- an account ----


def others(db, account):
    """All that the database holds of everyone else, to see that it stays."""
    not_mine = {"account": {"$ne": account}}
    return {name: db[name].count_documents(not_mine) for name in ("runs", "api_keys", "purges")}


def counts(shown):
    """What the program says that it removed: {"runs": 3, …}."""
    return {name: int(n) for n, name in re.findall(r"(\d+) (?:audit )?(\w+)", shown)}


def left(db, account):
    mine = {"account": account}
    names = ("runs", "api_keys", "sessions", "evaluations", "purges")
    found = {name: db[name].count_documents(mine) for name in names}
    found["accounts"] = db.accounts.count_documents({"_id": account})
    return {name: count for name, count in found.items() if count}


def test_purging_an_account_leaves_nothing_of_it(client, mine, account, db, admin_tool):
    make_run(client, 10)
    runs = [make_run(mine, n) for n in (0, 1, 70, 1200)]
    evaluate(db, runs[1])
    delete(mine, runs[2])
    oids = db.runs.distinct("_id", {"account": account[0]})
    before = others(db, account[0])
    removed = counts(admin_tool("purge", "--account", account[0], "--yes"))
    # The stack's own workers may have been quicker with some of it.
    assert removed["keys"] == 1 and removed["runs"] <= 4 and removed["episodes"] <= 1271
    assert left(db, account[0]) == {}
    assert db.episodes.count_documents({"_id.run": {"$in": oids}}) == 0
    assert others(db, account[0]) == before
    problem(mine.get(RUNS), 401, "key_wrong")
    entries = list(db.audit.find({"account": account[0]}))
    assert [(e["action"], e["actor"], e["subject"]) for e in entries] == [
        ("account.purge", "training-admin", account[0])
    ]
    assert entries[0]["details"] == {n: removed[n] for n in ("runs", "episodes", "keys")}
    assert not orphans(db)
    again = admin_tool("purge", "--account", account[0], "--yes")
    assert set(counts(again).values()) == {0}


def test_purging_an_account_that_is_being_written_to(mine, account, db, admin_tool, stack):
    run_id = make_run(mine, 1)
    words = ("purge", "--account", account[0], "--yes")
    started = start(stack, "training-admin", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    number, codes = 1, set()
    while started.poll() is None:
        number += 1
        body = {"episodes": [{"episode": number, **REPORT}, {"episode": number + 1, **REPORT}]}
        codes.add(mine.post(f"{DOCUMENTS}/{run_id}/episodes", body).status_code)
        codes.add(mine.post(RUNS, {"run_id": new_id()}).status_code)
    assert started.returncode == 0, started.stderr.read()
    assert codes <= {200, 201, 401, 404, 503}, codes
    assert left(db, account[0]) == {} and not orphans(db)


def run_on_a_terminal(stack, typed, *words):
    """training-admin with a terminal as its standard input, on which this is typed."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    pipe = subprocess.PIPE
    program = start(stack, "training-admin", *words, stdin=theirs, stdout=pipe, stderr=pipe)
    _, said = program.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    return program.returncode, said


def test_it_asks_for_the_accounts_name_first(stack, mine, account, db):
    make_run(mine, 1)
    for typed in ("\n", "y\n", "yes\n", account[0][:-1] + "\n"):
        code, said = run_on_a_terminal(stack, typed, "purge", "--account", account[0])
        assert code == 1 and "nothing was removed" in said
    assert left(db, account[0])["runs"] == 1
    code, said = run_on_a_terminal(stack, account[0] + "\n", "purge", "--account", account[0])
    assert code == 0, said
    assert left(db, account[0]) == {}


def test_the_commands_explain_themselves(admin):
    for command in ("purge", "audit"):
        done = admin(command, "--help")
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith(f"usage: training-admin [--settings FILE] {command} ")
        assert f"  {command} " in admin("--help").stdout


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "either --account or --due"),
        (["--account", "a", "--due"], "either --account or --due"),
        (["--account", "a b", "--yes"], "an account's name"),
        (["--account", "", "--yes"], "an account's name"),
        (["--account", "$ne", "--yes"], "an account's name"),
        (["--account", "a"], "--yes purges without asking"),
        (["--due", "more"], "one too many"),
        (["--all"], "usage"),
    ],
)
def test_wrong_arguments_remove_nothing(admin, words, says):
    done = admin("purge", *words)
    assert done.returncode == 2
    assert says in done.stderr and "usage: training-admin" in done.stderr
    assert done.stdout == ""


# ---- faults ----


def purge_until(admin, words, done, seconds=90):
    """Run the command until it succeeds; how often it failed before."""
    deadline = time.monotonic() + seconds
    failures = 0
    while True:
        result = admin(*words)
        if result.returncode == 0 and done():
            return failures
        failures += result.returncode != 0
        assert time.monotonic() < deadline, result.stdout + result.stderr
        time.sleep(0.3)


def step_until(pids, done, what):
    """Let processes go on for a moment, again and again, until done(); then they stand still."""

    def is_done():
        for number in (signal.SIGCONT, signal.SIGSTOP):
            for pid in pids:
                os.kill(pid, number)
            time.sleep(0.02 if number == signal.SIGCONT else 0)
        return done()

    wait_until(is_done, 60, what)


@pytest.mark.parametrize("victim", ["mongod", "the program"])
def test_a_purge_that_is_killed_is_taken_up_again(
    stack, mine, account, db, admin, faults, victim
):
    runs = [make_run(mine, 20000) for _ in range(2)]
    evaluate(db, runs[0])
    oids = db.runs.distinct("_id", {"account": account[0]})
    total = db.episodes.count_documents({"_id.run": {"$in": oids}})
    words = ("purge", "--account", account[0], "--yes")
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    command = start(stack, "training-admin", *words, stdout=quiet, stderr=pipe)
    step_until(
        [command.pid],
        lambda: db.episodes.count_documents({"_id.run": {"$in": oids}}) < total,
        "some removed",
    )
    if victim == "mongod":
        faults.kill_mongod()
        command.send_signal(signal.SIGCONT)
        faults.start_mongod()
        faults.mend()
        assert command.wait(60) == 1 and "run the command again" in command.stderr.read()
    else:
        command.send_signal(signal.SIGKILL)
        command.wait(30)
    halfway = db.episodes.count_documents({"_id.run": {"$in": oids}})
    # What mongod had removed and not yet journaled when it was killed is there again.
    assert 0 < halfway <= total if victim == "mongod" else 0 < halfway < total
    assert not orphans(db)
    # Half a minute later the tombstone that was being worked on is free again.
    db.purges.update_many({"account": account[0]}, [{"$set": {"next_at": "$due"}}])
    assert purge_until(admin, words, lambda: left(db, account[0]) == {}) == 0
    assert db.episodes.count_documents({"_id.run": {"$in": oids}}) == 0
    assert not orphans(db)


def test_a_sweeping_worker_that_is_killed_is_followed_by_another(client, db, stack, tmp_path):
    run_id = make_run(client, 20000)
    oid = db.runs.find_one({"run_id": run_id})["_id"]
    delete(client, run_id)
    settings = {
        "TRAINING_API_SOCKET": str(tmp_path / "api.sock"),
        "TRAINING_API_WORKERS": "2",
        "TRAINING_SWEEP_S": "1",
    }
    master = start(stack, "training-api", settings=settings, stderr=subprocess.DEVNULL)
    try:
        rows = {"_id.run": oid}
        total = db.episodes.count_documents(rows)
        wait_until(lambda: len(children_of(master.pid)) == 2, 30, "two workers")
        workers = children_of(master.pid)
        let_it_be_due(db, run_id)
        step_until(workers, lambda: db.episodes.count_documents(rows) < total, "the sweep")
        for pid in workers:
            kill_if_there(pid)
        assert db.episodes.count_documents(rows) > 0
        wait_until(lambda: not traces(db, oid), 120, "the rest of the purge")
    finally:
        master.terminate()
        master.wait(60)
    assert not orphans(db)
