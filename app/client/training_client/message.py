"""What is logged, as it waits: a message a call, and packets of them as they travel. Pure.

Made by outbox.py from what run_logger.py was given; kept by journal.py (messages) and
spool_file.py (packets). Next: journal.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

EPISODES_MAX = 1000  # in a packet: the API takes no more in one request
BYTES_MAX = 4 * 1024 * 1024  # the API takes 8 MiB


class Kind(Enum):
    CREATE = "create"  # a run, or go on with the one of this id
    CREATE_NEW = "create-new"  # there must be no run of this id
    RESUME = "resume"  # there must be one
    EPISODE = "episode"
    CHECKPOINT = "checkpoint"
    STATUS = "status"


OPENING = (Kind.CREATE, Kind.CREATE_NEW, Kind.RESUME)


class Message(NamedTuple):
    seq: int  # counts all messages of one spool, from 1
    kind: Kind
    run_id: str
    body: bytes  # a JSON object in one line


class Packet(NamedTuple):
    """Consecutive episodes of one run, or one message of another kind."""

    seq: int  # of its last message
    kind: Kind
    run_id: str
    messages: int  # how many
    body: bytes  # JSON objects, a line each

    def lines(self) -> list[bytes]:
        return self.body.split(b"\n")


def pack(messages: Iterable[Message]) -> list[Packet]:
    """The messages, in their order, in as few packets as it takes."""
    return merge(Packet(seq, kind, run_id, 1, body) for seq, kind, run_id, body in messages)


def merge(packets: Iterable[Packet]) -> list[Packet]:
    """The same in fewer, larger packets."""
    merged: list[Packet] = []
    parts: list[Packet] = []  # what becomes one packet
    count = size = 0
    for packet in packets:
        grown_count, grown_size = count + packet.messages, size + len(packet.body) + 1
        fits = grown_count <= EPISODES_MAX and grown_size <= BYTES_MAX
        if parts and not (fits and _belongs(packet, parts[0])):
            merged.append(_join(parts, count))
            parts, grown_count, grown_size = [], packet.messages, len(packet.body)
        parts.append(packet)
        count, size = grown_count, grown_size
    if parts:
        merged.append(_join(parts, count))
    return merged


def _belongs(packet: Packet, first: Packet) -> bool:
    return packet.kind is first.kind is Kind.EPISODE and packet.run_id == first.run_id


def _join(parts: list[Packet], count: int) -> Packet:
    if len(parts) == 1:
        return parts[0]
    body = b"\n".join([part.body for part in parts])
    return parts[-1]._replace(messages=count, body=body)
