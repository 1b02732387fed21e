"""What stands behind one logger: its spool, the outbox over it, and the sender, put together.

Called by run_logger.py. Next: outbox.py.
"""

from __future__ import annotations

import logging
from pathlib import Path

from training_client.backoff import Backoff
from training_client.courier import Courier
from training_client.delivery import Delivery, Tally
from training_client.message import Kind
from training_client.outbox import Left, Outbox
from training_client.replay import about, replay_folder
from training_client.sender import Sender
from training_client.spool_folder import Spool, default_folder, new_spool
from training_client.transport import Transport

log = logging.getLogger("training_client")


class Dispatch:
    def __init__(
        self, url: str, api_key: str | None, folder: Path | None, *, offline: bool,
        queue_size: int, spool_bytes: int, linger_s: float, timeout_s: float, backoff: Backoff,
    ) -> None:  # fmt: skip
        """folder: of the spools; None: the default one. offline: nothing is sent, all is kept."""
        self._about = about(url, api_key, "offline" if offline else "online")
        self._courier = Courier(lambda: Transport(url, api_key, timeout_s), url, backoff)
        self.tally = Tally()
        self._outbox = Outbox(self._new_spool(folder), queue_size, spool_bytes, linger_s)
        self._sender: Sender | None = None
        if not offline:
            self._sender = Sender(self._outbox, self._courier, self.tally, self._before_run)

    def _new_spool(self, folder: Path | None) -> Spool | None:
        try:
            folder = default_folder() if folder is None else folder
            return new_spool(folder, self._about)
        except Exception as error:  # of many kinds; the training goes on without a spool
            log.warning(
                "the spool folder %s cannot be used (%s): what waits is kept in memory only, and"
                " does not survive this process", folder or "", error,
            )  # fmt: skip
            return None

    def _before_run(self, run_id: str) -> None:
        if self._outbox.folder is not None:
            replay_folder(self._outbox.folder, self._about, run_id, self._courier)

    @property
    def folder(self) -> Path | None:
        """Where the spool is; None: in memory."""
        return self._outbox.folder

    @property
    def delivery(self) -> Delivery:
        return self.tally.so_far(len(self._outbox))

    def stopped(self, run_id: str) -> bool:
        """Somebody else ended the run."""
        return self._courier.stopped(run_id)

    def ends(self, run_id: str) -> None:
        """This process ends the run."""
        self._courier.ends(run_id)

    def post(self, kind: Kind, run_id: str, body: bytes, wait_s: float) -> bool:
        """False when there was no room for it within wait_s."""
        return self._outbox.put(kind, run_id, body, wait_s)

    def flush(self, timeout_s: float) -> bool:
        """True when all so far was answered (offline: is on the disk) within timeout_s."""
        self._courier.nudge()
        return self._outbox.flush(timeout_s, stored=self._sender is None)

    def close(self, timeout_s: float) -> Left:
        """Send what is left within timeout_s. What stays in the spool."""
        self._outbox.close()
        if self._sender is not None:
            self._sender.close(timeout_s)
        return self._outbox.finish()
