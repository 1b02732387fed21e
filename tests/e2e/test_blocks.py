"""
Long runs are read from blocks (app/store/store_block.h): idle workers pack their numbers a second
time. No read may ever show that: after replacements, late arrivals, lost and damaged blocks and
killed workers, every curve is what the acknowledged reports give; expected.py computes it.
"""

import time

import numpy as np
import pytest

from expected import Book, curve_answer, curve_points, differences, thinning_faults
from lone_api import children_of, kill_if_there
from support import DOCUMENTS, wait_until

LENGTH = 6500
METRICS = ("total_reward", "win", "a.b/c")


def reports_of(seed, numbers):
    rng = np.random.default_rng(seed)
    return {
        int(n): {
            "total_reward": ["NaN", "Infinity"][n % 2] if n % 401 == 0 else float(rng.normal()),
            "steps": int(rng.integers(1, 99)),
            "win": bool(rng.random() < 0.5) if n % 3 else None,
            "metrics": {"a.b/c": float(rng.random()) if n % 7 == 0 else None},
        }
        for n in numbers
    }


def send(client, run_id, book, reports):
    client.report_all(run_id, reports)
    for number, members in reports.items():
        book.report(number, members)


@pytest.fixture
def long_run(client, db):
    """A run of 6500 numbers with a gap of 1500 and lone ones: its id, its book, its ObjectId."""
    numbers = [n for n in range(1, LENGTH + 1) if not 2200 < n <= 3700 and n % 53]
    run_id, book = client.create(), Book()
    send(client, run_id, book, reports_of(1, numbers))
    return run_id, book, db.runs.find_one({"run_id": run_id})["_id"]


def blocks_to(db, oid):
    return db.runs.find_one({"_id": oid}, {"blocks_to": 1})["blocks_to"]


def wait_packed(client, db, oid, run_id, to=6000):
    """Asking for a curve is what makes a worker think of packing; the run must be quiet for 2 s."""

    def packed():
        client.curve(run_id, metric="steps", max_points=10)
        return blocks_to(db, oid) >= to

    wait_until(packed, 120, f"blocks up to {to}")


def curves_agree(client, run_id, book):
    for metric in METRICS:
        for asked in ({"window": 100}, {"window": 7, "from": 1999, "to": 5003}):
            got = client.curve(run_id, metric=metric, **asked)
            first, last = asked.get("from", 1), asked.get("to", 2**53)
            want = curve_answer(book, run_id, metric, asked["window"], first, last)
            assert differences(got, want) == []
    thin = client.curve(run_id, metric="total_reward", window=10, max_points=100)
    left = [(p["episode"], p["value"], p["smoothed"]) for p in thin["curve"]]
    whole = [p[:3] for p in curve_points(book, "total_reward", 10)]
    assert thinning_faults(whole, left, 100) == []


def test_a_packed_run_reads_as_before_and_so_does_what_comes_after(client, db, long_run):
    run_id, book, oid = long_run
    curves_agree(client, run_id, book)
    revision = db.runs.find_one({"_id": oid})["revision"]
    wait_packed(client, db, oid, run_id)
    assert blocks_to(db, oid) == 6000
    assert db.blocks.count_documents({"_id.run": oid}) == 6
    assert db.runs.find_one({"_id": oid})["revision"] == revision  # no reader's copy is out of date
    curves_agree(client, run_id, book)
    send(client, run_id, book, reports_of(2, [LENGTH + 1, LENGTH + 2, 3000]))  # rows and a gap
    client.report(run_id, LENGTH + 9, total_reward=4)  # one that waits in the header
    book.report(LENGTH + 9, {"total_reward": 4})
    client.report(run_id, 3001, total_reward=5, win=True)
    book.report(3001, {"total_reward": 5, "win": True})
    curves_agree(client, run_id, book)


