"""One HTTP request to the training API: its answer, or one of errors.py's two exceptions.

Called by courier.py (writes), by the command line (reads, downloads, event streams) and by trainers
that read a run back.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import httpx

from training_client.connection import connection_options, timeout
from training_client.errors import Fault, Refused, Unavailable

_RETRY_AFTER_MAX_S = 300.0
_RETRY_STATUSES = frozenset({408, 425, 429})  # and every 5xx
_ERROR_BODY_MAX = 64 * 1024  # of an answer that is read as a stream


class Streamed:
    """An answer whose body is read piece by piece; made by Transport.stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def header(self, name: str) -> str | None:
        value = self._response.headers.get(name)
        return None if value is None else str(value)

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives, decompressed."""
        return self._response.iter_bytes()

    def close(self) -> None:
        """End it early; another thread's pieces() then ends with Unavailable."""
        self._response.close()


class Transport:
    """A kept-alive connection to one API with one key. Not for use by two threads at once."""

    def __init__(self, base_url: str, api_key: str | None, timeout_s: float = 10.0) -> None:
        """Raises Refused when the URL or the key can never work."""
        try:
            self._client = httpx.Client(
                **connection_options(base_url, api_key, timeout_s, "training-client/0.1")
            )
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise Refused(0, f"the URL or the key is not usable ({error})") from error
        self._timeout_s = timeout_s

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """The JSON value at path."""
        return _answer(self._send("GET", path, None, params, self._timeout_s))

    def get_page(
        self, path: str, params: Mapping[str, str | int] | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """The JSON value at path, and the answer's headers (X-Total-Count, Link), names as sent."""
        response = self._send("GET", path, None, params, self._timeout_s)
        return _answer(response), response.headers

    @contextmanager
    def stream(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        silence_s: float | None = None,
    ) -> Iterator[Streamed]:
        """GET path and read its body in the block: a download, or an event stream.

        silence_s: how long it may say nothing (the transport's timeout by default). A break in the
        block is Unavailable; so is an answer that ends before its end.
        """
        quiet_s = self._timeout_s if silence_s is None else silence_s
        timeout = httpx.Timeout(self._timeout_s, connect=min(self._timeout_s, 3.0), read=quiet_s)
        try:
            with self._client.stream(
                "GET", path, params=params, headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    _answer(_bounded(response))
                yield Streamed(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise Refused(0, f"the URL or the key is not usable ({error})") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Unavailable(str(error) or type(error).__name__) from error

    def send(
        self, method: str, path: str, body: bytes | None, timeout_s: float | None = None
    ) -> Any:
        """Send a JSON text, or nothing; the answer's JSON value."""
        wait_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        return _answer(self._send(method, path, body, None, max(wait_s, 0.05)))

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str | int] | None,
        timeout_s: float,
    ) -> httpx.Response:
        try:
            return self._client.request(
                method,
                path,
                content=body,
                params=params,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=timeout(timeout_s),
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise Refused(0, f"the URL or the key is not usable ({error})") from error
        except httpx.HTTPError as error:
            raise Unavailable(str(error) or type(error).__name__) from error


def _bounded(response: httpx.Response) -> httpx.Response:
    """A streamed answer that is an error, read as far as a message can be long."""
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _ERROR_BODY_MAX:
            break
    return httpx.Response(
        response.status_code,
        headers={
            name: response.headers[name] for name in ("Retry-After",) if name in response.headers
        },
        content=body,
    )


def _answer(response: httpx.Response) -> Any:
    status = response.status_code
    if status >= 500 or status in _RETRY_STATUSES:
        wait_s = retry_after_s(response.headers.get("Retry-After"))
        raise Unavailable(f"it answers {status}", wait_s, slow_down=status == 429)
    if not response.is_success:
        raise _refusal(response)
    if not response.content:
        return None
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise Refused(0, "what answers is not a training API (no JSON)") from error


def _refusal(response: httpx.Response) -> Refused:
    """The API's own words out of its problem+json; the bare status from anything else."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict):
        return Refused(response.status_code, response.reason_phrase or "refused")
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase
    listed = problem.get("errors")
    faults = tuple(
        Fault(str(fault.get("field", "")), str(fault.get("message", "")))
        for fault in (listed if isinstance(listed, list) else [])
        if isinstance(fault, dict)
    )
    return Refused(response.status_code, str(detail), faults)


def retry_after_s(header: str | None) -> float | None:
    """Seconds out of a Retry-After header, which is a number of seconds or a date."""
    if header is None:
        return None
    try:
        wait_s = float(header)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(wait_s, 0.0), _RETRY_AFTER_MAX_S) if wait_s == wait_s else None


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> bytes:
    """Compact JSON in one line; what is no JSON value raises TypeError or ValueError."""
    return _ENCODER.encode(value).encode("utf-8", "strict")
