"""Two files that take turns: a message is in one of them before the trainer's call returns.

What was written is the kernel's, so it survives the death of this process (kill -9), at the price
of one write(); nothing is forced to the disk here, which is spool_file.py's part. While one file is
written, the other's messages are moved into the SQLite file, and it is emptied.
Owned by spool_folder.py, written by outbox.py. Next: spool_file.py.
"""

from __future__ import annotations

import ctypes
import os
import zlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote

from training_client.message import Kind, Message

# Not os.write: that lets go of the interpreter's lock, and the background threads, which wait for
# it, would do their work inside the trainer's call. This only copies into the page cache.
_write = ctypes.PyDLL(None, use_errno=True).write
_write.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
_write.restype = ctypes.c_ssize_t

SUFFIXES = (".log0", ".log1")


class Journal:
    """Not thread-safe, but for forget(), which touches the resting file alone."""

    def __init__(self, stem: Path) -> None:
        """Open both files, and make what is missing. Raises OSError."""
        self._files: list[int] = []
        self._active = 0
        try:
            for suffix in SUFFIXES:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._files.append(os.open(f"{stem}{suffix}", flags, 0o600))
        except OSError:
            self.close()
            raise

    @property
    def first_file(self) -> int:
        """The descriptor that spool_folder.py locks."""
        return self._files[0]

    def write(self, message: Message) -> None:
        """Append the message to the active file. Raises OSError; then write no more before turn."""
        line = _line(message)
        if _write(self._files[self._active], line, len(line)) != len(line):
            raise OSError(ctypes.get_errno(), "the journal cannot be written")

    def turn(self) -> None:
        """From here on the other file is written. It must be empty."""
        self._active = 1 - self._active

    def forget(self) -> None:
        """Empty the file that is not written now: SQLite has its messages."""
        resting = self._files[1 - self._active]
        os.ftruncate(resting, 0)
        os.lseek(resting, 0, os.SEEK_SET)

    def read(self) -> list[Message]:
        """The whole messages of both files, in their order. What is torn or garbled is left out."""
        lines = [line for file in self._files for line in _content(file).split(b"\n")[:-1]]
        messages = [message for line in lines if (message := _parse(line)) is not None]
        return sorted(messages, key=lambda message: message.seq)

    def close(self) -> None:
        """Of a lock on the first file, too."""
        while self._files:
            os.close(self._files.pop())


def _content(file: int) -> bytes:
    # Not through a second descriptor: closing one would end the lock on the file.
    parts, at = [], 0
    while part := os.pread(file, 1 << 20, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


@lru_cache(maxsize=8)
def _word(run_id: str) -> bytes:
    """A run's id without blanks or line ends."""
    return quote(run_id, safe="", errors="surrogatepass").encode()


def _line(message: Message) -> bytes:
    seq, kind, run_id, body = message
    text = b"%d %s %s %s" % (seq, kind.value.encode(), _word(run_id), body)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(line: bytes) -> Message | None:
    text = line[9:]
    try:
        if int(line[:8], 16) != zlib.crc32(text):
            return None
        seq, kind, run_id, body = text.split(b" ", 3)
        id_text = unquote(run_id.decode(), errors="surrogatepass")
        return Message(int(seq), Kind(kind.decode()), id_text, body)
    except ValueError:
        return None
