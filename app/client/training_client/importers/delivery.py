"""Sends a found run to the API: the same run again changes nothing. Called by the command line.

Next: transport.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from training_client.backoff import Backoff
from training_client.errors import Refused, Unavailable
from training_client.importers.names import WELL_KNOWN, WHOLE
from training_client.importers.source import Episode, FoundRun
from training_client.payload import plain
from training_client.transport import Transport, encode

_RUNS = "/api/training-runs"
_BATCH = 1000
_BATCH_BYTES = 4 * 1024 * 1024  # half of what the API takes
_CONFIG_MAX = 256 * 1024
_NOTES_MAX = 65_536
_NAME_MAX = 256
_TAGS_MAX, _TAG_MAX = 32, 128
_ATTEMPTS = 10
_NARROWING = (413, 422)


@dataclass
class Receipt:
    """What became of a run's episodes."""

    run_id: str
    sent: int = 0
    inserted: int = 0
    replaced: int = 0
    refused: int = 0
    status: str = ""


def send(
    transport: Transport, run: FoundRun, run_id: str | None, told: Callable[[int], None]
) -> Receipt:
    """Create the run if it is not there, report its episodes, then its status.

    run_id: the caller's choice, else the one of its content. told: episodes that were sent. Raises
    Refused or Unavailable; sending again goes on from wherever that was.
    """
    receipt = Receipt(run_id or run.run_id)
    stored = _create(transport, run, receipt.run_id, chosen=run_id is not None)
    receipt.run_id = stored["run_id"]
    path = f"{_RUNS}/{quote(receipt.run_id, safe='')}"
    for batch in _batches(run.episodes()):
        _report(transport, path, batch, run, receipt)
        told(len(batch))
    change: dict[str, Any] = {"metadata": {"imported": _imported(run)}}
    receipt.status = stored["status"]
    if run.status != "running" and stored["status"] == "running":
        change["status"] = receipt.status = run.status
    elif stored["status"] not in ("running", run.status):
        run.findings.add(f"the status {run.status}: here the run is {stored['status']}")
    _ask(transport, "PATCH", path, encode(change))
    return receipt


def _create(transport: Transport, run: FoundRun, run_id: str, chosen: bool) -> dict[str, Any]:
    body = {"run_id": run_id, **_members(run), "metadata": {"imported": _imported(run)}}
    try:
        stored = _ask(transport, "POST", _RUNS, encode(body))
    except Refused as refusal:
        if refusal.status != 409 or "config" not in body or chosen:
            raise
        del body["config"]
        stored = _ask(transport, "POST", _RUNS, encode(body))
        run.findings.add("the config: it is another one than at the last import; that stays")
    if not isinstance(stored, dict) or not isinstance(stored.get("metadata"), dict):
        raise Refused(0, "what answers is not a training API")
    origin = stored["metadata"].get("imported")
    identity = origin.get("identity") if isinstance(origin, dict) else None
    if identity != _identity(run):
        raise Refused(0, f"there is another run {run_id}, which was not imported from these files")
    return stored


def _members(run: FoundRun) -> dict[str, Any]:
    """What the API takes when a run is made; what it does not take is in the findings."""
    members: dict[str, Any] = {}
    for name, value in (("agent_id", run.agent_id), ("algorithm", run.algorithm)):
        if value:
            members[name] = _cut(value, _NAME_MAX)
    config = plain(run.config)
    if config and len(json.dumps(config, ensure_ascii=False).encode()) <= _CONFIG_MAX:
        members["config"] = config
    elif config:
        run.findings.add(f"the config: more than {_CONFIG_MAX} bytes")
    tags = list(dict.fromkeys(tag for tag in run.tags if tag))
    short = [tag for tag in tags if len(tag.encode()) <= _TAG_MAX][:_TAGS_MAX]
    if len(short) < len(tags):
        run.findings.add(
            f"tags: at most {_TAGS_MAX} of at most {_TAG_MAX} bytes", "", len(tags) - len(short)
        )
    if short:
        members["tags"] = short
    if run.notes:
        members["notes"] = _cut(run.notes, _NOTES_MAX)
        if members["notes"] != run.notes:
            run.findings.add(f"notes: cut at {_NOTES_MAX} bytes")
    return members


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").replace("\0", " ")


def _identity(run: FoundRun) -> str:
    return f"{run.kind} {run.identity}"


def _imported(run: FoundRun) -> dict[str, Any]:
    """Kept as metadata.imported: where the run is from, and when it was."""
    renamed = {name: metric for name, metric in run.names.items() if name != metric}
    source = {key: value for key, value in run.metadata.items() if value is not None}
    found: dict[str, Any] = plain({**source, "names": renamed})
    return {"identity": _identity(run), "kind": run.kind, **found}


def _batches(episodes: Iterator[Episode]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for episode in episodes:
        report = _body(episode)
        if batch and (len(batch) >= _BATCH or size + len(report) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(report)
        size += len(report) + 1
    if batch:
        yield batch


def _body(episode: Episode) -> bytes:
    number, values = episode
    report: dict[str, Any] = {"episode": number}
    custom = {name: value for name, value in values.items() if name not in WELL_KNOWN}
    for name, value in values.items():
        if name in WELL_KNOWN:
            report[name] = int(value) if name in WHOLE else value
    if custom:
        report["metrics"] = custom
    return encode(plain(report))


def _report(
    transport: Transport, path: str, batch: list[bytes], run: FoundRun, receipt: Receipt
) -> None:
    """Send a batch; what of it the API refuses by name is left out and told."""
    while batch:
        body = b'{"episodes":[' + b",".join(batch) + b"]}"
        try:
            answer = _ask(transport, "POST", path + "/episodes", body)
        except Refused as refusal:
            faults = {at: why for at, why in refusal.faults_by_item().items() if at < len(batch)}
            if refusal.status not in _NARROWING or not faults:
                raise
            for at, why in faults.items():
                number = json.loads(batch[at])["episode"]
                run.findings.add("an episode that the API refuses", f"episode {number}: {why}")
            receipt.refused += len(faults)
            batch = [report for at, report in enumerate(batch) if at not in faults]
            continue
        receipt.sent += len(batch)
        receipt.inserted += answer["inserted"]
        receipt.replaced += answer["replaced"]
        return


def _ask(transport: Transport, method: str, path: str, body: bytes) -> Any:
    """Send until it is answered, for a while: everything here may be sent twice."""
    backoff = Backoff(0.2, 5.0)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return transport.send(method, path, body)
        except Unavailable as reason:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(backoff.next_s(reason.retry_after_s))
    raise AssertionError("not reached")
