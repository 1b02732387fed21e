"""
Writes a second (contract section 5, Limits): counted for a key by all workers together, whatever
connection they come by. The other limits: test_bad_input.py (bodies, config, batches, stalls),
test_caching.py (inflated bodies), test_routes.py (paths, queries, headers).
"""

import itertools
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from stack import Stack
from support import DOCUMENTS, RUNS, Client, new_id, ok, problem

RATE = 12


@pytest.fixture(scope="module")
def limited():
    """A stack whose keys may write so often."""
    stack = Stack()
    try:
        stack.up("--port", stack.port, "--workers", 4, TRAINING_WRITE_RATE=str(RATE))
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def new_client(limited):
    def make(scopes="read,write"):
        account = f"rate-{uuid.uuid4().hex[:10]}"
        done = limited.admin("key", "create", "--account", account, "--scopes", scopes)
        return Client(limited.url, done.stdout.strip())

    return make


def hammer(client, run_id, seconds):
    """Write as fast as it goes; [(time.monotonic, status)]."""
    client = client.another()
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = client.patch(f"{DOCUMENTS}/{run_id}", {"notes": "n"}).status_code
        found.append((time.monotonic(), status))
    return found


def pauses(times):
    """Seconds in which a busy machine let nobody ask: what came back then may have been lost."""
    times = sorted(times)
    gaps = (later - earlier for earlier, later in itertools.pairwise(times))
    return sum(gap for gap in gaps if gap > 0.5)


def test_so_many_writes_a_second_and_no_more_from_all_connections_together(new_client):
    client, other = new_client(), new_client()
    run_id, others = client.create(), other.create()
    time.sleep(1.1)  # the bucket is full again
    start = time.monotonic()
    with ThreadPoolExecutor(7) as pool:
        busy = [pool.submit(hammer, client, run_id, 4) for _ in range(6)]
        calm = pool.submit(lambda: [other.detail(others) for _ in range(20)]
                           and [other.report(others, n) for n in range(1, RATE // 2)])  # fmt: skip
        answers = [answer for one in busy for answer in one.result()]
        calm.result()  # another key is not slowed
    took = time.monotonic() - start
    statuses = [status for _, status in answers]
    asked = 4 - pauses([start, *(at for at, _ in answers)])
    assert set(statuses) == {200, 429}
    written = statuses.count(200)
    # A second's worth at once, then as they come back; what began before the end may end later.
    assert RATE + RATE * asked - 2 <= written <= RATE + RATE * took + 2, (written, asked, took)
    assert statuses.count(429) > 10


def use_up(client, run_id):
    """Write until it is refused; the refusal. No body: what is counted costs the disk nothing."""
    for _ in range(RATE * 50):
        answer = client.patch(f"{DOCUMENTS}/{run_id}")
        if answer.status_code != 400:
            assert answer.status_code == 429, answer.text
            return answer
    raise AssertionError("it is never refused")


def is_refused_with(client, other, run_id):
    """Whether other is refused as soon as client is; soon enough in one of ten times."""
    for _ in range(10):
        use_up(client, run_id)
        if other.patch(f"{DOCUMENTS}/{run_id}").status_code == 429:
            return True
    return False


def test_a_refusal_says_when_to_come_again(new_client, limited):
    client = new_client()
    run_id = client.create()
    refusal = use_up(client, run_id)
    told = problem(refusal, 429, "rate_limited")
    assert str(RATE) in told["detail"]
    assert refusal.headers["Retry-After"] == "1"
    assert refusal.headers["RateLimit-Limit"] == str(RATE)
    assert refusal.headers["RateLimit-Remaining"] == "0"
    assert refusal.headers["RateLimit-Reset"] == "1"
    time.sleep(1.0)
    answer = client.patch(f"{DOCUMENTS}/{run_id}", {"notes": "again"})
    ok(answer, 200)
    assert 0 < int(answer.headers["RateLimit-Remaining"]) < RATE


def test_a_refused_write_writes_nothing_and_its_body_is_read(new_client):
    client = new_client()
    run_id = client.create()
    use_up(client, run_id)
    body = {"episodes": [{"episode": n, "metrics": {"x": n}} for n in range(1, 1001)]}
    for _ in range(3):  # 60 kB each, on one connection, which goes on after the refusal
        answer = client.post(f"{DOCUMENTS}/{run_id}/episodes", body)
        assert answer.status_code in (200, 429)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: client.another().post(RUNS, {"run_id": new_id()}), range(60))
        )
    made = sum(a.status_code == 201 for a in answers)
    assert {a.status_code for a in answers} <= {201, 429}
    assert len(client.read(RUNS, limit=100)) == 1 + made
    assert client.document(run_id)["summary"]["episodes"] in (0, 1000)


def test_reading_is_not_counted(new_client):
    client = new_client()
    run_id = client.create()
    use_up(client, run_id)
    for _ in range(RATE * 2):
        answer = client.get(f"{RUNS}/{run_id}")
        ok(answer, 200)
        assert "RateLimit-Limit" not in answer.headers


def test_a_batch_is_one_write(new_client):
    client = new_client()
    run_id = client.create()
    time.sleep(1.1)
    batch = [{"episode": n} for n in range(1, 1001)]
    for _ in range(3):
        client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episodes": batch})


def test_the_refusals_come_in_the_contracts_order(new_client, limited):
    """After 401; before the body is looked at, and before the scope."""
    client = new_client()
    run_id = client.create()
    use_up(client, run_id)
    problem(Client(limited.url, "ak_wrong").post(RUNS, {}), 401, "key_wrong")
    problem(client.request("PUT", RUNS), 405)
    answers = (client.post(RUNS, raw=b"{") for _ in range(RATE * 50))
    assert any(a.status_code == 429 for a in answers)
    for _ in range(RATE * 3):
        answer = client.post(RUNS, raw=b" " * (2 << 20))
        assert answer.status_code in (413, 429)


def test_a_session_counts_as_its_key(new_client, limited):
    client = new_client()
    run_id = client.create()
    page = Client(limited.url)
    ok(page.post("/api/session", {"api_key": client.key}), 200)
    assert is_refused_with(client, page, run_id)


def test_all_who_send_no_key_are_one(limited):
    first, second = Client(limited.url), Client(limited.url)
    run_id = first.create()
    assert is_refused_with(first, second, run_id)


def test_0_is_no_limit(client):
    """What app/up sets."""
    run_id = client.create()
    for n in range(1, 300):
        client.report(run_id, n)
    assert "RateLimit-Limit" not in client.post(RUNS, {"run_id": new_id()}).headers


@pytest.mark.parametrize("scopes", ["read", "admin"])
def test_who_may_not_write_is_counted_too(new_client, scopes):
    client = new_client(scopes)
    statuses = [client.post(RUNS, {"run_id": "x"}).status_code for _ in range(RATE * 3)]
    assert set(statuses) <= {403, 429} and 403 in statuses
