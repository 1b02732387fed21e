"""AsyncAgentExchangeClient: the twin of client.py for asyncio. What the calls mean is said there.

Each method is a call of calls.py carried out by exchange.py; this file only sends and waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import httpx
from training_client.connection import chosen_url

from agentexchange import calls
from agentexchange.answers import (
    Comparison,
    LearningCurve,
    TrainingRun,
    TrainingRunDetail,
    TrainingRunList,
    TrainingRunPage,
)
from agentexchange.calls import Call
from agentexchange.client import connect, request_arguments
from agentexchange.exchange import Outcome, Retries, exchange
from agentexchange.requests import (
    BatchedEpisode,
    CurveOptions,
    EpisodeReport,
    NewRun,
    RunFilter,
    RunId,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


class AsyncAgentExchangeClient:
    """AgentExchangeClient for asyncio: the same calls, awaited.

        async with AsyncAgentExchangeClient() as client:
            run = await client.get_training_run("run_abc123")

    One client serves any number of tasks of one event loop.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 10.0,
        retries: Retries | None = None,
    ) -> None:
        """timeout_s: for each attempt. retries: how many, and for how long altogether."""
        self.base_url = chosen_url(base_url)
        self._http: httpx.AsyncClient = connect(
            httpx.AsyncClient, api_key, self.base_url, timeout_s
        )
        self._retries = retries or Retries()

    async def register_training_run(
        self, run_id: RunId | None = None, **members: Unpack[NewRun]
    ) -> TrainingRun:
        return await self._send(calls.register(run_id, members))

    async def report_training_episode(
        self, run_id: RunId, episode_number: int, **metrics: Unpack[EpisodeReport]
    ) -> TrainingRun:
        return await self._send(calls.report(run_id, episode_number, metrics))

    async def report_training_episodes(
        self, run_id: RunId, episodes: Iterable[BatchedEpisode]
    ) -> TrainingRun:
        batches = calls.report_batches(run_id, episodes)
        run = await self._send(next(batches))
        for batch in batches:
            run = await self._send(batch)
        return run

    async def complete_training_run(self, run_id: RunId) -> TrainingRun:
        return await self._send(calls.complete(run_id))

    async def list_training_runs(self, **filters: Unpack[RunFilter]) -> TrainingRunList:
        return await self._send(calls.list_runs(filters))

    async def iter_training_runs(self, **filters: Unpack[RunFilter]) -> AsyncIterator[TrainingRun]:
        page: Call[TrainingRunList] | None = calls.list_runs(filters)
        while page is not None:
            runs = await self._send(page)
            for run in runs:
                yield run
            page = calls.runs_behind(runs)

    async def get_training_runs(self, **filters: Unpack[RunFilter]) -> TrainingRunPage:
        return await self._send(calls.page_of_runs(filters))

    async def get_training_run(self, run_id: RunId) -> TrainingRunDetail:
        return await self._send(calls.get_run(run_id))

    async def get_learning_curve(
        self, run_id: RunId, **options: Unpack[CurveOptions]
    ) -> LearningCurve:
        return await self._send(calls.get_curve(run_id, options))

    async def compare_training_runs(self, run_ids: RunId | Iterable[RunId]) -> Comparison:
        return await self._send(calls.compare(run_ids))

    async def close(self) -> None:
        """Close the connections. The client is of no use afterwards."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncAgentExchangeClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    async def _send(self, call: Call[T]) -> T:
        steps = exchange(call, self._retries)
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = None
                if isinstance(step, Call):
                    outcome = await self._attempt(step)
                else:
                    await asyncio.sleep(step)
        except StopIteration as end:
            answer: T = end.value
            return answer

    async def _attempt(self, call: Call[T]) -> Outcome:
        try:
            return await self._http.request(**request_arguments(call))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return error
