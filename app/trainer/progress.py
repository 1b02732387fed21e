"""How far the training is: a bar on a terminal, plain lines elsewhere. Called by trainer.py."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from types import TracebackType

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from episode_loop import Episode

_RECENT = 1000  # episodes in the figures shown
_BAR_REFRESH_S = 0.2
_LINES = 10  # plain lines in a whole training


def _is_terminal() -> bool:
    """True when stderr is a terminal with room for a bar."""
    return sys.stderr.isatty() and min(os.get_terminal_size(sys.stderr.fileno())) > 0


class Progress:
    """Give it every episode; it decides when to show something. Writes to stderr."""

    def __init__(self, timesteps: int, quiet: bool) -> None:
        self._timesteps = timesteps
        self._rewards: deque[float] = deque(maxlen=_RECENT)
        self._wins: deque[float] = deque(maxlen=_RECENT)
        self._bar: tqdm[None] | None = None
        self._quiet = quiet
        self._shown_at = 0.0
        self._next_line = timesteps // _LINES
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Progress:
        if not self._quiet and _is_terminal():
            self._bar = self._stack.enter_context(
                tqdm(total=self._timesteps, unit="step", dynamic_ncols=True)
            )
            self._stack.enter_context(logging_redirect_tqdm())  # log lines above the bar
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def show(self, episode: Episode) -> None:
        self._rewards.append(episode.total_reward)
        self._wins.append(episode.win is True)
        if self._bar is not None:
            self._show_bar(self._bar, episode)
        elif not self._quiet and episode.timesteps >= self._next_line:
            self._next_line += max(self._timesteps // _LINES, 1)
            percent = min(100 * episode.timesteps // self._timesteps, 100)
            print(f"{percent:3d} %  {self._figures(episode)}", file=sys.stderr, flush=True)

    def _show_bar(self, bar: tqdm[None], episode: Episode) -> None:
        now = time.monotonic()
        done = min(episode.timesteps, self._timesteps)
        if now - self._shown_at < _BAR_REFRESH_S and done < self._timesteps:
            return
        self._shown_at = now
        bar.set_postfix_str(self._figures(episode), refresh=False)
        bar.update(done - bar.n)

    def _figures(self, episode: Episode) -> str:
        reward = sum(self._rewards) / len(self._rewards)
        wins = sum(self._wins) / len(self._wins)
        return (
            f"episode {episode.number}, last {len(self._wins)}: mean reward {reward:+.3f},"
            f" wins {wins:.1%}, epsilon {episode.epsilon:.2f}"
        )
