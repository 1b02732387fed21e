"""
app/up and app/down themselves: what they leave behind, what a second up finds again, what it says
when something is in the way. Each test has a stack of its own, or the shared one and leaves it
whole.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import requests

from lone_api import children_of
from stack import ROOT, Stack, free_port, plain_environment
from support import DOCUMENTS, RUNS, Client, ok, problem, wait_until

PARTS = ("mongod", "api", "nginx", "supervisor", "live")


@pytest.fixture(scope="module")
def own():
    """A stack that this module may break; every test leaves it up."""
    own = Stack()
    try:
        own.up("--port", own.port, "--workers", 2)
        yield own
    finally:
        own.remove()


@pytest.fixture
def empty():
    """A folder that up has not seen yet."""
    empty = Stack()
    yield empty
    empty.remove_quietly()


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def opened_by(pid):
    """What each descriptor of a process leads to; some are closed while one looks."""
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield str(fd.readlink())


def is_ready(stack):
    """Wait until it is: after a break the last worker may need up to 2 s more than the first."""
    client = Client(stack.url, stack.key)
    wait_until(lambda: client.get("/readyz").status_code == 200, 30, "it is ready")
    return True


# ---- what up leaves behind


def test_run_env_can_be_sourced_and_its_key_works(own):
    script = (
        '. "$1"; printf "%s\\n" "$TRAINING_URL" "$TRAINING_API_KEY" "$MONGODB_URI" '
        '"$MONGODB_DB_NAME"'
    )
    done = subprocess.run(
        ["sh", "-euc", script, "sh", own.folder / "run.env"], capture_output=True, text=True, env={}
    )
    assert done.returncode == 0, done.stderr
    url, key, uri, name = done.stdout.splitlines()
    assert url == f"http://127.0.0.1:{own.port}"
    assert uri.startswith("mongodb://127.0.0.1:") and name == "training"
    assert ok(Client(url, key).get(RUNS), 200) == []


def test_the_folder_and_what_is_secret_in_it_is_for_its_owner_alone(own):
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((own.folder / "run.env").stat().st_mode) == 0o600
    assert stat.S_IMODE(own.socket.stat().st_mode) == 0o660
    for log in own.log_folder.iterdir():
        assert own.key not in log.read_text(errors="replace"), log


@pytest.mark.parametrize("part", PARTS)
def test_pid_files_name_the_processes(own, part):
    command = Path(f"/proc/{own.pid(part)}/cmdline").read_bytes()
    words = command.decode().replace("\0", " ")
    program = {
        "api": "training-api ",
        "nginx": "nginx: master",
        "supervisor": "training-supervisor ",
    }
    assert program.get(part, f"{part} ") in words
    assert str(own.folder) in words


def test_everything_listens_on_loopback_only(own):
    """The addresses of every listening TCP socket of the stack's processes."""
    inodes = set()
    for part in PARTS:
        links = opened_by(own.pid(part))
        inodes |= {match[1] for link in links if (match := re.match(r"socket:\[(\d+)\]", link))}
    seen = 0
    for table, loopback in (("tcp", "0100007F"), ("tcp6", None)):
        with Path(f"/proc/net/{table}").open() as file:
            for row in list(file)[1:]:
                local, state, inode = (row.split()[i] for i in (1, 3, 9))
                if state == "0A" and inode in inodes:
                    seen += 1
                    assert local.split(":")[0] == loopback, f"{table} {local}"
    assert seen >= 2  # nginx and mongod


def test_health_and_readiness_are_answered_through_nginx(own):
    client = Client(own.url)
    assert ok(client.get("/healthz"), 200)["status"] == "ok"
    assert ok(client.get("/readyz"), 200)["status"] == "ok"


def test_another_host_name_is_not_served(own):
    """A web page whose name was pointed at this address (DNS rebinding) is no client of ours."""
    answer = Client(own.url).get(RUNS, headers={"Host": f"evil.example:{own.port}"})
    problem(answer, 421, "misdirected_request")


# ---- up again


def test_a_second_up_changes_nothing_that_runs(own):
    pids, key = own.pids(), own.key
    done = own.up()
    assert own.pids() == pids and own.key == key
    # the port's owner is told, too
    assert done.stdout.count("runs already") == len(PARTS) + 1, done.stdout


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_killed_comes_back_and_only_that(own, part, number):
    before = own.pids()
    own.kill(part, number)
    own.up()
    after = own.pids()
    assert after[part] != before[part]
    assert {p: after[p] for p in PARTS if p != part} == {p: before[p] for p in PARTS if p != part}
    assert is_ready(own)


