"""What a call can fail with: one base, a subclass for each thing that a program would do about it.

Made by exchange.py from an answer, or from what kept one from coming. Every class is also a
training_client.TrainingClientError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
from training_client.errors import Fault, TrainingClientError
from training_client.transport import retry_after_s

_ITEM = re.compile(r"\bepisodes\[(\d+)\]")


class AgentExchangeError(TrainingClientError):
    """A call that did not succeed."""

    code: str  # for programs, never renamed by the API: "run_not_found", "validation_failed" …
    message: str  # for people
    status: int  # of HTTP; 0 when there was no answer
    request_id: str | None  # finds the request in the server's logs
    errors: tuple[Fault, ...]  # each wrong member of the request: field and message
    details: tuple[Fault, ...]  # the same, under the API's older name

    def __init__(
        self,
        message: str,
        *,
        code: str = "error",
        status: int = 0,
        request_id: str | None = None,
        errors: tuple[Fault, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.errors = self.details = errors
        self.retry_after_s = retry_after_s  # what the server asked for, if it did

    def __str__(self) -> str:
        known = (
            str(self.status) if self.status else "",
            self.code,
            f"request {self.request_id}" if self.request_id else "",
        )
        more = "".join(f"\n  {fault.field}: {fault.message}" for fault in self.errors[1:])
        return f"{self.message} ({', '.join(part for part in known if part)}){more}"

    def __reduce__(self) -> tuple[Any, ...]:  # an exception with keywords is not picklable else
        return (type(self), (self.message,), self.__dict__)


class AuthError(AgentExchangeError):
    """401 or 403: the key is missing, wrong, revoked, or lacks a scope."""


class NotFoundError(AgentExchangeError):
    """404: this account has no such run."""


class ConflictError(AgentExchangeError):
    """409: the id belongs to a run with another config, or the run has ended otherwise."""


class ValidationError(AgentExchangeError):
    """400, 413, 415 or 422: the request is wrong, and nothing of it was stored. See errors."""


class RateLimitError(AgentExchangeError):
    """429, still after the last retry: fewer requests, please. See retry_after_s."""


class UnavailableError(AgentExchangeError):
    """5xx, 408, 425 or no answer at all, still after the last retry."""


_BY_STATUS: Mapping[int, type[AgentExchangeError]] = {
    400: ValidationError,
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    408: UnavailableError,
    409: ConflictError,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    425: UnavailableError,
    429: RateLimitError,
}


def error_without_answer(reason: httpx.HTTPError | httpx.InvalidURL) -> AgentExchangeError:
    """No connection, no answer in time, or a URL that can never have one."""
    if isinstance(reason, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return bad_settings(reason)
    if isinstance(reason, httpx.LocalProtocolError):  # its text would show the key
        return bad_settings(ValueError("it cannot be sent in a header"))
    code = "timeout" if isinstance(reason, httpx.TimeoutException) else "no_connection"
    return UnavailableError(f"no answer: {reason or type(reason).__name__}", code=code)


def bad_settings(reason: Exception) -> AgentExchangeError:
    return AgentExchangeError(f"the URL or the key is not usable: {reason}", code="bad_settings")


def no_api(response: httpx.Response) -> AgentExchangeError:
    return AgentExchangeError(
        "what answers is not a training API", code="not_the_api", status=response.status_code
    )


def error_of_answer(response: httpx.Response, first_item: int = 0) -> AgentExchangeError:
    """The API's own words out of its problem+json; the bare status from anything else.

    first_item: the place of the request's first episode in what the caller gave, to which the
    places in the error are then counted.
    """
    status = response.status_code
    kind = _BY_STATUS.get(status, UnavailableError if status >= 500 else AgentExchangeError)
    problem = _problem(response)
    listed = problem.get("errors")
    return kind(
        _moved(str(problem.get("detail") or response.reason_phrase or "refused"), first_item),
        code=str(problem.get("code") or f"http_{status}"),
        status=status,
        request_id=problem.get("request_id") or response.headers.get("X-Request-Id"),
        errors=tuple(
            Fault(_moved(str(fault.get("field", "")), first_item), str(fault.get("message", "")))
            for fault in (listed if isinstance(listed, list) else [])
            if isinstance(fault, dict)
        ),
        retry_after_s=retry_after_s(response.headers.get("Retry-After")),
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _moved(text: str, first_item: int) -> str:
    if first_item == 0:
        return text
    return _ITEM.sub(lambda match: f"episodes[{int(match.group(1)) + first_item}]", text)
