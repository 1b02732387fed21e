"""A run's Server-Sent Events, across breaks. Called by runs_watch.py. Next: transport.py."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from training_client.backoff import Backoff
from training_client.cli.api import path_of
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.transport import Transport

_SILENCE_S = 45.0  # the gateway says something every 15 s; three times nothing: it is gone
_LINE_MAX = 16 * 1024 * 1024  # characters of one event; the gateway's are far smaller
_SETTLED_S = 10.0  # a stream that held so long ends a row of failures


@dataclass(frozen=True)
class Event:
    """What the stream says; of our own are "open": it is there (again), and "beat": it still is.

    resumed, of an "open": what was missed comes now, or a "reset" when it is not to be had.
    """

    name: str
    data: Any = None
    seq: str | None = None
    resumed: bool = False


def parse(pieces: Iterable[bytes]) -> Iterator[tuple[str, str, str | None]]:
    """(event, data, id) of each event; ("", "", None) of a comment. WHATWG HTML, section 9.2.6."""
    name, last_id = "message", None
    data: list[str] = []
    for line in _lines(pieces):
        if line == "":
            if data:
                yield name, "\n".join(data), last_id
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "":
            yield "", "", None
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
            if sum(map(len, data)) > _LINE_MAX:
                raise Unavailable("an event without an end")
        elif field == "id" and "\0" not in value:
            last_id = value


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Lines end with LF or CRLF, as the gateway and nginx write them."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    parts: list[str] = []
    size = 0
    for piece in pieces:
        text = decoder.decode(piece)
        *ended, rest = text.split("\n")
        for line in ended:
            parts.append(line)
            yield "".join(parts).removesuffix("\r")
            parts, size = [], 0
        parts.append(rest)
        size += len(rest)
        if size > _LINE_MAX:
            raise Unavailable("a line without an end")


class EventStream:
    """Iterate over it: events of one run, for as long as the run can be listened to.

    A break is told to on_break(reason, seconds until the next attempt). Raises Refused when the
    run or the key is not (or no longer) good, Unavailable when the API was away for patience_s.
    """

    def __init__(
        self,
        transport: Transport,
        run_id: str,
        patience_s: float,
        on_break: Callable[[TrainingClientError, float], None],
    ) -> None:
        self._transport = transport
        self._path = path_of(run_id, "events")
        self._patience_s = patience_s
        self._on_break = on_break
        self._last_id: str | None = None
        self._backoff = Backoff(0.2, 5.0)

    def __iter__(self) -> Iterator[Event]:
        heard_at = time.monotonic()
        while True:
            opened_at: float | None = None
            reason: Unavailable
            try:
                for event in self._listen():
                    if opened_at is None:
                        opened_at = time.monotonic()
                    heard_at = time.monotonic()
                    yield event
                reason = Unavailable("it ended" if opened_at else "the event gateway is away")
            except Unavailable as broken:
                reason = broken
            now = time.monotonic()
            if opened_at is not None and now - opened_at > _SETTLED_S:
                self._backoff.reset()
            if now - heard_at > self._patience_s:
                raise reason
            wait_s = self._backoff.next_s(reason.retry_after_s)
            self._on_break(reason, wait_s)
            time.sleep(min(wait_s, max(heard_at + self._patience_s - now, 0.0) + 0.1))

    def _listen(self) -> Iterator[Event]:
        """One connection's events. "open" comes with its first sign of life."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id is not None:
            headers["Last-Event-ID"] = self._last_id
        with self._transport.stream(self._path, None, headers, _SILENCE_S) as answer:
            kind = answer.header("Content-Type") or ""
            if not kind.startswith("text/event-stream"):
                raise Refused(0, "what answers is not a training API (no event stream)")
            told = False
            for name, text, last_id in parse(answer.pieces()):
                if not told:
                    told = True
                    yield Event("open", resumed="Last-Event-ID" in headers)
                elif name == "":
                    yield Event("beat")
                if name == "":
                    continue
                try:
                    data = json.loads(text)
                except ValueError as error:
                    raise Unavailable("an event that is no JSON") from error
                yield Event(name, data, last_id)
                if last_id is not None:
                    self._last_id = last_id
