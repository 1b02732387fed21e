"""Whether somebody wants the training to end: a signal, or a word on a pipe. Called by train.py."""

from __future__ import annotations

import os
import select
import signal
import stat
from types import FrameType

_LINE_MAX = 64  # bytes; no command is longer


class Stop:
    """Ctrl-C, SIGTERM, or what started us through a pipe: `stop` on it, or its end.

    The training ends after its episode. A second signal ends it at once.
    """

    def __init__(self, control: int = 0) -> None:
        """control is a file descriptor; only a pipe or a socket is listened to."""
        self.signal = 0
        self._asked = False
        self._training = True
        self._line = b""
        self._control: int | None = control if _is_pipe(control) else None
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self.signal or not self._training:
            raise KeyboardInterrupt
        self.signal = signum

    @property
    def wanted(self) -> bool:
        """Does not wait."""
        while self._control is not None and select.select([self._control], [], [], 0)[0]:
            self._read(self._control)
        return self._asked or self.signal != 0

    def _read(self, control: int) -> None:
        try:
            data = os.read(control, 4096)
        except OSError:
            data = b""
        if not data:
            self._asked = True
            self._control = None
            return
        *lines, rest = (self._line + data).split(b"\n")
        self._asked = self._asked or any(line.strip() == b"stop" for line in lines)
        self._line = rest[:_LINE_MAX]

    def training_ended(self) -> None:
        """From here on each signal ends what is still waited for."""
        self._training = False

    @property
    def exit_code(self) -> int:
        """128 + the signal, or 0."""
        return 128 + self.signal if self.signal else 0


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
