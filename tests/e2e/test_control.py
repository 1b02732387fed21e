"""
Trainings started, stopped and watched (seed 003, contract section 4): the shapes, the bounds, who
may, how a training ends, and what happens when anything of it is killed. The trainer is
stand_in_trainer.py: it does what the scenario's name says.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pymongo
import pytest

from contract_fixtures import api_beside
from expected import differences
from faults import Faults, is_alive
from lone_api import events
from stack import ROOT, Stack
from stand_in_trainer import metrics_of
from support import DOCUMENTS, RUNS, Client, new_id, ok, problem, wait_until

CONTROL = "/api/training"
START, STOP = f"{CONTROL}/start", f"{CONTROL}/stop"
STATUS, SCENARIOS = f"{CONTROL}/status", f"{CONTROL}/scenarios"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
IDLE = {
    "is_training": False,
    "scenario_name": None,
    "current_episode": None,
    "total_episodes": None,
    "start_time": None,
    "latest_progress": None,
    "run_id": None,
}
NAMES = [
    *("bologna_coppia", "breaks", "breaks_early", "deaf", "ends", "floods", "forks", "hangs"),
    *("pauses", "segfaults", "tells", "waits"),
]
ASK_S = TERM_S = 1.0
LEASE_S = 2.0
DOUBT_S = 5.0
BREAK_S = 5.0  # a broken trainer's run has ended within that time


# ---- a stack with a supervisor that has these settings


class Trainings:
    """A stack of its own whose trainer is the stand-in."""

    def __init__(self, folder):
        self.folder = folder
        self.scenarios = folder / "scenarios"
        self.scenarios.mkdir()
        for name in NAMES:
            (self.scenarios / f"{name}.yaml").write_text(f"description: It is called {name}\n")
        self.stack = Stack()
        python = ROOT / "build" / "venv" / "bin" / "python"
        self.settings = {
            "TRAINING_TRAINER": f"'{python}' '{ROOT}/tests/e2e/stand_in_trainer.py'",
            "TRAINING_SCENARIOS": str(self.scenarios),
            "TRAINING_MODELS": str(folder / "models of it"),
            "TRAINING_SUPERVISOR_LEASE_MS": str(int(LEASE_S * 1000)),
            "TRAINING_SUPERVISOR_POLL_MS": "50",
            "TRAINING_TRAINER_ASK_MS": str(int(ASK_S * 1000)),
            "TRAINING_TRAINER_TERM_MS": str(int(TERM_S * 1000)),
            "TRAINING_TRAINER_LOG_MAX": "65536",
            "TRAINING_START_WAIT_MS": "10000",  # a busy machine launches slowly
        }
        self.up()

    def up(self, **settings):
        self.stack.up(
            "--port", self.stack.port, "--workers", 8, **{**self.settings, **settings}
        )

    @contextlib.contextmanager
    def supervised(self, **settings):
        """A supervisor with other settings, for a while."""
        self.end_supervisor()
        try:
            self.up(**settings)
            yield
        finally:
            self.end_supervisor()
            self.up()

    def end_supervisor(self, number=signal.SIGTERM):
        if self.stack.is_alive("supervisor"):
            self.stack.kill("supervisor", number)

    def go_on(self, data):
        """Let the scenario "pauses" come to its end."""
        models = Path(self.settings["TRAINING_MODELS"])
        models.mkdir(exist_ok=True)
        (models / f"{data['run_id']}.go").touch()

    def log(self):
        return (self.stack.log_folder / "trainer.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    trainings = Trainings(tmp_path_factory.mktemp("trainings"))
    yield trainings
    trainings.stack.remove()


@pytest.fixture(scope="module")
def jobs_db(trainings):
    with pymongo.MongoClient(trainings.stack.mongodb_uri) as mongo:
        yield mongo[trainings.stack.mongodb_name]


@pytest.fixture
def mine(trainings, jobs_db):
    """A client of the stack's account; before and after the test nothing is being trained."""
    trainings.up()
    client = Client(trainings.stack.url, trainings.stack.key, timeout=60)
    client.post(STOP)
    wait_until(lambda: jobs_db.jobs.find_one({"active": True}) is None, 60, "no job")
    yield client
    client.another().post(STOP)


def start(client, name="bologna_coppia", **members):
    """The data of a start that must succeed."""
    return client.write(START, {"scenario_name": name, **members}, 202)["data"]


def job_of(db, data):
    return db.jobs.find_one({"run_id": data["run_id"]})


