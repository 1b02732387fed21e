"""Where the API is and how it is reached: URL, key, timeouts, proxies.

Used by transport.py and by the two clients of agentexchange.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TypedDict
from urllib.parse import urlsplit

import httpx

from training_client.settings import DEFAULT_URL as DEFAULT_URL

_CONNECT_MAX_S = 3.0
_PLACEHOLDER_END = "..."  # documents print ak_live_... where a key belongs; no key has a dot


class ConnectionOptions(TypedDict):
    """What httpx.Client and httpx.AsyncClient are made with."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout
    trust_env: bool


def connection_options(
    base_url: str, api_key: str | None, timeout_s: float, agent: str
) -> ConnectionOptions:
    """agent: what to call ourselves in the User-Agent header."""
    headers = {"Accept": "application/json", "User-Agent": agent}
    if api_key:
        headers["X-API-Key"] = api_key
    return {
        "base_url": base_url,
        "headers": headers,
        "timeout": timeout(timeout_s),
        "trust_env": not _is_loopback(base_url),  # a proxy cannot reach our own loopback
    }


def timeout(timeout_s: float) -> httpx.Timeout:
    """timeout_s for each stage of a request, less for making the connection."""
    return httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_MAX_S))


def chosen_url(given: str | None) -> str:
    """The URL that was given, else TRAINING_URL, else this machine's port 8000."""
    return (given or os.environ.get("TRAINING_URL") or DEFAULT_URL).rstrip("/")


def chosen_key(given: str | None) -> str | None:
    """The key that was given, else TRAINING_API_KEY, else none.

    A document's placeholder (it ends in "...") counts as not given: examples run as printed.
    """
    key = (given or "").strip()
    if not key or key.endswith(_PLACEHOLDER_END):
        key = os.environ.get("TRAINING_API_KEY", "").strip()
    return key or None


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
