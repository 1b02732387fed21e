"""What the API has lost, or never had, is sent again from the spool: `gaps` tells what is missing.

A server that was put back to an older state, or a run that is not there any more. Called by
sender.py when the API is back after an outage, and by replay.py. Uses courier.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from training_client.courier import RUNS, Courier, number_of
from training_client.errors import Refused
from training_client.message import EPISODES_MAX
from training_client.spool_file import SpoolFile

log = logging.getLogger("training_client")

Missing = Callable[[int], bool]  # of an episode's number


def close_gaps(courier: Courier, file: SpoolFile, run_id: str) -> int:
    """Send again what the API lacks of the run's sent episodes; how many that were.

    Raises GivenUp and Refused.
    """
    if courier.refuses(run_id):
        return 0
    try:
        missing = _missing(courier.request("GET", f"{RUNS}/{run_id}/gaps"))
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return restore_run(courier, file, run_id)
    return _send_again(courier, file, run_id, missing)


def restore_run(courier: Courier, file: SpoolFile, run_id: str) -> int:
    """Make a run again that the API does not know any more, with the episodes that were sent."""
    opening = file.opening(run_id)
    if opening is None:
        raise Refused(404, "there is no such run, and nothing here to make it again from")
    log.warning("the training API does not know run %s any more: it is made again", run_id)
    if courier.deliver(opening, lambda _: None).keep:
        return 0
    return _send_again(courier, file, run_id, lambda number: True)


def _send_again(courier: Courier, file: SpoolFile, run_id: str, missing: Missing) -> int:
    sent = 0
    for lines in _batches(file, run_id, missing):
        sent += courier.send_episodes(run_id, lines).delivered
    if sent:
        log.warning("the training API lacked %d episodes of run %s: sent again", sent, run_id)
    return sent


def _batches(file: SpoolFile, run_id: str, missing: Missing) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for packet in file.sent_episodes(run_id):
        batch += [line for line in packet.lines() if missing(number_of(line))]
        while len(batch) >= EPISODES_MAX:
            yield batch[:EPISODES_MAX]
            del batch[:EPISODES_MAX]
    if batch:
        yield batch


def _missing(gaps: object) -> Missing:
    """Out of {"missing":[[from,to],…],"highest":n}: both ends included, and all after highest."""
    try:
        assert isinstance(gaps, dict)
        ranges = [(int(low), int(high)) for low, high in gaps["missing"]]
        highest = int(gaps["highest"])
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise Refused(0, f"the gaps are not understood ({error!r})") from error
    return lambda number: number > highest or any(low <= number <= high for low, high in ranges)