def wait_for_job(db, data, state, seconds=60):
    """The job once it is in this state."""
    return wait_until(
        lambda: (job := job_of(db, data)) and job["state"] == state and job, seconds, state
    )


def wait_for_episode(client, number):
    return wait_until(
        lambda: (now := client.read(STATUS))["current_episode"] >= number and now,
        60,
        f"episode {number}",
    )


def expected_progress(last, total):
    """Seed 003's means over the last ten episodes of the stand-in."""
    window = [metrics_of(n) for n in range(max(1, last - 9), last + 1)]
    custom = [m["metrics"] for m in window]
    return {
        "episode": last,
        "total_episodes": total,
        "avg_reward": float(np.mean([m["total_reward"] for m in window])),
        "avg_duration": float(np.mean([m["steps"] for m in window])),
        "avg_cash": float(np.mean([m["cash"] for m in custom])),
        "avg_invested": float(np.mean([m["invested"] for m in custom])),
        "stability": float(np.mean([m["stability"] for m in custom])),
        "goal_adherence": float(
            np.mean([m["goal_adherence"] for m in custom if "goal_adherence" in m])
        ),
    }


def assert_progress(progress, total):
    elapsed = progress.pop("elapsed_time")
    assert 0 <= elapsed < 600
    assert not differences(progress, expected_progress(progress["episode"], total))


def trainer_pid(db, data):
    return job_of(db, data)["pid"]


# ---- one training, from its start to its end


def test_before_the_first_training_status_is_null(trainings, mine):
    key = trainings.stack.admin("key", "create", "--account", new_id("account")).stdout.strip()
    assert Client(trainings.stack.url, key).read(STATUS) == IDLE


def test_scenarios_are_listed_by_name(mine):
    assert mine.read(SCENARIOS) == [
        {"name": name, "description": f"It is called {name}"} for name in NAMES
    ]


def test_a_training_runs_to_its_end(trainings, mine, jobs_db):
    answer = mine.write(START, {"scenario_name": "pauses", "num_episodes": 60}, 202)
    data = answer["data"]
    assert answer["message"] == "Training started successfully"
    assert set(data) == {"status", "scenario_name", "num_episodes", "start_time", "run_id"}
    assert (data["status"], data["scenario_name"], data["num_episodes"]) == (
        *("started", "pauses"),
        60,
    )
    assert TIME.match(data["start_time"])
    status = wait_for_episode(mine, 15)
    assert set(status) == set(IDLE) and status["is_training"] is True
    assert {status[m] for m in ("scenario_name", "run_id", "start_time")} == {
        data[m] for m in ("scenario_name", "run_id", "start_time")
    }
    assert status["total_episodes"] == 60
    assert status["latest_progress"]["episode"] == status["current_episode"]
    assert_progress(status["latest_progress"], 60)
    trainings.go_on(data)
    job = wait_for_job(jobs_db, data, "completed")
    status = mine.read(STATUS)
    assert status["is_training"] is False and status["current_episode"] == 60
    assert_progress(status["latest_progress"], 60)
    assert job["exit_code"] == 0 and "active" not in job and "error" not in job
    assert job["lines"][-1] == "episode 60" and job["lines"][0].startswith("called with")
    run = mine.document(data["run_id"])
    assert run["status"] == "completed" and run["summary"]["episodes"] == 60
    assert "episode 60\n" in trainings.log()
    problem(mine.post(STOP), 400, "no_training")


def test_the_trainer_is_called_with_what_was_asked(mine, jobs_db):
    wanted = {"num_episodes": 7, "save_interval": 3, "eval_episodes": 2, "seed": 42}
    data = start(mine, "ends", **wanted)
    job = wait_for_job(jobs_db, data, "failed")  # it logged no run
    for words in ("'--episodes', '7'", "'--save-interval', '3'", "'--eval-episodes', '2'"):
        assert words in job["lines"][0]
    assert "'--seed', '42'" in job["lines"][0]
    assert f"'--run-id', '{data['run_id']}'" in job["lines"][0]
    assert "models of it'" in job["lines"][0]
    data = start(mine, "ends")
    job = wait_for_job(jobs_db, data, "failed")
    for words in ("'--episodes', '1000'", "'--save-interval', '100'", "'--eval-episodes', '10'"):
        assert words in job["lines"][0]
    assert "--seed" not in job["lines"][0]


