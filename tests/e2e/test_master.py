"""
The master through the whole stack, with clients at work: stopping, replacing workers, new settings,
killed workers, a killed master. What the program does by itself is in test_api_program.py.
"""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from faults import breaks_off
from lone_api import children_of, events, kill_if_there, lives, read_log
from stack import Stack
from support import DOCUMENTS, RUNS, Client, new_id, ok, wait_until

WORKERS = 4
CLIENTS = 6
GONE_WITHIN_S = 10


@pytest.fixture(scope="module")
def own():
    """A stack that this module may stop and break."""
    own = Stack()
    try:
        own.up("--port", own.port, "--workers", WORKERS)
        yield own
    finally:
        own.remove()


@pytest.fixture
def api(own):
    """The stack, whole before and after the test, with the settings that app/up wrote."""
    settings = own.run_folder / "training.env"
    text = settings.read_text()
    repair(own)
    yield own
    if settings.read_text() != text:
        settings.write_text(text)
        if own.is_alive("api"):
            reload(own, "reload_done")
    repair(own)


def repair(own):
    if not own.is_alive("api"):
        own.up("--port", own.port)
    wait_until(lambda: not is_reloading(own), 60, "the end of a reload")
    wait_until(lambda: len(workers(own)) == WORKERS, 60, f"{WORKERS} workers")


def workers(own):
    return children_of(own.pid("api"))


def log_of(own):
    return own.log_folder / "api.log"


def is_reloading(own):
    """Whether workers are still being replaced."""
    names = ("started", "reload_started", "reload_done")
    return [e for e in read_log(log_of(own)) if e["event"] in names][-1]["event"] == names[1]


def count(own, event):
    return len(events(log_of(own), event))


def reload(own, event, within=60):
    """Send HUP and wait until the log has one more of an event; returns that line."""
    before = count(own, event)
    os.kill(own.pid("api"), signal.SIGHUP)
    wait_until(lambda: count(own, event) > before, within, event)
    return events(log_of(own), event)[-1]


def change_settings(own, **settings):
    """Rewrite lines of the settings file that app/up wrote."""
    path = own.run_folder / "training.env"
    kept = [ln for ln in path.read_text().splitlines() if ln.split("=", 1)[0] not in settings]
    path.write_text("\n".join(kept + [f'{n}="{v}"' for n, v in settings.items()]) + "\n")


class Load:
    """Clients that report episodes, one a request, half of them on a kept connection."""

    def __init__(self, own, run_id):
        self.url, self.key, self.run_id = own.url, own.key, run_id
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.answers = {}  # episode number: status, or the exception
        self.number = 0
        self.pool = ThreadPoolExecutor(CLIENTS)

    def next_number(self):
        with self.lock:
            self.number += 1
            return self.number

    def work(self, keep):
        client = Client(self.url, self.key)
        while not self.stop.is_set():
            number = self.next_number()
            try:
                path = f"{DOCUMENTS}/{self.run_id}/episodes"
                headers = {} if keep else {"Connection": "close"}
                report = {"episode": number, "total_reward": number * 0.5}
                self.answers[number] = client.post(path, report, headers=headers).status_code
            except requests.RequestException as error:
                self.answers[number] = error
                client = Client(self.url, self.key)

    def __enter__(self):
        self.tasks = [self.pool.submit(self.work, i % 2 == 0) for i in range(CLIENTS)]
        wait_until(lambda: len(self.answers) > 20, 60, "requests answered")
        return self

    def __exit__(self, *_):
        self.stop.set()
        for task in self.tasks:
            task.result(120)
        self.pool.shutdown()

    def others_than(self, *statuses):
        return {number: got for number, got in self.answers.items() if got not in statuses}

    def acknowledged(self):
        return {number for number, got in self.answers.items() if got == 200}


@pytest.fixture
def run(api):
    run_id = new_id("master")
    ok(Client(api.url, api.key).post(RUNS, {"run_id": run_id, "config": {}}), 201)
    return run_id


def stored_numbers(own, run_id):
    answer = Client(own.url, own.key).get(f"{DOCUMENTS}/{run_id}")
    return {row["episode"] for row in ok(answer, 200)["metrics"]["episodes"]}


# ---- HUP


def test_no_request_fails_while_workers_are_replaced_again_and_again(api, run):
    before = workers(api)
    with Load(api, run) as load:
        for _ in range(5):
            assert reload(api, "reload_done")["workers"] == WORKERS
        many = len(load.answers)
        wait_until(lambda: len(load.answers) > many + 20, 60, "more requests")
    assert load.others_than(200) == {}
    assert stored_numbers(api, run) == load.acknowledged()
    wait_until(lambda: len(workers(api)) == WORKERS, 60, f"{WORKERS} workers")
    assert not set(workers(api)) & set(before)


