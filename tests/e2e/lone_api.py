"""
A training-api without nginx and app/up, with settings and a socket of its own; and FastCGI as
bytes. Used by test_master.py and test_api_program.py. Nothing here needs a database.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path

from stack import ROOT, SANITIZER, plain_environment
from support import fastcgi, fastcgi_answer, fastcgi_length, fastcgi_record, wait_until

PROGRAM = Path(os.environ.get("TRAINING_BUILD") or ROOT / "build").resolve() / "training-api"
NO_DATABASE = "mongodb://127.0.0.1:1/?directConnection=true"
HEALTH = {"REQUEST_METHOD": "GET", "DOCUMENT_URI": "/healthz", "REQUEST_ID": "health"}


def environment(**settings):
    """This process's environment with no setting of training-api but these."""
    plain = {k: v for k, v in plain_environment().items() if not k.startswith("TRAINING_")}
    return plain | {name: str(value) for name, value in settings.items()}


def run_api(*options, **settings):
    """Run training-api to its end, which must come soon."""
    return subprocess.run(
        [PROGRAM, *options],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def children_of(pid):
    """The pids of a process's children that live."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in found if lives(int(child))]


def kill_if_there(pid):
    """kill -9 of a process that may have ended since it was seen; whether it was there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def lives(pid):
    """Whether the process is there; a zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def read_log(path):
    """The lines of training-api's log as dictionaries; what is no JSON fails the test."""
    whole, _, _ = Path(path).read_text().rpartition("\n")  # the last line may still be growing
    return [json.loads(line) for line in whole.splitlines()]


def events(path, name):
    """What was logged under one event name."""
    return [line for line in read_log(path) if line["event"] == name]


class LoneApi:
    """One master with its workers, stopped when its context ends."""

    def __init__(self, folder, *, path=None, listener=None, **settings):
        self.path = Path(path or folder / "api.sock")
        self.log = Path(folder) / "api.log"
        self.process = self.start(listener, settings)
        wait_until(lambda: children_of(self.pid) or self.process.poll() is not None, 60, "a worker")

    def start(self, listener, settings):
        """With listener (a listening socket) as systemd would start it, else with a path."""
        command = [str(PROGRAM)]
        env = environment(
            **{
                "MONGODB_URI": NO_DATABASE,
                "TRAINING_API_WORKERS": 1,
                "TRAINING_API_SOCKET": self.path,
                **settings,
            }
        )
        pass_fds = ()
        if listener is not None:
            # LISTEN_PID must be the program's own pid: a shell has it before it becomes it.
            shell = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"'
            command = ["bash", "-c", shell, *command]
            pass_fds = (listener.fileno(),)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stderr=log, pass_fds=pass_fds
            )

    @property
    def pid(self):
        return self.process.pid

    def workers(self):
        return children_of(self.pid)

    def ask(self, path, method="GET", body=None):
        """One request as nginx would send it."""
        answer = fastcgi(self.path, method, path, body, 1.0, None)
        assert "Status" in answer.headers, "the worker closed the connection without an answer"
        return answer

    def answers(self):
        """Whether it answers; not while it starts, and not when the worker hangs up."""
        with contextlib.suppress(OSError):
            answer = fastcgi(self.path, "GET", "/healthz", None, 1.0, None)
            return "Status" in answer.headers and answer.status_code == 200
        return False

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=60):
        """Wait until the master has ended; its exit code."""
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def events(self, name):
        return events(self.log, name)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is None:
            found = [line for line in self.log.read_text().splitlines() if SANITIZER.search(line)]
            assert not found, "\n".join(found)


class Connection:
    """A connection to a worker, for requests that come in pieces."""

    def __init__(self, path, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))

    def send(self, *records):
        self.sock.sendall(b"".join(records))
        return self

    def receive(self):
        """What the worker sends until it closes, as bytes."""
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := self.sock.recv(65536):
                got += chunk
        self.sock.close()
        return got

    def answer(self):
        answer = fastcgi_answer(self.receive())
        assert "Status" in answer.headers, "the worker closed the connection without an answer"
        return answer


def begin():
    return fastcgi_record(1, struct.pack(">HB5x", 1, 0))


def params(pairs):
    text = b"".join(
        fastcgi_length(name) + fastcgi_length(value) + name.encode() + value.encode()
        for name, value in pairs.items()
    )
    return fastcgi_record(4, text) + fastcgi_record(4, b"")


def body(data=b""):
    """A piece of the request's body; without data, its end."""
    return fastcgi_record(5, data)
