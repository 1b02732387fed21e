"""
Keys, tenants, scopes and foreign web pages (contract section 5), through nginx. Keys are made with
training-admin, as an administrator does.
"""

import time
import uuid

import pytest

from revoking import wait_until_refused
from support import (
    DOCUMENTS,
    RUNS,
    V1,
    Client,
    new_id,
    ok,
    problem,
    raw_request,
    send_raw,
    stored,
)

# Every route that names a run: (method, path, body).
RUN_ROUTES = [
    ("GET", RUNS + "/{id}", None),
    ("GET", RUNS + "/{id}/learning-curve", None),
    ("POST", RUNS + "/{id}/complete", None),
    ("POST", RUNS + "/{id}/episodes", {"episode_number": 2}),
    ("POST", RUNS + "/{id}/episodes/batch", {"episodes": [{"episode_number": 2}]}),
    ("GET", DOCUMENTS + "/{id}", None),
    ("PATCH", DOCUMENTS + "/{id}", {"notes": "theirs"}),
    ("POST", DOCUMENTS + "/{id}/episodes", {"episode": 2}),
    ("POST", DOCUMENTS + "/{id}/checkpoints", {"episode": 1, "path": "x"}),
]
LISTS = [RUNS, DOCUMENTS, V1 + "/compare?run_ids={id}", DOCUMENTS + "/agents/list"]
CREATES = [("POST", RUNS, {"run_id": "{new}"}), ("POST", DOCUMENTS, {"run_id": "{new}"})]
WRITES = CREATES + [r for r in RUN_ROUTES if r[0] != "GET"]
READS = [r for r in RUN_ROUTES if r[0] == "GET"] + [("GET", path, None) for path in LISTS]


def send(client, route, run_id, **more):
    method, path, body = route
    if body is not None:
        body = {
            k: v.replace("{new}", new_id()) if isinstance(v, str) else v for k, v in body.items()
        }
    return client.request(method, path.format(id=run_id), body=body, **more)


def name_of(route):
    return f"{route[0]} {route[1]}"


@pytest.fixture
def account():
    return f"acc-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def key_for(stack, make_key):
    """key_for(account, scopes) is a client with a new key."""
    return lambda account, scopes=None: Client(stack.url, make_key(account, scopes))


@pytest.fixture(scope="module")
def neighbours(stack, make_key):
    """Two accounts, and a run of the first with one episode: (first, second, run_id)."""
    first, second = (
        Client(stack.url, make_key(f"tenant-{uuid.uuid4().hex[:10]}")) for _ in range(2)
    )
    run_id = first.create(agent_id="secret-agent", strategy_label="secret-label", tags=["secret"])
    first.report(run_id, 1, roi_pct=1)
    return first, second, run_id


# ---- tenants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("route", RUN_ROUTES, ids=name_of)
def test_another_accounts_run_is_404_and_stays_as_it_is(neighbours, route):
    owner, stranger, run_id = neighbours
    before = owner.get(f"{DOCUMENTS}/{run_id}").content
    problem(send(stranger, route, run_id), 404, "run_not_found")
    assert owner.get(f"{DOCUMENTS}/{run_id}").content == before


def test_the_answer_for_a_strangers_run_is_the_one_for_no_run(neighbours):
    _, stranger, run_id = neighbours
    bodies = []
    for each in (run_id, "nobody"):
        body = problem(stranger.get(f"{RUNS}/{each}"), 404)
        body.pop("request_id")
        bodies.append(repr(body).replace(each, "ID"))
    assert bodies[0] == bodies[1]


def test_nothing_of_another_account_is_listed(neighbours):
    _, stranger, run_id = neighbours
    assert stranger.read(RUNS) == [] and stranger.read(DOCUMENTS) == []
    assert stranger.get(RUNS).headers["X-Total-Count"] == "0"
    for text in ("secret", run_id, ""):
        assert stranger.read(RUNS, q=text) == []
    assert stranger.read(DOCUMENTS, tag="secret") == []
    assert stranger.read(f"{DOCUMENTS}/agents/list") == {"agent_ids": []}
    assert stranger.read(f"{V1}/compare", run_ids=run_id) == {"runs": [], "missing": [run_id]}


