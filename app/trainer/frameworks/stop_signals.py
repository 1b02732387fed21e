"""Ctrl-C and SIGTERM end a training after its step; a second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


class StopSignals:
    def __init__(self, stop: Callable[[], None]) -> None:
        """stop is called at the first signal, on the main thread, between two of its operations."""
        self._stop = stop
        self.signal = 0
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        self._stop()

    @property
    def exit_code(self) -> int:
        """128 + the signal, or 0."""
        return 128 + self.signal if self.signal else 0
