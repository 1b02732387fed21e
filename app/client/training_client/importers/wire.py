"""Protocol Buffers' wire format, as far as two tools' files need it. Pure.

Called by tensorboard_event.py and wandb_log.py. Bytes that are no message: ValueError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes  # FIXED64 and FIXED32 as their bytes


def fields(message: bytes) -> Iterator[tuple[int, int, Value]]:
    """(number, wire type, value) of each field, in order."""
    at, end = 0, len(message)
    while at < end:
        key, at = varint(message, at)
        number, kind = key >> 3, key & 7
        value: Value
        if kind == VARINT:
            value, at = varint(message, at)
        else:
            if kind == BYTES:
                size, at = varint(message, at)
            elif kind in (FIXED64, FIXED32):
                size = 8 if kind == FIXED64 else 4
            else:
                raise ValueError(f"a field of wire type {kind}")
            if size > end - at:
                raise ValueError("a field that is longer than its message")
            value = message[at : at + size]
            at += size
        if number == 0:
            raise ValueError("a field of number 0")
        yield number, kind, value


def varint(message: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a number that is cut off")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (2**64 - 1), at
    raise ValueError("a number of more than 64 bits")


def signed(value: Value) -> int:
    """An int32 or int64."""
    if not isinstance(value, int):
        raise ValueError("a number where there is none")
    return value - 2**64 if value >= 2**63 else value


def zigzag(value: Value) -> int:
    """A sint32 or sint64."""
    if not isinstance(value, int):
        raise ValueError("a number where there is none")
    return (value >> 1) ^ -(value & 1)


def double(value: Value) -> float:
    return float(struct.unpack("<d", _sized(value, 8))[0])


def single(value: Value) -> float:
    return float(struct.unpack("<f", _sized(value, 4))[0])


def raw(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where bytes belong")
    return value


def text(value: Value) -> str:
    return raw(value).decode("utf-8", "replace")


def _sized(value: Value, size: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise ValueError(f"not {size} bytes")
    return value