def test_the_trainers_key_is_its_own_and_ends_with_it(trainings, mine, jobs_db):
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 1)
    pid = trainer_pid(jobs_db, data)
    environment = dict(
        item.split("=", 1)
        for item in Path(f"/proc/{pid}/environ").read_text().split("\0")
        if "=" in item
    )
    key = environment["TRAINING_API_KEY"]
    assert key != trainings.stack.key and "MONGODB_URI" not in environment
    assert environment["TRAINING_URL"] == trainings.stack.url
    assert key not in Path(f"/proc/{pid}/cmdline").read_text()
    theirs = Client(trainings.stack.url, key)
    assert theirs.document(data["run_id"])["run_id"] == data["run_id"]
    problem(theirs.get("/api/audit"), 403)
    ok(mine.post(STOP), 200)
    wait_until(lambda: theirs.get(RUNS).status_code == 401, 5, "the key revoked")
    stored = jobs_db.api_keys.find_one({"_id": job_of(jobs_db, data)["key_id"]})
    assert stored["account"] == "local" and stored["scopes"] == ["read", "write"]
    audit = [
        (e["action"], e["actor"]) for e in jobs_db.audit.find({"subject": stored["_id"]})
    ]
    assert audit == [("key.create", "training-supervisor"), ("key.revoke", "training-supervisor")]
    for log in ("trainer", "supervisor", "api"):
        assert key not in (trainings.stack.log_folder / f"{log}.log").read_text(errors="replace")


def test_a_training_is_the_callers_own(trainings, mine, jobs_db):
    account = new_id("account")
    key = trainings.stack.admin("key", "create", "--account", account).stdout.strip()
    theirs = Client(trainings.stack.url, key, timeout=60)
    data = start(theirs, num_episodes=100000)
    wait_for_episode(theirs, 1)
    assert theirs.document(data["run_id"])["status"] == "running"
    assert jobs_db.runs.find_one({"run_id": data["run_id"]})["account"] == account
    problem(mine.get(f"{DOCUMENTS}/{data['run_id']}"), 404)
    assert mine.read(STATUS)["run_id"] != data["run_id"]
    problem(mine.post(STOP), 400, "no_training")
    problem(mine.post(START, {"scenario_name": "ends"}), 400, "training_in_progress")
    assert theirs.read(STATUS)["is_training"] is True
    assert ok(theirs.post(STOP), 200)["data"]["run_id"] == data["run_id"]


def test_the_anonymous_account_trains_too(trainings, mine, jobs_db):
    nobody = Client(trainings.stack.url, timeout=60)
    data = start(nobody, num_episodes=5)
    wait_for_job(jobs_db, data, "completed")
    assert nobody.document(data["run_id"])["status"] == "completed"


def test_a_key_that_only_reads_starts_and_stops_nothing(trainings, mine):
    words = ("key", "create", "--account", "local", "--scopes", "read")
    reader = Client(trainings.stack.url, trainings.stack.admin(*words).stdout.strip())
    problem(reader.post(START, {"scenario_name": "ends"}), 403, "scope_missing")
    problem(reader.post(STOP), 403, "scope_missing")
    reader.read(STATUS)
    reader.read(SCENARIOS)


# ---- what may be asked


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        (
            "num_episodes",
            [1, 2, 999_999, 1_000_000, 42.0, None],
            [0, -1, 1_000_001, 42.5, "42", True, []],
        ),
        ("save_interval", [1, 1_000_000, None], [0, 1_000_001, 1.5, {}]),
        ("eval_episodes", [1, 10_000, None], [0, 10_001, "x", False]),
        ("seed", [0, 4_294_967_295, None], [-1, 4_294_967_296, 0.5, "1"]),
    ],
)
def test_numbers_have_bounds(mine, jobs_db, member, good, bad):
    before = jobs_db.jobs.count_documents({})
    for value in bad:
        answer = mine.post(START, {"scenario_name": "ends", member: value})
        problem(answer, 422, "validation_failed", [member])
    assert jobs_db.jobs.count_documents({}) == before
    for value in good:
        wait_for_job(jobs_db, start(mine, "ends", **{member: value}), "failed")


