"""training runs watch. Called by main.py. Next: event_stream.py, watch_state.py, watch_view.py."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from training_client.cli import screen
from training_client.cli.api import compared, document, path_of
from training_client.cli.event_stream import Event, EventStream
from training_client.cli.settings import connect, persist
from training_client.cli.watch_state import WINDOW, WatchState
from training_client.cli.watch_view import BreakSayer, LinesView, LiveView, View
from training_client.errors import TrainingClientError
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
            _follow(transport, run_id, state, view, options.patience)
    return _DELETED if state.deleted else _STATUS_CODES[state.status]


def _follow(
    transport: Transport, run_id: str, state: WatchState, view: View, patience_s: float
) -> None:
    """Until the run has ended. The stream is opened first: what is read then misses nothing."""
    for event in EventStream(transport, run_id, patience_s, view.broken):
        if event.name in ("open", "reset"):
            _read(transport, run_id, state)
        else:
            state.hear(event.name, event.data)
            if state.ended and not state.deleted:
                _read(transport, run_id, state)  # what came with the end, and late
        view.changed(event)
        # After a break the run may be known to have ended before its last events were told.
        telling = event.name == "episodes" or (event.name == "open" and event.resumed)
        if state.ended and not telling:
            return


def _read(transport: Transport, run_id: str, state: WatchState) -> None:
    whole = document(transport, compared(transport, [run_id])["runs"][0])
    highest = persist(lambda: transport.get(path_of(run_id, "gaps")))["highest"] or 0
    after: dict[str, str | int] = {"after": max(highest - WINDOW, 0), "limit": WINDOW}
    page = persist(lambda: transport.get(path_of(run_id, "episodes"), after))
    state.read(whole, page["episodes"])


def _view(state: WatchState, options: argparse.Namespace) -> View:
    if options.json:
        return JsonView(state)
    if sys.stdout.isatty():
        return LiveView(state, screen.console(), screen.draws_blocks(options))
    return LinesView(state, options.every)
