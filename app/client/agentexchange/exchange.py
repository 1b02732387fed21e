"""The course of one call: send, read, wait, send again. Pure: it says what to do and does nothing.

The clients carry the steps out, each in its own way of waiting. Next: errors.py, answers.py.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import httpx
from training_client.backoff import Backoff

from agentexchange.calls import Call
from agentexchange.errors import (
    AgentExchangeError,
    RateLimitError,
    UnavailableError,
    error_of_answer,
    error_without_answer,
    no_api,
)

T = TypeVar("T")

Outcome = httpx.Response | httpx.HTTPError | httpx.InvalidURL  # of sending
_REPEATED = frozenset({0, 408, 425, 429, 502, 503, 504})  # statuses; 0: there was no answer


@dataclass(frozen=True)
class Retries:
    """How often and how long a call is tried again. Waits double up to 5 s, with jitter."""

    attempts: int = 5  # requests in all; 1: never again
    within_s: float = 30.0  # no attempt is begun later than this after the first
    first_wait_s: float = 0.2


def exchange(call: Call[T], retries: Retries) -> Generator[Call[T] | float, Outcome | None, T]:
    """Yields the call to be sent (and is sent its outcome) or seconds to wait; returns the answer.

    Raises AgentExchangeError. Any call may be repeated: calls.py says why.
    """
    give_up_at = time.monotonic() + retries.within_s
    backoff = Backoff(first_s=retries.first_wait_s, most_s=5.0)
    attempt = 1
    while True:
        outcome = yield call
        assert outcome is not None
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return _read(call, outcome)
        error = _error(call, outcome)
        wait_s = backoff.next_s(error.retry_after_s)
        too_late = time.monotonic() + wait_s > give_up_at
        if not _may_repeat(error) or attempt >= retries.attempts or too_late:
            raise error from (None if isinstance(outcome, httpx.Response) else outcome)
        yield wait_s
        attempt += 1


def _read(call: Call[T], response: httpx.Response) -> T:
    try:
        return call.read(response)
    except (ValueError, TypeError, AttributeError, RecursionError) as reason:
        raise no_api(response) from reason


def _error(call: Call[T], outcome: Outcome) -> AgentExchangeError:
    if isinstance(outcome, httpx.Response):
        return error_of_answer(outcome, call.first_item)
    return error_without_answer(outcome)


def _may_repeat(error: AgentExchangeError) -> bool:
    return isinstance(error, RateLimitError | UnavailableError) and error.status in _REPEATED
