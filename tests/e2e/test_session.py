"""
Keys over HTTP and sessions (contract section 5, Keys): /api/keys for the scope admin, /api/session
for web pages. Through nginx.
"""

import re
import time
import uuid

import pytest

from revoking import wait_until_refused
from support import DOCUMENTS, RUNS, TIME, Client, new_id, ok, problem, wait_until

KEY = re.compile(r"^ak_[A-Za-z0-9_-]{43}$")
COOKIE = "training_session"


@pytest.fixture
def account():
    return f"acc-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def boss(stack, make_key, account):
    """A client with all scopes."""
    return Client(stack.url, make_key(account, "read,write,admin", name="boss"))


@pytest.fixture
def db_of(db, account):
    """What the database holds for the account."""
    return lambda collection: list(db[collection].find({"account": account}))


def listed(client):
    return client.read("/api/keys")["keys"]


# ---- keys -------------------------------------------------------------------------------------


def test_a_key_is_made_shown_once_listed_used_and_revoked(boss, stack):
    made = boss.post("/api/keys", {"name": "trainer é", "scopes": ["read"]})
    body = ok(made, 201)
    assert made.headers["Cache-Control"] == "no-store" and "ETag" not in made.headers
    assert set(body) == {"id", "name", "scopes", "created_at", "revoked_at", "api_key"}
    assert KEY.match(body["api_key"]) and re.fullmatch("[0-9a-f]{16}", body["id"])
    assert body["name"] == "trainer é" and body["scopes"] == ["read"]
    assert TIME.match(body["created_at"]) and body["revoked_at"] is None

    reader = Client(stack.url, body["api_key"])
    assert reader.read(RUNS) == []
    problem(reader.post(RUNS, {"run_id": new_id()}), 403, "scope_missing")

    answer = boss.get("/api/keys")
    rows = {row["id"]: row for row in ok(answer, 200)["keys"]}
    assert rows[body["id"]] == {n: v for n, v in body.items() if n != "api_key"}
    assert [row["name"] for row in listed(boss)] == ["boss", "trainer é"]
    assert body["api_key"][3:] not in answer.text and "hash" not in answer.text

    gone = boss.request("DELETE", f"/api/keys/{body['id']}")
    assert gone.status_code == 204 and gone.content == b""
    wait_until_refused(reader, time.monotonic())
    revoked_at = next(r for r in listed(boss) if r["id"] == body["id"])["revoked_at"]
    assert TIME.match(revoked_at)
    assert boss.request("DELETE", f"/api/keys/{body['id']}").status_code == 204
    assert next(r for r in listed(boss) if r["id"] == body["id"])["revoked_at"] == revoked_at


def test_without_name_and_scopes_a_key_reads_and_writes(boss):
    for body in ({}, {"name": None, "scopes": None}, {"unknown": 1}):
        made = boss.write("/api/keys", body, 201)
        assert made["name"] is None and made["scopes"] == ["read", "write"]


@pytest.mark.parametrize(
    "body, field",
    [
        ({"name": ""}, None),
        ({"name": "x" * 128}, None),
        ({"name": "x" * 129}, "name"),
        ({"name": "é" * 64}, None),
        ({"name": "é" * 65}, "name"),
        ({"name": 5}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u001bb"}, "name"),
        ({"name": "a\u007fb"}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"scopes": ["admin"]}, None),
        ({"scopes": ["write", "read", "read"]}, None),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "all"]}, "scopes"),
        ({"scopes": ["READ"]}, "scopes"),
        ({"scopes": [1]}, "scopes"),
        ({"scopes": [None]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": {"read": True}}, "scopes"),
        ({"scopes": True}, "scopes"),
    ],
)
def test_what_a_key_may_be(boss, body, field):
    before = len(listed(boss))
    answer = boss.post("/api/keys", body)
    if field is None:
        ok(answer, 201)
    else:
        problem(answer, 422, "validation_failed", [field])
        assert len(listed(boss)) == before


def test_both_faults_are_told_and_only_an_object_is_taken(boss):
    told = problem(boss.post("/api/keys", {"name": 1, "scopes": 1}), 422)
    assert {fault["field"] for fault in told["errors"]} == {"name", "scopes"}
    for raw in (b"[]", b"1", b"null", b'"x"'):
        problem(boss.post("/api/keys", raw=raw), 422, "validation_failed")


