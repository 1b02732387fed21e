"""
GET and POST /api/training-runs/{id}/evaluations (contract section 3): what an evaluation must say,
what comes back, its pages, repeats under one Idempotency-Key, deleted runs. What is stored is
looked at in the database.
"""

import math
import re
import time
from concurrent.futures import ThreadPoolExecutor

import bson
import pytest

from support import DOCUMENTS, TIME, Client, follow, new_id, ok, problem, walk, without

WHOLE_MAX = 2**53 - 1
GOOD = {
    "checkpoint_path": "checkpoints/ppo_blokus_100",
    "opponent_type": "random",
    "games_played": 40,
    "win_rate": 0.625,
    "avg_reward": -12.5,
    "avg_game_length": 31.75,
}


def path_of(run_id):
    return f"{DOCUMENTS}/{run_id}/evaluations"


@pytest.fixture
def run(client):
    return client.create()


@pytest.fixture
def evaluate(client, run):
    """evaluate(member=value…) posts GOOD with these members instead; returns the answer."""

    def post(key=None, **members):
        headers = {"Idempotency-Key": key} if key is not None else None
        return client.post(path_of(run), {**GOOD, **members}, headers=headers)

    return post


def stored(db, client, run_id):
    """The run's documents in the collection, newest first."""
    oid = bson.ObjectId(client.document(run_id)["id"])
    return list(db.evaluations.find({"run": oid}).sort([("created_at", -1), ("_id", -1)]))


# ---- one evaluation ----


def test_an_evaluation_comes_back_as_it_was_sent(client, run, evaluate):
    before = time.time()
    made = ok(evaluate(), 201)
    assert without(made, "id", "run_id", "created_at") == GOOD
    assert made["run_id"] == run
    assert re.fullmatch(r"[0-9a-f]{24}", made["id"])
    assert TIME.match(made["created_at"])
    assert client.read(path_of(run)) == [made]
    assert client.read(path_of(run) + "/") == [made]
    assert abs(time.time() - before) < 60