def test_after_down_everything_is_found_again(own):
    client, key = Client(own.url, own.key), own.key
    run_id = client.create(config={"env": "Blackjack-v1"})
    client.report(run_id, 1, total_reward=1.5, win=True)
    before = client.document(run_id)
    done = own.down()
    assert done.returncode == 0, done.stderr
    assert [word for word in PARTS if f"{word} stopped" in done.stdout] == list(PARTS)
    assert not any(own.run_folder.glob("*.pid")) and not listens(own.port)
    own.up()  # no --port, no --workers: as last time
    assert (own.key, own.url) == (key, f"http://127.0.0.1:{own.port}")
    wait_until(lambda: len(children_of(own.pid("api"))) == 2, 30, "two workers")
    assert client.another().document(run_id) == before


def test_a_pid_file_that_names_a_stranger_is_not_believed(own):
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        own.kill("nginx", signal.SIGTERM)
        (own.run_folder / "nginx.pid").write_text(f"{stranger.pid}\n")
        own.up()
        assert own.pid("nginx") != stranger.pid
        own.kill("nginx", signal.SIGTERM)
        (own.run_folder / "nginx.pid").write_text(f"{stranger.pid}\n")
        own.down()
        assert stranger.poll() is None, "a process of somebody else was ended"
    finally:
        stranger.kill()
        stranger.wait()
        own.up()


def test_an_nginx_that_writes_its_pid_late_is_waited_for(own, tmp_path):
    """The command that starts it is over before the server that it leaves behind has begun."""
    late = tmp_path / "nginx"
    path = f"{tmp_path}:{os.environ['PATH']}"
    real = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    late.write_text(f'#!/bin/sh\n(sleep 0.3; exec {real} "$@") &\n')
    late.chmod(0o755)
    own.kill("nginx", signal.SIGTERM)
    done = own.up(PATH=path)
    assert f"pid {own.pid('nginx')}" in done.stdout, done.stdout


