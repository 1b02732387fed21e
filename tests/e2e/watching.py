"""
The event gateway's feed without its sockets: tests/live/watch_print.c as a child process, its
lines read by a thread. Used by test_watch.py.
"""

import contextlib
import json
import os
import subprocess
import threading
import time

import event_judge
from support import strict_json, wait_until


class Watching:
    """What a gateway would tell."""

    def __init__(self, stack, account):
        self.account = account
        self.lines = []  # in the order told; each with `got_at`, this process's clock
        self.process = subprocess.Popen(
            [str(stack.build / "tests" / "watch_print")],
            env={
                **os.environ,
                "MONGODB_URI": stack.mongodb_uri,
                "MONGODB_DB_NAME": stack.mongodb_name,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.noise = []
        self.threads = [
            threading.Thread(target=self.read, daemon=True),
            threading.Thread(target=self.read_log, daemon=True),
        ]
        for thread in self.threads:
            thread.start()
        wait_until(lambda: self.state()["connected"], 60, "the stream open")

    def read(self):
        for line in self.process.stdout:
            value = strict_json(line)
            value["got_at"] = time.time()
            if value.get("name"):
                event_judge.take(value["name"], value["payload"])
            self.lines.append(value)

    def read_log(self):
        for line in self.process.stderr:
            self.noise.append(line)

    def say(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def add(self, run_id, account=None):
        self.say("add", account or self.account, run_id)
        self.state()  # it has been read

    def remove(self, run_id):
        self.say("remove", self.account, run_id)

    def resume(self, run_id, after, client):
        self.say("resume", self.account, run_id, after, client)

    def state(self):
        """Asked for now; the answer comes after all that was told before."""
        before = len(self.of("state"))
        self.say("state")
        wait_until(lambda: len(self.of("state")) > before, 60, "an answer")
        return self.of("state")[before]

    def of(self, kind, run_id=None, client=0):
        """The lines of one kind, told to everybody or to one client."""
        return [
            line
            for line in list(self.lines)
            if line["kind"] == kind
            and (run_id is None or line.get("run_id") == run_id)
            and line.get("client", 0) == client
        ]

    def episodes(self, run_id, client=0):
        """(seq, episode) of every report that was told, in order."""
        found = []
        for line in self.of("episodes", run_id, client):
            payload = line["payload"]
            assert set(payload) == {"run_id", "seq", "episodes"}
            assert payload["run_id"] == run_id and payload["seq"] == line["seq"]
            assert 1 <= len(payload["episodes"]) <= 1000
            found += [(line["seq"], episode) for episode in payload["episodes"]]
        return found

    def numbers(self, run_id, client=0):
        return [episode["episode"] for _, episode in self.episodes(run_id, client)]

    def wait_for(self, count, run_id, seconds=60):
        """Until so many reports were told."""

        def told():
            return sum(len(e["payload"]["episodes"]) for e in self.of("episodes", run_id))

        wait_until(lambda: told() >= count, seconds, f"{count} reports told")

    def close(self):
        """It ends at the end of its input, in time and without a complaint of a sanitizer."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        for thread in self.threads:
            thread.join(10)
        assert status == 0, "".join(self.noise[-60:])
        event_judge.judgement()

    def log(self):
        """What it logged."""
        return [json.loads(line) for line in self.noise if line.startswith("{")]
