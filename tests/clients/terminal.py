"""A terminal for a program under test: what it shows is kept, and Ctrl-C can be typed."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
from typing import Any


class Terminal:
    """25 lines."""

    def __init__(self, columns: int = 120) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        self._kept: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def streams(self) -> dict[str, Any]:
        """For Popen: the terminal is the program's own, so that Ctrl-C reaches it."""
        return {
            "stdin": self._theirs, "stdout": self._theirs, "stderr": self._theirs,
            "start_new_session": True,
            "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        }  # fmt: skip

    @property
    def shown(self) -> str:
        return b"".join(self._kept).decode("utf-8", "replace")

    def type_ctrl_c(self) -> None:
        os.write(self._ours, b"\x03")

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # nobody has the other end any more
                return
            if not data:
                return
            self._kept.append(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._theirs)
        self._reader.join(30)
        os.close(self._ours)
