"""TensorBoard's event files: records (TFRecord) and what is in them (Event). No TensorFlow needed.

Checked against the tensorboard package's own reader in tests; that one is not used, because it
ends in silence where a file is corrupt. Called by tensorboard.py. Next: wire.py, crc32c.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_client.importers import wire
from training_client.importers.crc32c import masked
from training_client.importers.source import Advance, Findings, Unreadable

_RECORD_MAX = 64 * 1024 * 1024
_CHECKED_MAX = (
    64 * 1024
)  # longer records (images, graphs) hold no scalar; their sum would take long
_DT_FLOAT, _DT_DOUBLE, _DT_STRING = 1, 2, 7


@dataclass(frozen=True)
class Scalar:
    tag: str
    value: float


@dataclass(frozen=True)
class Text:
    tag: str
    text: str


@dataclass(frozen=True)
class Hparams:
    values: dict[str, Any]


@dataclass(frozen=True)
class Other:
    """A histogram, an image …: told, not taken."""

    tag: str
    kind: str


@dataclass(frozen=True)
class Event:
    wall_time: float
    step: int
    restarts: bool  # the run went back to this step: what was logged for later ones is void
    values: tuple[Scalar | Text | Hparams | Other, ...]


def records(path: Path, findings: Findings, advance: Advance) -> Iterator[tuple[int, bytes]]:
    """(place in the file, record). A file may end amid a record: still written, or cut off."""
    try:
        with path.open("rb") as file:
            at = 0
            while head := file.read(12):
                if len(head) == 12 and masked(head[:8]) != struct.unpack("<I", head[8:])[0]:
                    what = "it is no TensorBoard event file" if at == 0 else "it is corrupt"
                    raise Unreadable(
                        f"{path}: {what}: at byte {at} a record's length has a wrong sum"
                    )
                size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
                if size > _RECORD_MAX:
                    raise Unreadable(f"{path}: a record of {size} bytes at byte {at}")
                body = file.read(size + 4) if len(head) == 12 else b""
                if len(head) < 12 or len(body) < size + 4:
                    findings.add(
                        "a file that ends amid a record (still written, or cut off)", f"{path}"
                    )
                    return
                data = body[:size]
                if size <= _CHECKED_MAX and masked(data) != struct.unpack("<I", body[size:])[0]:
                    raise Unreadable(
                        f"{path}: it is corrupt: at byte {at} a record has a wrong sum"
                    )
                yield at, data
                at += size + 16
                advance(size + 16)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


class EventReader:
    """Events of one run, whose tags keep their kind from their first value on."""

    def __init__(self) -> None:
        self._plugins: dict[str, str] = {}

    def event(self, data: bytes) -> Event:
        """Raises ValueError when data is no Event."""
        wall_time, step, restarts, values = 0.0, 0, False, []
        for number, _, value in wire.fields(data):
            if number == 1:
                wall_time = wire.double(value)
            elif number == 2:
                step = wire.signed(value)
            elif number == 5:
                for inner, _, one in wire.fields(wire.raw(value)):
                    if inner == 1:
                        values.append(self._value(wire.raw(one)))
            elif number == 7:
                restarts = any(
                    inner == 1 and one == 1 for inner, _, one in wire.fields(wire.raw(value))
                )
        return Event(wall_time, step, restarts, tuple(values))

    def _value(self, data: bytes) -> Scalar | Text | Hparams | Other:
        tag, simple, tensor, plugin, content = "", None, None, "", b""
        kind = "value of an unknown kind"
        for number, _, value in wire.fields(data):
            if number == 1:
                tag = wire.text(value)
            elif number == 2:
                simple = wire.single(value)
            elif number == 8:
                tensor = wire.raw(value)
            elif number == 9:
                plugin, content = _plugin(wire.raw(value))
            elif number in (3, 4, 5, 6):
                kind = {3: "histogram", 4: "image", 5: "histogram", 6: "audio clip"}[number]
        plugin = self._plugins.setdefault(tag, plugin) if len(self._plugins) < 20_000 else plugin
        if plugin == "hparams":
            found = _session(content)
            return Other(tag, "hparams record without values") if found is None else Hparams(found)
        if simple is not None:
            return Scalar(tag, simple)
        if tensor is not None and plugin in ("", "scalars"):
            scalar = _tensor_scalar(tensor)
            if scalar is not None:
                return Scalar(tag, scalar)
        if tensor is not None and plugin == "text":
            return Text(tag, "\n".join(_tensor_strings(tensor)))
        return Other(tag, {"": kind, "scalars": "scalar of an unknown type"}.get(plugin, plugin))


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    name, content = "", b""
    for number, _, value in wire.fields(metadata):
        if number == 1:
            for inner, _, one in wire.fields(wire.raw(value)):
                if inner == 1:
                    name = wire.text(one)
                elif inner == 2:
                    content = wire.raw(one)
    return name, content


def _tensor_scalar(tensor: bytes) -> float | None:
    """The value of a tensor of one float or double; None of any other."""
    kind, content, packed = 0, b"", b""
    for number, wired, value in wire.fields(tensor):
        if number == 1:
            kind = wire.signed(value)
        elif number == 4:
            content = wire.raw(value)
        elif number in (5, 6) and wired in (wire.BYTES, wire.FIXED32, wire.FIXED64):
            packed += wire.raw(value)
    data = content or packed
    if kind == _DT_FLOAT and len(data) == 4:
        return wire.single(data)
    if kind == _DT_DOUBLE and len(data) == 8:
        return wire.double(data)
    return None


def _tensor_strings(tensor: bytes) -> Iterator[str]:
    for number, _, value in wire.fields(tensor):
        if number == 8:
            yield wire.text(value)


def _session(content: bytes) -> dict[str, Any] | None:
    """The hyperparameters in HParams' SessionStartInfo; None in a record of another kind."""
    for number, _, value in wire.fields(content):
        if number == 3:
            return dict(
                _map_entry(wire.raw(one))
                for inner, _, one in wire.fields(wire.raw(value))
                if inner == 1
            )
    return None


def _map_entry(entry: bytes) -> tuple[str, Any]:
    key, value = "", None
    for number, _, one in wire.fields(entry):
        if number == 1:
            key = wire.text(one)
        elif number == 2:
            value = _struct_value(wire.raw(one))
    return key, value


def _struct_value(message: bytes) -> Any:
    """A google.protobuf.Value that is null, a number, a text or a bool."""
    for number, _, value in wire.fields(message):
        if number == 2:
            real = wire.double(value)
            return int(real) if real.is_integer() and abs(real) < 2**53 else real
        if number == 3:
            return wire.text(value)
        if number == 4:
            return bool(value)
    return None
