"""
A whole stack - nginx, training-api, MongoDB - started by app/up in a folder of its own. Used by
conftest.py and test_stack.py; TRAINING_BUILD=FOLDER takes the programs built there.
"""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
SETTINGS = (
    "MONGODB_URI",
    "MONGODB_DB_NAME",
    "TRAINING_URL",
    "TRAINING_API_KEY",
    "TRAINING_ORIGINS",
)


ports = set()  # that were handed out, and may not be listened on yet


def free_port():
    """A port that nobody listens on now, outside the range that the system hands out itself."""
    while True:
        port = random.randint(18000, 19999)
        if port in ports:
            continue
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.add(port)
            return port


def plain_environment(**more):
    """This process's environment without what would point up at another database."""
    return {k: v for k, v in os.environ.items() if k not in SETTINGS} | more


def set_up_in(folder, step, find_node):
    """One step of setup.sh in another repository's folder; find_node is a shell function's body."""
    script = """
        . "$1/app/setup.sh"
        ROOT=$2 TOOLS=$2/tools DIR=$2
        mkdir -p "$TOOLS" "$DIR/log"
        logged() { "$@" >>"$DIR/log/setup.log" 2>&1; }
        find_node() { %s; }
        "$3" && printf '%%s' "$NOTE"
    """
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script % find_node, "bash", ROOT, folder, step],
        capture_output=True,
        text=True,
        check=False,
    )


class Stack:
    """One folder of app/up. Nothing is started before up()."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="training-e2e-"))
        self.run_folder = self.folder / "run"
        self.log_folder = self.folder / "log"
        self.socket = self.run_folder / "api.sock"
        self.build = Path(os.environ.get("TRAINING_BUILD") or ROOT / "build").resolve()

    # ---- up and down

    def up(self, *options, check=True, **environment):
        """Run app/up --detach --no-demo; with check it must succeed."""
        command = [ROOT / "app" / "up", "--detach", "--no-demo", "--data", self.folder, *options]
        done = self.finish(command, plain_environment(**environment))
        if check:
            assert done.returncode == 0, f"up failed:\n{done.stdout}{done.stderr}"
        return done

    def down(self):
        return self.finish([ROOT / "app" / "down", "--data", self.folder], plain_environment())

    def finish(self, command, environment):
        return subprocess.run(
            [str(word) for word in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def remove(self):
        """Stop everything and remove the folder; fails when a sanitizer found something."""
        self.down()
        found = self.sanitizer_reports()
        kept = ROOT / "build" / "e2e-log"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.log_folder, kept, ignore=shutil.ignore_patterns("mongod.log*"))
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not found, f"in {kept}:\n" + "\n".join(found[:20])

    def remove_quietly(self):
        """Stop everything and remove the folder."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sanitizer_reports(self):
        logs = [self.log_folder / f"{program}.log" for program in ("api", "supervisor", "live")]
        texts = [log.read_text(errors="replace") for log in logs if log.exists()]
        return [line for text in texts for line in text.splitlines() if SANITIZER.search(line)]

    # ---- what run.env says

    def env(self):
        """What up wrote into run.env."""
        lines = (self.folder / "run.env").read_text().splitlines()
        return {name: shlex.split(value)[0] for name, value in (ln.split("=", 1) for ln in lines)}

    @property
    def url(self):
        return self.env()["TRAINING_URL"]

    @property
    def key(self):
        return self.env()["TRAINING_API_KEY"]

    @property
    def mongodb_uri(self):
        return self.env()["MONGODB_URI"]

    @property
    def mongodb_name(self):
        return self.env()["MONGODB_DB_NAME"]

    # ---- its tools

    def admin(self, *words, **settings):
        """training-admin with this stack's database; returns the finished process."""
        database = {
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_DB_NAME": self.mongodb_name,
            "TRAINING_DB_CONNECT_MS": "10000",  # on a busy machine too
        }
        return subprocess.run(
            [str(self.build / "training-admin"), *words],
            env={**plain_environment(), **database, **settings},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def mongosh(self, expression):
        """What mongosh prints for an expression."""
        env = self.env()
        done = subprocess.run(
            [env["MONGOSH"], "--quiet", env["MONGODB_URI"], "--eval", expression],
            env={**plain_environment(), "HOME": str(self.run_folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    # ---- its processes

    def pid(self, name):
        """The pid of mongod, api, nginx or supervisor, as its pid file says."""
        return int((self.run_folder / f"{name}.pid").read_text())

    def pids(self):
        return {name: self.pid(name) for name in ("mongod", "api", "nginx", "supervisor", "live")}

    def is_alive(self, name):
        try:
            stat = Path(f"/proc/{self.pid(name)}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return stat.rsplit(")", 1)[1].split()[0] not in "ZX"

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal and, when it is one that ends a process, wait until it has ended."""
        os.kill(self.pid(name), number)
        deadline = time.monotonic() + 60
        while number in (signal.SIGKILL, signal.SIGTERM, signal.SIGQUIT) and self.is_alive(name):
            assert time.monotonic() < deadline, f"{name} did not end"
            time.sleep(0.02)
