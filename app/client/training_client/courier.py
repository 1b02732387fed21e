"""Carries one packet to the API: again and again while it is away, in parts where it is refused.

Used by sender.py and sync.py, on one thread; sends through transport.py. Next: restore.py.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from training_client.backoff import Backoff
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.message import OPENING, Kind, Packet
from training_client.payload import batch_json
from training_client.transport import Transport

log = logging.getLogger("training_client")

ENDED = frozenset({"completed", "stopped", "failed"})  # what a run's status never leaves again
RUNS = "/api/training-runs"
_NARROWING = frozenset({400, 413, 422})  # the batch is at fault, not the run or the key
_OUTAGE_QUIET_S = 60.0  # a new outage within this of the last one is not announced again


class GivenUp(TrainingClientError):
    """The API is away, and the deadline has passed."""


class Outcome(NamedTuple):
    """Of a packet's episodes."""

    delivered: int = 0
    refused: int = 0
    keep: bool = False  # its run was refused, or the key: it may be tried again another day


class Courier:
    def __init__(self, connect: Callable[[], Transport], where: str, backoff: Backoff) -> None:
        """connect makes the transport, on the first use; where names the API to people."""
        self._connect = connect
        self._where = where
        self._backoff = backoff
        self._transport: Transport | None = None
        self._nudge = threading.Event()  # ends a back-off early
        self.deadline: float | None = None  # monotonic; may be set from another thread
        self.was_away = False  # an outage has ended; for the owner to reset
        self._refusals_said = False
        self._dead_runs: set[str] = set()  # runs that the API will not take
        self._ended_here: set[str] = set()  # runs that this process ended
        self._ended_before: set[str] = set()  # runs that had ended when it came
        self._stopped_runs: set[str] = set()  # by somebody else
        self._away_since: float | None = None
        self._away_announced = False
        self._back_at: float | None = None

    def refuses(self, run_id: str) -> bool:
        """The API does not take this run's messages."""
        return run_id in self._dead_runs

    def stopped(self, run_id: str) -> bool:
        """A receipt said that the run has ended, and nobody here ended it."""
        return run_id in self._stopped_runs

    def ends(self, run_id: str) -> None:
        """This process ends the run."""
        self._ended_here.add(run_id)

    def is_old(self, run_id: str) -> None:
        """Until the run is opened again nobody wants to hear that it has ended."""
        self._ended_before.add(run_id)

    def nudge(self) -> None:
        """Try again now instead of at the end of the back-off."""
        self._nudge.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # ---- a packet

    def deliver(self, packet: Packet, is_free: Callable[[Packet], None]) -> Outcome:
        """Send until it is answered. Raises GivenUp; Refused(404) when its run is not there.

        is_free is called when a run that must be new turned out to be so, before it is made.
        """
        run_id = packet.run_id
        if packet.kind in OPENING:
            self._dead_runs.discard(run_id)
            self._ended_before.discard(run_id)
        episodes = packet.messages if packet.kind is Kind.EPISODE else 0
        if run_id in self._dead_runs:
            return Outcome(refused=episodes, keep=True)
        try:
            if packet.kind is Kind.EPISODE:
                return self.send_episodes(run_id, packet.lines())
            self._send_one(packet, is_free)
        except Refused as refusal:
            if refusal.status == 404 and packet.kind is Kind.EPISODE:
                raise
            return self._refused(packet, refusal, episodes)
        return Outcome()

    def give_up_run(self, packet: Packet, refusal: Refused) -> Outcome:
        """The packet's run is not there, and cannot be made again."""
        return self._refused(packet, refusal, packet.messages)

    def _refused(self, packet: Packet, refusal: Refused, episodes: int) -> Outcome:
        if packet.kind is Kind.EPISODE or packet.kind in OPENING:
            self._dead_runs.add(packet.run_id)
            log.warning(
                "the training API at %s refuses run %s (%s): nothing more of it is sent",
                self._where, packet.run_id, refusal,
            )  # fmt: skip
            return Outcome(refused=episodes, keep=True)
        stopped = packet.kind is Kind.STATUS and self.stopped(packet.run_id)
        log.log(
            logging.DEBUG if stopped else logging.WARNING,
            "the training API refused a %s of run %s (%s)",
            packet.kind.value, packet.run_id, refusal,
        )  # fmt: skip
        return Outcome()

    def _send_one(self, packet: Packet, is_free: Callable[[Packet], None]) -> None:
        run = f"{RUNS}/{packet.run_id}"
        if packet.kind is Kind.CHECKPOINT:
            self.request("POST", f"{run}/checkpoints", packet.body)
        elif packet.kind is Kind.STATUS:
            self.request("PATCH", run, packet.body)
        else:
            if packet.kind is not Kind.CREATE:
                self._check_exists(packet, is_free)
            self._create(packet)

    def _check_exists(self, packet: Packet, is_free: Callable[[Packet], None]) -> None:
        try:
            self.request("GET", f"{RUNS}/{packet.run_id}/gaps")
        except Refused as refusal:
            if refusal.status != 404 or packet.kind is Kind.RESUME:
                raise
            is_free(packet)
        else:
            if packet.kind is Kind.CREATE_NEW:
                raise Refused(0, "there is a run of this id, and resume is never")

    def _create(self, packet: Packet) -> None:
        answer = self.request("POST", RUNS, packet.body)
        if not isinstance(answer, dict) or answer.get("run_id") != packet.run_id:
            raise Refused(0, "what answers is not a training API")
        if answer.get("status") in ENDED:
            self.is_old(packet.run_id)

    def send_episodes(self, run_id: str, lines: list[bytes]) -> Outcome:
        """Send them; when part of them is refused, drop what is at fault and send the rest."""
        parts = [lines]
        delivered = refused = 0
        while parts:
            part = parts.pop(0)
            try:
                receipt = self.request("POST", f"{RUNS}/{run_id}/episodes", batch_json(part))
            except Refused as refusal:
                if refusal.status not in _NARROWING:
                    raise
                parts[:0], dropped = self._narrow(run_id, part, refusal)
                refused += dropped
            else:
                self._note_status(run_id, receipt)
                delivered += len(part)
        return Outcome(delivered, refused)

    def _note_status(self, run_id: str, receipt: object) -> None:
        status = receipt.get("status") if isinstance(receipt, dict) else None
        known = self._ended_here | self._ended_before | self._stopped_runs
        if status in ENDED and run_id not in known:
            self._stopped_runs.add(run_id)
            log.warning("run %s was ended from elsewhere: it is %s now", run_id, status)

    def _narrow(
        self, run_id: str, part: list[bytes], refusal: Refused
    ) -> tuple[list[list[bytes]], int]:
        """What of a refused part to send again, and how many of it were dropped."""
        faults = {at: why for at, why in refusal.faults_by_item().items() if at < len(part)}
        if not faults and len(part) > 1:  # the answer names none: halve until it is alone
            middle = len(part) // 2
            return [part[:middle], part[middle:]], 0
        if not faults:
            faults = {0: str(refusal)}
        if not self._refusals_said:
            self._refusals_said = True
            at, why = min(faults.items())
            log.warning(
                "the training API refused episode %s of run %s (%s); further ones are only counted",
                json.loads(part[at]).get("episode"), run_id, why,
            )  # fmt: skip
        rest = [line for at, line in enumerate(part) if at not in faults]
        return ([rest] if rest else []), len(faults)

    # ---- a request

    def request(self, method: str, path: str, body: bytes | None = None) -> object:
        """Send until it is answered. Raises Refused; GivenUp past the deadline."""
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
        if self.deadline is None:
            return None
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise GivenUp("the API did not answer in time")
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
            "the training API at %s is away (%s); what is logged is kept, and sent when it is back",
            self._where, reason,
        )  # fmt: skip

    def _came_back(self) -> None:
        self._backoff.reset()
        if self._away_since is None:
            return
        self._back_at = time.monotonic()
        self.was_away = True
        log.log(
            logging.INFO if self._away_announced else logging.DEBUG,
            "the training API at %s is back after %.1f s",
            self._where, self._back_at - self._away_since,
        )  # fmt: skip
        self._away_since = None


def number_of(line: bytes) -> int:
    """The number of the episode in a line that the API took."""
    return int(json.loads(line)["episode"])
