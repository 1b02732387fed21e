"""
A database that hangs leaves transactions behind whose client has given up. None of them may keep a
run locked: not those that began, nor those whose first command arrives late, nor two at once.
"""

import threading
import time

import numpy as np

from support import DOCUMENTS, wait_until

WRITERS = 6
HANGS = 6
BACK_WITHIN_S = 6.0  # well below the 10 s after which mongod itself ends a transaction


class BatchWriter(threading.Thread):
    """Reports small batches and single episodes, each number until it is acknowledged."""

    def __init__(self, client, run_id, index, stop):
        super().__init__()
        self.client, self.run_id, self.stop = client.another(), run_id, stop
        self.next, self.rng = index * 1_000_000 + 1, np.random.default_rng(index)
        self.acknowledged, self.heard_at = 0, 0.0

    def run(self):
        while not self.stop.is_set():
            size = 1 if self.rng.random() < 0.5 else int(self.rng.integers(2, 40))
            batch = [{"episode": self.next + i, "total_reward": 1.0} for i in range(size)]
            answer = self.client.post(f"{DOCUMENTS}/{self.run_id}/episodes", {"episodes": batch})
            if answer.status_code == 200:
                self.acknowledged += size
                self.next += size
                self.heard_at = time.monotonic()
            else:
                assert answer.status_code == 503, answer.text
                self.stop.wait(0.02)


def test_after_every_hang_the_run_can_be_written_again_soon(client, faults):
    run_id, stop = client.create(), threading.Event()
    writers = [BatchWriter(client, run_id, i, stop) for i in range(WRITERS)]
    rng = np.random.default_rng(1)
    for writer in writers:
        writer.start()
    try:
        for _ in range(HANGS):
            time.sleep(0.3)
            faults.stop_mongod()
            time.sleep(rng.uniform(1.4, 2.6))  # longer than an operation may hang
            faults.continue_mongod()
            since = time.monotonic()
            wait_until(
                lambda since=since: all(w.heard_at > since for w in writers),
                BACK_WITHIN_S,
                "every writer has been acknowledged again",
            )
            print(f"all were acknowledged again after {time.monotonic() - since:.2f} s")
    finally:
        faults.continue_mongod()
        stop.set()
        for writer in writers:
            writer.join()
    run = client.detail(run_id)
    numbers = [e["episode_number"] for e in run["episodes"]]
    wanted = [w * 1_000_000 + 1 + i for w in range(WRITERS) for i in range(writers[w].acknowledged)]
    assert set(wanted) <= set(numbers)
    assert run["episodes_completed"] == len(numbers) == len(set(numbers))