@pytest.mark.parametrize("number, left", [(4001, 4000), (1, 0)])
def test_a_replaced_episode_is_in_no_block_that_is_read(client, db, long_run, number, left):
    run_id, book, oid = long_run
    wait_packed(client, db, oid, run_id)
    send(client, run_id, book, {number: {"total_reward": 1e6, "win": 0.5}, 6400: {"win": False}})
    assert blocks_to(db, oid) == left
    curves_agree(client, run_id, book)
    wait_packed(client, db, oid, run_id)
    curves_agree(client, run_id, book)


def test_lost_and_damaged_blocks_are_made_again(client, db, long_run):
    run_id, book, oid = long_run
    wait_packed(client, db, oid, run_id)
    db.blocks.update_one({"_id.run": oid, "_id.b": 4}, {"$set": {"rows": 7}})
    curves_agree(client, run_id, book)
    wait_packed(client, db, oid, run_id)
    db.blocks.delete_many({"_id.run": oid})
    curves_agree(client, run_id, book)
    wait_packed(client, db, oid, run_id)
    assert db.blocks.count_documents({"_id.run": oid}) == 6
    curves_agree(client, run_id, book)


def test_a_run_that_is_written_and_packed_and_whose_workers_are_killed(stack, client, db, long_run):
    run_id, book, oid = long_run
    wait_packed(client, db, oid, run_id, 1000)
    rng = np.random.default_rng(3)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        numbers = rng.choice(np.arange(1, LENGTH + 500), 40, replace=False)
        reports = reports_of(int(rng.integers(2**31)), sorted(int(n) for n in numbers))
        body = {"episodes": [{"episode": n, **members} for n, members in reports.items()]}
        path = f"{DOCUMENTS}/{run_id}/episodes"
        wait_until(
            lambda client=client, path=path, body=body: client.post(path, body).status_code == 200,
            60,
            "a report is taken",
        )
        for number, members in reports.items():
            book.report(number, members)
        time.sleep(0.3)
        alive = wait_until(lambda: children_of(stack.pid("api")), 60, "a worker")
        kill_if_there(int(rng.choice(alive)))
        client = client.another()
    curves_agree(client, run_id, book)
    wait_packed(client, db, oid, run_id)
    curves_agree(client, run_id, book)


def test_purging_takes_the_blocks_along(client, db, stack, long_run, admin):
    run_id, _, oid = long_run
    wait_packed(client, db, oid, run_id)
    assert client.request("DELETE", f"{DOCUMENTS}/{run_id}").status_code == 204
    tombstone = db.purges.find_one({"_id": oid})
    db.purges.update_one(
        {"_id": oid}, {"$set": {"due": tombstone["deleted_at"], "next_at": tombstone["deleted_at"]}}
    )
    assert admin("purge", "--due").returncode == 0
    # An idle worker may have been quicker to begin with it.
    for rows in (db.blocks, db.episodes):
        wait_until(lambda rows=rows: not rows.count_documents({"_id.run": oid}), 60, "purged")


def test_the_doctor_finds_a_block_that_differs_and_mends_it(client, db, long_run, admin):
    run_id, book, oid = long_run
    wait_packed(client, db, oid, run_id)
    place = {"_id.run": oid, "_id.b": 5}
    packed = db.blocks.find_one(place)["metrics"]["steps"]["v"]
    wrong = np.frombuffer(packed).copy()
    wrong[7] += 1
    account = db.runs.find_one({"_id": oid})["account"]

    def doctor(*more):
        lines = admin("doctor", "--account", account, *more).stdout.splitlines()
        return [line for line in lines if run_id in line]

    assert doctor() == []
    db.blocks.update_one(place, {"$set": {"metrics.steps.v": wrong.tobytes()}})
    assert len(doctor()) == 1 and "from 5001 on" in doctor()[0]
    assert len(doctor("--mend")) == 1 and doctor() == []
    assert blocks_to(db, oid) == 5000
    curves_agree(client, run_id, book)
    wait_packed(client, db, oid, run_id)
    curves_agree(client, run_id, book)
    assert doctor() == []
