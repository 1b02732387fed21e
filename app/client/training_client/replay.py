"""Sends what a dead logger left behind, and deletes its spool when nothing is left in it.

Called by sender.py (the next logger in the folder) and sync.py. Uses courier.py and restore.py.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from training_client.courier import Courier, Outcome
from training_client.errors import Refused
from training_client.message import Packet
from training_client.restore import close_gaps, restore_run
from training_client.spool_file import SpoolFile
from training_client.spool_folder import Spool, left_behind

log = logging.getLogger("training_client")


def about(url: str, api_key: str | None, mode: str) -> dict[str, str]:
    """What a spool tells of its logger. The key is not in it, only what tells it from others."""
    key = hashlib.sha256((api_key or "").encode("utf-8", "backslashreplace")).hexdigest()[:16]
    printable = url.encode("utf-8", "backslashreplace").decode()  # what SQLite can hold
    return {"url": printable, "key": key, "mode": mode}


def deliver(courier: Courier, packet: Packet, file: SpoolFile) -> Outcome:
    """Courier.deliver; a run that the API does not know any more is made again first."""
    try:
        return courier.deliver(packet, file.is_free)
    except Refused as refusal:
        try:
            restore_run(courier, file, packet.run_id)
            return courier.deliver(packet, file.is_free)
        except Refused:
            return courier.give_up_run(packet, refusal)


def replay(
    spool: Spool, courier: Courier, progress: Callable[[int], None] | None = None
) -> Outcome:
    """Send all of a spool, and close it; progress hears of messages. Raises GivenUp, sqlite3.Error.

    What is refused with its run is kept in the file; sync tries it again.
    """
    file = spool.file
    delivered = refused = 0
    keep = False
    try:
        while (packet := file.next()) is not None:
            courier.is_old(packet.run_id)
            outcome = deliver(courier, packet, file)
            if outcome.keep:
                file.refuse(packet)
            else:
                file.sent(packet)
            delivered, refused = delivered + outcome.delivered, refused + outcome.refused
            if progress is not None:
                progress(packet.messages)
        for run_id in file.run_ids():
            try:
                close_gaps(courier, file, run_id)
            except Refused as refusal:
                log.warning("the gaps of run %s stay open: %s", run_id, refusal)
        keep = file.refused() > 0
    except BaseException:
        keep = True
        raise
    finally:
        if keep:
            spool.close()
        else:
            spool.delete()
    return Outcome(delivered, refused, keep)


def replay_folder(folder: Path, like: dict[str, str], run_id: str, courier: Courier) -> None:
    """Send what earlier loggers left for the same API and key, before run_id goes on.

    Offline spools wait for sync, but for those of this very run: its episodes are to arrive in the
    order in which they were played. Raises GivenUp.
    """
    for spool in left_behind(folder):
        told, wanted = {}, False
        try:
            told = spool.file.about
            same = all(told.get(name) == like[name] for name in ("url", "key"))
            ours = told.get("mode") != "offline" or run_id in spool.file.run_ids()
            wanted = same and ours and not (spool.file.refused() and not spool.file.waiting())
            if wanted:
                sent = replay(spool, courier).delivered
                log.info("%d episodes that an earlier process had left were sent", sent)
        except sqlite3.Error as error:
            log.warning("the spool %s cannot be read: %s", spool.stem, error)
        finally:
            if not wanted:
                spool.close()