def test_two_ups_at_once_on_one_folder_do_not_fight(own):
    own.down()
    command = [ROOT / "app" / "up", "--detach", "--no-demo", "--data", own.folder]
    both = [
        subprocess.Popen(command, env=plain_environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert sum(text.count("runs already") for text in told) == len(PARTS) + 1, told
    assert is_ready(own)


def test_a_key_that_was_revoked_is_replaced(own):
    old = own.key
    key_id = next(
        row.split()[0]
        for row in own.admin("key", "list").stdout.splitlines()
        if " app/up" in row and "revoked" not in row
    )
    assert own.admin("key", "revoke", key_id).returncode == 0
    wait_until(lambda: Client(own.url, old).get(RUNS).status_code == 401, 30, "it is revoked")
    own.up()
    assert own.key != old
    ok(Client(own.url, own.key).get(RUNS), 200)


def test_another_port_is_refused_while_nginx_runs(own):
    done = own.up("--port", free_port(), check=False)
    assert done.returncode == 1
    assert f"http://127.0.0.1:{own.port}" in done.stderr and "app/down" in done.stderr
    assert own.url == f"http://127.0.0.1:{own.port}"


# ---- without a key


def test_a_request_without_key_is_the_account_of_the_key(own):
    mine, nobody = Client(own.url, own.key), Client(own.url)
    run_id = nobody.create()
    assert mine.document(run_id)["run_id"] == run_id


def test_no_anonymous_stays_so_until_it_is_turned_on(empty):
    empty.up("--port", empty.port, "--workers", 1, "--no-anonymous")
    nobody = Client(empty.url)
    problem(nobody.get(RUNS), 401, "key_missing")
    problem(nobody.post(DOCUMENTS, {"agent_id": "a"}), 401, "key_missing")
    ok(nobody.get("/healthz"), 200)
    ok(Client(empty.url, empty.key).get(RUNS), 200)
    empty.kill("api", signal.SIGTERM)
    empty.up()
    problem(nobody.get(RUNS), 401, "key_missing")
    empty.kill("api", signal.SIGTERM)
    empty.up("--anonymous")
    ok(nobody.get(RUNS), 200)


# ---- what is in the way


def test_a_port_in_use_is_said_at_once(empty):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = empty.up("--port", port, check=False)
    assert done.returncode == 1
    assert re.search(rf"port {port}: another program listens there", done.stderr), done.stderr
    assert "--port" in done.stderr
    assert not (empty.folder / "run.env").exists()


def test_a_database_port_in_use_is_said(empty):
    empty.up("--port", empty.port, "--workers", 1)
    empty.down()
    port = int((empty.folder / "mongo.port").read_text())
    with socket.create_server(("127.0.0.1", port)):
        done = empty.up(check=False)
    assert done.returncode == 1 and f"port {port}" in done.stderr, done.stderr
    (empty.folder / "mongo.version").write_text("4.4.1\n")
    done = empty.up(check=False)
    assert done.returncode == 1 and "MongoDB 4.4.1" in done.stderr, done.stderr


def test_a_folder_with_other_things_in_it_is_left_alone(empty):
    (empty.folder / "thesis.tex").write_text("mine")
    empty.folder.chmod(0o755)
    done = empty.up(check=False)
    assert done.returncode == 1 and "has other things in it" in done.stderr
    assert stat.S_IMODE(empty.folder.stat().st_mode) == 0o755
    assert [path.name for path in empty.folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    "options, says",
    [
        (["--port", "0"], "--port"),
        (["--port", "65536"], "--port"),
        (["--port", "x"], "--port"),
        (["--workers", "0"], "--workers"),
        (["--workers", "513"], "--workers"),
        (["--port"], "needs a value"),
        (["--prot", "1"], "no option --prot"),
    ],
)
def test_a_wrong_option_is_named(empty, options, says):
    done = empty.up(*options, check=False)
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_a_path_that_is_too_long_for_a_socket_is_said(empty):
    empty.folder = empty.folder / ("x" * 90)
    done = empty.up(check=False)
    assert done.returncode == 1 and "too long" in done.stderr, done.stderr
    empty.folder = empty.folder.parent


def test_a_database_that_is_not_there_is_said(empty):
    uri = "mongodb://127.0.0.1:1/?directConnection=true"
    done = empty.up("--port", empty.port, check=False, MONGODB_URI=uri)
    assert done.returncode == 1 and "MONGODB_URI" in done.stderr, done.stderr


def test_down_says_so_when_nothing_runs(empty):
    done = empty.down()
    assert done.returncode == 0 and "Nothing runs" in done.stdout


# ---- other ways to run it


def test_a_database_of_ones_own_is_used(own, empty):
    name = "theirs"
    empty.up(
        "--port", empty.port, "--workers", 1, MONGODB_URI=own.mongodb_uri, MONGODB_DB_NAME=name
    )
    assert not (empty.run_folder / "mongod.pid").exists()
    assert (empty.mongodb_uri, empty.mongodb_name) == (own.mongodb_uri, name)
    client = Client(empty.url, empty.key)
    run_id = client.create()
    assert Client(own.url, own.key).get(f"{RUNS}/{run_id}").status_code == 404
    empty.kill("api", signal.SIGTERM)
    empty.up()  # the environment does not say it again
    assert client.another().detail(run_id)["run_id"] == run_id


def test_in_the_foreground_ctrl_c_stops_everything(empty):
    command = [ROOT / "app" / "up", "--no-demo", "--data", empty.folder, "--port", str(empty.port)]
    program = subprocess.Popen(
        command, env=plain_environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    told = ""
    while "Stop " not in told:
        line = program.stdout.readline()
        assert line, told
        told += line
    assert all(empty.is_alive(part) for part in PARTS)
    os.killpg(program.pid, signal.SIGINT)
    rest, _ = program.communicate(timeout=300)
    assert program.returncode == 130, rest
    assert "mongod stopped" in rest and not listens(empty.port)
    assert not any(empty.run_folder.glob("*.pid"))


def test_nginx_says_that_the_api_is_away(own):
    own.kill("api", signal.SIGTERM)
    try:
        answer = requests.get(f"{own.url}{RUNS}", headers={"X-Request-Id": "mine-1"}, timeout=60)
        body = problem(answer, 502, "api_unavailable")
        assert body["request_id"] == answer.headers["X-Request-Id"] == "mine-1"
        assert int(answer.headers["Retry-After"]) >= 1
    finally:
        own.up()


def test_the_access_log_is_a_json_line_a_request_without_its_query(own):
    Client(own.url, own.key).get(RUNS, headers={"X-Request-Id": "logged-1"}, q="secret-word")

    def rows_of_it():
        whole, _, _ = (own.log_folder / "access.log").read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if '"logged-1"' in line]

    rows = wait_until(rows_of_it, 30, "a line")
    log = (own.log_folder / "access.log").read_text()
    assert (rows[0]["method"], rows[0]["path"], rows[0]["status"]) == ("GET", RUNS, 200)
    assert "secret-word" not in log and own.key not in log