@pytest.mark.parametrize(
    "name",
    [
        *("no_such", "", " ", ".", "..", "ends.yaml", "../scenarios/ends", "/etc/passwd", "./ends"),
        *("--help", "-x", "ends --help", "ends;id", "$(touch x)", "`id`", "ends\n", "ends\t"),
        *("ENDS", "e" * 65, "e" * 5000, "énds", "ends%00", "*", "{}", "$where"),
    ],
)
def test_a_name_that_is_not_listed_is_404_and_runs_nothing(trainings, mine, jobs_db, name):
    before, log = jobs_db.jobs.count_documents({}), trainings.log()
    problem(mine.post(START, {"scenario_name": name}), 404, "scenario_not_found")
    problem(mine.post(START, {"scenario_name": name, "seed": -1}), 404, "scenario_not_found")
    assert jobs_db.jobs.count_documents({}) == before and trainings.log() == log


def test_other_wrong_bodies_are_told(mine):
    for body in ({}, {"scenario_name": None}, {"scenario_name": 7}, {"scenario_name": ["ends"]}):
        problem(mine.post(START, body), 422, "validation_failed", ["scenario_name"])
    problem(mine.post(START, {"scenario_name": "ends\0"}), 422, fields=["scenario_name"])
    answer = mine.post(START, {"num_episodes": 0, "save_interval": 0, "eval_episodes": 0})
    wanted = ("scenario_name", "num_episodes", "save_interval", "eval_episodes")
    problem(answer, 422, "validation_failed", wanted)
    problem(mine.post(START), 400, "body_missing")
    problem(mine.post(START, raw=b"{"), 400, "body_not_json")
    problem(mine.post(START, raw=b"[]"), 422)
    for method, path in (("GET", START), ("GET", STOP), ("POST", STATUS), ("DELETE", SCENARIOS)):
        problem(mine.request(method, path), 405)


# ---- stopping


def test_stop_answers_once_the_trainer_has_saved(trainings, mine, jobs_db):
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 3)
    answer = ok(mine.post(STOP), 200)
    saved = Path(trainings.settings["TRAINING_MODELS"]) / f"{data['run_id']}.saved"
    episodes = int(saved.read_text())
    assert answer == {
        "message": "Training stopped successfully",
        "data": {
            "status": "stopped",
            "scenario_name": "bologna_coppia",
            "episodes_completed": episodes,
            "total_episodes": 100_000,
            "run_id": data["run_id"],
        },
    }
    assert mine.document(data["run_id"])["status"] == "stopped"
    assert mine.read(STATUS)["is_training"] is False
    assert job_of(jobs_db, data)["state"] == "stopped"


@pytest.mark.parametrize(
    ("name", "number", "after"), [("deaf", "SIGTERM", ASK_S), ("hangs", "SIGKILL", ASK_S + TERM_S)]
)
def test_who_does_not_listen_is_made_to_end(mine, jobs_db, name, number, after):
    data = start(mine, name)
    wait_for_job(jobs_db, data, "running")
    wait_for_episode(mine, 3)
    pid = trainer_pid(jobs_db, data)
    began = time.monotonic()
    answer = ok(mine.post(STOP), 200)
    assert after <= time.monotonic() - began
    assert not is_alive(pid)
    assert answer["data"]["status"] == "stopped" and answer["data"]["episodes_completed"] == 3
    assert job_of(jobs_db, data)["signal"] == number
    run = mine.document(data["run_id"])
    assert run["status"] == "stopped" and run["metadata"]["signal"] == number


def test_two_that_stop_hear_of_the_same_end(mine, jobs_db):
    start(mine, "hangs")
    wait_for_episode(mine, 3)
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(mine.another().post, STOP) for _ in range(3)]
        assert [ok(a.result(), 200)["data"]["status"] for a in answers] == ["stopped"] * 3


@pytest.mark.parametrize("delay", [0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5])
def test_a_stop_while_it_starts_leaves_nothing(mine, jobs_db, delay):
    """Whichever comes first, afterwards nothing trains and the next start works."""
    with ThreadPoolExecutor(2) as pool:
        starting = pool.submit(mine.another().post, START, {"scenario_name": "bologna_coppia"})
        time.sleep(delay)
        stopping = pool.submit(mine.another().post, STOP).result()
        started = starting.result()
    assert (started.status_code, stopping.status_code) in {(202, 200), (500, 200), (202, 400)}
    if stopping.status_code == 400:  # it came before there was anything
        ok(mine.post(STOP), 200)
    assert jobs_db.jobs.find_one({"active": True}) is None
    if started.status_code == 202:
        run = mine.document(started.json()["data"]["run_id"])
        assert run["status"] == "stopped", run
    wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")


# ---- one at a time