@pytest.mark.parametrize(
    "key_id", ["nobody", "0" * 16, "0" * 17, "x" * 200, "$ne", "%7B%7D", "{other}"]
)
def test_a_key_that_is_not_this_accounts_is_404(boss, stack, make_key, key_id):
    other = Client(stack.url, make_key(f"acc-{uuid.uuid4().hex[:10]}", "read,admin"))
    theirs = listed(other)[0]["id"]
    answer = boss.request("DELETE", "/api/keys/" + key_id.replace("{other}", theirs))
    problem(answer, 404, "key_not_found")
    assert listed(other)[0]["revoked_at"] is None
    assert theirs not in {row["id"] for row in listed(boss)}


def test_neither_the_anonymous_account_nor_other_scopes_see_keys(client, stack):
    for each in (client, Client(stack.url)):
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/x")):
            body = {} if method == "POST" else None
            problem(each.request(method, "/api/keys" + path, body), 403, "scope_missing")


# ---- sessions ---------------------------------------------------------------------------------


@pytest.fixture
def page(stack):
    """A web page: keeps cookies, knows no key."""
    return Client(stack.url)


def log_in(page, key, status=200):
    answer = page.post("/api/session", {"api_key": key})
    assert answer.status_code == status, answer.text
    return answer


def test_a_session_stands_for_its_key(page, boss, account, db_of):
    answer = log_in(page, boss.key)
    told = ok(answer, 200)
    assert told == {"account": account, "scopes": ["read", "write", "admin"], "anonymous": False}
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    token = re.fullmatch(
        COOKIE + r"=(ts_[A-Za-z0-9_-]{43}); Path=/; Max-Age=604800; HttpOnly; SameSite=Strict",
        cookie,
    ).group(1)
    assert boss.key not in cookie and boss.key not in answer.text

    assert page.read("/api/session") == told
    run_id = page.create()
    assert boss.detail(run_id)["run_id"] == run_id
    assert len(listed(page)) == 1

    (stored,) = db_of("sessions")
    assert token not in repr(stored) and token[3:] not in repr(stored)
    assert set(stored) == {"_id", "key_id", "account", "created_at", "expires_at"}
    assert (stored["expires_at"] - stored["created_at"]).total_seconds() == 604800




def test_logging_out_ends_the_session_everywhere(page, boss, stack, db_of):
    log_in(page, boss.key)
    token = page.session.cookies[COOKIE]
    thief = Client(stack.url)
    thief.session.cookies.update(page.session.cookies)
    assert len(listed(thief)) == 1
    answer = page.request("DELETE", "/api/session")
    assert answer.status_code == 204 and answer.content == b""
    assert f"{COOKIE}=;" in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert db_of("sessions") == []
    assert COOKIE not in page.session.cookies
    thief = with_cookie(thief, token)
    wait_until_refused(thief, time.monotonic())
    told = thief.get("/api/keys")
    problem(told, 401, "session_over")
    assert "Max-Age=0" in told.headers["Set-Cookie"]
    assert page.request("DELETE", "/api/session").status_code == 204  # again


def with_cookie(client, token):
    """Another client, that sends this cookie whatever the answers say."""
    another = client.another()
    another.session.headers["Cookie"] = f"{COOKIE}={token}"
    return another


def test_a_revoked_key_ends_its_sessions_within_5_s(page, boss):
    made = boss.write("/api/keys", {"scopes": ["read"]}, 201)
    log_in(page, made["api_key"])
    assert page.read(RUNS) == []
    still = with_cookie(page, page.session.cookies[COOKIE])
    boss.request("DELETE", f"/api/keys/{made['id']}")
    wait_until_refused(still, time.monotonic())
    problem(page.post("/api/session", {"api_key": made["api_key"]}), 401, "key_wrong")


def test_a_session_that_is_too_old_is_over(page, boss, db, account):
    log_in(page, boss.key)
    cookie = f"{COOKIE}={page.session.cookies[COOKIE]}"
    db.sessions.update_many(
        {"account": account}, [{"$set": {"expires_at": {"$subtract": ["$$NOW", 1]}}}]
    )
    wait_until(
        lambda: page.request("GET", RUNS, headers={"Cookie": cookie}).status_code == 401,
        30,
        "the session to be over",
    )
    index = db.sessions.index_information()["until_expiry"]
    assert index["expireAfterSeconds"] == 0 and index["key"] == [("expires_at", 1)]


