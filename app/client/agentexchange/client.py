"""AgentExchangeClient: the training API of one server, with one key.

Each method is a call of calls.py carried out by exchange.py; this file only sends and waits.
Async twin: async_client.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from training_client.connection import chosen_key, chosen_url, connection_options

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
from agentexchange.errors import bad_settings
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
C = TypeVar("C")

_JSON = {"Content-Type": "application/json"}


def connect(kind: Callable[..., C], api_key: str | None, base_url: str, timeout_s: float) -> C:
    """An httpx client of this kind. Raises AgentExchangeError when the URL or key cannot work."""
    key = chosen_key(api_key)
    try:
        return kind(**connection_options(base_url, key, timeout_s, "agentexchange/0.1"))
    except (httpx.InvalidURL, UnicodeError, ValueError) as reason:
        raise bad_settings(reason) from reason


def request_arguments(call: Call[Any]) -> dict[str, Any]:
    """What httpx.Client.request and its async twin take."""
    return {
        "method": call.method,
        "url": call.path,
        "params": call.params,
        "content": call.body,
        "headers": _JSON if call.body is not None else None,
    }


class AgentExchangeClient:
    """Registers, reports and reads training runs.

        with AgentExchangeClient(api_key="ak_live_...") as client:
            run = client.register_training_run(config={"algorithm": "PPO"})
            run = client.report_training_episode(run.run_id, 1, roi_pct=3.7)
            print(run.status, run["episodes_completed"])

    api_key and base_url default to TRAINING_API_KEY and TRAINING_URL. Every call waits for its
    answer and is repeated a few times, within `retries`, when there was none or the server asked to
    come back (429, 503 …): all of them may be sent twice. What fails then raises a subclass of
    AgentExchangeError. One client may be used by many threads at once; after a fork, make another.
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
        self._http: httpx.Client = connect(httpx.Client, api_key, self.base_url, timeout_s)
        self._retries = retries or Retries()

    def register_training_run(
        self, run_id: RunId | None = None, **members: Unpack[NewRun]
    ) -> TrainingRun:
        """Open a run. The same run_id again gives the stored run; without one, it is made here.

        Raises ConflictError when a run of this id has another config or strategy_id.
        """
        return self._send(calls.register(run_id, members))

    def report_training_episode(
        self, run_id: RunId, episode_number: int, **metrics: Unpack[EpisodeReport]
    ) -> TrainingRun:
        """Report a finished episode, numbered from 1; the same number again replaces it."""
        return self._send(calls.report(run_id, episode_number, metrics))

    def report_training_episodes(
        self, run_id: RunId, episodes: Iterable[BatchedEpisode]
    ) -> TrainingRun:
        """Report many episodes, in requests of up to 1000, each stored as a whole or not at all.

        An error says which episode was wrong by its place, from 0, in what was given; the requests
        before that one are stored. Repeating everything is harmless.
        """
        batches = calls.report_batches(run_id, episodes)
        run = self._send(next(batches))
        for batch in batches:
            run = self._send(batch)
        return run

    def complete_training_run(self, run_id: RunId) -> TrainingRun:
        """End a run `completed`; again changes nothing.

        Raises ConflictError when it has ended otherwise.
        """
        return self._send(calls.complete(run_id))

    def list_training_runs(self, **filters: Unpack[RunFilter]) -> TrainingRunList:
        """One page of the runs, newest start first: a list, whose `total` counts all pages."""
        return self._send(calls.list_runs(filters))

    def iter_training_runs(self, **filters: Unpack[RunFilter]) -> Iterator[TrainingRun]:
        """All runs, page by page as they are needed; none is skipped while others are added."""
        page: Call[TrainingRunList] | None = calls.list_runs(filters)
        while page is not None:
            runs = self._send(page)
            yield from runs
            page = calls.runs_behind(runs)

    def get_training_runs(self, **filters: Unpack[RunFilter]) -> TrainingRunPage:
        """One page of the runs as an object: {"runs": [...], "total": number}."""
        return self._send(calls.page_of_runs(filters))

    def get_training_run(self, run_id: RunId) -> TrainingRunDetail:
        """One run with its episodes, statistics and learning curve."""
        return self._send(calls.get_run(run_id))

    def get_learning_curve(self, run_id: RunId, **options: Unpack[CurveOptions]) -> LearningCurve:
        """One metric over the episodes, raw and smoothed."""
        return self._send(calls.get_curve(run_id, options))

    def compare_training_runs(self, run_ids: RunId | Iterable[RunId]) -> Comparison:
        """Up to 50 runs side by side, in this order; ids without a run are in `missing`."""
        return self._send(calls.compare(run_ids))

    def close(self) -> None:
        """Close the connections. The client is of no use afterwards."""
        self._http.close()

    def __enter__(self) -> AgentExchangeClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _send(self, call: Call[T]) -> T:
        steps = exchange(call, self._retries)
        outcome: Outcome | None = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = None
                if isinstance(step, Call):
                    outcome = self._attempt(step)
                else:
                    time.sleep(step)
        except StopIteration as end:
            answer: T = end.value
            return answer

    def _attempt(self, call: Call[T]) -> Outcome:
        try:
            return self._http.request(**request_arguments(call))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return error