def test_of_two_starts_at_once_one_wins(mine, jobs_db):
    """Fifty times, from two connections."""
    both = [mine.another(), mine.another()]
    for client in both:
        client.read(STATUS)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            line = threading.Barrier(2)

            def at_once(client, line=line):
                line.wait()
                return client.post(START, {"scenario_name": "waits"})

            answers = sorted(pool.map(at_once, both), key=lambda a: a.status_code)
            assert [a.status_code for a in answers] == [202, 400], [a.text for a in answers]
            problem(answers[1], 400, "training_in_progress")
            assert jobs_db.jobs.count_documents({"active": True}) == 1
            ok(mine.post(STOP), 200)


# ---- what breaks


def ended_run(client, db, data, state="failed"):
    """The run of a training that broke."""
    job = wait_for_job(db, data, state)
    return job, client.document(data["run_id"])


@pytest.mark.parametrize(
    ("name", "member", "value", "says", "episodes"),
    [
        ("breaks", "exit_code", 3, "exit code 3", 3),
        ("breaks_early", "exit_code", 4, "exit code 4", 0),
        ("segfaults", "signal", "SIGSEGV", "SIGSEGV", 3),
        ("ends", "exit_code", 0, "without having logged", 0),
    ],
)
def test_a_broken_trainers_run_has_failed(mine, jobs_db, name, member, value, says, episodes):
    data = start(mine, name, num_episodes=9, seed=5)
    job, run = ended_run(mine, jobs_db, data)
    assert job[member] == value and says in job["error"]
    assert run["status"] == "failed" and run["summary"]["episodes"] == episodes
    assert run["metadata"][member] == value and says in run["metadata"]["error_message"]
    assert jobs_db.api_keys.find_one({"_id": job["key_id"]})["revoked_at"] is not None
    if episodes == 0:  # the supervisor opened it: every training is a run
        assert run["config"]["scenario_name"] == name and run["config"]["seed"] == 5
    problem(mine.post(STOP), 400, "no_training")


def test_a_killed_trainers_run_fails_within_five_seconds(mine, jobs_db):
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 2)
    os.kill(trainer_pid(jobs_db, data), signal.SIGKILL)
    run = wait_until(
        lambda: (run := mine.document(data["run_id"]))["status"] == "failed" and run,
        BREAK_S,
        "the run failed",
    )
    assert run["metadata"]["signal"] == "SIGKILL"
    wait_for_job(jobs_db, data, "failed")  # the run is the first to hear of it
    assert mine.read(STATUS)["is_training"] is False


def test_what_a_trainer_leaves_behind_is_ended(mine, jobs_db):
    data = start(mine, "forks")
    wait_for_job(jobs_db, data, "running")
    left = descendants_of(trainer_pid(jobs_db, data))
    assert left
    ok(mine.post(STOP), 200)
    assert not any(is_alive(pid) for pid in left)


def descendants_of(pid):
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread has ended
                for child in (task / "children").read_text().split():
                    found += [int(child), *descendants_of(int(child))]
    return found


def test_a_flood_of_output_stays_bounded(trainings, mine, jobs_db):
    data = start(mine, "floods")
    asker = Client(mine.url, mine.key, timeout=15)

    def has_ended():
        asker.read(STATUS)  # answered meanwhile
        return job_of(jobs_db, data)["state"] in ("completed", "failed")

    wait_until(has_ended, 120, "the end of the flood")
    job = wait_for_job(jobs_db, data, "completed")
    assert len(job["lines"]) == 200
    assert job["lines"][-1].startswith("line 19999 éé") and job["lines"][0].startswith("line 19800")
    assert all(len(line.encode()) <= 400 for line in job["lines"])
    logs = list(trainings.stack.log_folder.glob("trainer.log*"))
    assert sorted(log.name for log in logs) == ["trainer.log", "trainer.log.1"]
    assert all(log.stat().st_size <= 65536 for log in logs)


