"""
Killing, stopping and starting mongod and workers of the stack under test. Used by
test_statistics.py and test_durability.py; every fixture that hands a Faults out mends all of it
afterwards.
"""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymongo
import pymongo.errors

from support import Client, wait_until


def command_of(pid):
    return [a.decode() for a in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]


def is_alive(pid):
    """
    True while the process runs or is stopped, or one of its threads still holds its files; a zombie
    is dead.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state not in "ZX" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


class Faults:
    """What can go wrong with one stack, by the pids that it wrote down."""

    def __init__(self, run_folder, url, mongodb_uri):
        self.run_folder = Path(run_folder)
        self.url = url
        self.uri = mongodb_uri
        self.state = "running"
        self.command = command_of(self.mongod())
        self.cwd = Path(f"/proc/{self.mongod()}/cwd").readlink()
        self.child = None

    def pid(self, name):
        return int((self.run_folder / f"{name}.pid").read_text())

    def mongod(self):
        return self.pid("mongod")

    def mongod_state(self):
        return self.state

    def workers(self):
        """The pids of the workers that live now."""
        master = self.pid("api")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
            return [int(pid) for pid in children if is_alive(int(pid))]
        return []

    def kill_workers(self):
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def replace_workers(self):
        """HUP: the master puts new workers in place of the old ones."""
        os.kill(self.pid("api"), signal.SIGHUP)

    def kill_mongod(self):
        """kill -9; returns the moment (time.monotonic) it was done."""
        pid = self.mongod()
        os.kill(pid, signal.SIGKILL)
        at = time.monotonic()
        self.state = "killed"
        wait_until(lambda: self.is_gone(pid), 60, "mongod gone")
        return at

    def is_gone(self, pid):
        if self.child is not None:
            self.child.poll()
        return not is_alive(pid)

    def start_mongod(self):
        """Start mongod as it was; returns the moment from which it takes writes."""
        if self.state == "stopped":
            return self.continue_mongod()
        if self.state == "running":
            return time.monotonic()
        if "--fork" in self.command:
            done = subprocess.run(
                self.command, cwd=self.cwd, capture_output=True, text=True, timeout=600, check=False
            )
            assert done.returncode == 0, f"mongod did not start: {done.stdout}{done.stderr}"
        else:
            self.child = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            (self.run_folder / "mongod.pid").write_text(f"{self.child.pid}\n")
        self.state = "running"
        return self.wait_for_primary()

    def wait_for_primary(self):
        try:
            wait_until(lambda: takes_writes(self.uri), 120, "mongod taking writes")
        except AssertionError:
            log = (self.run_folder.parent / "log" / "mongod.log").read_text().splitlines()
            raise AssertionError("mongod takes no writes:\n" + "\n".join(log[-25:])) from None
        return time.monotonic()

    def stop_mongod(self):
        """SIGSTOP: the database hangs. Returns the moment."""
        os.kill(self.mongod(), signal.SIGSTOP)
        self.state = "stopped"
        return time.monotonic()

    def continue_mongod(self):
        os.kill(self.mongod(), signal.SIGCONT)
        self.state = "running"
        return self.wait_for_primary()

    def mend(self):
        """Everything as it was before: mongod runs, workers serve."""
        self.start_mongod()
        wait_ready(self.url)

    def all_workers(self):
        """The pids of the workers, once there are as many as there should be."""
        settings = (self.run_folder / "training.env").read_text()
        count = int(re.search(r'^TRAINING_API_WORKERS="(\d+)"$', settings, re.M)[1])
        return wait_until(
            lambda: (found := self.workers()) and len(found) == count and found, 60, "all workers"
        )


def takes_writes(uri):
    """Asked with a client of its own each time: an older one looks again only after a while."""
    with (
        contextlib.suppress(pymongo.errors.PyMongoError),
        pymongo.MongoClient(uri, serverSelectionTimeoutMS=300) as mongo,
    ):
        return mongo.admin.command("hello").get("isWritablePrimary", False)
    return False


def wait_ready(url):
    """
    Until whoever is asked reaches the database: each worker learns for itself that it has lost
    the connection, and says 503 then. So many at once keep all of them busy.
    """
    clients = [Client(url) for _ in range(8)]
    with ThreadPoolExecutor(len(clients)) as pool:
        wait_until(lambda: all(pool.map(is_ready, clients)), 60, "the stack ready again")


def is_ready(client):
    """Whether a few requests in a row reach the database."""
    try:
        return all(client.get("/readyz").status_code == 200 for _ in range(2))
    except OSError:
        return False


def breaks_off(stack, path):
    """
    Ask, let the database hang, read: whether the answer breaks off. False when the worker had read
    all by then.
    """
    wait_ready(stack.url)
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    connection.request("GET", path, headers={"X-API-Key": stack.key})
    answer = connection.getresponse()
    stack.kill("mongod", signal.SIGSTOP)
    try:
        assert answer.status == 200
        answer.read()
    except http.client.IncompleteRead:
        return True
    finally:
        stack.kill("mongod", signal.SIGCONT)
        connection.close()
    return False
