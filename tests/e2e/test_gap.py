"""
GET /api/training-runs/{id}/gaps (contract section 3): the numbers from 1 to the highest reported
that are missing. Expected ranges are worked out in Python from what was sent.
"""

import threading

import numpy as np
import pytest

from support import DOCUMENTS, new_id, problem
from test_paging import profiled  # noqa: F401 - a fixture

LAST = 2**53 - 1


def gaps_of(client, run_id):
    answer = client.read(f"{DOCUMENTS}/{run_id}/gaps")
    assert list(answer) == ["missing", "highest"]
    return answer


def expected(numbers):
    """What the answer must be when these numbers were reported."""
    missing, before = [], 0
    for number in sorted(set(numbers)):
        if number > before + 1:
            missing.append([before + 1, number - 1])
        before = number
    return {"missing": missing, "highest": before}


def log_one(client, run_id, number):
    client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episode": number, "steps": 1})


def log_many(client, run_id, numbers):
    client.report_all(run_id, {int(n): {"steps": 1} for n in numbers})


def test_a_run_without_episodes_has_no_gaps_and_begins_at_one(client):
    assert gaps_of(client, client.create()) == {"missing": [], "highest": 0}


@pytest.mark.parametrize(
    "numbers",
    [
        [1], [2], [3], [1, 2, 3], [1, 3], [2, 4, 5, 9], [7, 8], [1, LAST], [LAST], [1, 2, LAST - 1],
        [5, 4, 3, 2, 1], [1, 1, 1], list(range(1, 130)), list(range(2, 200, 2)),
        [*range(1, 70), *range(75, 140), 200],
    ],
)  # fmt: skip
def test_gaps_are_closed_ranges_whichever_way_they_came(client, numbers):
    single, batch = client.create(), client.create()
    for number in numbers:
        log_one(client, single, number)
    log_many(client, batch, numbers)
    want = expected(numbers)
    assert gaps_of(client, single) == want
    assert gaps_of(client, batch) == want


def test_what_a_gap_names_is_what_has_to_be_sent_again(client):
    rng = np.random.default_rng(5)
    run_id, sent = client.create(), set()
    for round_ in range(40):
        numbers = {int(n) for n in rng.integers(1, 900, int(rng.integers(1, 30)))}
        if round_ % 2:
            log_many(client, run_id, sorted(numbers))
        else:
            for number in numbers:
                log_one(client, run_id, number)
        sent |= numbers
        assert gaps_of(client, run_id) == expected(sent)
    for first, last in gaps_of(client, run_id)["missing"]:
        log_many(client, run_id, range(first, last + 1))
    assert gaps_of(client, run_id) == {"missing": [], "highest": max(sent)}


def test_a_gap_is_never_told_of_what_was_acknowledged(client):
    """Odd numbers are there; a second client appends all along, first up, then into the gaps."""
    run_id = client.create()
    log_many(client, run_id, range(1, 2001, 2))
    writer, acknowledged = client.another(), set(range(1, 2001, 2))
    stop = threading.Event()

    def write():
        for number in [*range(2001, 2300), *range(2, 2000, 2)]:
            if stop.is_set():
                return
            log_one(writer, run_id, number)
            acknowledged.add(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(60):
            before = set(acknowledged)
            answer = gaps_of(client, run_id)
            missing = {n for a, b in answer["missing"] for n in range(a, b + 1)}
            assert not missing & before
            assert answer["highest"] >= max(before)
    finally:
        stop.set()
        thread.join()
    assert gaps_of(client, run_id) == expected(acknowledged)


def test_without_gaps_only_the_header_is_read(client, profiled):  # noqa: F811
    run_id = client.create()
    log_many(client, run_id, range(1, 3001))
    log_one(client, run_id, 3001)
    profiled()
    assert gaps_of(client, run_id) == {"missing": [], "highest": 3001}
    assert profiled() == []


def test_gaps_are_read_from_the_index_alone(client, profiled):  # noqa: F811
    run_id, numbers = client.create(), [n for n in range(1, 9001) if n % 7]
    log_many(client, run_id, numbers)
    profiled()
    assert gaps_of(client, run_id) == expected(numbers)
    operations = profiled()
    assert operations
    assert sum(op.get("docsExamined", 0) for op in operations) == 0
    assert sum(op.get("keysExamined", 0) for op in operations) <= len(numbers) + 1


def test_the_refusals(client, make_key):
    run_id = client.create()
    stranger = client.another()
    stranger.session.headers["X-API-Key"] = make_key(new_id("acc"), "read")
    path = f"{DOCUMENTS}/{run_id}/gaps"
    problem(stranger.get(path), 404, "run_not_found")
    problem(client.get(f"{DOCUMENTS}/{new_id()}/gaps"), 404, "run_not_found")
    problem(client.get(f"{DOCUMENTS}/-/gaps"), 404, "run_not_found")
    problem(client.post(path, {}), 405, "method_not_allowed")
    writer = client.another()
    writer.session.headers["X-API-Key"] = make_key(new_id("acc"), "write")
    problem(writer.get(path), 403, "scope_missing")
    assert client.get(path + "/").status_code == 200