def test_a_trainer_that_never_opens_its_run_is_given_up(trainings, mine, jobs_db):
    with trainings.supervised(TRAINING_TRAINER_START_MS="500"):
        data = start(mine, "waits")
        job, run = ended_run(mine, jobs_db, data)
    assert "did not open its run within 500 ms" in job["error"]
    assert run["status"] == "failed"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/nowhere/trainer", "No such file or directory"),
        ("no-such-trainer --x", "No such file or directory"),
        ("/etc/passwd", "Permission denied"),
    ],
)
def test_a_trainer_that_cannot_be_launched_is_500(trainings, mine, jobs_db, command, says):
    with trainings.supervised(TRAINING_TRAINER=command):
        before = jobs_db.runs.count_documents({})
        body = problem(mine.post(START, {"scenario_name": "ends"}), 500, "training_not_started")
        assert says in body["detail"]
        job = jobs_db.jobs.find_one(sort=[("requested_at", -1)])
        assert job["state"] == "failed" and says in job["error"] and "active" not in job
        assert jobs_db.api_keys.find_one({"_id": job["key_id"]})["revoked_at"] is not None
        assert jobs_db.runs.count_documents({}) == before
        assert mine.read(STATUS)["is_training"] is False


def start_in_vain(trainings, folder):
    """The refusal of a start for which there is no supervisor, asked of an API that waits less."""
    with api_beside(trainings.stack, folder, TRAINING_START_WAIT_MS="500") as ask:
        answer = ask("POST", START, {"scenario_name": "ends"}, trainings.stack.key)
    return problem(answer, 500, "training_not_started")


def test_without_a_supervisor_nothing_starts(trainings, mine, jobs_db, tmp_path):
    trainings.end_supervisor()
    body = start_in_vain(trainings, tmp_path)
    assert "No training-supervisor is running" in body["detail"]
    assert jobs_db.jobs.find_one({"active": True}) is None
    assert mine.read(STATUS)["is_training"] is False
    assert [s["name"] for s in mine.read(SCENARIOS)] == NAMES  # as it was last known
    problem(mine.post(STOP), 400, "no_training")
    problem(mine.post(START, {"scenario_name": "no_such"}), 404)
    trainings.up()
    wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")


def test_new_scenarios_are_known_after_a_hangup(trainings, mine, jobs_db):
    file = trainings.scenarios / "later.yaml"
    file.write_text("description: >\n  Came\n  later\n")
    problem(mine.post(START, {"scenario_name": "later"}), 404)
    os.kill(trainings.stack.pid("supervisor"), signal.SIGHUP)
    try:
        wait_until(
            lambda: {"name": "later", "description": "Came later"} in mine.read(SCENARIOS), 60, "it"
        )
        wait_for_job(jobs_db, start(mine, "later"), "failed")
    finally:
        file.unlink()
        os.kill(trainings.stack.pid("supervisor"), signal.SIGHUP)
        wait_until(lambda: len(mine.read(SCENARIOS)) == len(NAMES), 60, "it is gone")


# ---- what is killed


def test_a_killed_supervisor_leaves_no_process_and_the_next_one_mends(trainings, mine, jobs_db):
    data = start(mine, "forks")
    wait_for_job(jobs_db, data, "running")
    pids = [trainer_pid(jobs_db, data)]
    pids += descendants_of(pids[0])
    trainings.stack.kill("supervisor")
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 60, "trainer and its children gone")
    assert mine.document(data["run_id"])["status"] == "running"
    trainings.up()
    job, run = ended_run(mine, jobs_db, data)
    assert run["status"] == "failed" and "lost" in run["metadata"]["error_message"]
    assert "lost" in job["error"] and "active" not in job
    assert jobs_db.api_keys.find_one({"_id": job["key_id"]})["revoked_at"] is not None
    assert mine.read(STATUS)["is_training"] is False
    wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")


def test_a_lost_supervisors_job_fails_without_another_one(trainings, mine, jobs_db, tmp_path):
    """Nobody comes back: those who ask notice it. What is left is settled by whoever comes."""
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 1)
    trainings.stack.kill("supervisor")
    problem(mine.post(START, {"scenario_name": "ends"}), 400, "training_in_progress")
    wait_until(
        lambda: not mine.read(STATUS)["is_training"], LEASE_S + DOUBT_S + 60, "the job failed"
    )
    job = job_of(jobs_db, data)
    assert job["state"] == "failed" and job["unsettled"] is True and "active" not in job
    start_in_vain(trainings, tmp_path)
    trainings.up()
    run = wait_until(
        lambda: (run := mine.document(data["run_id"]))["status"] == "failed" and run, 60, "settled"
    )
    assert "lost" in run["metadata"]["error_message"]
    wait_until(lambda: "unsettled" not in job_of(jobs_db, data), 60, "settled")
    assert jobs_db.api_keys.find_one({"_id": job["key_id"]})["revoked_at"] is not None


