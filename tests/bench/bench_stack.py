"""
A stack of its own for the benchmarks: started by app/up, seen from outside through /proc.
Used by run.
"""

import contextlib
import json
import os
import random
import shlex
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")
PARTS = ("mongod", "api", "nginx", "live")


def free_port():
    """A port that nobody listens on now, outside the range that the system hands out itself."""
    while True:
        port = random.randint(18000, 19999)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def stat_of(pid):
    """The fields of /proc/PID/stat after the name: [0] is the state."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def children_of(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread may end meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_of(pid):
    """CPU seconds of a process, its children that live and those that were waited for."""
    own = sum(int(field) for field in stat_of(pid)[11:15])
    living = sum(int(field) for child in children_of(pid) for field in stat_of(child)[11:13])
    return (own + living) / TICK


class Stack:
    """One folder of app/up, with the programs of a build folder."""

    def __init__(self, build):
        self.build = build
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="training-bench-"))

    def up(self, *options):
        """Start what does not run; more options of app/up, such as --workers."""
        self._call("up", "--no-demo", "--detach", "--port", str(self.port), *options)
        lines = (self.folder / "run.env").read_text().splitlines()
        self.env = {n: shlex.split(v)[0] for n, v in (line.split("=", 1) for line in lines)}

    def down(self):
        self._call("down")

    def remove(self):
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, name, *options):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRAINING_", "MONGODB_"))}
        done = subprocess.run(
            [ROOT / "app" / name, *options, "--data", self.folder],
            env=kept | {"TRAINING_BUILD": str(self.build)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"./app/{name} failed:\n{done.stdout}{done.stderr}")

    # ---- its programs

    def measure(self, program, *words):
        """The lines of JSON that a bench program prints; its progress goes to our stderr."""
        done = subprocess.run(
            [self.build / "tests" / program, *(str(word) for word in words)],
            env=os.environ | self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 or not lines:
            raise SystemExit(f"{program} {words} failed: {lines}")
        return lines

    def open_runs(self, prefix, count):
        """Runs PREFIX-0, PREFIX-1, …"""
        for i in range(count):
            request = urllib.request.Request(
                self.env["TRAINING_URL"] + "/api/v1/training/runs",
                data=json.dumps({"run_id": f"{prefix}-{i}"}).encode(),
                headers={
                    "X-API-Key": self.env["TRAINING_API_KEY"],
                    "Content-Type": "application/json",
                },
            )
            urllib.request.urlopen(request, timeout=10).close()

    # ---- its processes

    def pid(self, part):
        return int((self.folder / "run" / f"{part}.pid").read_text())

    def cpu(self):
        """CPU seconds so far of each part."""
        return {part: cpu_of(self.pid(part)) for part in PARTS}

    def workers(self):
        return children_of(self.pid("api"))


def memory_of(pid):
    """RSS, PSS and the peak of RSS in MiB."""
    found = {}
    for name in ("smaps_rollup", "status"):
        for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
            key, _, rest = line.partition(":")
            if key in ("Pss", "VmRSS", "VmHWM"):
                found[key] = int(rest.split()[0]) / 1024
    return {"rss": found["VmRSS"], "pss": found["Pss"], "peak": found["VmHWM"]}


def forget_peak(pid):
    """Let the peak of RSS begin again (proc(5): clear_refs 5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
