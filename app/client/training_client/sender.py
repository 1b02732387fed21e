"""The background thread that carries packets from the outbox to the API, in order.

Started by run_logger.py; takes from outbox.py, sends through courier.py. What the API cannot take
now is sent again until close()'s deadline; what it refuses is counted, and said once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from training_client.courier import Courier, GivenUp
from training_client.delivery import Tally
from training_client.errors import Refused
from training_client.message import OPENING, Kind, Packet
from training_client.outbox import Outbox
from training_client.replay import deliver
from training_client.restore import close_gaps

log = logging.getLogger("training_client")


class Sender:
    def __init__(
        self, outbox: Outbox, courier: Courier, tally: Tally, before_run: Callable[[str], None]
    ) -> None:
        """before_run is called with a run's id, on the sender's thread, before it is opened."""
        self._outbox = outbox
        self._courier = courier
        self._tally = tally
        self._before_run = before_run
        self._run_id = ""  # the current one
        self._thread = threading.Thread(target=self._run, name="training-client", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """After Outbox.close: send what is left within timeout_s."""
        self._courier.deadline = time.monotonic() + timeout_s
        self._courier.nudge()
        self._thread.join(timeout_s + 0.2)

    def _run(self) -> None:
        try:
            while True:
                packet = self._outbox.take(wait=not self._courier.was_away)
                if packet is not None:
                    self._send(packet)
                elif self._courier.was_away:  # and all that waited meanwhile is sent
                    self._courier.was_away = False
                    self._close_gaps()
                else:
                    break
        except GivenUp:
            pass
        self._courier.close()

    def _send(self, packet: Packet) -> None:
        if packet.kind in OPENING:
            self._open(packet.run_id)
        keep = False
        try:
            outcome = deliver(self._courier, packet, self._outbox.file)
            self._tally.add(delivered=outcome.delivered, refused=outcome.refused)
            keep = outcome.keep
        except GivenUp:
            raise
        except Exception:
            log.exception("training log: %d messages could not be sent", packet.messages)
            self._tally.add(refused=packet.messages if packet.kind is Kind.EPISODE else 0)
            keep = True
        self._outbox.settle(packet, keep)

    def _open(self, run_id: str) -> None:
        self._run_id = run_id
        try:
            self._before_run(run_id)
        except GivenUp:
            raise
        except Exception:
            log.exception("training log: what was left behind could not be sent")

    def _close_gaps(self) -> None:
        """What the server may have lost while it was away is sent again."""
        try:
            close_gaps(self._courier, self._outbox.file, self._run_id)
        except (Refused, sqlite3.Error) as error:
            log.warning("the gaps of run %s stay open: %s", self._run_id, error)