@contextlib.contextmanager
def second_supervisor(trainings, folder):
    """Another supervisor of the same installation, as it would be on another machine."""
    command = [
        *(trainings.stack.build / "training-supervisor", "--settings"),
        trainings.stack.run_folder / "supervisor.env",
    ]
    own = {
        "TRAINING_SUPERVISOR_FOLDER": str(folder / "second"),
        "TRAINING_TRAINER_LOG": str(folder / "second.log"),
    }
    (folder / "second").mkdir()
    with (folder / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **trainings.settings, **own}, stderr=log
        )
    try:
        wait_until(lambda: events(folder / "supervisor.log", "started"), 60, "the second")
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def test_of_two_supervisors_one_trains_and_the_other_settles_what_it_leaves(
    trainings, mine, jobs_db, tmp_path
):
    with second_supervisor(trainings, tmp_path) as second:
        data = start(mine, "forks")
        job = wait_for_job(jobs_db, data, "running")
        problem(mine.post(START, {"scenario_name": "ends"}), 400, "training_in_progress")
        owner = int(job["supervisor"].rsplit(":", 1)[1])
        assert owner in (second, trainings.stack.pid("supervisor"))
        pids = [job["pid"], *descendants_of(job["pid"])]
        os.kill(owner, signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in pids), 60, "nothing left of it")
        run = wait_until(
            lambda: (run := mine.document(data["run_id"]))["status"] == "failed" and run,
            LEASE_S + DOUBT_S + 60,
            "settled by the other",
        )
        assert "lost" in run["metadata"]["error_message"]
        wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")


def test_a_stop_notices_a_lost_supervisor(trainings, mine, jobs_db):
    start(mine, num_episodes=100_000)
    wait_for_episode(mine, 1)
    trainings.stack.kill("supervisor")
    body = problem(mine.post(STOP), 500, "training_not_stopped")
    assert "lost" in body["detail"]
    assert mine.read(STATUS)["is_training"] is False


@pytest.mark.parametrize("comes_back", [False, True], ids=["for good", "and comes back"])
def test_a_supervisor_that_is_killed_while_it_stops(trainings, mine, jobs_db, comes_back):
    """Nothing is left, who asked is answered, and the run has ended."""
    data = start(mine, "hangs")
    wait_for_job(jobs_db, data, "running")
    pid = trainer_pid(jobs_db, data)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(mine.another().post, STOP)
        wait_for_job(jobs_db, data, "stopping")
        trainings.stack.kill("supervisor")
        wait_until(lambda: not is_alive(pid), 60, "the trainer gone")
        if comes_back:
            trainings.up()
        answer = asked.result()
    problem(answer, 500, "training_not_stopped")
    assert mine.read(STATUS)["is_training"] is False
    trainings.up()
    job, run = ended_run(mine, jobs_db, data)
    wait_until(lambda: "unsettled" not in job_of(jobs_db, data), 60, "settled")
    run = mine.document(data["run_id"])
    assert run["status"] == "failed" and "lost" in run["metadata"]["error_message"]
    assert "active" not in job
    wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")


def test_a_supervisor_that_is_told_to_end_stops_its_training(trainings, mine, jobs_db):
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 1)
    pid = trainer_pid(jobs_db, data)
    trainings.stack.kill("supervisor", signal.SIGTERM)
    assert not is_alive(pid)
    assert job_of(jobs_db, data)["state"] == "stopped"
    assert mine.document(data["run_id"])["status"] == "stopped"
    assert Path(trainings.settings["TRAINING_MODELS"], f"{data['run_id']}.saved").exists()


