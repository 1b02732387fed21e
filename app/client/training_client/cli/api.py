"""The API's reads that several commands need. Called by the commands. Next: transport.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from training_client.cli.settings import Failure, persist
from training_client.transport import Transport

DOCUMENTS = "/api/training-runs"
V1 = "/api/v1/training"
PAGE = 500  # the most that the API lists at once
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


def path_of(run_id: str, *more: str) -> str:
    """/api/training-runs/{id}/…, whatever the id holds."""
    if not run_id.strip("."):
        raise Failure(f"{run_id!r} is no run's id", 2)
    return "/".join((DOCUMENTS, quote(run_id, safe=""), *more))


def v1_path_of(run_id: str, *more: str) -> str:
    return V1 + "/runs" + path_of(run_id, *more).removeprefix(DOCUMENTS)


def pages(
    transport: Transport, path: str, params: dict[str, str | int], limit: int
) -> tuple[list[Any], int | None]:
    """Up to limit items of a paged list, and how many there are in all (when the API says so)."""
    items: list[Any] = []
    total: int | None = None
    wanted: Mapping[str, str | int] | None = {**params, "limit": min(limit, PAGE)}
    while wanted is not None and len(items) < limit:
        answer, headers = persist(partial(transport.get_page, path, wanted))
        if not isinstance(answer, list):
            raise Failure("what answers is not a training API")
        items += answer
        count = headers.get("X-Total-Count")
        if total is None and count is not None and count.isdecimal():
            total = int(count)
        following = _NEXT.search(headers.get("Link") or "")
        # Only what the next page is asked for is taken, not the address: the key goes to ours.
        wanted = dict(parse_qsl(urlsplit(following[1]).query)) if following and answer else None
    return items[:limit], total


def compared(transport: Transport, run_ids: list[str]) -> dict[str, Any]:
    """The runs with their statistics and configs; Failure naming those that do not exist."""
    answer = persist(lambda: transport.get(V1 + "/compare", {"run_ids": ",".join(run_ids)}))
    missing = [str(run_id) for run_id in answer["missing"]]
    if missing:
        raise Failure("there is no run " + ", ".join(missing))
    found: dict[str, Any] = answer
    return found


def document(transport: Transport, run: dict[str, Any]) -> dict[str, Any]:
    """The RunDocument, without its episodes, of a run of compared()."""
    found: dict[str, Any] = persist(
        lambda: transport.get(path_of(run["run_id"]), {"metrics": "none"})
    )
    return found