@pytest.mark.parametrize(
    "body, status",
    [
        ({"api_key": "ak_wrong"}, 401),
        ({"api_key": ""}, 401),
        ({"api_key": "ak_" + "A" * 43}, 401),
        ({"api_key": {"$gt": ""}}, 422),
        ({"api_key": None}, 422),
        ({"api_key": 5}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_a_wrong_key_opens_nothing(page, db, body, status):
    before = db.sessions.distinct("_id")
    answer = page.post("/api/session", body)
    problem(answer, status, "key_wrong" if status == 401 else "validation_failed")
    assert "Set-Cookie" not in answer.headers
    # not the same number: mongod takes old ones away meanwhile
    assert set(db.sessions.distinct("_id")) <= set(before)


@pytest.mark.parametrize("token", ["ts_" + "A" * 43, "ak_" + "A" * 43, "ts_" + "!" * 43])
def test_a_cookie_that_was_never_given_is_401_even_where_none_is_needed(page, token):
    cookie = {"Cookie": f"a=b; {COOKIE}={token}; c=d"}
    problem(page.request("GET", RUNS, headers=cookie), 401, "session_over")
    answer = page.request("GET", "/api/session", headers=cookie)
    problem(answer, 401, "session_over")


@pytest.mark.parametrize(
    "cookie", ["a=b", f"{COOKIE}=", f"{COOKIE}=ts_short", f"x{COOKIE}=ts_", ";;"]
)
def test_other_cookies_are_nobodys_business(page, cookie):
    told = ok(page.request("GET", "/api/session", headers={"Cookie": cookie}), 200)
    assert told == {"account": "local", "scopes": ["read", "write"], "anonymous": True}


def test_a_key_in_the_header_wins_over_the_cookie(page, boss, client, account):
    log_in(page, boss.key)
    mine = page.request("GET", "/api/session", headers={"X-API-Key": client.key})
    assert ok(mine, 200)["account"] == "local"
    wrong = page.request("GET", "/api/session", headers={"X-API-Key": "ak_wrong"})
    problem(wrong, 401, "key_wrong")
    assert page.read("/api/session")["account"] == account


def test_without_anonymous_account_who_is_nobody_hears_401(another_api):
    ask = another_api(TRAINING_ANONYMOUS_ACCOUNT="")
    problem(ask("GET", "/api/session"), 401, "key_missing")


def test_no_foreign_page_logs_in_out_or_writes_through_the_cookie(page, boss):
    log_in(page, boss.key)
    run_id = page.create()
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for method, path, body in (
        ("POST", "/api/session", {"api_key": boss.key}),
        ("DELETE", "/api/session", None),
        ("POST", "/api/keys", {}),
        ("POST", RUNS, {"run_id": new_id()}),
        ("PATCH", f"{DOCUMENTS}/{run_id}", {"notes": "x"}),
    ):
        answer = page.request(method, path, body, headers=foreign)
        problem(answer, 403, "cross_site")
        assert "Set-Cookie" not in answer.headers
    assert page.detail(run_id)["run_id"] == run_id


def test_what_was_done_is_in_the_audit(page, boss, db_of, account):
    made = boss.write("/api/keys", {"scopes": ["read"], "name": "secret name"}, 201)
    log_in(page, made["api_key"])
    page.request("DELETE", "/api/session")
    for _ in range(2):
        boss.request("DELETE", f"/api/keys/{made['id']}")
    entries = sorted(db_of("audit"), key=lambda e: (e["at"], e["_id"]))
    entries = [e for e in entries if e["actor"] != "training-admin"]  # it made the boss's key
    assert [e["action"] for e in entries] == [
        "key.create", "session.create", "session.delete", "key.revoke",
    ]  # fmt: skip
    boss_id = listed(boss)[0]["id"]
    assert [e["actor"] for e in entries] == [boss_id, made["id"], made["id"], boss_id]
    assert {e["subject"] for e in entries} == {made["id"]}
    assert entries[0]["details"] == {"scopes": ["read"]}
    assert made["api_key"] not in repr(entries) and "ts_" not in repr(entries)


def test_neither_tokens_nor_keys_are_in_any_log(page, boss, stack):
    made = boss.write("/api/keys", {}, 201)
    log_in(page, made["api_key"])
    token = page.session.cookies[COOKIE]
    page.read(RUNS)
    for path in stack.log_folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            for secret in (made["api_key"], token):
                assert secret.encode() not in text, path.name
