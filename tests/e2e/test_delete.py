"""
DELETE and restore (contract section 3): a deleted run is gone from every read of both families and
from the mongosh view, and comes back as it was. Whatever was acknowledged, before or between, is
there after a restore: also under load, and when workers are killed meanwhile.
"""

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bson
import pytest

from expected import Book
from support import DOCUMENTS, RUNS, V1, agree, new_id, ok, problem, wait_until

REPORT = {"total_reward": 2.5, "roi_pct": -1.0, "win": True}


@pytest.fixture
def run(client):
    """A run with rows and a tail: 40 episodes of a batch, then 5 alone."""
    run_id = client.create(config={"lr": 1e-7}, agent_id=new_id("agent"), strategy_label="kept")
    client.report_all(run_id, dict.fromkeys(range(1, 41), REPORT))
    for number in range(41, 46):
        client.report(run_id, number, **REPORT)
    return run_id


def book_of(numbers):
    book = Book()
    for number in numbers:
        book.report(number, REPORT)
    return book


def delete(client, run_id):
    answer = client.request("DELETE", f"{DOCUMENTS}/{run_id}")
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    return answer


def restore(client, run_id, **more):
    return client.write(f"{DOCUMENTS}/{run_id}/restore", **more)


READS = [
    RUNS + "/{id}",
    RUNS + "/{id}/learning-curve",
    DOCUMENTS + "/{id}",
]
WRITES = [
    ("POST", RUNS + "/{id}/episodes", {"episode_number": 99}),
    ("POST", RUNS + "/{id}/episodes", {"episode_number": 1}),
    ("POST", RUNS + "/{id}/episodes/batch", {"episodes": [{"episode_number": 98}]}),
    ("POST", RUNS + "/{id}/complete", None),
    ("POST", DOCUMENTS + "/{id}/episodes", {"episode": 97}),
    ("PATCH", DOCUMENTS + "/{id}", {"notes": "n"}),
    ("POST", DOCUMENTS + "/{id}/checkpoints", {"episode": 1, "path": "p"}),
    ("DELETE", DOCUMENTS + "/{id}", None),
]


def test_a_deleted_run_is_gone_from_every_read(client, db, run):
    agent = client.document(run)["agent_id"]
    before = int(client.get(RUNS).headers["X-Total-Count"])
    delete(client, run)
    for path in READS:
        problem(client.get(path.format(id=run)), 404, "run_not_found")
    assert client.read(RUNS, q=run) == [] == client.read(DOCUMENTS, q=run)
    assert client.read(RUNS, agent_id=agent) == [] == client.read(DOCUMENTS, agent_id=agent)
    assert client.get(RUNS, q=run).headers["X-Total-Count"] == "0"
    assert int(client.get(RUNS).headers["X-Total-Count"]) == before - 1
    assert agent not in client.read(f"{DOCUMENTS}/agents/list")["agent_ids"]
    compared = client.read(f"{V1}/compare", run_ids=run)
    assert compared == {"runs": [], "missing": [run]}
    assert db.training_runs.find_one({"run_id": run}) is None
    assert db.episodes.count_documents({"_id.run": db.runs.find_one({"run_id": run})["_id"]}) > 0


@pytest.mark.parametrize("method, path, body", WRITES)
def test_every_write_to_a_deleted_run_is_404_and_stores_nothing(
    client, db, run, method, path, body
):
    delete(client, run)
    header = db.runs.find_one({"run_id": run})
    rows = list(db.episodes.find({"_id.run": header["_id"]}))
    for _ in range(8):  # whichever worker answers: some remember the run
        problem(client.request(method, path.format(id=run), body=body), 404, "run_not_found")
    assert bson.encode(db.runs.find_one({"run_id": run})) == bson.encode(header)  # NaN is NaN
    assert list(db.episodes.find({"_id.run": header["_id"]})) == rows


def test_create_onto_a_deleted_run_says_restore(client, run):
    delete(client, run)
    for path in (RUNS, DOCUMENTS):
        body = problem(client.post(path, {"run_id": run}), 409, "run_deleted")
        assert "restore" in body["detail"]


def test_restore_brings_back_what_was_there(client, db, run):
    before = client.document(run), client.detail(run)
    delete(client, run)
    document = restore(client, run)
    assert document["metrics"] == {"episodes": [], "rolling_win_rate": []}
    assert document["metrics_truncated"] is True
    assert document["summary"]["episodes"] == 45 and document["config"] == {"lr": 1e-7}
    assert (client.document(run), client.detail(run)) == before
    agree(client, run, book_of(range(1, 46)), windows=(10,))
    assert db.training_runs.find_one({"run_id": run})["config"] == {"lr": 1e-7}
    header = db.runs.find_one({"run_id": run})
    assert header["deleted_at"] is None and "purge_at" not in header
    assert db.purges.find_one({"_id": header["_id"]}) is None
    client.report(run, 46, **REPORT)
    agree(client, run, book_of(range(1, 47)), windows=(10,))


