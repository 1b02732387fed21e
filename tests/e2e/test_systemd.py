"""
What a server gets (systemd/): the units are accepted by systemd, the settings file names every
setting with its default, and training-api serves a socket that systemd hands over.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from stack import ROOT, plain_environment
from support import RUNS, fastcgi, wait_until

UNITS = ROOT / "systemd"
PROGRAMS = ("training-api", "training-live", "training-supervisor")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="the package systemd is not installed"
)


@needs_systemd
def test_systemd_accepts_the_units(stack, tmp_path):
    """As installed: in a root of its own that has the programs where the units expect them."""
    for folder in ("etc/systemd/system", "usr/bin", "bin", "usr/lib/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy(stack.build / program, tmp_path / "usr/bin")
    shutil.copy("/bin/kill", tmp_path / "bin")
    for unit in ("network", "sockets", "multi-user", "basic", "shutdown", "sysinit"):
        (tmp_path / f"usr/lib/systemd/system/{unit}.target").write_text("[Unit]\n")
    names = []
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("*.target")]:
        shutil.copy(unit, tmp_path / "etc/systemd/system")
        names.append(unit.name)
    assert len(names) >= 3
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", *names],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_makes_the_user(tmp_path):
    (tmp_path / "etc").mkdir()
    config = UNITS / "training.sysusers.conf"
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "-"],
        input=config.read_text(),
        text=True,
        check=True,
    )
    assert "training:" in (tmp_path / "etc/passwd").read_text()


def test_the_settings_file_has_every_setting_with_its_default(stack, tmp_path):
    def settings(file):
        environment = {
            n: v for n, v in os.environ.items() if not n.startswith(("TRAINING_", "MONGODB_"))
        }
        found = {}
        for program in PROGRAMS:
            command = [stack.build / program, "--settings", file, "--check"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            told = dict(re.findall(r"^(\w+)=(.*?)  #", done.stdout + done.stderr, re.M))
            assert all(found.get(name, value) == value for name, value in told.items())
            found |= told
        return found

    nothing = tmp_path / "empty.env"
    nothing.write_text("")
    text = (UNITS / "training.env").read_text()
    named = re.findall(r"^(\w+)=", text, re.M)
    defaults = settings(nothing)
    assert sorted(named) == sorted(defaults)
    assert settings(UNITS / "training.env") == defaults


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="no systemd")
def test_a_socket_that_systemd_hands_over_is_served(stack, tmp_path):
    path = tmp_path / "api.sock"
    program = subprocess.Popen(
        [
            *("systemd-socket-activate", f"--listen={path}"),
            *("-E", "MONGODB_URI", "-E", "MONGODB_DB_NAME", "-E", "TRAINING_API_WORKERS"),
            *("-E", "ASAN_OPTIONS", "-E", "TRAINING_API_SOCKET"),
            stack.build / "training-api",
        ],
        env=plain_environment(
            MONGODB_URI=stack.mongodb_uri,
            MONGODB_DB_NAME=stack.mongodb_name,
            TRAINING_API_WORKERS="2",
            TRAINING_API_SOCKET=str(tmp_path / "not-this-one.sock"),
        ),
        stderr=subprocess.DEVNULL,
    )
    try:

        def answer_of():
            """None while the socket is not there, or there and not yet listening."""
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return fastcgi(path, "GET", RUNS, None, time.time(), stack.key)

        answer = wait_until(answer_of, 30, "the socket")
        assert answer.status_code == 200, answer.text
        assert not (tmp_path / "not-this-one.sock").exists()
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(60)
    assert path.exists(), "systemd's socket is systemd's to remove"
