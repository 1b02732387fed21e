"""
training-admin, the program for administrators: keys, the schema, its arguments (contract section
5; schema/mongo/). What it made is looked at through the API and in the database.
"""

import base64
import hashlib
import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from revoking import wait_until_refused
from support import RUNS, Client, new_id, ok, problem

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "mongo"
KEY = re.compile(r"ak_[A-Za-z0-9_-]{43}")


@pytest.fixture
def mongosh(stack):
    """Runs an expression of mongosh; its value comes back as relaxed Extended JSON."""

    def evaluate(expression):
        where = f"db = db.getSiblingDB({json.dumps(stack.mongodb_name)})"
        shown = stack.mongosh(f"{where}; print(EJSON.stringify({expression}, {{relaxed: true}}))")
        return json.loads(shown or "null")

    return evaluate


@pytest.fixture
def account():
    return new_id("account")


def make_key(admin, account, *more):
    """(key, key id) of a new key."""
    done = admin("key", "create", "--account", account, *more)
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    assert KEY.fullmatch(key), "the key stands alone on standard output"
    assert key not in done.stderr
    return key, re.search(r"key id ([0-9a-f]{16})", done.stderr).group(1)


def use(stack, key):
    return Client(stack.url, key)


# ---- keys ----


def test_a_new_key_opens_its_account_and_no_other(stack, client, admin, account):
    key, _ = make_key(admin, account)
    mine = use(stack, key)
    run_id = mine.create()
    assert mine.detail(run_id)["run_id"] == run_id
    problem(client.get(f"{RUNS}/{run_id}"), 404, "run_not_found")


def test_a_key_is_kept_as_a_hash_and_shown_nowhere(stack, admin, account, mongosh):
    key, key_id = make_key(admin, account, "--name", "for the lab")
    stored = mongosh(f"db.api_keys.findOne({{_id: '{key_id}'}})")
    digest = hashlib.blake2b(key.encode(), digest_size=32)
    assert stored["hash"]["$binary"]["base64"] == base64.b64encode(digest.digest()).decode()
    assert stored["account"] == account and stored["name"] == "for the lab"
    assert key not in json.dumps(stored) and key[3:] not in json.dumps(stored)
    assert key not in admin("key", "list").stdout


def test_two_keys_for_one_new_account_at_once_are_both_made(admin, account, mongosh):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: make_key(admin, account), range(4)))
    assert len({key for key, _ in made}) == len({key_id for _, key_id in made}) == 4
    assert mongosh(f"db.accounts.countDocuments({{_id: '{account}'}})") == 1


def test_the_list_shows_every_key_and_filters_by_account(admin, account):
    first = make_key(admin, account, "--scopes", "read")[1]
    second = make_key(admin, account, "--scopes", "admin,read,write", "--name", "boss")[1]
    other = make_key(admin, new_id("other"))[1]
    assert admin("key", "revoke", first).returncode == 0
    whole, mine = admin("key", "list"), admin("key", "list", "--account", account)
    assert whole.returncode == mine.returncode == 0
    head, *rows = mine.stdout.splitlines()
    assert head.split() == ["KEY", "ID", "ACCOUNT", "SCOPES", "CREATED", "REVOKED", "NAME"]
    rows = [row.split() for row in rows]
    assert [row[:3] for row in rows] == [
        [first, account, "read"],
        [second, account, "read,write,admin"],
    ]
    time_of = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    assert time_of.fullmatch(rows[0][3]) and time_of.fullmatch(rows[0][4])
    assert rows[1][4:] == ["-", "boss"]
    assert all(key_id in whole.stdout for key_id in (first, second, other))


def test_a_revoked_key_stops_within_5_s_though_it_is_in_use(stack, admin, account):
    key, key_id = make_key(admin, account)
    keep, _ = make_key(admin, account)
    mine = use(stack, key)
    ok(mine.get(RUNS), 200)
    assert admin("key", "revoke", key_id).stdout == "1 revoked, 0 already were\n"
    wait_until_refused(mine, time.monotonic())
    for _ in range(20):  # whichever worker answers
        problem(mine.get(RUNS), 401, "key_wrong")
    ok(use(stack, keep).get(RUNS), 200)
    assert admin("key", "revoke", key_id).stdout == "0 revoked, 1 already were\n"


def test_all_keys_of_an_account_are_revoked_at_once(stack, admin, account):
    keys = [make_key(admin, account)[0] for _ in range(3)]
    other, _ = make_key(admin, new_id("other"))
    done = admin("key", "revoke", "--account", account)
    assert (done.returncode, done.stdout) == (0, "3 revoked, 0 already were\n")
    for key in keys:  # which no worker has seen
        problem(use(stack, key).get(RUNS), 401, "key_wrong")
    ok(use(stack, other).get(RUNS), 200)


