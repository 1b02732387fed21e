"""Where a download goes, and how it gets there whole. Called by runs_export.py."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from training_client.cli.settings import Failure

_NAME_MAX = 200  # bytes


def name_of(disposition: str | None, otherwise: str) -> str:
    """The file name in a Content-Disposition header: never a path, a hidden file or an option."""
    message = Message()
    message["Content-Disposition"] = disposition or ""
    try:
        given = message.get_filename() or ""
    except (ValueError, LookupError):
        given = ""
    bare = re.sub(r"[^A-Za-z0-9._-]", "_", re.split(r"[/\\]", given)[-1])
    bare = bare.lstrip(".-")[:_NAME_MAX]
    return bare or otherwise


def target_of(output: str | None, name: str) -> Path:
    """output is a file, a folder (that exists, or ends with /), or None: name, here."""
    if output is None:
        return Path(name)
    if output.endswith("/") or Path(output).is_dir():
        return Path(output) / name
    return Path(output)


@contextlib.contextmanager
def whole_file(target: Path, replace: bool) -> Iterator[BinaryIO]:
    """A file that gets its name when the block is left without an exception, and then is whole.

    Until then it is NAME.part beside it; one that was left behind is used again.
    """
    if target.exists() and not replace:
        raise Failure(f"{target} exists; --force replaces it, -o names another")
    part = target.with_name(target.name + ".part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise Failure(f"{part}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(f"{part} is being written by another program") from error
        try:
            file.truncate(0)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _name(part, target, replace)
        except BaseException as error:
            with contextlib.suppress(OSError):
                part.unlink()
            if isinstance(error, OSError):
                raise Failure(f"{target}: {error.strerror}") from error
            raise


def _name(part: Path, target: Path, replace: bool) -> None:
    if replace:
        part.replace(target)
        return
    try:
        os.link(part, target)  # unlike a rename, it never takes the place of another
    except FileExistsError:
        raise Failure(f"{target} was made meanwhile; --force replaces it") from None
    except OSError:  # a file system without links
        part.replace(target)
    else:
        part.unlink()
