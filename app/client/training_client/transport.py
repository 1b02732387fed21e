"""One HTTP request to the training API: its answer, or one of errors.py's two exceptions.

Called by courier.py (writes) and by trainers that read a run back.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from training_client.errors import Fault, Refused, Unavailable

_RETRY_AFTER_MAX_S = 300.0
_RETRY_STATUSES = frozenset({408, 425, 429})  # and every 5xx


class Transport:
    """A kept-alive connection to one API with one key. Not for use by two threads at once."""

    def __init__(self, base_url: str, api_key: str | None, timeout_s: float = 10.0) -> None:
        """Raises Refused when the URL or the key can never work."""
        headers = {"Accept": "application/json", "User-Agent": "training-client/0.1"}
        if api_key:
            headers["X-API-Key"] = api_key
        try:
            self._client = httpx.Client(
                base_url=base_url,
                headers=headers,
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
                trust_env=not _is_loopback(base_url),  # a proxy cannot reach our own loopback
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
        return self._send("GET", path, None, params, self._timeout_s)

    def send(
        self, method: str, path: str, body: bytes | None, timeout_s: float | None = None
    ) -> Any:
        """Send a JSON text, or nothing; the answer's JSON value."""
        wait_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        return self._send(method, path, body, None, max(wait_s, 0.05))

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str | int] | None,
        timeout_s: float,
    ) -> Any:
        try:
            response = self._client.request(
                method,
                path,
                content=body,
                params=params,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise Refused(0, f"the URL or the key is not usable ({error})") from error
        except httpx.HTTPError as error:
            raise Unavailable(str(error) or type(error).__name__) from error
        return _answer(response)


def _answer(response: httpx.Response) -> Any:
    status = response.status_code
    if status >= 500 or status in _RETRY_STATUSES:
        retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
        raise Unavailable(f"it answers {status}", retry_after_s, slow_down=status == 429)
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


def _retry_after_s(header: str | None) -> float | None:
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


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> bytes:
    """Compact JSON in one line; what is no JSON value raises TypeError or ValueError."""
    return _ENCODER.encode(value).encode("utf-8", "strict")