def test_hups_in_quick_succession_end_with_the_right_number_of_workers(api, run):
    with Load(api, run) as load:
        for _ in range(20):
            os.kill(api.pid("api"), signal.SIGHUP)
            time.sleep(0.01)
        reload(api, "reload_done")
    assert load.others_than(200) == {}
    wait_until(lambda: len(workers(api)) == WORKERS, 60, f"{WORKERS} workers")


def test_hup_reads_the_settings_file_again(api, run):
    with Load(api, run) as load:
        for number in (7, 2, WORKERS):
            change_settings(api, TRAINING_API_WORKERS=number)
            assert reload(api, "reload_done")["workers"] == number
            wait_until(lambda n=number: len(workers(api)) == n, 60, f"{number} workers")
    assert load.others_than(200) == {}
    change_settings(api, TRAINING_ANONYMOUS_ACCOUNT="")
    reload(api, "reload_done")
    wait_until(lambda: requests.get(api.url + RUNS, timeout=60).status_code == 401, 60, "401")


@pytest.mark.parametrize(
    ("setting", "event", "says"),
    [
        ({"TRAINING_API_WORKERS": "none"}, "reload_refused", "TRAINING_API_WORKERS must be"),
        ({"TRAINING_API_STALL_MS": "1"}, "reload_refused", "TRAINING_API_STALL_MS must be"),
        ({"MONGODB_URI": "nonsense"}, "reload_undone", "settings are bad"),
    ],
)
def test_bad_settings_change_nothing_and_the_log_says_why(api, run, setting, event, says):
    before = sorted(workers(api))
    change_settings(api, **setting)
    with Load(api, run) as load:
        assert says in reload(api, event)["why"]
        time.sleep(0.3)
    assert load.others_than(200) == {}
    assert sorted(workers(api)) == before


def test_a_settings_file_that_is_gone_changes_nothing(api):
    before = sorted(workers(api))
    settings = api.run_folder / "training.env"
    text = settings.read_text()
    settings.unlink()
    try:
        assert "cannot be read" in reload(api, "reload_refused")["why"]
    finally:
        settings.write_text(text)
    assert sorted(workers(api)) == before


# ---- workers that die


def test_killed_workers_come_back_and_nothing_acknowledged_is_lost(api, run):
    with Load(api, run) as load:
        for _ in range(3):
            victims = workers(api)[:2]
            for worker in victims:
                kill_if_there(worker)
            wait_until(
                lambda v=victims: len(set(workers(api)) - set(v)) == WORKERS,
                60,
                "others in their place",
            )
            time.sleep(0.1)
    assert load.others_than(200, 502) == {}
    assert load.acknowledged() <= stored_numbers(api, run)
    ends = [line["how"] for line in events(log_of(api), "worker_ended")]
    assert ends.count("SIGKILL") >= 6


# ---- answers that break


def test_an_answer_that_breaks_off_does_not_look_whole(api, run):
    client = Client(api.url, api.key)
    for first in range(1, 40001, 1000):
        report = [
            {"episode": n, "total_reward": n / 7, "metrics": {"a.long.name": n / 3}}
            for n in range(first, first + 1000)
        ]
        ok(client.post(f"{DOCUMENTS}/{run}/episodes", {"episodes": report}), 200)
    assert any(breaks_off(api, f"{DOCUMENTS}/{run}") for _ in range(20))
    cut = [line for line in events(log_of(api), "request") if line.get("reply") == "cut"]
    assert cut[-1]["path"] == f"{DOCUMENTS}/{run}"
    wait_until(lambda: client.get("/readyz").status_code == 200, 60, "the database back")
    assert len(stored_numbers(api, run)) == 40000


# ---- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stopping_under_load_finishes_what_was_taken_on(api, run, number):
    master, before = api.pid("api"), workers(api)
    with Load(api, run) as load:
        start = time.monotonic()
        os.kill(master, number)
        wait_until(lambda: not lives(master), GONE_WITHIN_S, "the master gone")
        took = time.monotonic() - start
        assert not any(lives(worker) for worker in before)
        wait_until(lambda: 502 in list(load.answers.values()), 60, "a request that came too late")
    assert took < GONE_WITHIN_S
    # nginx answers 502 to who comes too late: such a request reached nobody and left no trace.
    assert load.others_than(200, 502) == {}
    api.up("--port", api.port)
    assert stored_numbers(api, run) == load.acknowledged()


def test_a_killed_master_takes_its_workers_with_it_and_a_new_one_takes_over(api, run):
    before = workers(api)
    with Load(api, run) as load:
        api.kill("api")
        wait_until(lambda: not any(lives(worker) for worker in before), 60, "the workers gone")
        api.up("--port", api.port)
        wait_until(lambda: load.answers[max(load.answers)] == 200, 60, "requests answered again")
    assert load.others_than(200, 502) == {}
    assert load.acknowledged() <= stored_numbers(api, run)
