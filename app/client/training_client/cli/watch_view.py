"""A run that is watched, as a person sees it: live on a terminal, as lines elsewhere.

Called by runs_watch.py. Next: watch_state.py.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from training_client.cli import screen
from training_client.cli.event_stream import Event
from training_client.cli.sparkline import sparkline
from training_client.cli.watch_state import WINDOW, WatchState
from training_client.errors import TrainingClientError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_FRAMES_A_SECOND = 5


class View:
    """What a watched run is shown by. Leaving the block gives the terminal back."""

    def __enter__(self) -> View:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def changed(self, event: Event) -> None:
        """The state has taken in this event."""

    def broken(self, reason: TrainingClientError, wait_s: float) -> None:
        """The stream broke off, and is tried again in wait_s."""

    def close(self) -> None:
        """Nothing more will come."""


def count_of(state: WatchState) -> str:
    if not state.planned:
        return f"{state.done:,} episodes"
    return f"{state.done:,}/{state.planned:,} episodes {100 * state.done / state.planned:.0f} %"


def pace_of(state: WatchState) -> list[str]:
    """The rate and the time left, as far as they are known."""
    if state.ended:
        return ["took " + screen.duration(screen.run_seconds(state.run))]
    rate, left_s = state.rate(), state.left_s()
    pace = [] if rate is None else [f"{screen.number(rate, 3)} episodes/s"]
    return pace if left_s is None else [*pace, f"{screen.duration(left_s)} left"]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


class BreakSayer:
    """Says on stderr that the stream broke off: once a break, not at every attempt."""

    def __init__(self) -> None:
        self._said = False

    def broken(self, reason: TrainingClientError) -> None:
        if not self._said:
            self._said = True
            screen.say(f"the event stream broke off ({reason}); it is tried again")

    def whole(self) -> None:
        if self._said:
            self._said = False
            screen.say("the event stream is back")


class LinesView(View):
    """A line every so many seconds at most, and one at the end."""

    def __init__(self, state: WatchState, every_s: float) -> None:
        self._state = state
        self._every_s = every_s
        self._breaks = BreakSayer()
        self._said_at: float | None = None
        self._said = ""

    def changed(self, event: Event) -> None:
        self._breaks.whole()
        now = time.monotonic()
        due = self._said_at is None or now - self._said_at >= self._every_s
        if (due or self._state.ended) and (line := self._line()) != self._said:
            self._said_at, self._said = now, line
            print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

    def broken(self, reason: TrainingClientError, wait_s: float) -> None:
        self._breaks.broken(reason)

    def _line(self) -> str:
        state = self._state
        status = "deleted" if state.deleted else state.status
        means = [
            f"{screen.clean(name)} {screen.number(_mean(values))}"
            for name, values in state.latest().items()
        ]
        words = [
            screen.clean(state.run["run_id"]),
            status,
            count_of(state),
            *pace_of(state),
            *means,
        ]
        return "  ".join(words)


class LiveView(View):
    """A bar and the rolling means, drawn again some times a second."""

    def __init__(self, state: WatchState, console: Console, blocks: bool) -> None:
        from rich.live import Live

        self._state = state
        self._console = console
        self._blocks = blocks
        self._lock = threading.Lock()  # rich draws from a thread of its own
        self._trouble = ""
        self._shown: RenderableType = "waiting for the event stream"
        self._live = Live(
            console=console, get_renderable=self._draw, refresh_per_second=_FRAMES_A_SECOND
        )

    def __enter__(self) -> View:
        self._live.start()
        return self

    def changed(self, event: Event) -> None:
        with self._lock:
            self._trouble = ""

    def broken(self, reason: TrainingClientError, wait_s: float) -> None:
        with self._lock:
            self._trouble = f"no connection ({screen.clean(reason)}); again in {wait_s:.1f} s"

    def close(self) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        with self._lock:
            return frame(self._state, self._trouble, self._console.width, self._blocks)


def frame(state: WatchState, trouble: str, width: int, blocks: bool) -> RenderableType:
    """What a terminal shows of the run now."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    if not state.run:
        return Text(trouble or "waiting for the event stream", style="dim")
    status = "deleted" if state.deleted else state.status
    head = screen.text(state.run["run_id"], "bold")
    head.append("  ")
    head.append(status, style=screen.STATUS_STYLE.get(status, "bold red"))
    head.append(f"  {screen.clean(state.run['agent_id'])}  {screen.clean(state.run['algorithm'])}")
    words = "  ".join([count_of(state), *pace_of(state)])
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(
            total=state.planned,
            completed=min(state.done, state.planned or state.done),
            width=max(min(width - len(words) - 2, 40), 4),
            pulse=state.planned is None and not state.ended,
        ),
        words,
    )
    parts: list[RenderableType] = [head, bar]
    latest = state.latest()
    if latest:
        parts.append(_means(latest, width, blocks))
    if trouble:
        parts.append(Text(trouble, style="yellow"))
    return Group(*parts)


def _means(latest: dict[str, list[float]], width: int, blocks: bool) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_row("", f"mean of {WINDOW}", "last", "", style="dim")
    for name, values in latest.items():
        points = [(float(at), value) for at, value in enumerate(values)]
        table.add_row(
            screen.text(name),
            screen.number(_mean(values)),
            screen.number(values[-1]),
            sparkline(points, max(min(width - 56, 50), 8), blocks),
        )
    return table
