"""
training-api as a program: its options, its socket, and requests that do not come as they should.
Without nginx, mostly without a database.
"""

import os
import random
import re
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from lone_api import (
    HEALTH,
    Connection,
    LoneApi,
    begin,
    body,
    kill_if_there,
    lives,
    params,
    run_api,
)
from support import problem_body, wait_until

SETTINGS = [
    "MONGODB_URI",
    "MONGODB_DB_NAME",
    "TRAINING_API_SOCKET",
    "TRAINING_API_WORKERS",
    "TRAINING_API_WORKER_REQUESTS",
    "TRAINING_API_STOP_MS",
    "TRAINING_API_STALL_MS",
    "TRAINING_DB_CONNECT_MS",
    "TRAINING_DB_SOCKET_MS",
    "TRAINING_ANONYMOUS_ACCOUNT",
    "TRAINING_ORIGINS",
    "TRAINING_WRITE_RATE",
    "TRAINING_SESSION_S",
    "TRAINING_STALE_AFTER_S",
    "TRAINING_BODY_MAX",
    "TRAINING_BATCH_BODY_MAX",
    "TRAINING_CONFIG_MAX",
    "TRAINING_BATCH_EPISODES_MAX",
    "TRAINING_RETENTION_S",
    "TRAINING_SWEEP_S",
    "TRAINING_START_WAIT_MS",
    "TRAINING_STOP_WAIT_MS",
]
A_BODY = {
    "REQUEST_METHOD": "POST",
    "DOCUMENT_URI": "/healthz",
    "REQUEST_ID": "a-body",
    "CONTENT_LENGTH": "1000",
}
STALL_S = 10  # TRAINING_API_STALL_MS, unless told
NOISE = random.Random(20).randbytes(4096)  # the same in each run


# ---- options


