"""The calls of /api/v1/training as values: what to send, and how to read its answer. Pure.

One function a method of the clients. Every call here may be sent again when its answer did not
come: reads change nothing, and writes name what they write - a run by an id that is made on this
side, an episode by its number - so that a repeat stores the same thing once. Completing a run
twice is completing it once.

Called by client.py and async_client.py. Next: exchange.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from training_client.payload import object_json

from agentexchange.answers import (
    Answer,
    Comparison,
    LearningCurve,
    TrainingRun,
    TrainingRunDetail,
    TrainingRunList,
    TrainingRunPage,
)
from agentexchange.requests import (
    BatchedEpisode,
    CurveOptions,
    EpisodeReport,
    NewRun,
    RunFilter,
    RunId,
    checked,
)

T = TypeVar("T")
A = TypeVar("A", bound=Answer)
Params = dict[str, str]

BATCH_EPISODES_MAX = 1000  # the API takes no more in one request
_RUNS = "/api/v1/training/runs"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and the reader of its answer, which raises when it is not the API's."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Params | None = None
    body: bytes | None = None
    first_item: int = 0  # of a batch: the place of its first episode in what the caller gave


def register(run_id: RunId | None, members: NewRun) -> Call[TrainingRun]:
    """Without a run_id it is made here, once, so that repeats register the same run."""
    body = object_json({"run_id": str(run_id or uuid.uuid4()), **checked(NewRun, members)})
    return Call("POST", _RUNS, _object(TrainingRun), body=body)


def report(run_id: RunId, episode_number: int, members: EpisodeReport) -> Call[TrainingRun]:
    body = object_json({"episode_number": episode_number, **checked(EpisodeReport, members)})
    return Call("POST", f"{_run(run_id)}/episodes", _object(TrainingRun), body=body)


def report_batches(
    run_id: RunId, episodes: Iterable[BatchedEpisode]
) -> Iterator[Call[TrainingRun]]:
    """Requests of up to 1000 episodes, taken from episodes as they are needed; at least one."""
    path = f"{_run(run_id)}/episodes/batch"
    waiting = iter(episodes)
    first_item = 0
    while True:
        batch = [
            _given(checked(BatchedEpisode, one)) for one in islice(waiting, BATCH_EPISODES_MAX)
        ]
        if batch or first_item == 0:
            body = object_json({"episodes": batch})
            yield Call("POST", path, _object(TrainingRun), body=body, first_item=first_item)
        if len(batch) < BATCH_EPISODES_MAX:
            return
        first_item += len(batch)


def complete(run_id: RunId) -> Call[TrainingRun]:
    return Call("POST", f"{_run(run_id)}/complete", _object(TrainingRun))


def list_runs(filters: RunFilter) -> Call[TrainingRunList]:
    return Call("GET", _RUNS, _runs, params=_params(checked(RunFilter, filters)))


def runs_behind(page: TrainingRunList) -> Call[TrainingRunList] | None:
    """The next page; None behind the last one."""
    return Call("GET", _RUNS, _runs, params=page.next_page) if page.next_page else None


def page_of_runs(filters: RunFilter) -> Call[TrainingRunPage]:
    def read(response: httpx.Response) -> TrainingRunPage:
        runs = _runs(response)
        return TrainingRunPage({"runs": [run.to_dict() for run in runs], "total": runs.total})

    return Call("GET", _RUNS, read, params=_params(checked(RunFilter, filters)))


def get_run(run_id: RunId) -> Call[TrainingRunDetail]:
    return Call("GET", _run(run_id), _object(TrainingRunDetail))


def get_curve(run_id: RunId, options: CurveOptions) -> Call[LearningCurve]:
    named = checked(CurveOptions, options)
    params = _params({name.removesuffix("_episode"): value for name, value in named.items()})
    return Call("GET", f"{_run(run_id)}/learning-curve", _object(LearningCurve), params=params)


def compare(run_ids: RunId | Iterable[RunId]) -> Call[Comparison]:
    ids = [run_ids] if isinstance(run_ids, str | uuid.UUID) else run_ids
    params = {"run_ids": ",".join(str(run_id) for run_id in ids)}
    return Call("GET", "/api/v1/training/compare", _object(Comparison), params=params)


def _run(run_id: RunId) -> str:
    """The run's path. No id may lead out of it."""
    text = str(run_id)
    if text.strip(".") == "":
        raise ValueError(f"{text!r} is no run's id")
    return f"{_RUNS}/{quote(text, safe='')}"


def _params(members: Mapping[str, object]) -> Params:
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in members.items()
        if value is not None
    }


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _object(kind: type[A]) -> Callable[[httpx.Response], A]:
    def read(response: httpx.Response) -> A:
        members = response.json()
        if not isinstance(members, dict):
            raise ValueError("the answer is no object")
        return kind(members)

    return read


def _runs(response: httpx.Response) -> TrainingRunList:
    listed = response.json()
    if not isinstance(listed, list):
        raise ValueError("the answer is no list")
    runs = TrainingRunList(TrainingRun(members) for members in listed)
    total = response.headers.get("X-Total-Count", "")
    runs.total = int(total) if total.isdecimal() else None
    behind = response.links.get("next", {}).get("url")
    runs.next_page = dict(parse_qsl(urlsplit(behind).query)) if behind else None
    return runs