def test_a_killed_keeper_takes_the_trainer_with_it(trainings, mine, jobs_db):
    data = start(mine, "forks")
    wait_for_job(jobs_db, data, "running")
    trainer = trainer_pid(jobs_db, data)
    pids = [trainer, *descendants_of(trainer)]
    keeper = int(Path(f"/proc/{trainer}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(keeper, signal.SIGKILL)
    job, run = ended_run(mine, jobs_db, data)
    assert not any(is_alive(pid) for pid in pids)
    assert run["status"] == "failed" and "nobody saw" in job["error"]


@pytest.mark.parametrize("away", [0.5, LEASE_S + 2])
def test_a_training_outlives_a_killed_mongod(trainings, mine, jobs_db, away):
    """Also one that was away for longer than the lease: it returns to a supervisor that lives."""
    stack = trainings.stack
    faults = Faults(stack.run_folder, stack.url, stack.mongodb_uri)
    data = start(mine, "pauses", num_episodes=400)
    wait_for_episode(mine, 5)
    faults.kill_mongod()
    time.sleep(away)
    faults.start_mongod()
    status = wait_until(
        lambda: (answer := mine.another().get(STATUS)).status_code == 200 and answer.json(),
        60,
        "service",
    )
    assert status["is_training"] is True
    trainings.go_on(data)
    wait_until(
        lambda: (answer := mine.another().get(STATUS)).status_code == 200
        and not answer.json()["is_training"],
        120,
        "the training's end",
    )
    assert job_of(jobs_db, data)["state"] == "completed"
    run = mine.document(data["run_id"])
    assert run["status"] == "completed" and run["summary"]["episodes"] == 400


def test_a_trainers_end_while_mongod_is_away_is_stored_later(trainings, mine, jobs_db):
    stack = trainings.stack
    faults = Faults(stack.run_folder, stack.url, stack.mongodb_uri)
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 2)
    pid = trainer_pid(jobs_db, data)
    faults.kill_mongod()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), 60, "the trainer gone")
    problem(mine.another().get(STATUS), 503)
    problem(mine.another().post(STOP), 503)
    problem(mine.another().post(START, {"scenario_name": "ends"}), 503)
    faults.start_mongod()
    job, run = ended_run(mine.another(), jobs_db, data)
    assert run["metadata"]["signal"] == "SIGKILL" and job["signal"] == "SIGKILL"


def test_down_ends_a_training_in_peace(trainings, mine, jobs_db):
    data = start(mine, num_episodes=100_000)
    wait_for_episode(mine, 1)
    done = trainings.stack.down()
    assert done.returncode == 0, done.stderr
    trainings.up()
    assert mine.another().document(data["run_id"])["status"] == "stopped"
    assert job_of(jobs_db, data)["state"] == "stopped"


def test_a_purge_of_its_account_ends_a_training(trainings, mine, jobs_db):
    account = new_id("account")
    key = trainings.stack.admin("key", "create", "--account", account).stdout.strip()
    data = start(Client(trainings.stack.url, key), num_episodes=100_000)
    wait_for_job(jobs_db, data, "running")
    pid = trainer_pid(jobs_db, data)
    done = trainings.stack.admin("purge", "--account", account, "--yes")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: not is_alive(pid), 60, "the trainer gone")
    wait_for_job(jobs_db, start(mine, num_episodes=1), "completed")
    for name in ("jobs", "runs", "api_keys"):
        assert jobs_db[name].count_documents({"account": account}) == 0, name


# ---- the program


def test_a_second_supervisor_of_a_folder_is_refused(trainings):
    done = trainings.stack.finish(
        [
            *(trainings.stack.build / "training-supervisor", "--settings"),
            trainings.stack.run_folder / "supervisor.env",
        ],
        dict(os.environ),
    )
    assert done.returncode == 1 and "Another training-supervisor" in done.stderr


def test_bad_settings_are_named(trainings):
    program = trainings.stack.build / "training-supervisor"
    for name, value in (
        ("TRAINING_TRAINER", "'open"),
        ("TRAINING_TRAINER", ""),
        ("TRAINING_SUPERVISOR_LEASE_MS", "999"),
        ("TRAINING_TRAINER_ASK_MS", "x"),
    ):
        done = trainings.stack.finish([program, "--check"], {**os.environ, name: value})
        assert done.returncode == 2 and name in done.stderr, done.stderr
    done = trainings.stack.finish([program, "--help"], dict(os.environ))
    assert done.returncode == 0 and "TRAINING_TRAINER" in done.stdout
    assert trainings.stack.finish([program, "--nonsense"], dict(os.environ)).returncode == 2


def test_every_query_of_a_job_is_served_by_an_index(jobs_db):
    for query, index in (
        ({"active": True}, "one_active"),
        ({"active": True, "account": "local"}, "one_active"),
        ({"unsettled": True}, "by_unsettled"),
    ):
        plan = jobs_db.jobs.find(query).limit(1).explain()["queryPlanner"]["winningPlan"]
        assert index in str(plan) and "COLLSCAN" not in str(plan), plan
    newest = jobs_db.jobs.find({"account": "local"}).sort([("requested_at", -1), ("_id", -1)])
    plan = str(newest.limit(1).explain()["queryPlanner"]["winningPlan"])
    assert "by_account_newest" in plan and "SORT" not in plan.replace("sortPattern", ""), plan
