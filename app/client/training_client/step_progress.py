"""How far a training is: SB3's kind of bar (tqdm.rich) on a terminal, plain lines elsewhere.

Used by the callbacks. The run's URL and its summary are not here: the logger says those.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import deque
from typing import Any

_RECENT = 100  # episodes in the mean reward shown, as in rollout/ep_rew_mean
_BAR_REFRESH_S = 0.2
_LINES = 10  # plain lines in a whole training
_LINE_EVERY_S = 30.0  # and at least one in this time


class StepProgress:
    """Give it every episode and the steps played; it decides when to show something, on stderr."""

    def __init__(self, total_steps: int, start: int = 0) -> None:
        """start: steps that were played in an earlier training."""
        self._total = total_steps
        self._start = start
        self._steps = start
        self._episodes = 0
        self._rewards: deque[float] = deque(maxlen=_RECENT)
        self._line_every = max((total_steps - start) // _LINES, 1)
        self._next_line = start + self._line_every
        self._shown_at = time.monotonic()
        self._bar = _bar(total_steps, start)

    def episode(self, number: int, total_reward: float) -> None:
        self._episodes = number
        self._rewards.append(total_reward)

    def at(self, steps: int) -> None:
        """steps have been played so far, those of an earlier training included."""
        self._steps = steps
        now = time.monotonic()
        if self._bar is not None:
            if now - self._shown_at >= _BAR_REFRESH_S:
                self._show_bar(now)
        elif steps >= self._next_line or now - self._shown_at >= _LINE_EVERY_S:
            lines = (steps - self._start) // self._line_every
            self._next_line = self._start + self._line_every * (lines + 1)
            self._shown_at = now
            self._show_line()

    def close(self) -> None:
        """Show the end, and leave the terminal as it was."""
        if self._bar is not None:
            self._show_bar(time.monotonic())
            self._bar.close()
            self._bar = None

    def _show_bar(self, now: float) -> None:
        self._shown_at = now
        self._bar.set_description_str(self._figures(), refresh=False)
        self._bar.update(self._steps - self._bar.n)
        self._bar.refresh()

    def _show_line(self) -> None:
        percent = min(100 * self._steps // max(self._total, 1), 100)
        line = f"{percent:3d} %  {self._steps} of {self._total} steps, {self._figures()}"
        print(line, file=sys.stderr, flush=True)

    def _figures(self) -> str:
        if not self._rewards:
            return "no episode has ended"
        mean = sum(self._rewards) / len(self._rewards)
        return f"episode {self._episodes}, mean reward {mean:.2f} (last {len(self._rewards)})"


def _bar(total: int, start: int) -> Any:
    """A bar of tqdm.rich, else of plain tqdm; None without a terminal that has room, or tqdm."""
    try:
        if not sys.stderr.isatty() or min(os.get_terminal_size(sys.stderr.fileno())) == 0:
            return None
    except (OSError, ValueError, AttributeError):
        return None
    shown = {"total": total, "initial": start, "unit": "step", "dynamic_ncols": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm.rich calls itself experimental
            from rich.console import Console
            from tqdm.rich import tqdm as rich_tqdm

            return rich_tqdm(**shown, options={"console": Console(stderr=True)})
    except ImportError:
        pass
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(**shown)