def test_it_is_stored_under_its_runs_key_and_account(client, run, evaluate, db):
    made = ok(evaluate(key="a"), 201)
    (document,) = stored(db, client, run)
    assert {name: document[name] for name in GOOD} == GOOD
    assert str(document["_id"]) == made["id"]
    assert document["account"] == db.runs.find_one({"run_id": run})["account"]
    assert document["idempotency_key"] == "a"
    assert document["created_at"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z" == made["created_at"]


def test_members_that_nobody_knows_are_ignored(evaluate):
    made = ok(evaluate(id="mine", created_at="2020-01-01", run_id="other", seed=[1, {}]), 201)
    assert without(made, "id", "run_id", "created_at") == GOOD
    assert made["id"] != "mine" and made["run_id"] != "other"
    assert not made["created_at"].startswith("2020")


LIMITS = [
    ("checkpoint_path", "p", "p"),
    ("checkpoint_path", "p" * 4096, "p" * 4096),
    ("checkpoint_path", 'ü/"\\\n$ne.日本', 'ü/"\\\n$ne.日本'),
    ("opponent_type", "o" * 256, "o" * 256),
    ("opponent_type", "$where", "$where"),
    ("games_played", 1, 1),
    ("games_played", 42.0, 42),
    ("games_played", WHOLE_MAX, WHOLE_MAX),
    ("win_rate", 0, 0),
    ("win_rate", 1, 1),
    ("win_rate", 5e-324, 5e-324),
    ("win_rate", 0.1, 0.1),
    ("avg_reward", 0, 0),
    ("avg_reward", -1e308, -1e308),
    ("avg_reward", 1 / 3, 1 / 3),
    ("avg_reward", "NaN", "NaN"),
    ("avg_reward", "Infinity", "Infinity"),
    ("avg_reward", "-Infinity", "-Infinity"),
    ("avg_game_length", 0, 0),
    ("avg_game_length", 1.7e308, 1.7e308),
]


@pytest.mark.parametrize("name, value, shown", LIMITS)
def test_values_at_their_limits_are_taken(client, run, evaluate, name, value, shown):
    assert ok(evaluate(**{name: value}), 201)[name] == shown
    assert client.read(path_of(run))[0][name] == shown


WRONG = [
    ("checkpoint_path", ["", "p" * 4097, "a\0b", 7, True, [], {}, None]),
    ("opponent_type", ["", "o" * 257, "a\0b", 7, False, ["random"], {"$gt": ""}, None]),
    ("games_played", [0, -1, 0.5, 42.5, WHOLE_MAX + 1, 2**63, 2**64 - 1, "40", True, [], None]),
    ("win_rate", [-5e-324, 1.0000000000000002, -1, 2, 62.5, "NaN", "0.5", True, [], None]),
    ("avg_reward", ["nan", "inf", "Infinite", "", "1", True, [1], {}, None]),
    ("avg_game_length", [-5e-324, -1, "NaN", "Infinity", "31", False, [], None]),
]


@pytest.mark.parametrize(
    "name, value", [(n, v) for n, values in WRONG for v in values], ids=lambda v: repr(v)[:24]
)
def test_a_wrong_value_is_named_and_stores_nothing(client, run, evaluate, name, value):
    body = problem(evaluate(**{name: value}), 422, "validation_failed", [name])
    assert [fault["field"] for fault in body["errors"]] == [name]
    assert client.read(path_of(run)) == []


def test_all_faults_are_listed_at_once(client, run):
    body = problem(client.post(path_of(run), {}), 422, "validation_failed", list(GOOD))
    assert [fault["field"] for fault in body["errors"]] == list(GOOD)
    response = client.post(
        path_of(run), {**GOOD, "win_rate": 2, "games_played": 0}, headers={"Idempotency-Key": "é"}
    )
    problem(response, 422, "validation_failed", ["win_rate", "games_played", "Idempotency-Key"])


@pytest.mark.parametrize("raw", ["[]", "7", '"x"', "null", "true"])
def test_a_body_that_is_no_object_is_422(client, run, raw):
    problem(client.post(path_of(run), raw=raw), 422, "validation_failed")


@pytest.mark.parametrize("raw", ["", "{", '{"win_rate":NaN}', '{"win_rate":1e400}'])
def test_a_body_that_is_no_json_is_400(client, run, raw):
    problem(client.post(path_of(run), raw=raw), 400)


def test_the_run_is_not_touched(client, run, evaluate, db):
    before = db.runs.find_one({"run_id": run})
    ok(evaluate(), 201)
    assert bson.encode(db.runs.find_one({"run_id": run})) == bson.encode(before)


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_an_ended_run_is_evaluated_like_any(client, run, evaluate, status):
    client.end(run, status)
    ok(evaluate(), 201)
    assert len(client.read(path_of(run))) == 1


# ---- repeats ----


def test_each_post_is_one_evaluation(client, run, evaluate):
    ids = {ok(evaluate(), 201)["id"] for _ in range(3)}
    assert len(ids) == 3
    assert {e["id"] for e in client.read(path_of(run))} == ids


@pytest.mark.parametrize("key", ["a", "k" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "$ne"])
def test_a_repeat_with_the_same_key_is_the_same_evaluation(client, run, evaluate, key):
    first = ok(evaluate(key=key, avg_reward="NaN"), 201)
    for _ in range(3):
        assert ok(evaluate(key=key, avg_reward="NaN"), 201) == first
    assert client.read(path_of(run)) == [first]


@pytest.mark.parametrize("name", list(GOOD))
def test_a_key_used_for_another_evaluation_is_422(client, run, evaluate, name):
    other = {"checkpoint_path": "x", "opponent_type": "y", "games_played": 41}
    first = ok(evaluate(key="k"), 201)
    response = evaluate(key="k", **{name: other.get(name, 0.5)})
    problem(response, 422, "validation_failed", ["Idempotency-Key"])
    assert client.read(path_of(run)) == [first]


def test_keys_of_two_runs_have_nothing_to_do_with_each_other(client):
    runs = [client.create(), client.create()]
    key = {"Idempotency-Key": "same"}
    for run_id in runs:
        ok(client.post(path_of(run_id), GOOD, headers=key), 201)
    assert [len(client.read(path_of(run_id))) for run_id in runs] == [1, 1]


@pytest.mark.parametrize("key", ["k" * 256, "tab\tin it", "caf\u00e9"])
def test_a_key_that_is_none_is_422(client, run, evaluate, key):
    problem(evaluate(key=key), 422, "validation_failed", ["Idempotency-Key"])
    assert client.read(path_of(run)) == []


def test_an_empty_key_is_none(client, run, evaluate):
    for _ in range(2):
        ok(evaluate(key=""), 201)
    assert len(client.read(path_of(run))) == 2


def test_repeats_at_the_same_moment_store_one(client, run):
    def post(_):
        response = client.another().post(path_of(run), GOOD, headers={"Idempotency-Key": "k"})
        return ok(response, 201)["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(post, range(40)))
    assert len(ids) == 1
    assert [e["id"] for e in client.read(path_of(run))] == list(ids)


# ---- the list ----


@pytest.fixture(scope="module")
def many(module_client):
    """A run of 120 evaluations; the ids in the order of the posts."""
    run_id = module_client.create()
    ids = []
    for i in range(120):
        body = {**GOOD, "avg_reward": i}
        ids.append(module_client.write(path_of(run_id), body, 201)["id"])
    return run_id, ids


def test_they_come_newest_first(client, many, db):
    run_id, ids = many
    rows = client.read(path_of(run_id), limit=500)
    assert sorted(row["id"] for row in rows) == sorted(ids)
    order = [(row["created_at"], row["id"]) for row in rows]
    assert order == sorted(order, reverse=True)
    assert [row["id"] for row in rows] == [str(d["_id"]) for d in stored(db, client, run_id)]


@pytest.mark.parametrize("limit", [1, 7, 50, 119, 120, 121, 500])
def test_pages_neither_repeat_nor_skip(client, many, limit):
    if limit == 1:
        run_id = client.create()
        for _ in range(5):
            client.write(path_of(run_id), GOOD, 201)
    else:
        run_id = many[0]
    whole = client.read(path_of(run_id), limit=500)
    assert walk(client, path_of(run_id), limit=limit) == whole
    for offset in (0, 1, limit, len(whole) - 1, len(whole), len(whole) + 1):
        page = client.read(path_of(run_id), limit=limit, offset=offset)
        assert page == whole[offset : offset + limit]


def test_50_are_given_unless_told_and_all_are_counted(client, many):
    response = client.get(path_of(many[0]))
    assert len(ok(response, 200)) == 50
    assert response.headers["X-Total-Count"] == "120"
    assert "next" in response.links and set(response.links) == {"next"}
    last = client.get(path_of(many[0]), limit=120)
    assert "Link" not in last.headers and last.headers["X-Total-Count"] == "120"


def test_what_is_added_meanwhile_moves_no_later_page(client):
    run_id = client.create()
    for _ in range(10):
        client.write(path_of(run_id), GOOD, 201)
    whole = client.read(path_of(run_id))
    first = client.get(path_of(run_id), limit=4)
    client.write(path_of(run_id), GOOD, 201)
    second = follow(client, first)
    assert ok(second, 200) == whole[4:8]
    assert ok(follow(client, second), 200) == whole[8:]


def test_evaluations_of_one_millisecond_are_ordered_by_id(client, db):
    run_id = client.create()
    for _ in range(6):
        client.write(path_of(run_id), GOOD, 201)
    oid = bson.ObjectId(client.document(run_id)["id"])
    moment = db.evaluations.find_one({"run": oid})["created_at"]
    db.evaluations.update_many({"run": oid}, {"$set": {"created_at": moment}})
    ids = [row["id"] for row in walk(client, path_of(run_id), limit=2)]
    assert ids == sorted(ids, reverse=True) and len(ids) == 6


def test_a_run_without_evaluations_has_an_empty_list(client, run):
    response = client.get(path_of(run))
    assert ok(response, 200) == []
    assert response.headers["X-Total-Count"] == "0" and "Link" not in response.headers


@pytest.mark.parametrize(
    "name, value",
    [
        ("limit", "0"), ("limit", "501"), ("limit", "-1"), ("limit", "1.5"), ("limit", "x"),
        ("offset", "-1"), ("offset", "1000000001"), ("offset", "1e3"),
        ("cursor", "x"), ("cursor", "_"), ("cursor", "1_"), ("cursor", "1_" + "0" * 23),
        ("cursor", "1_" + "0" * 25), ("cursor", "1_" + "g" * 24), ("cursor", "_" + "0" * 24),
        ("cursor", "99999999999999999999_" + "0" * 24), ("cursor", "1_" + "A" * 24),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(client, run, name, value):
    problem(client.get(path_of(run), **{name: value}), 422, "validation_failed", [name])


def test_all_wrong_parameters_are_named_at_once(client, run):
    response = client.get(path_of(run), limit=0, offset=-1, cursor="x", nobody="knows")
    problem(response, 422, "validation_failed", ["limit", "offset", "cursor"])


def test_empty_and_unknown_parameters_count_as_absent(client, many):
    whole = client.read(path_of(many[0]))
    assert client.read(path_of(many[0]), limit="", offset="", cursor="", sort="x") == whole


def test_the_list_and_its_count_are_served_by_the_index(many, client, db):
    oid = bson.ObjectId(client.document(many[0])["id"])
    found = db.evaluations.find({"run": oid}).sort([("created_at", -1), ("_id", -1)]).limit(51)
    plan = found.explain()
    assert "by_run_newest" in str(plan["queryPlanner"]["winningPlan"])
    assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])
    assert plan["executionStats"]["totalDocsExamined"] == 51
    at = db.evaluations.find_one({"run": oid})["created_at"]
    place = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": oid}}]
    found = db.evaluations.find({"run": oid, "$or": place})
    plan = found.sort([("created_at", -1), ("_id", -1)]).limit(51).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    plan = db.evaluations.find({"run": oid, "idempotency_key": "k"}).explain()
    assert "by_idempotency_key_of_run" in str(plan["queryPlanner"]["winningPlan"])


# ---- whose ----


@pytest.mark.parametrize("run_id", ["nobody", "bad id!", "x" * 65, "$ne", "-"])
def test_a_run_that_is_not_there_is_404_before_anything_is_looked_at(client, run_id):
    for response in (
        client.get(path_of(run_id), limit=0),
        client.post(path_of(run_id), {}),
        client.post(path_of(run_id), GOOD),
    ):
        problem(response, 404, "run_not_found")


def test_another_accounts_run_is_404(stack, client, run, make_key):
    stranger = Client(stack.url, make_key(new_id("account")))
    ok(client.post(path_of(run), GOOD), 201)
    problem(stranger.get(path_of(run)), 404, "run_not_found")
    problem(stranger.post(path_of(run), GOOD), 404, "run_not_found")
    stranger.create(run)
    assert stranger.read(path_of(run)) == []


def test_a_deleted_run_has_none(client, run, evaluate, db):
    ok(evaluate(), 201)
    db.runs.update_one({"run_id": run}, {"$set": {"deleted_at": db.runs.find_one()["started_at"]}})
    problem(client.get(path_of(run)), 404, "run_not_found")
    problem(evaluate(), 404, "run_not_found")
    db.runs.update_one({"run_id": run}, {"$set": {"deleted_at": None}})
    assert len(client.read(path_of(run))) == 1


def test_scopes_and_methods(stack, run, make_key, db):
    account = db.runs.find_one({"run_id": run})["account"]
    reader = Client(stack.url, make_key(account, "read"))
    writer = Client(stack.url, make_key(account, "write"))
    problem(reader.post(path_of(run), GOOD), 403, "scope_missing")
    ok(writer.post(path_of(run), GOOD), 201)
    problem(writer.get(path_of(run)), 403, "scope_missing")
    assert len(reader.read(path_of(run))) == 1
    refused = reader.request("DELETE", path_of(run))
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET, HEAD, POST, OPTIONS"


def test_a_number_that_is_not_finite_is_stored_as_that_double(client, run, evaluate, db):
    for word, check in (("NaN", math.isnan), ("Infinity", math.isinf), ("-Infinity", math.isinf)):
        ok(evaluate(avg_reward=word), 201)
        assert check(stored(db, client, run)[0]["avg_reward"]), word


def test_a_list_of_any_length_has_a_tag(client, run, evaluate):
    path = path_of(run)
    for _ in range(20):  # 80 kB: more than waits in a reply's buffer
        ok(evaluate(checkpoint_path="p" * 4096), 201)
    first = client.get(path, limit=20)
    assert len(first.content) > 64 * 1024
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.request("GET", f"{path}?limit=20", headers=known)
    assert again.status_code == 304 and again.content == b""
    ok(evaluate(), 201)
    again = client.request("GET", f"{path}?limit=20", headers=known)
    assert again.status_code == 200 and again.headers["ETag"] != first.headers["ETag"]
