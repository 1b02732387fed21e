"""W&B's run-ID.wandb: a log of protobuf records in LevelDB's log format. Called by wandb.py.

Seven bytes ":W&B", 0xBEE1, version; then blocks of 32 KiB (the seven bytes are in the first). In a
block: CRC-32 of type and data, length, type (1 whole, 2 first, 3 middle, 4 last part), data.
Next: wire.py.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from training_client.importers import wire
from training_client.importers.source import Advance, Findings, Unreadable

_MAGIC = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_BLOCK = 32 * 1024
_HEAD = 7
_RECORD_MAX = 64 * 1024 * 1024
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

Items = list[tuple[tuple[str, ...], str]]  # (path of keys, value as JSON text)


@dataclass
class RunRecord:
    run_id: str = ""
    entity: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    notes: str = ""
    host: str = ""
    tags: list[str] = field(default_factory=list)
    config: Items = field(default_factory=list)
    start_time: float | None = None


@dataclass
class Record:
    """One of these, by the record's kind; the others are None. other: a kind that is not taken."""

    run: RunRecord | None = None
    history: Items | None = None
    step: int | None = None  # of a history
    summary: Items | None = None
    config: Items | None = None
    exit_code: int | None = None


def read(path: Path, findings: Findings, advance: Advance) -> Iterator[tuple[str, Record]]:
    """(where, record) in order. A file that ends amid a record is still written, or was cut off."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head != _MAGIC:
                what = "a W&B log of another version" if head[:4] == b":W&B" else "no W&B log"
                raise Unreadable(f"{path}: it is {what}")
            for at, data in _messages(path, file, findings, advance):
                where = f"{path}, byte {at}"
                try:
                    yield where, _record(data)
                except ValueError as error:
                    raise Unreadable(f"{where}: the record is no W&B record: {error}") from error
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


def _messages(
    path: Path, file: BinaryIO, findings: Findings, advance: Advance
) -> Iterator[tuple[int, bytes]]:
    at, began, parts = _HEAD, 0, list[bytes]()
    cut = "a file that ends amid a record (still written, or cut off)"
    while True:
        left = _BLOCK - at % _BLOCK
        if left < _HEAD:  # too small for a head: filled up
            file.read(left)
            at += left
        head = file.read(_HEAD)
        if not head and not parts:
            return
        if len(head) < _HEAD:
            findings.add(cut, str(path))
            return
        crc, size, kind = struct.unpack("<IHB", head)
        data = file.read(size)
        if len(data) < size:
            findings.add(cut, str(path))
            return
        if zlib.crc32(data, zlib.crc32(head[6:])) != crc:
            raise Unreadable(f"{path}: it is corrupt: at byte {at} a record has a wrong sum")
        if kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST) or (kind in (_WHOLE, _FIRST)) == bool(
            parts
        ):
            raise Unreadable(f"{path}: it is corrupt: at byte {at} is a part of no record")
        began = began if parts else at
        parts.append(data)
        if sum(map(len, parts)) > _RECORD_MAX:
            raise Unreadable(f"{path}: a record of more than {_RECORD_MAX} bytes at byte {began}")
        at += _HEAD + size
        advance(_HEAD + size)
        if kind in (_WHOLE, _LAST):
            yield began, b"".join(parts)
            parts = []


def _record(data: bytes) -> Record:
    record = Record()
    for number, _, value in wire.fields(data):
        if number == 2:
            record.history, record.step = _history(wire.raw(value))
        elif number == 3:
            record.summary = _items(wire.raw(value), 1)
        elif number == 5:
            record.config = _items(wire.raw(value), 1)
        elif number == 17:
            record.run = _run(wire.raw(value))
        elif number == 18:
            record.exit_code = 0
            for inner, _, one in wire.fields(wire.raw(value)):
                if inner == 1:
                    record.exit_code = wire.signed(one)
    return record


def _history(data: bytes) -> tuple[Items, int | None]:
    step: int | None = None
    for number, _, value in wire.fields(data):
        if number == 2:
            step = 0
            for inner, _, one in wire.fields(wire.raw(value)):
                if inner == 1:
                    step = wire.signed(one)
    return _items(data, 1), step


def _items(data: bytes, field_number: int) -> Items:
    return [
        _item(wire.raw(value)) for number, _, value in wire.fields(data) if number == field_number
    ]


def _item(data: bytes) -> tuple[tuple[str, ...], str]:
    """key, or nested_key several times; the value as JSON, or typed (the newer fields 3 to 8)."""
    keys: list[str] = []
    value = "null"
    for number, _, one in wire.fields(data):
        if number in (1, 2):
            keys.append(wire.text(one))
        elif number in (8, 16):
            value = wire.text(one)
        elif number == 4:
            value = "true" if one else "false"
        elif number == 5:
            value = str(wire.zigzag(one))
        elif number == 6:
            value = repr(wire.double(one)).replace("nan", "NaN").replace("inf", "Infinity")
        elif number == 7:
            value = '"text"'  # which is no number: that is all that its readers ask
    return tuple(keys), value


_RUN_TEXTS = {
    1: "run_id", 2: "entity", 3: "project", 6: "group", 7: "job_type", 8: "name", 9: "notes",
    13: "host",
}  # fmt: skip


def _run(data: bytes) -> RunRecord:
    run = RunRecord()
    for number, _, value in wire.fields(data):
        if number in _RUN_TEXTS:
            setattr(run, _RUN_TEXTS[number], wire.text(value))
        elif number == 4:
            run.config = _items(wire.raw(value), 1)
        elif number == 10:
            run.tags.append(wire.text(value))
        elif number == 17:
            seconds = nanos = 0
            for inner, _, one in wire.fields(wire.raw(value)):
                seconds = wire.signed(one) if inner == 1 else seconds
                nanos = wire.signed(one) if inner == 2 else nanos
            run.start_time = seconds + nanos / 1e9
    return run
