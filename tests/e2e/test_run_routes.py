"""
What holds for every row of the route table that needs the database, from the day it is added:
a run of another account, a deleted one and an impossible run_id are the same 404 (contract section
1 and 3); without the database it is 503 in time (section 5).
"""

import time
import uuid

import pytest

from route_table import ROWS
from support import DOCUMENTS, Client, ok, problem, stored

LIMIT_S = 2.0
SLACK_S = 0.4  # for a machine that is busy with other things
EVALUATION = {
    "checkpoint_path": "p", "opponent_type": "o", "games_played": 1, "win_rate": 0.5,
    "avg_reward": 1.0, "avg_game_length": 1.0,
}  # fmt: skip
BODIES = {
    "/runs": {"run_id": "x"},
    "/episodes": {"episode": 2, "episode_number": 2},
    "/batch": {"episodes": [{"episode_number": 2}]},
    "/checkpoints": {"episode": 1, "path": "p"},
    "/evaluations": EVALUATION,
    "/start": {"scenario_name": "bologna_coppia"},
}
QUERIES = {"/export": "?format=csv", "/compare": "?run_ids=x"}
OF_RUNS = [row for row in ROWS if ":run_id" in row.pattern]
OF_THE_STORE = [row for row in ROWS if row.scope != "NONE"]


def ask(client, row, run_id="x"):
    """The row's request as it would be answered 2xx, were there such a run."""
    end = "/" + row.pattern.rsplit("/", 1)[1]
    body = BODIES.get(end, {"notes": "n"}) if row.body == "JSON" else None
    return client.request(row.method, row.path(run_id=run_id) + QUERIES.get(end, ""), body=body)


def new_client(stack, make_key):
    return Client(stack.url, make_key(f"rows-{uuid.uuid4().hex[:10]}", "read,write,admin"))


@pytest.fixture(scope="module")
def owner(stack, make_key):
    return new_client(stack, make_key)


@pytest.fixture(scope="module")
def stranger(stack, make_key):
    return new_client(stack, make_key)


@pytest.fixture(scope="module")
def run(owner):
    run_id = owner.create()
    owner.report(run_id, 1, roi_pct=1)
    return run_id


@pytest.mark.parametrize("row", OF_RUNS, ids=lambda r: r.name)
def test_another_accounts_run_is_404_and_untouched(owner, stranger, run, db, row):
    before = stored(db)
    problem(ask(stranger, row, run), 404, "run_not_found")
    assert stored(db) == before


@pytest.mark.parametrize("row", OF_RUNS, ids=lambda r: r.name)
def test_an_impossible_run_id_is_404(owner, row):
    problem(ask(owner, row, ".hidden"), 404, "run_not_found")


@pytest.mark.parametrize("row", OF_RUNS, ids=lambda r: r.name)
def test_a_deleted_run_is_404_until_it_is_restored(owner, db, row):
    run_id = owner.create()
    assert owner.request("DELETE", f"{DOCUMENTS}/{run_id}").status_code == 204
    if row.pattern.endswith("/restore"):
        ok(ask(owner, row, run_id), 200)
        return
    before = stored(db)
    problem(ask(owner, row, run_id), 404, "run_not_found")
    assert stored(db) == before


@pytest.fixture(scope="module")
def refusals(owner, run, module_faults):
    """
    Each row's answer, and how long it took, while mongod is killed: {name: (answer, seconds)}.
    """
    found = {}
    module_faults.kill_mongod()
    try:
        for row in OF_THE_STORE:
            start = time.monotonic()
            found[row.name] = ask(owner, row, run), time.monotonic() - start
    finally:
        module_faults.start_mongod()
    print(f"the slowest refusal took {max(took for _, took in found.values()):.3f} s")
    return found


@pytest.mark.parametrize("row", OF_THE_STORE, ids=lambda r: r.name)
def test_without_the_database_it_is_503_in_time(refusals, row):
    answer, took = refusals[row.name]
    problem(answer, 503, "store_unavailable")
    assert took <= LIMIT_S + SLACK_S
