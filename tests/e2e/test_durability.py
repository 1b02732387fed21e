"""
Nothing acknowledged is lost (contract section 5): mongod and workers are killed with -9 while
four writers log; afterwards every acknowledged episode is there exactly once with its value, and
counters are in step. 503 comes within 2 s of the loss of the database, service within 2 s of its
return.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from expected import Book
from faults import wait_ready
from pulse import Pulse
from support import DOCUMENTS, RUNS, Client, agree, ok, problem, wait_until

WRITERS = 4
LIMIT_S = 2.0
SLACK_S = 0.4  # for asking, and what Pulse does not see of a busy machine


@pytest.fixture
def run(client, faults):
    """A run; the database is there, whatever the test before has taken away."""
    return client.create()


@pytest.fixture(scope="module")
def pulse():
    with Pulse() as pulse:
        yield pulse


class Logger(threading.Thread):
    """
    Logs an episode a request; notes what was acknowledged. An episode without a 200 is tried
    again when retry is set, else given up: it may or may not be stored.
    """

    def __init__(self, client, run_id, index, stop, retry):
        super().__init__()
        self.client, self.run_id, self.index = client.another(), run_id, index
        self.stop, self.retry = stop, retry
        self.acknowledged, self.doubtful, self.answers = {}, {}, []
        self.refusals = {}  # an answer of each status that was not 200

    def run(self):
        number = self.index + 1
        while not self.stop.is_set():
            report = {"total_reward": number * 0.5, "roi_pct": -number / 8, "win": number % 3 == 0}
            start, status = time.monotonic(), 0
            try:
                answer = self.client.post(
                    f"{DOCUMENTS}/{self.run_id}/episodes", {"episode": number, **report}
                )
                status = answer.status_code
            except Exception:  # the connection broke: no answer, so no acknowledgement
                self.client = self.client.another()
            self.answers.append((start, time.monotonic(), status))
            if status == 200:
                self.acknowledged[number] = report
                self.doubtful.pop(number, None)
            else:
                self.doubtful[number] = report
                if status:
                    self.refusals[status] = answer
                self.stop.wait(0.02)
            if status == 200 or not self.retry:
                number += WRITERS


class Loggers:
    def __init__(self, client, run_id, retry=False):
        self.stop = threading.Event()
        self.threads = [Logger(client, run_id, i, self.stop, retry) for i in range(WRITERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)

    def count(self):
        return sum(len(t.acknowledged) for t in self.threads)

    def wait_for_more(self, count, seconds=120):
        goal = self.count() + count
        wait_until(lambda: self.count() >= goal, seconds, f"{goal} episodes acknowledged")

    def acknowledged(self):
        return {n: r for t in self.threads for n, r in t.acknowledged.items()}

    def doubtful(self):
        return {n: r for t in self.threads for n, r in t.doubtful.items()}

    def answers(self):
        return sorted(a for t in self.threads for a in t.answers)


def assert_nothing_lost(client, run_id, loggers):
    """
    Every acknowledged episode is there once with its value, nothing is there that nobody sent, and
    all counts and figures are in step with the episodes.
    """
    acknowledged, doubtful = loggers.acknowledged(), loggers.doubtful()
    counted = client.read(RUNS, q=run_id)[0]["episodes_completed"]  # before a detail could mend it
    numbers = [e["episode_number"] for e in client.detail(run_id)["episodes"]]
    assert len(set(numbers)) == len(numbers) == counted
    missing = set(acknowledged) - set(numbers)
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged episodes are lost"
    assert set(numbers) <= set(acknowledged) | set(doubtful)
    book = Book()
    for number in numbers:
        book.report(number, acknowledged.get(number) or doubtful[number])
    agree(client, run_id, book, windows=(10,))


def wait_for_refusal(loggers, lost_at, pulse):
    """Until a writer met a 503 after the loss of the database, which must be in time."""

    def refused_at():
        ends = [end for _, end, status in loggers.answers() if status == 503 and end > lost_at]
        return min(ends, default=None)

    assert_in_time(lost_at, wait_until(refused_at, 60, "a 503"), pulse, "the first 503")


def assert_in_time(start, end, pulse, what):
    took, limit = end - start, LIMIT_S + SLACK_S
    if took > limit:
        limit += pulse.lost(start, end)
    assert took <= limit, f"{what} took {took:.2f} s, more than {limit:.2f} s"


def answers_in_time(loggers, lost_at, pulse):
    """What was answered after the loss of the database: each within the limit, 503 when not 200."""
    late = [a for a in loggers.answers() if a[1] >= lost_at]
    assert late
    for start, end, status in late:
        assert status in (200, 503), f"a writer met {status}"
        assert_in_time(max(start, lost_at), end, pulse, f"an answer ({status})")
    assert any(status == 503 for _, _, status in late), "no writer met a 503"


def serves(client, run_id):
    """True when a read and a write succeed."""
    fine = client.get(f"{RUNS}/{run_id}").status_code == 200
    return fine and client.post(f"{RUNS}/{run_id}/complete").status_code == 200


def assert_back_in_time(client, run_id, returned_at, pulse):
    wait_until(lambda: serves(client, run_id), 60, "service after the database's return")
    assert_in_time(returned_at, time.monotonic(), pulse, "service after the database's return")


@pytest.mark.parametrize("retry", [True, False], ids=["retrying", "giving up"])
def test_kill_9_of_mongod_loses_nothing_that_was_acknowledged(client, run, faults, pulse, retry):
    with Loggers(client, run, retry) as loggers:
        for _ in range(2):
            loggers.wait_for_more(60)
            lost_at = faults.kill_mongod()
            wait_for_refusal(loggers, lost_at, pulse)
            faults.start_mongod()
        loggers.wait_for_more(60)
    answers_in_time(loggers, lost_at, pulse)
    assert_nothing_lost(client, run, loggers)


@pytest.mark.parametrize("retry", [True, False], ids=["retrying", "giving up"])
def test_kill_9_of_workers_loses_nothing_that_was_acknowledged(client, run, faults, retry):
    with Loggers(client, run, retry) as loggers:
        for _ in range(4):
            loggers.wait_for_more(40)
            faults.kill_workers()
        loggers.wait_for_more(40)
    assert {s for _, _, s in loggers.answers()} <= {200, 0, 502, 503}
    for thread in loggers.threads:
        for status, answer in thread.refusals.items():
            problem(answer, status)
    assert_nothing_lost(client, run, loggers)


def test_a_killed_worker_is_replaced(client, faults):
    before = set(wait_until(faults.workers, 60, "a worker"))
    faults.kill_workers()
    wait_until(  # more, when some were still to come
        lambda: len(set(faults.workers()) - before) >= len(before), 60, "as many new workers"
    )
    assert client.read("/readyz")["status"] == "ok"


def test_replacing_the_workers_one_by_one_fails_no_request(client, run, faults):
    with Loggers(client, run) as loggers:
        for _ in range(3):
            before = set(faults.workers())
            loggers.wait_for_more(40)
            faults.replace_workers()
            wait_until(
                lambda old=before: (
                    len(faults.workers()) >= len(old) and not old & set(faults.workers())
                ),
                120,
                "new workers in place of the old ones",
            )
        loggers.wait_for_more(40)
    assert {status for _, _, status in loggers.answers()} == {200}
    assert_nothing_lost(client, run, loggers)


def test_a_worker_that_leaves_after_its_requests_fails_none(another_api, client, run):
    ask = another_api(
        TRAINING_API_WORKERS="2",
        TRAINING_API_WORKER_REQUESTS="3",
        TRAINING_ANONYMOUS_ACCOUNT="local",
    )
    for number in range(1, 61):
        ok(ask("POST", f"{RUNS}/{run}/episodes", {"episode_number": number}), 200)
    assert client.detail(run)["episodes_completed"] == 60


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("GET", RUNS, None),
        ("GET", RUNS + "/{id}", None),
        ("GET", RUNS + "/{id}/learning-curve", None),
        ("POST", RUNS, {"run_id": "while-away"}),
        ("POST", RUNS + "/{id}/episodes", {"episode_number": 2}),
        ("POST", RUNS + "/{id}/complete", None),
        ("GET", DOCUMENTS, None),
        ("GET", DOCUMENTS + "/{id}", None),
        ("PATCH", DOCUMENTS + "/{id}", {"notes": "x"}),
        ("GET", DOCUMENTS + "/agents/list", None),
        ("GET", "/readyz", None),
    ],
)
@pytest.mark.parametrize("away", ["killed", "stopped"])
def test_every_route_says_503_in_time_while_the_database_is_away(
    client, module_run, outage, pulse, away, method, path, body
):
    outage(away)
    start = time.monotonic()
    answer = client.request(method, path.format(id=module_run), body=body)
    end = time.monotonic()
    problem(answer, 503, "store_unavailable")
    assert_in_time(start, end, pulse, "the 503")


@pytest.fixture(scope="module")
def module_run(module_client):
    run_id = module_client.create()
    module_client.report(run_id, 1, roi_pct=1)
    return run_id


@pytest.fixture(scope="module")
def outage(module_faults):
    """outage("killed" or "stopped") takes the database away; it comes back after the module."""

    def take_away(how):
        if how == "killed" and module_faults.mongod_state() != "killed":
            module_faults.kill_mongod()
        if how == "stopped" and module_faults.mongod_state() != "stopped":
            module_faults.start_mongod()
            module_faults.stop_mongod()

    return take_away


def test_the_process_lives_while_the_database_is_away(client, faults, pulse):
    faults.stop_mongod()
    start = time.monotonic()
    assert Client(client.url).read("/healthz")["status"] == "ok"
    assert_in_time(start, time.monotonic(), pulse, "/healthz")
    faults.continue_mongod()


def test_after_kill_9_of_mongod_service_is_back_in_time(client, run, faults, pulse):
    client.report(run, 1, roi_pct=1)
    faults.kill_mongod()
    problem(client.post(f"{RUNS}/{run}/episodes", {"episode_number": 2}), 503)
    assert_back_in_time(client, run, faults.start_mongod(), pulse)


def test_replacements_too_are_back_when_workers_asked_a_recovering_mongod(
    client, run, faults, pulse
):
    """A worker that met mongod while it recovered believed for ever that it had no sessions."""
    client.report(run, 1, reward_sum=0)
    stop = threading.Event()

    def ask(asker):
        while not stop.is_set():
            asker.get(f"{RUNS}/{run}")

    faults.kill_mongod()
    with ThreadPoolExecutor(8) as askers:
        asking = [askers.submit(ask, client.another()) for _ in range(8)]
        faults.start_mongod()
        wait_until(lambda: serves(client, run), 60, "service")
        stop.set()
    assert all(done.exception() is None for done in asking)
    back_at = time.monotonic()
    for reward in range(40):  # whichever worker answers
        asked_at, report = time.monotonic(), {"episode_number": 1, "reward_sum": reward}
        while client.post(f"{RUNS}/{run}/episodes", report).status_code != 200:
            assert_in_time(back_at, asked_at, pulse, "a worker's replacements")
            asked_at = time.monotonic()
    assert client.detail(run)["episodes_completed"] == 1


def test_a_mongod_that_hangs_gives_503_in_time_and_service_is_back_in_time(
    client, run, faults, pulse
):
    client.report(run, 1, roi_pct=1)
    faults.stop_mongod()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(timed_report, client, run, n) for n in range(2, 10)]
        for future in futures:
            status, start, end = future.result()
            assert status == 503
            assert_in_time(start, end, pulse, "the 503")
    assert_back_in_time(client, run, faults.continue_mongod(), pulse)


def timed_report(client, run_id, number):
    start = time.monotonic()
    answer = client.another().post(f"{RUNS}/{run_id}/episodes", {"episode_number": number})
    return answer.status_code, start, time.monotonic()


def test_a_hanging_mongod_loses_nothing_that_was_acknowledged(client, run, faults, pulse):
    with Loggers(client, run, retry=True) as loggers:
        for _ in range(2):
            loggers.wait_for_more(60)
            lost_at = faults.stop_mongod()
            wait_for_refusal(loggers, lost_at, pulse)
            faults.continue_mongod()
        loggers.wait_for_more(60)
    answers_in_time(loggers, lost_at, pulse)
    assert_nothing_lost(client, run, loggers)


def test_an_acknowledged_create_change_and_checkpoint_survive_kill_9(client, faults):
    runs = []
    for i in range(5):
        run_id = client.create(config={"i": i})
        ok(client.patch(f"{DOCUMENTS}/{run_id}", {"notes": f"n{i}", "metadata": {"i": i}}), 200)
        client.write(f"{DOCUMENTS}/{run_id}/checkpoints", {"episode": i, "path": f"p{i}"}, 201)
        runs.append((run_id, client.complete(run_id)["completed_at"]))
    faults.kill_mongod()
    faults.start_mongod()
    wait_ready(faults.url)
    for i, (run_id, completed_at) in enumerate(runs):
        document = client.document(run_id)
        assert document["config"] == {"i": i} and document["notes"] == f"n{i}"
        assert document["metadata"] == {"i": i} and document["end_time"] == completed_at
        assert document["checkpoint_paths"] == [{"episode": i, "path": f"p{i}"}]