def test_two_accounts_may_use_one_run_id_and_never_see_each_other(key_for, account):
    run_id = new_id("same")
    mine, theirs = key_for(account), key_for(account + "-2")
    mine.create(run_id, config={"whose": "mine"})
    theirs.create(run_id, config={"whose": "theirs"})
    mine.report(run_id, 1, roi_pct=1)
    theirs.report(run_id, 1, roi_pct=2)
    theirs.report(run_id, 2, roi_pct=4)
    mine.complete(run_id)
    assert mine.detail(run_id)["config"] == {"whose": "mine"}
    assert mine.detail(run_id)["aggregate_stats"]["avg_roi_pct"] == 1
    assert theirs.detail(run_id)["aggregate_stats"]["avg_roi_pct"] == 3
    assert theirs.detail(run_id)["status"] == "running"
    assert len(mine.read(RUNS)) == len(theirs.read(RUNS)) == 1


def test_two_keys_of_an_account_see_the_same_runs(key_for, account):
    first, second = key_for(account), key_for(account)
    run_id = first.create()
    second.report(run_id, 1, roi_pct=1)
    assert first.detail(run_id)["episodes_completed"] == 1


def test_the_cursor_of_another_account_shows_nothing_of_it(neighbours, key_for, account):
    owner, stranger, _ = neighbours
    owner.create()
    page = owner.get(RUNS, limit=1)
    where = page.links["next"]["url"].split("?", 1)[1]
    answer = stranger.get(f"{RUNS}?{where}")
    assert answer.status_code == 422 or answer.json() == []


# ---- keys -------------------------------------------------------------------------------------