@pytest.mark.parametrize(
    "more", [{}, {"body": {"any": 1}}, {"raw": b"not json"}, {"raw": b"", "headers": {}}]
)
def test_restore_takes_any_or_no_body_and_changes_nothing_of_a_run_that_is_there(
    client, db, run, more
):
    header = db.runs.find_one({"run_id": run})
    assert restore(client, run, **more)["run_id"] == run
    assert bson.encode(db.runs.find_one({"run_id": run})) == bson.encode(header)  # NaN is NaN
    delete(client, run)
    restore(client, run, **more)
    assert len(client.detail(run)["episodes"]) == 45


def test_what_was_never_there_is_404(client):
    for name in (new_id(), "%24ne", "a b", "x" * 65):
        problem(client.request("DELETE", f"{DOCUMENTS}/{name}"), 404, "run_not_found")
        problem(client.post(f"{DOCUMENTS}/{name}/restore"), 404, "run_not_found")


def test_a_run_of_another_account_is_neither_deleted_nor_restored(stack, client, make_key, run):
    other = client.another()
    other.session.headers["X-API-Key"] = make_key(new_id("account"))
    problem(other.request("DELETE", f"{DOCUMENTS}/{run}"), 404, "run_not_found")
    delete(client, run)
    problem(other.post(f"{DOCUMENTS}/{run}/restore"), 404, "run_not_found")
    assert ok(other.post(RUNS, {"run_id": run}), 201)["run_id"] == run
    restore(client, run)


def test_deleting_needs_the_write_scope_and_no_foreign_page(stack, client, make_key, run):
    reader = client.another()
    reader.session.headers["X-API-Key"] = make_key(new_id("account"), "read")
    problem(reader.request("DELETE", f"{DOCUMENTS}/{run}"), 403, "scope_missing")
    problem(reader.post(f"{DOCUMENTS}/{run}/restore"), 403, "scope_missing")
    page = {"Origin": "https://evil.example"}
    problem(client.request("DELETE", f"{DOCUMENTS}/{run}", headers=page), 403, "cross_site")
    problem(client.post(f"{DOCUMENTS}/{run}/restore", headers=page), 403, "cross_site")
    assert client.detail(run)["run_id"] == run


def test_methods_that_these_paths_lack(client, run):
    answer = client.get(f"{DOCUMENTS}/{run}/restore")
    problem(answer, 405)
    assert "POST" in answer.headers["Allow"] and "GET" not in answer.headers["Allow"]
    assert "DELETE" in client.request("PUT", f"{DOCUMENTS}/{run}").headers["Allow"]


def test_a_trailing_slash_is_accepted(client, run):
    assert client.request("DELETE", f"{DOCUMENTS}/{run}/").status_code == 204
    assert client.write(f"{DOCUMENTS}/{run}/restore/")["run_id"] == run


def test_of_many_deletions_at_once_one_is_the_deletion(client, db, run):
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(
                lambda asker: asker.request("DELETE", f"{DOCUMENTS}/{run}").status_code,
                [client.another() for _ in range(8)],
            )
        )
    assert sorted(codes) == [204] + [404] * 7
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(
                lambda asker: asker.post(f"{DOCUMENTS}/{run}/restore").status_code,
                [client.another() for _ in range(8)],
            )
        )
    assert codes == [200] * 8
    actions = [e["action"] for e in db.audit.find({"subject": run}, sort=[("at", 1)])]
    assert actions == ["run.create", "run.delete", "run.restore"]


# ---- under load ----


class Logger(threading.Thread):
    """Reports singles, replacements and batches of its own numbers; notes what was acknowledged."""

    def __init__(self, client, run_id, index, of, stop):
        super().__init__()
        self.client, self.run_id, self.stop = client.another(), run_id, stop
        self.numbers = itertools.count(index + 1, of)
        self.dice = random.Random(index)
        self.acknowledged, self.doubtful, self.codes = {}, {}, set()

    def send(self, numbers):
        reward = self.dice.random()
        reports = [{"episode": n, "total_reward": reward, "roi_pct": reward} for n in numbers]
        try:
            answer = self.client.post(f"{DOCUMENTS}/{self.run_id}/episodes", {"episodes": reports})
            code = answer.status_code
        except OSError:  # a killed worker: no answer
            code, self.client = 0, self.client.another()
        self.codes.add(code)
        for number in numbers:
            if code == 200:
                self.acknowledged[number] = reward
                self.doubtful.pop(number, None)
            elif code != 404:  # it may be stored; a 404 is not
                self.doubtful.setdefault(number, set()).add(reward)

    def run(self):
        while not self.stop.is_set():
            way = self.dice.random()
            if way < 0.6:
                self.send([next(self.numbers)])
            elif way < 0.8 and self.acknowledged:
                self.send([self.dice.choice(list(self.acknowledged))])
            else:
                self.send([next(self.numbers) for _ in range(self.dice.randrange(2, 30))])


