"""
Writes files as other tools do, for the tests of the importers: W&B's log, MLflow's file store and
Monitor CSVs by hand, from their formats; event files by the tensorboard package's own writer.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


def write_monitor(
    path: Path, t_start: float, rows: Iterable[Sequence[object]], extra: str = "", **header: object
) -> Path:
    """A Monitor file; rows: r, l, t and extra columns."""
    lines = ["#" + json.dumps({"t_start": t_start, **header}), "r,l,t" + extra]
    lines += [",".join(str(cell) for cell in row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def scalar(step: int, wall_time: float, **values: float) -> Event:
    """A tag's __ becomes /."""
    listed = [
        Summary.Value(tag=tag.replace("__", "/"), simple_value=value)
        for tag, value in values.items()
    ]
    return Event(step=step, wall_time=wall_time, summary=Summary(value=listed))


def write_events(folder: Path, events: Iterable[Event], suffix: str = "") -> Path:
    """An event file of these events, by tensorboard's writer."""
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events:
        writer.add_event(event)
    writer.close()
    (made,) = set(folder.iterdir()) - before
    return made


# ---- W&B


def message(*fields: tuple[int, object]) -> bytes:
    """A protobuf message: whole numbers, texts, bytes (messages) and floats (double)."""
    written = b""
    for number, value in fields:
        if isinstance(value, float):
            written += varint(number << 3 | 1) + struct.pack("<d", value)
        elif isinstance(value, int):
            written += varint(number << 3) + varint(value % 2**64)
        else:
            assert isinstance(value, str | bytes)
            data = value.encode() if isinstance(value, str) else value
            written += varint(number << 3 | 2) + varint(len(data)) + data
    return written


def varint(value: int) -> bytes:
    written = b""
    while value >= 0x80:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


def wandb_history(step: int, row: dict[str, Any]) -> bytes:
    items = [
        (1, message(*((2, key) for key in path.split(".")), (16, json.dumps(value))))
        for path, value in row.items()
    ]
    return message((1, step + 1), (2, message(*items, (2, message((1, step))))))


def wandb_run(run_id: str, config: dict[str, Any], start: int, **texts: object) -> bytes:
    numbers = {"entity": 2, "project": 3, "group": 6, "name": 8, "notes": 9, "host": 13}
    updates = [(1, message((1, key), (16, json.dumps(value)))) for key, value in config.items()]
    tags = [(10, tag) for tag in texts.pop("tags", ())]  # type: ignore[attr-defined]
    named = [(numbers[name], text) for name, text in texts.items()]
    body = message((1, run_id), (4, message(*updates)), *named, *tags, (17, message((1, start))))
    return message((17, body))


def wandb_exit(code: int) -> bytes:
    return message((18, message((1, code))))


def write_wandb(path: Path, records: Iterable[bytes]) -> Path:
    """LevelDB's log format with W&B's head and a plain CRC-32."""
    block = 32768
    written = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    for record in records:
        first = True
        while True:
            left = block - len(written) % block
            if left < 7:
                written += bytes(left)
                left = block
            part, record = record[: left - 7], record[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[
                (first, not record)
            ]
            crc = zlib.crc32(bytes([kind]) + part)
            written += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
            if not record:
                break
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written)
    return path


# ---- MLflow


def write_mlflow(
    store: Path,
    run_id: str,
    metrics: dict[str, list[str]],
    params: dict[str, str],
    tags: dict[str, str],
    status: int = 3,
) -> Path:
    """A run of an experiment in a file store; metrics: their lines."""
    experiment = store / "0"
    run = experiment / run_id
    for kind, entries in (("params", params), ("tags", tags)):
        for name, text in entries.items():
            file = run / kind / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for name, lines in metrics.items():
        file = run / "metrics" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(line + "\n" for line in lines))
    (experiment / "meta.yaml").write_text(
        "artifact_location: file:///x\nexperiment_id: '0'\nlifecycle_stage: active\nname: maze\n"
    )
    (run / "meta.yaml").write_text(
        f"artifact_uri: file:///x\nend_time: 1700000100000\nexperiment_id: '0'\n"
        f"run_id: {run_id}\nrun_name: shy-owl\nrun_uuid: {run_id}\nsource_type: 4\n"
        f"start_time: 1700000000000\nstatus: {status}\ntags: []\nuser_id: someone\n"
    )
    return run