WRONG_KEYS = [
    "ak_wrong", "ak_" + "0" * 40, "x", "ak_", "$ne", '{"$gt":""}', "ak_live_...", "null", "*",
    "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("key", WRONG_KEYS, ids=lambda k: k[:20])
@pytest.mark.parametrize("route", [("GET", RUNS, None), CREATES[0]], ids=name_of)
def test_a_wrong_key_is_401_even_where_none_is_needed(stack, db, route, key):
    before = stored(db)
    problem(send(Client(stack.url, key), route, "x"), 401, "key_wrong")
    assert stored(db) == before


def test_a_key_with_one_character_changed_is_401(stack, make_key, account):
    key = make_key(account)
    assert Client(stack.url, key).read(RUNS) == []
    for wrong in (key[:-1], key + "0", key[:-1] + ("a" if key[-1] != "a" else "b"), key.upper()):
        problem(Client(stack.url, wrong).get(RUNS), 401, "key_wrong")


def test_two_keys_in_one_request_are_401(stack, make_key, account):
    first, second = make_key(account), make_key(account)
    for pair in ((first, second), (first, first), (first, "ak_wrong"), ("ak_wrong", first)):
        headers = [("X-API-Key", key) for key in pair]
        problem(send_raw(stack.url, raw_request("GET", RUNS, headers)), 401, "key_wrong")


def test_without_a_key_the_anonymous_account_answers_on_loopback(client, stack):
    nobody = Client(stack.url)
    run_id = client.create()
    assert nobody.detail(run_id)["run_id"] == run_id
    mine = nobody.create()
    assert client.detail(mine)["run_id"] == mine


@pytest.fixture(scope="module")
def strict_api(another_api):
    """A training-api without anonymous account."""
    return another_api(TRAINING_ANONYMOUS_ACCOUNT="")


@pytest.mark.parametrize("route", READS + WRITES, ids=name_of)
def test_without_a_key_and_without_anonymous_account_it_is_401(strict_api, db, route):
    before = stored(db)
    method, path, body = route
    answer = strict_api(method, path.format(id="x"), body)
    problem(answer, 401, "key_missing")
    assert stored(db) == before


def test_without_anonymous_account_a_key_still_works(strict_api, make_key, account):
    key = make_key(account)
    assert ok(strict_api("GET", RUNS, None, key), 200) == []


# ---- scopes -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scoped(stack, make_key):
    """(run_id, {scopes: client}) of one account."""
    account = f"scoped-{uuid.uuid4().hex[:10]}"
    clients = {
        s: Client(stack.url, make_key(account, s)) for s in ("read", "write", "read,write", "admin")
    }
    run_id = clients["read,write"].create()
    clients["read,write"].report(run_id, 1, roi_pct=1)
    return run_id, clients


@pytest.mark.parametrize("route", WRITES, ids=name_of)
@pytest.mark.parametrize("scopes", ["read", "admin"])
def test_without_the_scope_write_every_write_is_403(scoped, db, route, scopes):
    run_id, clients = scoped
    before = stored(db)
    problem(send(clients[scopes], route, run_id), 403, "scope_missing")
    assert stored(db) == before


@pytest.mark.parametrize("route", READS, ids=name_of)
def test_without_the_scope_read_every_read_is_403(scoped, route):
    run_id, clients = scoped
    problem(send(clients["write"], route, run_id), 403, "scope_missing")


@pytest.mark.parametrize("route", READS, ids=name_of)
@pytest.mark.parametrize("scopes", ["read", "read,write"])
def test_the_scope_read_is_enough_for_every_read(scoped, route, scopes):
    run_id, clients = scoped
    ok(send(clients[scopes], route, run_id), 200)


def test_the_scope_write_is_enough_for_every_write(scoped):
    run_id, clients = scoped
    for route in WRITES:
        assert send(clients["write"], route, run_id).status_code in (200, 201), route


def test_a_strangers_run_is_404_whatever_the_scope_allows(neighbours, make_key, stack):
    _, _, run_id = neighbours
    stranger = Client(stack.url, make_key(f"other-{uuid.uuid4().hex[:8]}", "read"))
    problem(stranger.get(f"{RUNS}/{run_id}"), 404, "run_not_found")


# ---- revoking ---------------------------------------------------------------------------------


def test_a_revoked_key_stops_working_within_5_s_and_for_good(stack, make_key, admin_tool, account):
    key, other = make_key(account, name="first"), make_key(account, name="second")
    mine, second = Client(stack.url, key), Client(stack.url, other)
    for _ in range(20):  # so that every worker may have seen the key
        mine.read(RUNS)
    admin_tool("key", "revoke", key_id_of(admin_tool, account, "first"))
    wait_until_refused(mine, time.monotonic())
    problem(mine.get(RUNS), 401, "key_wrong")
    assert second.read(RUNS) == []


def test_all_keys_of_an_account_are_revoked_at_once(stack, make_key, admin_tool, account):
    clients = [Client(stack.url, make_key(account)) for _ in range(3)]
    bystander = Client(stack.url, make_key(account + "-2"))
    for client in clients:
        client.read(RUNS)
    admin_tool("key", "revoke", "--account", account)
    revoked_at = time.monotonic()
    for client in clients:
        wait_until_refused(client, revoked_at)
    assert bystander.read(RUNS) == []


def key_id_of(admin_tool, account, name):
    """The id of the account's key with this name, from key list."""
    lines = [
        line
        for line in admin_tool("key", "list", "--account", account).splitlines()
        if name in line
    ]
    assert len(lines) == 1, lines
    return lines[0].split()[0]


def test_a_key_is_stored_as_a_hash_and_never_listed(db, make_key, admin_tool, account):
    key = make_key(account)
    secret = key.removeprefix("ak_")
    assert secret not in repr(list(db.api_keys.find({})))
    assert secret.encode() not in b"".join(bytes(k["hash"]) for k in db.api_keys.find({}))
    listed = admin_tool("key", "list")
    assert account in listed and secret not in listed


def test_no_key_appears_in_any_log(stack, make_key, account):
    key = make_key(account)
    Client(stack.url, key).read(RUNS)
    Client(stack.url, key).post(RUNS, {"run_id": 5})
    wrong = f"ak_wrong{uuid.uuid4().hex}"
    Client(stack.url, wrong).get(RUNS)
    for path in stack.log_folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            for secret in (key, wrong):
                assert secret.encode() not in text, path.name


# ---- foreign web pages ------------------------------------------------------------------------

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=repr)
@pytest.mark.parametrize("with_key", [True, False], ids=["key", "anonymous"])
def test_no_foreign_web_page_writes_whatever_the_credentials(client, db, headers, with_key):
    sender = client if with_key else Client(client.url)
    run_id = client.create()
    headers = {name: value.format(own=client.url) for name, value in headers.items()}
    before = stored(db)
    for route in WRITES:
        problem(send(sender, route, run_id, headers=headers), 403, "cross_site")
    assert stored(db) == before


@pytest.mark.parametrize("headers", FOREIGN, ids=repr)
def test_reading_is_not_hindered_by_an_origin(client, headers):
    headers = {name: value.format(own=client.url) for name, value in headers.items()}
    ok(client.get(RUNS, limit=1, headers=headers), 200)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "{own}"},
        {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=repr,
)
def test_our_own_pages_and_programs_write(client, headers):
    headers = {name: value.format(own=client.url) for name, value in headers.items()}
    ok(client.post(RUNS, {"run_id": new_id()}, headers=headers), 201)
