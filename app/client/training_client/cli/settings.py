"""Which API to ask with which key, and the retries of a read. Called by the commands."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from training_client.backoff import Backoff
from training_client.connection import chosen_key, chosen_url
from training_client.errors import Refused, Unavailable
from training_client.transport import Transport

_KEY_FILE_MAX = 4096  # bytes
_ATTEMPTS = 4  # of a read, before it counts as failed

T = TypeVar("T")


class Failure(Exception):
    """Ends the command: one sentence for the person who called it, and the exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def base_url(options: argparse.Namespace) -> str:
    return chosen_url(options.url)


def connect(options: argparse.Namespace, timeout_s: float = 30.0) -> Transport:
    """A transport from --url and --api-key-file, or TRAINING_URL and TRAINING_API_KEY."""
    key = chosen_key(_key_of(options.api_key_file) if options.api_key_file else None)
    try:
        return Transport(base_url(options), key, timeout_s)
    except Refused as refusal:
        raise Failure(f"{base_url(options)}: {refusal.detail}", 2) from refusal


def _key_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(_KEY_FILE_MAX + 1)
    except OSError as error:
        raise Failure(f"--api-key-file {file}: {error.strerror}", 2) from error
    words = text.split()
    if len(text) > _KEY_FILE_MAX or len(words) != 1 or not text.isascii():
        raise Failure(f"--api-key-file {file}: it must hold one key and nothing else", 2)
    return words[0].decode()


def persist(read: Callable[[], T]) -> T:
    """read(), and a few times again while the API is away; for what is safe to repeat."""
    backoff = Backoff(0.2, 2.0)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return read()
        except Unavailable as reason:
            wait_s = backoff.next_s(reason.retry_after_s)
            if attempt == _ATTEMPTS or wait_s > 10.0:
                raise
            time.sleep(wait_s)
    raise AssertionError("not reached")


def explain(error: Refused | Unavailable, url: str) -> str:
    """What went wrong and what to do, in one sentence."""
    if isinstance(error, Unavailable) and str(error).startswith("it answers"):
        return f"the training API at {url} is there, but not ready ({error}); try again later"
    if isinstance(error, Unavailable):
        return (
            f"the training API at {url} does not answer ({error}); is --url or TRAINING_URL right?"
        )
    faults = "; ".join(f"{fault.field}: {fault.message}" for fault in error.faults[:5])
    sentence = f"{error.detail} ({faults})" if faults else error.detail
    if error.status == 401:
        return f"{sentence} Set TRAINING_API_KEY, or give --api-key-file."
    return sentence
