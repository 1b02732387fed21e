"""
Writers that report a random mixture to one run until it is acknowledged: single episodes in both
families, batches, replacements, retries, late numbers. Run in processes of their own by
test_statistics.py and test_durability.py; each returns the book of what was acknowledged.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import requests

from expected import Book
from support import DOCUMENTS, RUNS, Client, wait_until

SHARED_FROM = 100_000  # numbers that every writer reports, always with the same content


@dataclass
class Job:
    """What one writer does. It owns the episode numbers n with n % of == index."""

    url: str
    key: str
    run_id: str
    index: int
    of: int
    seed: int
    rounds: int  # at least so many writes, and on until the crowd is told to stop
    highest: int = 600
    patience_s: float = 60.0


@dataclass
class Told:
    """What a writer brings home."""

    book: Book
    answers: list  # (start, end, status; 0 when the connection broke) of every request


def random_report(rng):
    """A report that gives some of the nine and some custom metrics, now and then not finite."""

    def real(scale=1.0):
        if rng.random() < 0.03:
            return ["NaN", "Infinity", "-Infinity"][int(rng.integers(3))]
        return float(rng.normal() * scale)

    report = {"roi_pct": real(5), "sharpe_ratio": real(), "max_drawdown_pct": real(10)}
    report["total_trades"] = int(rng.integers(0, 50))
    report["steps"] = float(rng.integers(1, 300))
    report["epsilon"] = float(rng.random())
    report["win"] = [True, False, 0.5, 1, 0, 0.25][int(rng.integers(6))]
    report = {name: value for name, value in report.items() if rng.random() < 0.75}
    if rng.random() < 0.9:
        report[["reward_sum", "total_reward"][int(rng.integers(2))]] = real(100)
    custom = {name: real() for name in ("loss", "policy/kl", "a.b") if rng.random() < 0.4}
    if custom:
        report["metrics"] = custom
    return report


def shared_report(number):
    return {"roi_pct": float(number % 13), "total_reward": float(-number), "win": number % 2 == 0}


class Writer:
    def __init__(self, job):
        self.job = job
        self.client = Client(job.url, job.key)
        self.rng = np.random.default_rng(job.seed)
        self.book = Book()
        self.answers = []
        self.sent = [(SHARED_FROM, shared_report(SHARED_FROM))]

    def acknowledged(self, path, body):
        """Send until it is acknowledged; a retry is the same request again."""
        deadline = time.time() + self.job.patience_s
        while True:
            start, status = time.time(), 0
            try:
                answer = self.client.post(path, body)
                status = answer.status_code
            except requests.RequestException:
                self.client = self.client.another()
            self.answers.append((start, time.time(), status))
            if status == 200:
                return
            if status not in (0, 502, 503, 504) or time.time() > deadline:
                text = answer.text[:500] if status else "no answer"
                raise AssertionError(f"{path} -> {status}: {text}")
            time.sleep(0.05)

    def number(self):
        return int(self.rng.integers(self.job.highest // self.job.of)) * self.job.of + (
            self.job.index or self.job.of
        )

    def one(self, number, report):
        family = int(self.rng.integers(2))
        path = f"{(RUNS, DOCUMENTS)[family]}/{self.job.run_id}/episodes"
        member = ("episode_number", "episode")[family]
        self.acknowledged(path, {member: number, **report})
        self.book.report(number, report)
        self.sent.append((number, report))

    def batch(self, items):
        family = int(self.rng.integers(2))
        path = (
            f"{RUNS}/{self.job.run_id}/episodes/batch",
            f"{DOCUMENTS}/{self.job.run_id}/episodes",
        )[family]
        self.acknowledged(path, {"episodes": [{"episode_number": n, **r} for n, r in items]})
        for number, report in items:
            self.book.report(number, report)

    def retry(self):
        """A report that was sent before, once more; it counts as the latest of its number."""
        number, report = self.sent[int(self.rng.integers(len(self.sent)))]
        self.one(number, report)

    def round(self):
        dice = self.rng.random()
        if dice < 0.55:
            self.one(self.number(), random_report(self.rng))
        elif dice < 0.75:
            count = int(self.rng.integers(1, 40))
            self.batch([(self.number(), random_report(self.rng)) for _ in range(count)])
        elif dice < 0.9:
            self.retry()
        else:
            number = SHARED_FROM + int(self.rng.integers(20))
            self.one(number, shared_report(number))


def write(job):
    writer = Writer(job)
    rounds = 0
    while rounds < job.rounds or not crowd_stop.is_set():
        writer.round()
        rounds += 1
        with crowd_writes.get_lock():
            crowd_writes.value += 1
    return Told(writer.book, writer.answers)


def join_crowd(stop, writes):
    """In each process: the event that ends the crowd and the count of its acknowledged writes."""
    global crowd_stop, crowd_writes
    crowd_stop, crowd_writes = stop, writes


class Crowd:
    """
    Writers in processes of their own, all on one run. Each does its rounds; with endless they go on
    until done() is called.
    """

    def __init__(self, client, run_id, count, rounds, endless=False, seed=0):
        fork = multiprocessing.get_context("fork")
        self.stop, self.writes = fork.Event(), fork.Value("i", 0)
        if not endless:
            self.stop.set()
        self.pool = ProcessPoolExecutor(
            count, mp_context=fork, initializer=join_crowd, initargs=(self.stop, self.writes)
        )
        jobs = [
            Job(client.url, client.key, run_id, i, count, seed * 100 + i, rounds)
            for i in range(count)
        ]
        self.futures = [self.pool.submit(write, job) for job in jobs]

    def is_busy(self):
        return not all(future.done() for future in self.futures)

    def wait_for_more(self, count, seconds=120):
        """Until so many more writes were acknowledged."""
        goal = self.writes.value + count
        wait_until(lambda: self.writes.value >= goal, seconds, f"{goal} acknowledged writes")

    def done(self):
        """Let all of them end; the joint book and every answer."""
        self.stop.set()
        book, answers = Book(), []
        try:
            for future in self.futures:
                told = future.result(timeout=300)
                book.merge(told.book)
                answers += told.answers
        finally:
            self.pool.shutdown(wait=True, cancel_futures=True)
        return book, sorted(answers)
