"""
The audit: who created, changed, deleted, restored and revoked what, and when (contract section 5,
scope admin). An entry is there as soon as its change is answered, once, and holds no secret.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from support import DOCUMENTS, RUNS, TIME, Client, follow, new_id, ok, problem

AUDIT = "/api/audit"
SECRET = "s3cret-of-a-client"


@pytest.fixture
def account():
    return new_id("account")


@pytest.fixture
def key(make_key, account):
    return make_key(account, "read,write,admin")


@pytest.fixture
def mine(stack, key):
    """A client of an account of its own, which may read its audit."""
    return Client(stack.url, key)


def entries(client, **params):
    return client.read(AUDIT, **params)["entries"]


def runs_story(client, run_id):
    """The actions on a run, oldest first, with their details."""
    return [(e["action"], e.get("details")) for e in reversed(entries(client, subject=run_id))]


def test_every_change_of_a_run_is_told_once(mine, db):
    path = f"{DOCUMENTS}/{new_id()}"
    run_id = path.rsplit("/", 1)[1]
    mine.create(run_id, config={"token": SECRET})
    mine.create(run_id, config={"token": SECRET})
    mine.write(DOCUMENTS, {"run_id": run_id}, 201)
    mine.report(run_id, 1, roi_pct=1)
    mine.write(f"{path}/checkpoints", {"episode": 1, "path": "p"}, 201)
    change = {"notes": SECRET, "tags": ["a"], "metadata": {"x": SECRET}, "episodes_total": 5}
    for _ in range(2):  # the second changes nothing
        ok(mine.patch(path, change), 200)
    ok(mine.patch(path, {"metadata": {"x": SECRET, "y": None}, "tags": ["a"]}), 200)
    ok(mine.patch(path, {"status": "failed", "error_message": SECRET}), 200)
    ok(mine.patch(path, {"status": "failed"}), 200)
    problem(mine.post(f"{RUNS}/{run_id}/complete"), 409)
    ok(mine.patch(path, {"notes": None, "tags": [], "episodes_total": None}), 200)
    mine.request("DELETE", path)
    mine.request("DELETE", path)
    for _ in range(2):
        mine.write(f"{path}/restore")
    assert runs_story(mine, run_id) == [
        ("run.create", None),
        ("run.change", {"changed": ["metadata", "tags", "notes", "episodes_total"]}),
        ("run.change", {"changed": ["metadata"]}),
        ("run.change", {"changed": ["status", "metadata"], "status": "failed"}),
        ("run.change", {"changed": ["tags", "notes", "episodes_total"]}),
        ("run.delete", None),
        ("run.restore", None),
    ]
    assert SECRET not in str(list(db.audit.find({"subject": run_id})))


def test_a_run_that_ends_is_told_once(mine):
    run_id = mine.create()
    for _ in range(3):
        mine.complete(run_id)
    assert runs_story(mine, run_id)[1:] == [
        ("run.change", {"changed": ["status"], "status": "completed"})
    ]


def test_an_entry_says_who_and_when_and_in_which_request(mine, admin_tool, account):
    before = datetime.now(timezone.utc)
    run_id = new_id()
    answer = mine.post(RUNS, {"run_id": run_id})
    (entry,) = entries(mine, subject=run_id)
    key_id = re.search(r"^([0-9a-f]{16}) ", admin_tool("key", "list", "--account", account), re.M)
    assert set(entry) == {"at", "actor", "action", "subject", "request_id"}
    assert entry["actor"] == key_id.group(1)
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    assert TIME.match(entry["at"])
    at = datetime.fromisoformat(entry["at"].replace("Z", "+00:00"))
    assert before - timedelta(seconds=1) <= at <= datetime.now(timezone.utc)


def test_of_many_equal_creations_at_once_one_is_told(mine):
    run_id = new_id()
    with ThreadPoolExecutor(8) as pool:
        clients = [mine.another() for _ in range(8)]
        codes = list(pool.map(lambda c: c.post(RUNS, {"run_id": run_id}).status_code, clients))
    assert codes == [201] * 8
    assert len(entries(mine, subject=run_id)) == 1


def test_of_many_changes_at_once_each_is_told(mine):
    run_id = mine.create()
    with ThreadPoolExecutor(6) as pool:
        clients = [mine.another() for _ in range(6)]
        codes = list(
            pool.map(
                lambda i: clients[i].patch(f"{DOCUMENTS}/{run_id}", {"notes": str(i)}).status_code,
                range(6),
            )
        )
    assert codes == [200] * 6
    assert len(entries(mine, subject=run_id, action="run.change")) == 6


def test_without_a_key_the_actor_is_anonymous(stack, make_key):
    run_id = Client(stack.url).create()
    admin = Client(stack.url, make_key("local", "admin"))
    (entry,) = entries(admin, subject=run_id)
    assert entry["actor"] == "anonymous"


def test_keys_made_and_revoked_by_the_program_are_told(admin_tool, mine, make_key, account):
    for _ in range(2):
        make_key(account, "read", SECRET)
    listed = admin_tool("key", "list", "--account", account)
    ids = re.findall(r"^([0-9a-f]{16}) .* read  ", listed, re.M)
    assert len(ids) == 2, listed
    for _ in range(2):  # the second revokes nothing
        admin_tool("key", "revoke", ids[0])
    found = [(e["action"], e["subject"], e["actor"]) for e in entries(mine, subject=ids[0])]
    assert found == [
        ("key.revoke", ids[0], "training-admin"),
        ("key.create", ids[0], "training-admin"),
    ]
    shown = admin_tool("audit", "--account", account)
    assert ids[1] in shown and "ak_" not in shown and SECRET not in shown
    admin_tool("key", "revoke", "--account", account)
    shown = admin_tool("audit", "--account", account)
    assert shown.count("key.revoke") == 3 and shown.count(ids[0]) == 2


# ---- the list ----


@pytest.fixture
def story(mine):
    """Seven runs, created one after another; the newest is first in the audit."""
    return [mine.create() for _ in range(7)][::-1]


def test_the_list_is_newest_first_and_goes_page_by_page(mine, story):
    everything = entries(mine)
    assert [e["subject"] for e in everything[:7]] == story
    assert [e["at"] for e in everything] == sorted((e["at"] for e in everything), reverse=True)
    for limit in (1, 2, 7, 8, 1000):
        answer = mine.get(AUDIT, limit=limit, action="run.create")
        pages = []
        while answer is not None:
            page = ok(answer, 200)["entries"]
            assert page and len(page) <= limit
            pages += page
            answer = follow(mine, answer)
        assert [e["subject"] for e in pages] == story


def test_pages_neither_repeat_nor_skip_while_entries_are_added(mine, story):
    answer = mine.get(AUDIT, limit=3, action="run.create")
    seen = [e["subject"] for e in ok(answer, 200)["entries"]]
    mine.create()
    while (answer := follow(mine, answer)) is not None:
        seen += [e["subject"] for e in ok(answer, 200)["entries"]]
    assert seen == story


def test_filters(mine, story):
    everything = entries(mine)
    at = entries(mine, subject=story[3])[0]["at"]
    assert entries(mine, subject=story[3]) == [e for e in everything if e["subject"] == story[3]]
    assert entries(mine, action="key.create") == [everything[-1]]
    assert entries(mine, actor="training-admin") == [everything[-1]]
    assert entries(mine, since=at) == [e for e in everything if e["at"] >= at]
    assert entries(mine, until=at) == [e for e in everything if e["at"] <= at]
    assert entries(mine, since=at, until=at) == [e for e in everything if e["at"] == at]
    assert entries(mine, since="2999-01-01") == []
    assert entries(mine, action="run.create", subject="", actor="", unknown="x") == everything[:7]
    for odd in ("$ne", "{}", ".*", "run.creat", "ä"):
        assert entries(mine, action=odd) == []


@pytest.mark.parametrize(
    "params, field",
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "1_"}, "cursor"),
        ({"cursor": "1_0123456789abcdef0123456"}, "cursor"),
        ({"cursor": "1_0123456789abcdef01234567x"}, "cursor"),
        ({"cursor": "_0123456789abcdef01234567"}, "cursor"),
        ({"cursor": "99999999999999999999_0123456789abcdef01234567"}, "cursor"),
    ],
)
def test_a_parameter_that_is_none_is_named(mine, params, field):
    problem(mine.get(AUDIT, **params), 422, "validation_failed", [field])


def test_every_fault_is_told(mine):
    problem(
        mine.get(AUDIT, limit=0, since="x", until="y", cursor="z"),
        422,
        "validation_failed",
        ["limit", "since", "until", "cursor"],
    )


def test_only_the_admin_scope_reads_it_and_only_its_own_account(stack, make_key, account, mine):
    run_id = mine.create()
    for scopes in ("read", "write", "read,write"):
        problem(Client(stack.url, make_key(account, scopes)).get(AUDIT), 403, "scope_missing")
    problem(Client(stack.url).get(AUDIT), 403, "scope_missing")
    other = Client(stack.url, make_key(new_id("other"), "admin"))
    assert entries(other, subject=run_id) == []
    assert [e["action"] for e in entries(other)] == ["key.create"]
    problem(mine.post(AUDIT), 405)
    assert "POST" not in mine.post(AUDIT).headers["Allow"]


def test_the_lists_are_served_by_indexes(db, mine, account):
    mine.create()
    order = [("at", -1), ("_id", -1)]
    for query in ({}, {"subject": "x"}, {"action": "x"}, {"actor": "x"}):
        plan = db.audit.find({"account": account, **query}).sort(order).explain()
        text = str(plan["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in text and "'SORT'" not in text and "COLLSCAN" not in text, text
    plan = db.audit.find({}).sort([("at", -1)]).explain()
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


def test_entries_expire_after_400_days(db):
    index = db.audit.index_information()["expires"]
    assert index["key"] == [("at", 1)] and index["expireAfterSeconds"] == 400 * 86400


# ---- the program ----


def test_the_program_lists_accounts_and_limits(admin, admin_tool, mine, account):
    mine.create()
    assert "older entries" in admin("audit", "--limit", "1").stderr
    lines = admin_tool("audit", "--account", account).splitlines()
    assert lines[0].split() == ["AT", "ACCOUNT", "ACTOR", "ACTION", "SUBJECT", "DETAILS"]
    assert [line.split()[3] for line in lines[1:]] == ["run.create", "key.create"]
    assert len(admin_tool("audit", "--account", account, "--limit", "1").splitlines()) == 2
    assert len(admin_tool("audit", "--account", "nobody-has-this").splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "0"],
        ["--limit", "1000001"],
        ["--limit", "x"],
        ["--limit"],
        ["--account", "a b"],
        ["more"],
        ["--all"],
    ],
)
def test_wrong_arguments_get_the_usage(admin, words):
    done = admin("audit", *words)
    assert done.returncode == 2
    assert "usage: training-admin" in done.stderr and done.stdout == ""


# ---- faults ----


def test_nothing_is_acknowledged_without_its_entry(mine, db, faults, account):
    """Workers are killed while runs are made, changed and deleted; every answered one is told."""
    answered = []
    for i in range(60):
        run_id = new_id()
        if i % 10 == 5:
            faults.kill_workers()
        try:
            if mine.post(RUNS, {"run_id": run_id}).status_code != 201:
                continue
            answered.append(("run.create", run_id))
            if mine.post(f"{RUNS}/{run_id}/complete").status_code == 200:
                answered.append(("run.change", run_id))
            if mine.request("DELETE", f"{DOCUMENTS}/{run_id}").status_code == 204:
                answered.append(("run.delete", run_id))
        except OSError:
            mine = mine.another()
    told = [(e["action"], e["subject"]) for e in db.audit.find({"account": account})]
    assert len(answered) > 100
    assert set(answered) <= set(told) and len(set(told)) == len(told)
    # And nothing is told that did not happen.
    for action, run_id in told:
        run = db.runs.find_one({"account": account, "run_id": run_id})
        if action == "run.create":
            assert run is not None
        if action == "run.change":
            assert run["status"] == "completed"
        if action == "run.delete":
            assert run["deleted_at"] is not None
