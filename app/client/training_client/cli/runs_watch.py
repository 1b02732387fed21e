"""training runs watch. Called by main.py. Next: event_stream.py, watch_state.py, watch_view.py."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from training_client.backoff import Backoff
from training_client.cli import screen
from training_client.cli.api import V1, compared, document, path_of
from training_client.cli.event_stream import Event, EventStream
from training_client.cli.settings import connect
from training_client.cli.watch_state import WINDOW, WatchState
from training_client.cli.watch_view import BreakSayer, LinesView, LiveView, View
from training_client.errors import Refused, TrainingClientError, Unavailable
from training_client.transport import Transport

_STATUS_CODES = {"completed": 0, "failed": 1, "stopped": 3}
_DELETED = 4


class JsonView(View):
    """A JSON value a line: what the stream says, between the run as it was and as it ended."""

    def __init__(self, state: WatchState) -> None:
        self._state = state
        self._breaks = BreakSayer()
        self._began = False

    def changed(self, event: Event) -> None:
        self._breaks.whole()
        if event.name == "open" and not self._began:
            self._began = True
            self._write("run", None, self._state.run)
        elif event.name not in ("open", "beat"):
            self._write(event.name, event.seq, event.data)

    def broken(self, reason: TrainingClientError, wait_s: float) -> None:
        self._breaks.broken(reason)

    def close(self) -> None:
        if self._state.ended:
            status = "deleted" if self._state.deleted else self._state.status
            self._write("end", None, {"status": status, "episodes": self._state.done})

    def _write(self, name: str, seq: str | None, data: Any) -> None:
        print(
            json.dumps({"event": name, "seq": int(seq) if seq else None, "data": data}), flush=True
        )


def run(options: argparse.Namespace) -> int:
    state = WatchState(time.monotonic)
    with connect(options) as transport:
        run_id = str(compared(transport, [options.run])["runs"][0]["run_id"])
        with _view(state, options) as view:
            _Follower(transport, run_id, state, view, options.patience).follow()
    return _DELETED if state.deleted else _STATUS_CODES[state.status]


class _Follower:
    """Keeps the state in step with the run, over breaks of the stream and of the API."""

    def __init__(
        self, transport: Transport, run_id: str, state: WatchState, view: View, patience_s: float
    ) -> None:
        self._transport = transport
        self._run_id = run_id
        self._state = state
        self._view = view
        self._patience_s = patience_s

    def follow(self) -> None:
        """Until the run has ended. The stream is opened first: what is read then misses nothing."""
        state = self._state
        for event in self._events():
            if event.name in ("open", "reset"):
                self._read_patiently()
            else:
                state.hear(event.name, event.data)
                if state.ended and not state.deleted:
                    self._read_patiently()  # what came with the end, and late
            self._view.changed(event)
            # After a break the run may be known to have ended before its last events were told.
            telling = event.name == "episodes" or (event.name == "open" and event.resumed)
            if state.ended and not telling:
                return

    def _events(self) -> Iterator[Event]:
        """The stream's, and an end to it when the run was deleted during a break."""
        try:
            yield from EventStream(
                self._transport, self._run_id, self._patience_s, self._view.broken
            )
        except Refused as refusal:
            if refusal.status != 404 or not self._state.run:
                raise
            self._state.deleted = True
            yield Event("beat")

    def _read_patiently(self) -> None:
        """The gateway is there; the API or its database may be away for a while."""
        backoff = Backoff(0.2, 5.0)
        until = time.monotonic() + self._patience_s
        while True:
            try:
                self._read()
                return
            except Unavailable as reason:
                wait_s = backoff.next_s(reason.retry_after_s)
                if time.monotonic() + wait_s > until:
                    raise
                self._view.broken(reason, wait_s)
                time.sleep(wait_s)

    def _read(self) -> None:
        found = self._transport.get(V1 + "/compare", {"run_ids": self._run_id})["runs"]
        if not found:
            self._state.deleted = True
            return
        whole = document(self._transport, found[0])
        highest = self._transport.get(path_of(self._run_id, "gaps"))["highest"] or 0
        after: dict[str, str | int] = {"after": max(highest - WINDOW, 0), "limit": WINDOW}
        page = self._transport.get(path_of(self._run_id, "episodes"), after)
        self._state.read(whole, page["episodes"])


def _view(state: WatchState, options: argparse.Namespace) -> View:
    if options.json:
        return JsonView(state)
    if sys.stdout.isatty():
        return LiveView(state, screen.console(), screen.draws_blocks(options))
    return LinesView(state, options.every)
