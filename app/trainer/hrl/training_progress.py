"""How far the training is: a bar on a terminal, plain lines elsewhere. Called by train.py."""

from __future__ import annotations

import contextlib
import math
import sys
from collections import deque
from types import TracebackType

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from hierarchy import Life

_RECENT = 10  # episodes in the figures shown
_LINES = 20  # plain lines in a whole training


class Progress:
    """Give it every episode; it decides when to show something. Lines go to stdout."""

    def __init__(self, episodes: int) -> None:
        self._episodes = episodes
        self._recent: deque[Life] = deque(maxlen=_RECENT)
        self._bar: tqdm[None] | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._bar = self._stack.enter_context(
                tqdm(total=self._episodes, unit="episode", dynamic_ncols=True)
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

    def show(self, number: int, life: Life) -> None:
        """Episode number, counted from 1, came out like this."""
        self._recent.append(life)
        every = max(self._episodes // _LINES, 1)
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures(), refresh=False)
            self._bar.update()
        elif number % every == 0 or number == self._episodes:
            print(f"episode {number}/{self._episodes}: {self._figures()}", flush=True)

    def recent_reward(self) -> float:
        """The mean of the last few episodes."""
        return math.fsum(life.total_reward for life in self._recent) / len(self._recent)

    def _figures(self) -> str:
        lives, count = self._recent, len(self._recent)
        return (
            f"last {count}: mean reward {self.recent_reward():+.2f},"
            f" months {sum(life.steps for life in lives) / count:.1f},"
            f" stability {sum(life.stability for life in lives) / count:.1%},"
            f" goals kept {sum(life.goal_adherence for life in lives) / count:.1%}"
        )