def cycles(client, run_id, seconds, enough, codes):
    """
    Delete and restore again and again, for so many seconds and until it is enough(how often); ends
    restored.
    """
    start, done = time.monotonic(), 0
    while time.monotonic() < start + seconds or not enough(done):
        assert time.monotonic() < start + 120, "it is never enough"
        for method, path in (("DELETE", ""), ("POST", "/restore")):
            try:
                code = client.request(method, f"{DOCUMENTS}/{run_id}{path}").status_code
            except OSError:
                code, client = 0, client.another()
            codes.add(code)
            time.sleep(0.01)
        done += 1
    return done


def restored(client, run_id):
    """Until it is; workers that were killed may have left something unfinished."""
    wait_until(
        lambda: client.post(f"{DOCUMENTS}/{run_id}/restore").status_code == 200, 60, "restored"
    )


def assert_all_there(client, run_id, loggers):
    """Every acknowledged episode with its last value, nothing that nobody sent."""
    acknowledged = {n: r for logger in loggers for n, r in logger.acknowledged.items()}
    doubtful = {n: r for logger in loggers for n, r in logger.doubtful.items()}
    book = Book()
    for episode in client.detail(run_id)["episodes"]:
        number, reward = episode["episode_number"], episode["metrics"]["total_reward"]
        allowed = doubtful.get(number, set()) | {acknowledged.get(number)}
        assert reward in allowed, f"{number} is {reward}, not one of {allowed}"
        book.report(number, {"total_reward": reward, "roi_pct": reward})
    missing = set(acknowledged) - {e["episode_number"] for e in client.detail(run_id)["episodes"]}
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged are lost"
    agree(client, run_id, book, windows=(10,))
    return len(acknowledged)


def load(client, run_id, seconds, during=lambda: None, least=(0, 0, set())):
    """Loggers beside cycles(): at least so many cycles, acknowledged episodes, and statuses."""
    stop, codes = threading.Event(), set()
    loggers = [Logger(client, run_id, i, 4, stop) for i in range(4)]

    def heard():
        return codes.union(*(logger.codes.copy() for logger in loggers))

    def enough(done):
        acknowledged = sum(len(logger.acknowledged) for logger in loggers)
        return done >= least[0] and acknowledged >= least[1] and least[2] <= heard()

    for logger in loggers:
        logger.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            cycling = pool.submit(cycles, client.another(), run_id, seconds, enough, codes)
            while not cycling.done():
                during()
                time.sleep(0.2)
            cycling.result()
    finally:
        stop.set()
        for logger in loggers:
            logger.join(120)
    restored(client, run_id)
    return loggers, heard()


def test_what_is_acknowledged_between_deletions_is_there_after_restore(client):
    run_id = client.create()
    loggers, codes = load(client, run_id, 6, least=(21, 51, {200, 204, 404}))
    assert codes <= {200, 204, 404, 503}, codes
    assert assert_all_there(client, run_id, loggers) > 50


def test_the_same_while_workers_are_killed(client, db, faults):
    run_id = client.create()
    loggers, codes = load(client, run_id, 6, faults.kill_workers)
    assert codes <= {0, 200, 204, 404, 502, 503}, codes
    assert_all_there(client, run_id, loggers)
    assert db.purges.count_documents({"run_id": run_id}) == 0
    actions = [e["action"] for e in db.audit.find({"subject": run_id}, sort=[("at", 1)])]
    assert actions[0] == "run.create" and len(actions) % 2 == 1
    assert set(actions[1::2]) == {"run.delete"} and set(actions[2::2]) == {"run.restore"}


def test_a_deletion_survives_kill_9_of_mongod(client, db, faults):
    runs = [client.create() for _ in range(3)]
    for run_id in runs:
        client.report(run_id, 1, roi_pct=1)
        delete(client, run_id)
    restore(client, runs[0])
    faults.kill_mongod()
    faults.start_mongod()
    faults.mend()
    assert client.detail(runs[0])["episodes_completed"] == 1
    for run_id in runs[1:]:
        problem(client.get(f"{RUNS}/{run_id}"), 404, "run_not_found")
        restore(client, run_id)
        assert client.detail(run_id)["episodes_completed"] == 1


def test_a_transaction_that_is_refused_disturbs_no_other(client):
    """
    A refusal within a transaction once left its session marked for ending, while the session was
    used again: a write that had nothing to do with it met 503.
    """
    full = client.create()
    for first in range(0, 1000, 50):  # as many different metrics as a run may have
        metrics = {f"m{n}": 1.0 for n in range(first, first + 50)}
        client.write(f"{DOCUMENTS}/{full}/episodes", {"episode": first + 1, "metrics": metrics})
    one_more = {"episodes": [{"episode": n, "metrics": {"one.more": 1}} for n in (901, 902)]}
    good = {"episodes": [{"episode": n, **REPORT} for n in (1, 2)]}

    def write(writer):
        own = writer.create()
        return [
            (
                writer.post(f"{DOCUMENTS}/{full}/episodes", one_more).status_code,
                writer.post(f"{DOCUMENTS}/{own}/episodes", good).status_code,
            )
            for _ in range(60)
        ]

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(write, [client.another() for _ in range(4)]))
    assert {pair for some in codes for pair in some} == {(422, 200)}