@pytest.mark.parametrize("what", [["0123456789abcdef"], ["--account", "nobody-has-this"]])
def test_revoking_what_is_not_there_fails_and_says_so(admin, what):
    done = admin("key", "revoke", *what)
    assert done.returncode == 1
    assert what[-1] in done.stderr and done.stdout == ""


# ---- the schema ----


@pytest.fixture
def empty(mongosh):
    """The name of a database that nobody has written to yet."""
    name = new_id("schema")
    yield name
    mongosh(f"db.getSiblingDB('{name}').dropDatabase()")


def state(mongosh, name):
    """All that a schema makes: options of collections and views, and indexes."""
    found = mongosh(f"db.getSiblingDB('{name}').getCollectionInfos()")
    indexes = (
        f"db.getSiblingDB('{name}').getCollectionInfos({{type: 'collection'}})"
        f".map(c => [c.name, db.getSiblingDB('{name}').getCollection(c.name).getIndexes()])"
    )
    collections = sorted((c["name"], c["type"], c["options"]) for c in found)
    return collections, sorted(map(tuple, mongosh(indexes)))


def apply(admin, name, folder=SCHEMA):
    """The lines of schema apply, as {(kind, name): what was done}."""
    done = admin("schema", "apply", "--schema", str(folder), MONGODB_DB_NAME=name)
    assert done.returncode == 0, done.stderr
    lines = [line.split(None, 2) for line in done.stdout.splitlines()]
    return {(kind, what): outcome for kind, what, outcome in lines}


def test_applying_the_schema_again_gives_the_same_result(admin, mongosh, empty):
    first = apply(admin, empty)
    assert set(first.values()) == {"created"}
    made = state(mongosh, empty)
    names = [name for name, _, _ in made[0]]
    assert {"accounts", "api_keys", "episodes", "runs", "training_runs"} <= set(names)
    for _ in range(2):
        again = apply(admin, empty)
        assert again.keys() == first.keys()
        assert set(again.values()) == {"unchanged"}
        assert state(mongosh, empty) == made


def test_a_database_that_drifted_is_brought_back_and_its_data_stay(admin, mongosh, empty):
    apply(admin, empty)
    made = state(mongosh, empty)
    mongosh(
        f"""(() => {{ const d = db.getSiblingDB('{empty}');
        d.accounts.insertOne({{_id: 'kept', created_at: new Date()}});
        d.runs.dropIndex('by_run_id');
        d.runs.dropIndex('by_newest');
        d.runs.createIndex({{started_at: 1}}, {{name: 'by_newest'}});
        d.api_keys.dropIndex('by_account');
        d.api_keys.createIndex({{account: 1}}, {{name: 'other_name'}});
        d.runCommand({{collMod: 'episodes', validator: {{}}, validationLevel: 'off'}});
        d.runCommand({{collMod: 'training_runs', viewOn: 'runs', pipeline: []}});
        }})()"""
    )
    done = apply(admin, empty)
    assert {what: how for what, how in done.items() if how != "unchanged"} == {
        ("collection", "episodes"): "changed",
        ("index", "api_keys.by_account"): "changed",
        ("index", "api_keys.other_name"): "had another definition: dropped, to be built anew",
        ("index", "runs.by_newest"): "changed",
        ("index", "runs.by_run_id"): "created",
        ("view", "training_runs"): "changed",
    }
    back = state(mongosh, empty)
    assert back[0] == made[0]
    assert by_name(back[1]) == by_name(made[1])
    assert mongosh(f"db.getSiblingDB('{empty}').accounts.countDocuments()") == 1


def by_name(indexes):
    return {(where, index["name"]): index for where, found in indexes for index in found}


def test_an_index_of_an_administrator_is_left_alone(admin, mongosh, empty):
    apply(admin, empty)
    mongosh(f"db.getSiblingDB('{empty}').runs.createIndex({{tags: 1}}, {{name: 'mine'}})")
    assert apply(admin, empty)[("index", "runs.mine")] == "not ours: left alone"
    assert ("runs", "mine") in by_name(state(mongosh, empty)[1])


