"""training_client.outbox and message: bounds, order, groups."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from training_client.message import BYTES_MAX, Kind, Message, Packet, pack
from training_client.outbox import URGENT_RESERVE, Outbox
from training_client.spool_folder import claim, new_spool, stems

Make = Callable[..., Outbox]


@pytest.fixture(params=["disk", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes outboxes, with a spool on the disk and without."""
    made: list[Outbox] = []

    def outbox(queue_size: int = 10_000, spool_bytes: int = 10**8, linger_s: float = 0) -> Outbox:
        spool = new_spool(tmp_path, {}) if request.param == "disk" else None
        made.append(Outbox(spool, queue_size, spool_bytes, linger_s))
        return made[-1]

    yield outbox
    for one in made:
        one.close()
        one.finish()


def put(outbox: Outbox, count: int, run_id: str = "r", size: int = 10) -> list[bool]:
    return [outbox.put(Kind.EPISODE, run_id, b"x" * size, 0) for _ in range(count)]


def take_all(outbox: Outbox) -> list[Packet]:
    """What arrives until nothing waits."""
    packets = []
    while len(outbox):
        packet = outbox.take()
        assert packet is not None
        packets.append(packet)
        outbox.settle(packet)
    return packets


def test_what_is_put_comes_out_in_order_and_counts_until_it_is_settled(make: Make) -> None:
    outbox = make()
    for number in range(2500):
        outbox.put(Kind.EPISODE, "r", b"%d" % number, 0)
    assert len(outbox) == 2500
    first = outbox.take()
    assert first is not None
    assert len(outbox) == 2500
    outbox.settle(first)
    packets = [first, *take_all(outbox)]
    lines = [int(line) for packet in packets for line in packet.lines()]
    assert lines == list(range(2500))
    assert max(packet.messages for packet in packets) <= 1000


def test_a_full_spool_takes_no_episode_and_forgets_none(make: Make) -> None:
    outbox = make(spool_bytes=30)
    assert put(outbox, 5) == [True, True, True, False, False]
    assert sum(packet.messages for packet in take_all(outbox)) == 3
    assert put(outbox, 1) == [True]


def test_a_full_spool_still_takes_a_status_but_not_without_end() -> None:
    outbox = Outbox(None, 1, 10**8, 0)
    put(outbox, 1)
    assert all(outbox.put(Kind.STATUS, "r", b"{}", 0) for _ in range(URGENT_RESERVE))
    assert not outbox.put(Kind.STATUS, "r", b"{}", 0)
    outbox.close()


def test_the_room_for_statuses_is_bounded_on_the_disk_too(make: Make) -> None:
    outbox = make(spool_bytes=10)
    put(outbox, 1)
    taken = [outbox.put(Kind.CHECKPOINT, "r", b"x" * 100_000, 0) for _ in range(20)]
    assert taken == [True] * 11 + [False] * 9  # 1000 KiB


def test_put_waits_for_room_but_only_so_long(make: Make) -> None:
    outbox = make(spool_bytes=10)
    put(outbox, 1)
    started = time.monotonic()
    assert not outbox.put(Kind.EPISODE, "r", b"x", 0.05)
    assert 0.04 < time.monotonic() - started < 30
    threading.Timer(0.05, take_all, (outbox,)).start()
    assert outbox.put(Kind.EPISODE, "r", b"x", 60)


def test_a_packet_holds_episodes_of_one_run_in_order() -> None:
    kinds = [
        (Kind.CREATE, "a"), (Kind.EPISODE, "a"), (Kind.EPISODE, "a"), (Kind.CHECKPOINT, "a"),
        (Kind.EPISODE, "a"), (Kind.EPISODE, "b"), (Kind.STATUS, "b"), (Kind.STATUS, "b"),
    ]  # fmt: skip
    packets = pack(Message(seq, kind, run, b"%d" % seq) for seq, (kind, run) in enumerate(kinds, 1))
    assert [(packet.seq, packet.messages) for packet in packets] == [
        (1, 1), (3, 2), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1),
    ]  # fmt: skip
    assert packets[1].lines() == [b"2", b"3"]


def test_a_packet_is_at_most_1000_episodes_and_bounded_in_bytes() -> None:
    def sizes(count: int, size: int) -> list[int]:
        messages = [Message(seq, Kind.EPISODE, "r", b"x" * size) for seq in range(1, count + 1)]
        return [packet.messages for packet in pack(messages)]

    assert sizes(2500, 10) == [1000, 1000, 500]
    assert sizes(10, BYTES_MAX // 4) == [3, 3, 3, 1]
    assert sizes(1, BYTES_MAX * 2) == [1]  # too large, but alone: for the API to judge


def test_small_packets_of_a_long_outage_travel_together(make: Make) -> None:
    outbox = make()
    for _ in range(30):
        put(outbox, 1)
        assert outbox.flush(60, stored=True)  # a commit each
    assert [packet.messages for packet in take_all(outbox)] == [30]


def test_episodes_wait_for_company_but_not_when_flushed_closed_or_enough(make: Make) -> None:
    outbox = make(linger_s=60)
    put(outbox, 1)
    threading.Timer(0.05, outbox.flush, (0,)).start()
    assert sum(packet.messages for packet in take_all(outbox)) == 1
    put(outbox, 1000)
    assert sum(packet.messages for packet in take_all(outbox)) == 1000
    put(outbox, 1)
    threading.Timer(0.05, outbox.close).start()
    assert sum(packet.messages for packet in take_all(outbox)) == 1
    assert outbox.take() is None


def test_flush_tells_whether_all_that_was_put_before_is_settled(make: Make) -> None:
    outbox = make()
    assert outbox.flush(0)
    put(outbox, 1)
    assert not outbox.flush(0.01)
    take_all(outbox)
    assert outbox.flush(0)


def test_a_closed_outbox_takes_nothing(make: Make) -> None:
    outbox = make()
    outbox.close()
    assert put(outbox, 1) == [False]


def test_a_spool_that_was_emptied_is_gone_and_one_that_was_not_stays(tmp_path: Path) -> None:
    for left in (0, 3):
        outbox = Outbox(new_spool(tmp_path, {}), 100, 10**6, 0)
        put(outbox, 5)
        assert outbox.flush(60, stored=True)
        if not left:
            take_all(outbox)
        outbox.close()
        assert outbox.finish() == (5 if left else 0, 0)
    (stem,) = stems(tmp_path)
    spool = claim(stem)
    assert spool is not None
    assert spool.file.waiting() == 5
    spool.delete()
    assert list(tmp_path.iterdir()) == []