def test_help_explains_options_settings_signals_and_exit_status():
    done = run_api("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for word in ("NAME", "SYNOPSIS", "OPTIONS", "SIGNALS", "EXIT STATUS", "--settings", "--check"):
        assert word in done.stdout
    assert re.findall(r"^       ([A-Z]+_[A-Z_]+)$", done.stdout, re.M) == SETTINGS
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_version_is_one_line():
    done = run_api("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"training-api \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("options", [["--nonsense"], ["word"], ["--settings"]])
def test_unknown_options_exit_with_2_and_the_usage(options):
    done = run_api(*options)
    assert done.returncode == 2
    assert "Usage: training-api" in done.stderr


# ---- --check


def test_check_prints_every_setting_and_keeps_the_uri_to_itself():
    done = run_api(
        "--check",
        MONGODB_URI="mongodb://me:geheim@127.0.0.1:27017/?directConnection=true",
        TRAINING_API_WORKERS=7,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split("=")[0] for line in done.stdout.splitlines()] == SETTINGS
    assert "TRAINING_API_WORKERS=7  # workers, 1 to 512: " in done.stdout
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRAINING_API_WORKERS", "0", "from 1 to 512"),
        ("TRAINING_API_WORKERS", "513", "from 1 to 512"),
        ("TRAINING_API_WORKERS", "many", '"many"'),
        ("TRAINING_API_STOP_MS", "99", "from 100 to 60000 ms"),
        ("TRAINING_API_SOCKET", "", "1 to 107 bytes"),
        ("TRAINING_API_SOCKET", "/" + "x" * 107, "1 to 107 bytes"),
        ("TRAINING_BODY_MAX", "1e6", "whole number"),
        ("MONGODB_URI", "127.0.0.1:27017", "connection string"),
        ("MONGODB_DB_NAME", "x" * 64, "1 to 63 bytes"),
    ],
)
def test_check_names_a_bad_setting_and_exits_with_2(name, value, says):
    done = run_api("--check", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert says in done.stderr


def test_check_reads_the_settings_file_and_the_environment_wins(tmp_path):
    file = tmp_path / "training.env"
    file.write_text('# a comment\nTRAINING_API_WORKERS="3"\nTRAINING_ORIGINS=file\nOTHER=1\n')
    done = run_api("--check", "--settings", file, TRAINING_ORIGINS="environment")
    assert done.returncode == 0, done.stderr
    assert "TRAINING_API_WORKERS=3 " in done.stdout
    assert "TRAINING_ORIGINS=environment " in done.stdout


def test_a_bad_settings_file_is_named_with_its_line(tmp_path):
    file = tmp_path / "training.env"
    file.write_text("TRAINING_API_WORKERS=3\nnonsense\n")
    for options in (["--check", "--settings", file], ["--settings", file]):
        done = run_api(*options)
        assert done.returncode == 2
        assert f"{file}, line 2" in done.stderr
    done = run_api("--check", "--settings", tmp_path / "missing")
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_a_uri_that_no_worker_can_use_ends_the_start_with_2(tmp_path):
    done = run_api(MONGODB_URI="nonsense", TRAINING_API_SOCKET=tmp_path / "api.sock")
    assert done.returncode == 2
    assert "bad" in done.stderr
    assert not (tmp_path / "api.sock").exists()


# ---- the socket


def test_the_socket_is_open_to_its_group_alone_and_goes_with_the_server(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        mode = api.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
        assert api.stop() == 0
        assert not api.path.exists()


def test_a_second_server_at_the_same_socket_is_refused(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        done = run_api(TRAINING_API_SOCKET=api.path)
        assert done.returncode == 1
        assert "Another training-api listens" in done.stderr
        assert str(api.path) in done.stderr
        assert api.answers()


def test_the_socket_of_a_dead_server_is_replaced(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        workers = api.workers()
        api.signal(signal.SIGKILL)
        api.wait()
        wait_until(lambda: not any(lives(worker) for worker in workers), 30, "the workers gone")
        assert api.path.exists()
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        assert api.events("request")[-1]["pid"] in api.workers()


def test_another_programs_socket_and_other_files_are_left_alone(tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(100)
        done = run_api(TRAINING_API_SOCKET=path)
    assert done.returncode == 1
    assert "Another program listens" in done.stderr
    assert path.exists()
    path.unlink()
    path.write_text("precious")
    done = run_api(TRAINING_API_SOCKET=path)
    assert done.returncode == 1
    assert "is no socket" in done.stderr
    assert path.read_text() == "precious"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = run_api(TRAINING_API_SOCKET=tmp_path / "missing" / "api.sock")
    assert done.returncode == 1
    assert "missing/api.sock" in done.stderr
    assert "No such file or directory" in done.stderr


def test_no_process_has_a_file_in_shared_memory(lone):
    """Killed, it would leave it there, in the way of the next process with its number."""
    assert lone.answers()
    files = [Path(f"/dev/shm/mongoc-{pid}") for pid in (lone.pid, *lone.workers())]
    assert not [path for path in files if path.exists()]


def test_a_socket_from_systemd_is_used_and_outlives_the_server(tmp_path):
    path = tmp_path / "systemd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(100)
        with LoneApi(tmp_path, path=path, listener=listener) as api:
            wait_until(api.answers, 60, "an answer")
            assert api.events("started")[0]["socket"] == "systemd"
            assert api.stop() == 0
        assert path.exists()
        # Who connects while nobody serves is served by the next one.
        waiting = Connection(path).send(begin(), params(HEALTH), body())
        with LoneApi(tmp_path, path=path, listener=listener):
            assert waiting.answer().status_code == 200


# ---- requests that do not come as they should


@pytest.fixture
def hasty(tmp_path):
    """One worker that gives up after half a second of silence."""
    with LoneApi(tmp_path, TRAINING_API_STALL_MS=500) as api:
        wait_until(api.answers, 60, "an answer")
        yield api


@pytest.fixture
def lone(tmp_path):
    """One worker."""
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        yield api


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="nothing"),
        pytest.param([begin()[:5]], id="half a record"),
        pytest.param([begin(), params(HEALTH)[:20]], id="half of the parameters"),
        pytest.param([begin(), params(A_BODY), body(b"[1,")], id="half a body"),
    ],
)
def test_a_request_that_stalls_is_cut_and_the_worker_goes_on(hasty, pieces):
    worker = hasty.workers()
    start = time.monotonic()
    Connection(hasty.path).send(*pieces).receive()
    assert 0.4 < time.monotonic() - start < STALL_S, "cut, and not as late as by default"
    wait_until(hasty.answers, 60, "an answer")
    assert hasty.workers() == worker


@pytest.mark.parametrize("data", [b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", NOISE])
def test_bytes_that_are_no_fastcgi_are_cut(hasty, data):
    connection = Connection(hasty.path).send(data)
    connection.receive()
    wait_until(hasty.answers, 60, "an answer")


def test_a_request_without_a_path_is_our_fault(lone):
    pairs = {"REQUEST_METHOD": "GET", "REQUEST_ID": "no-path"}
    answer = Connection(lone.path).send(begin(), params(pairs), body()).answer()
    problem_body(answer.text, answer.headers, 500, "internal")


def test_allow_belongs_to_405_alone(lone):
    answer = lone.ask("/healthz", "POST", {})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = lone.ask("/api/training-runs", "POST", {})  # its path has a row of another method
    assert answer.status_code == 401
    assert "Allow" not in answer.headers


def test_a_body_that_nobody_asked_for_is_read_before_the_answer(lone):
    for path in ("/healthz", "/nowhere"):
        pairs = {**HEALTH, "DOCUMENT_URI": path, "CONTENT_LENGTH": str(40 * 60000)}
        connection = Connection(lone.path).send(begin(), params(pairs))
        for _ in range(40):
            connection.send(body(b"x" * 60000))
        assert connection.send(body()).answer().status_code in (200, 404, 413)


# ---- the life of a worker


def test_a_worker_is_replaced_after_its_number_of_requests(tmp_path):
    with LoneApi(tmp_path, TRAINING_API_WORKER_REQUESTS=3) as api:
        wait_until(api.answers, 60, "an answer")
        for _ in range(20):
            assert api.ask("/healthz").status_code == 200
        assert len({line["pid"] for line in api.events("request")}) >= 6
        assert all(line["how"] == "exit 0" for line in api.events("worker_ended"))


def test_a_worker_that_keeps_dying_is_started_ever_more_slowly(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        killed, start = set(), time.monotonic()

        def kill():
            killed.update(worker for worker in api.workers() if kill_if_there(worker))
            return len(killed) >= 6

        wait_until(kill, 60, "six killed")
        # Started again at once, then after 0.1, 0.2, 0.4, 0.8 s: without a pause, much sooner.
        assert len(killed) == 6 and time.monotonic() - start > 1.4
        wait_until(api.answers, 60, "an answer")
        assert len(api.events("worker_ended")) == len(killed)
        assert api.events("worker_ended")[0]["how"] == "SIGKILL"


def test_a_worker_killed_among_many_is_replaced_at_once(tmp_path):
    with LoneApi(tmp_path, TRAINING_API_WORKERS=8) as api:
        wait_until(lambda: len(api.workers()) == 8, 60, "eight workers")
        for _ in range(2):
            before = api.workers()
            for worker in before:
                kill_if_there(worker)
            wait_until(
                lambda old=before: len(set(api.workers()) - set(old)) == 8,
                4,  # one that crashes again and again waits for 5 s
                "eight others",
            )
        assert api.answers()


def test_a_request_that_meets_a_leaving_worker_is_not_forgotten(tmp_path):
    """A connection wakes one worker; should that one leave instead, nobody else would wake."""
    with LoneApi(tmp_path, TRAINING_API_WORKERS=3) as api:
        wait_until(api.answers, 60, "an answer")
        for round in range(60):
            api.signal(signal.SIGHUP)
            for pause in range(15):
                assert api.answers()  # fails after a minute
                time.sleep((pause + round % 2) * 0.0002)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_request_under_way_is_finished_before_the_end(tmp_path, number):
    with LoneApi(tmp_path, TRAINING_API_WORKERS=2) as api:
        wait_until(api.answers, 60, "an answer")
        connection = Connection(api.path).send(begin(), params(A_BODY), body(b"x" * 999))
        time.sleep(0.2)
        api.signal(number)
        wait_until(lambda: not api.path.exists(), 30, "the socket gone")
        time.sleep(0.2)
        assert lives(api.pid)
        assert connection.send(body(b"x"), body()).answer().status_code == 405
        assert api.wait() == 0


def test_who_waits_for_a_worker_when_the_end_comes_is_served(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        first = Connection(api.path).send(begin(), params(A_BODY), body(b"x" * 999))
        time.sleep(0.2)
        waiting = [Connection(api.path).send(begin(), params(HEALTH), body()) for _ in range(20)]
        api.signal(signal.SIGTERM)
        wait_until(lambda: not api.path.exists(), 30, "the socket gone")
        assert first.send(body(b"x"), body()).answer().status_code == 405
        assert [connection.answer().status_code for connection in waiting] == [200] * 20
        assert api.wait() == 0


def test_a_request_that_does_not_end_is_killed_after_the_stop_time(tmp_path):
    # A database that takes connections and never answers, and patience without end.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"mongodb://127.0.0.1:{silent.getsockname()[1]}/?directConnection=true"
        with LoneApi(
            tmp_path,
            MONGODB_URI=uri,
            TRAINING_API_STOP_MS=500,
            TRAINING_DB_CONNECT_MS=10000,
            TRAINING_DB_SOCKET_MS=600000,
        ) as api:
            wait_until(api.answers, 60, "an answer")
            pairs = {**HEALTH, "DOCUMENT_URI": "/readyz"}
            connection = Connection(api.path).send(begin(), params(pairs), body())
            time.sleep(0.3)
            start = time.monotonic()
            api.signal(signal.SIGTERM)
            assert api.wait() == 0
            assert 0.4 < time.monotonic() - start < 10, "it was not waited for"
            assert connection.receive() == b""
            assert api.events("worker_killed")[0]["how"] == "SIGKILL"


def test_workers_leave_when_the_master_is_killed(tmp_path):
    with LoneApi(tmp_path, TRAINING_API_WORKERS=8) as api:
        wait_until(lambda: len(api.workers()) == 8 and api.answers(), 60, "eight workers")
        workers = api.workers()
        api.signal(signal.SIGKILL)
        wait_until(lambda: not any(lives(worker) for worker in workers), 30, "the workers gone")


def test_signals_meant_for_the_master_do_not_hurt_a_worker(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        worker = api.workers()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
            os.kill(worker[0], number)
        assert api.answers()
        assert api.workers() == worker


def test_the_access_line_holds_no_secret(tmp_path):
    with LoneApi(tmp_path) as api:
        wait_until(api.answers, 60, "an answer")
        pairs = {
            "REQUEST_METHOD": "GET",
            "DOCUMENT_URI": '/api/"training"\n-runs',
            "QUERY_STRING": "token=geheim",
            "HTTP_X_API_KEY": "ak_geheim",
            "HTTP_COOKIE": "session=geheim",
            "REQUEST_ID": "my.id_1",
        }
        assert Connection(api.path).send(begin(), params(pairs), body()).answer().status_code == 404
        line = api.events("request")[-1]
        assert line.pop("ms") >= 0
        assert line.pop("time").endswith("Z")
        assert line.pop("pid") in api.workers()
        assert line.pop("bytes") > 0
        assert line == {
            "level": "info",
            "event": "request",
            "request_id": "my.id_1",
            "method": "GET",
            "path": '/api/"training"\n-runs',
            "status": 404,
            "code": "route_not_found",
        }
        assert "geheim" not in api.log.read_text()
