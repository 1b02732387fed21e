"""
How much of the time this machine lets nobody run who could: a promise in seconds is the program's,
and what a busy machine adds to it is not. Used by test_durability.py and test_health.py.
"""

import threading
import time

BEAT_S = 0.01


class Pulse:
    """A thread that wants to run every 10 ms, and notes by how much it comes too late."""

    def __init__(self):
        self.beats = []  # (time.monotonic, seconds too late)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def beat(self):
        due = time.monotonic() + BEAT_S
        while not self.stop.wait(max(due - time.monotonic(), 0)):
            now = time.monotonic()
            self.beats.append((now, now - due))
            due = now + BEAT_S

    def lost(self, start, end):
        """Seconds between two moments (time.monotonic) that nobody of this process could use."""
        return sum(late for at, late in list(self.beats) if start <= at and at - late <= end)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(30)
