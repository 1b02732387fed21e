"""The background thread that carries messages from the outbox to the API, in order.

Started by run_logger.py; takes from outbox.py, sends through transport.py. What the API cannot take
now is sent again until close()'s deadline; what it refuses is dropped, counted, and said once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from training_client.backoff import Backoff
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.outbox import Kind, Message, Outbox
from training_client.payload import batch_json
from training_client.transport import Transport

log = logging.getLogger("training_client")

_NARROWING = frozenset({400, 413, 422})  # the batch is at fault, not the run or the key
ENDED = frozenset({"completed", "stopped", "failed"})  # what a run's status never leaves again
_OUTAGE_QUIET_S = 60.0  # a new outage within this of the last one is not announced again


@dataclass(frozen=True)
class Delivery:
    """What became of the episodes that were logged."""

    delivered: int = 0  # acknowledged by the API
    waiting: int = 0  # messages of any kind in the queue
    dropped: int = 0  # no room in the queue, or given up at close
    refused: int = 0  # not taken by the API, or not sendable


class _GivenUp(TrainingClientError):
    """The deadline of close() passed."""


class Sender:
    def __init__(
        self, outbox: Outbox, connect: Callable[[], Transport], where: str, backoff: Backoff
    ) -> None:
        """connect makes the transport, on this thread; where names the API to people."""
        self._outbox = outbox
        self._connect = connect
        self._where = where
        self._transport: Transport | None = None
        self._backoff = backoff
        self._nudge = threading.Event()  # ends a back-off early
        self._deadline: float | None = None  # monotonic; set by close
        self._dead_runs: set[str] = set()  # runs that the API will not take
        self._ended_runs: set[str] = set()  # by this logger, or before it came
        self._stopped_runs: set[str] = set()  # by somebody else
        self._counts = Delivery()
        self._counts_lock = threading.Lock()
        self._away_since: float | None = None
        self._away_announced = False
        self._back_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="training-client", daemon=True)
        self._thread.start()

    @property
    def away(self) -> bool:
        """The last attempts met no API."""
        return self._away_since is not None

    def refuses(self, run_id: str) -> bool:
        """The API will never take this run's messages."""
        return run_id in self._dead_runs

    def stopped(self, run_id: str) -> bool:
        """A receipt said that the run has ended, and nobody here ended it."""
        return run_id in self._stopped_runs

    def ends(self, run_id: str) -> None:
        """That the run is over is no news from here on."""
        self._ended_runs.add(run_id)

    def delivery(self) -> Delivery:
        with self._counts_lock:
            return replace(self._counts, waiting=len(self._outbox))

    def count(self, delivered: int = 0, dropped: int = 0, refused: int = 0) -> None:
        with self._counts_lock:
            self._counts = Delivery(
                delivered=self._counts.delivered + delivered,
                dropped=self._counts.dropped + dropped,
                refused=self._counts.refused + refused,
            )

    def nudge(self) -> None:
        """Try again now instead of at the end of the back-off."""
        self._nudge.set()

    def close(self, timeout_s: float) -> bool:
        """Send what is left within timeout_s; True when nothing was left behind."""
        self._deadline = time.monotonic() + timeout_s
        self._outbox.close()
        self._nudge.set()
        self._thread.join(timeout_s + 0.2)
        return not self._thread.is_alive() and len(self._outbox) == 0

    def _run(self) -> None:
        while batch := self._outbox.take():
            try:
                self._deliver(batch)
            except _GivenUp:
                break
            except Exception:
                log.exception("training log: %d messages could not be sent", len(batch))
                self.count(refused=_episodes(batch))
            self._outbox.settle(len(batch))
        if self._transport is not None:
            self._transport.close()

    def _deliver(self, batch: list[Message]) -> None:
        first = batch[0]
        if first.run_id in self._dead_runs:
            self.count(refused=_episodes(batch))
            return
        try:
            if first.kind is Kind.EPISODE:
                self._send_episodes(batch)
            else:
                self._send_one(first)
        except Refused as refusal:
            if first.kind is Kind.CREATE or first.kind is Kind.EPISODE:
                self._dead_runs.add(first.run_id)
                log.warning(
                    "the training API at %s refuses run %s (%s); training goes on, unlogged",
                    self._where, first.run_id, refusal,
                )  # fmt: skip
            else:
                log.warning(
                    "the training API refused a %s of run %s (%s)",
                    first.kind.value, first.run_id, refusal,
                )  # fmt: skip

    def _send_one(self, message: Message) -> None:
        runs = "/api/training-runs"
        run = f"{runs}/{message.run_id}"
        if message.kind is Kind.CREATE:
            answer = self._attempt("POST", runs, message.body)
            if not isinstance(answer, dict) or answer.get("run_id") != message.run_id:
                raise Refused(0, "what answers is not a training API")
            if answer.get("status") in ENDED:
                self.ends(message.run_id)
        elif message.kind is Kind.CHECKPOINT:
            self._attempt("POST", f"{run}/checkpoints", message.body)
        else:
            self._attempt("PATCH", run, message.body)

    def _send_episodes(self, batch: list[Message]) -> None:
        """Send the batch; when part of it is refused, drop what is at fault and send the rest."""
        path = f"/api/training-runs/{batch[0].run_id}/episodes"
        parts = [batch]
        done = 0  # of the batch, for a refusal of the whole run
        while parts:
            part = parts.pop(0)
            try:
                receipt = self._attempt(
                    "POST", path, batch_json([message.body for message in part])
                )
            except Refused as refusal:
                if refusal.status not in _NARROWING:
                    self.count(refused=len(batch) - done)
                    raise
                parts[:0], refused = self._narrow(part, refusal)
                done += refused
            else:
                self._note_status(batch[0].run_id, receipt)
                self.count(delivered=len(part))
                done += len(part)

    def _note_status(self, run_id: str, receipt: object) -> None:
        status = receipt.get("status") if isinstance(receipt, dict) else None
        if status in ENDED and run_id not in self._ended_runs | self._stopped_runs:
            self._stopped_runs.add(run_id)
            log.warning("run %s was ended from elsewhere: it is %s now", run_id, status)

    def _narrow(self, part: list[Message], refusal: Refused) -> tuple[list[list[Message]], int]:
        """What of a refused part to send again, and how many of it were dropped."""
        faults = {at: why for at, why in refusal.faults_by_item().items() if at < len(part)}
        if not faults and len(part) > 1:  # the answer names none: halve until it is alone
            middle = len(part) // 2
            return [part[:middle], part[middle:]], 0
        if not faults:
            faults = {0: str(refusal)}
        for at, why in faults.items():
            self._refuse_episode(part[at], why)
        rest = [message for at, message in enumerate(part) if at not in faults]
        return ([rest] if rest else []), len(faults)

    def _refuse_episode(self, message: Message, why: str) -> None:
        if self.delivery().refused == 0:
            log.warning(
                "the training API refused episode %d of run %s (%s); further ones are only counted",
                message.episode, message.run_id, why,
            )  # fmt: skip
        self.count(refused=1)

    def _attempt(self, method: str, path: str, body: bytes) -> object:
        """Send until it is answered. Raises Refused; _GivenUp past the deadline."""
        failed = False
        while True:
            left_s = self._left_s()
            try:
                if self._transport is None:
                    self._transport = self._connect()
                answer = self._transport.send(method, path, body, left_s)
            except Unavailable as reason:
                # One failure may be no more than a kept connection that was closed meanwhile.
                if not reason.slow_down and (failed or reason.retry_after_s is not None):
                    self._went_away(reason)
                failed = True
                self._pause(reason.retry_after_s)
            except Refused:
                self._came_back()
                raise
            else:
                self._came_back()
                return answer

    def _left_s(self) -> float | None:
        if self._deadline is None:
            return None
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise _GivenUp
        return left_s

    def _pause(self, retry_after_s: float | None) -> None:
        """Wait before the next attempt; a nudge ends it, but not before the API's Retry-After."""
        now = time.monotonic()
        earliest = now + (retry_after_s or 0.0)
        until = now + self._backoff.next_s(retry_after_s)
        while (wait_s := until - time.monotonic()) > 0:
            left_s = self._left_s()
            if self._nudge.wait(wait_s if left_s is None else min(wait_s, left_s)):
                self._nudge.clear()
                until = earliest

    def _went_away(self, reason: Unavailable) -> None:
        if self._away_since is not None:
            return
        self._away_since = now = time.monotonic()
        recently = self._back_at is not None and now - self._back_at < _OUTAGE_QUIET_S
        self._away_announced = not recently
        log.log(
            logging.DEBUG if recently else logging.WARNING,
            "the training API at %s is away (%s); training goes on, episodes are kept"
            " in memory and sent when it is back",
            self._where, reason,
        )  # fmt: skip

    def _came_back(self) -> None:
        self._backoff.reset()
        if self._away_since is None:
            return
        self._back_at = time.monotonic()
        log.log(
            logging.INFO if self._away_announced else logging.DEBUG,
            "the training API at %s is back after %.1f s; %d messages are being sent",
            self._where, self._back_at - self._away_since, len(self._outbox),
        )  # fmt: skip
        self._away_since = None


def _episodes(batch: list[Message]) -> int:
    return sum(message.kind is Kind.EPISODE for message in batch)