def test_what_does_not_fit_the_validators_is_refused(admin, mongosh, empty):
    apply(admin, empty)
    wrong = [
        ("accounts", "{_id: 'a b', created_at: new Date()}"),
        ("api_keys", "{_id: '0123456789abcdef', account: 'a'}"),
        ("episodes", "{_id: 1, created_at: new Date(), metrics: {}}"),
        ("episodes", "{_id: {run: ObjectId(), n: 0}, created_at: new Date(), metrics: {}}"),
        ("episodes", "{_id: {run: ObjectId(), n: 1}, created_at: new Date(), metrics: 'b'}"),
        ("runs", "{run_id: 'x'}"),
    ]
    for where, document in wrong:
        code = mongosh(
            f"(() => {{ try {{ db.getSiblingDB('{empty}').{where}.insertOne({document}); "
            f"return 0 }} catch (e) {{ return e.code }} }})()"
        )
        assert code == 121, f"{document} was let into {where}"


def test_a_collection_where_the_view_should_be_stops_it(admin, mongosh, empty):
    mongosh(f"db.getSiblingDB('{empty}').training_runs.insertOne({{_id: 1}})")
    done = admin("schema", "apply", "--schema", str(SCHEMA), MONGODB_DB_NAME=empty)
    assert done.returncode == 1
    assert "training_runs is a collection" in done.stderr
    assert mongosh(f"db.getSiblingDB('{empty}').training_runs.countDocuments()") == 1


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"collection": "runs"}', '{"view": "v"}'])
def test_a_file_that_is_no_schema_is_named(admin, empty, tmp_path, text):
    shutil.copy(SCHEMA / "accounts.json", tmp_path)
    (tmp_path / "broken.json").write_text(text)
    done = admin("schema", "apply", "--schema", str(tmp_path), MONGODB_DB_NAME=empty)
    assert done.returncode == 1
    assert "broken.json" in done.stderr
    assert "accounts" in done.stdout and "created" in done.stdout


def test_a_folder_without_schema_files_is_named(admin, empty, tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        done = admin("schema", "apply", "--schema", str(folder), MONGODB_DB_NAME=empty)
        assert done.returncode == 1
        assert str(folder) in done.stderr


# ---- the replica set, arguments, settings ----


def test_a_replica_set_that_is_there_is_left_alone(admin):
    done = admin("replica", "init")
    assert done.returncode == 0, done.stderr
    assert "already there" in done.stdout


COMMANDS = [
    ("schema", "apply"),
    ("replica", "init"),
    ("key", "create"),
    ("key", "list"),
    ("key", "revoke"),
]


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_every_command_explains_itself(admin, command):
    done = admin(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: training-admin ")
    assert done.stderr == ""
    if not command:
        assert all(" ".join(each) in done.stdout for each in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["key"],
        ["key", "forge"],
        ["schema"],
        ["--unknown"],
        ["--settings"],
        ["schema", "apply", "--force"],
        ["schema", "apply", "more"],
        ["replica", "init", "more"],
        ["key", "create"],
        ["key", "create", "--account"],
        ["key", "create", "--account", ""],
        ["key", "create", "--account", "two words"],
        ["key", "create", "--account", "ä"],
        ["key", "create", "--account", "a" * 65],
        ["key", "create", "--account", "$ne"],
        ["key", "create", "--account", "a", "--scopes", ""],
        ["key", "create", "--account", "a", "--scopes", "read,own"],
        ["key", "create", "--account", "a", "--scopes", "read," * 40],
        ["key", "create", "--account", "a", "--name", "line\nbreak"],
        ["key", "create", "--account", "a", "--name", "n" * 129],
        ["key", "create", "--account", "a", "more"],
        ["key", "list", "more"],
        ["key", "revoke"],
        ["key", "revoke", "0123456789abcdef", "--account", "a"],
        ["key", "revoke", "0123456789abcdef", "0123456789abcdef"],
    ],
)
def test_wrong_arguments_get_the_usage_and_exit_code_2(admin, arguments):
    done = admin(*arguments)
    assert done.returncode == 2
    assert "usage: training-admin" in done.stderr
    assert done.stdout == ""


def test_a_database_that_is_away_is_a_sentence_and_exit_code_1(admin):
    done = admin("key", "list", MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true")
    assert done.returncode == 1
    assert "training-admin: The database did not answer" in done.stderr


@pytest.mark.parametrize("uri", ["localhost", "mongodb://", "mongodb://u:s3cret@h:x/"])
def test_a_connection_string_that_is_none_is_named_but_not_shown(admin, uri):
    done = admin("key", "list", MONGODB_URI=uri)
    assert done.returncode == 1
    assert "MONGODB_URI" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_setting_out_of_its_range_stops_the_start(admin):
    done = admin("key", "list", TRAINING_DB_CONNECT_MS="5")
    assert done.returncode == 2
    assert "TRAINING_DB_CONNECT_MS" in done.stderr
