"""training_client.outbox: bounds, order, batches."""

from __future__ import annotations

import threading
import time

from training_client.outbox import BATCH_BYTES_MAX, URGENT_RESERVE, Kind, Message, Outbox


def episode(number: int, run_id: str = "r", size: int = 10) -> Message:
    return Message(Kind.EPISODE, run_id, b"x" * size, number)


def test_a_full_outbox_takes_no_episode_and_forgets_none() -> None:
    outbox = Outbox(capacity=3, linger_s=0)
    assert [outbox.put(episode(n), 0) for n in range(5)] == [True, True, True, False, False]
    assert [message.episode for message in outbox.take()] == [0, 1, 2]


def test_what_was_taken_counts_until_it_is_settled() -> None:
    outbox = Outbox(capacity=2, linger_s=0)
    outbox.put(episode(1), 0)
    outbox.put(episode(2), 0)
    assert len(outbox.take()) == 2
    assert not outbox.put(episode(3), 0)
    outbox.settle(2)
    assert outbox.put(episode(3), 0)


def test_a_full_outbox_still_takes_a_status_but_not_without_end() -> None:
    outbox = Outbox(capacity=1, linger_s=0)
    outbox.put(episode(1), 0)
    status = Message(Kind.STATUS, "r", b"{}")
    assert all(outbox.put(status, 0) for _ in range(URGENT_RESERVE))
    assert not outbox.put(status, 0)


def test_put_waits_for_room_but_only_so_long() -> None:
    outbox = Outbox(capacity=1, linger_s=0)
    outbox.put(episode(1), 0)
    started = time.monotonic()
    assert not outbox.put(episode(2), 0.05)
    assert 0.04 < time.monotonic() - started < 2
    threading.Timer(0.05, outbox.settle, (1,)).start()
    assert outbox.put(episode(2), 5)


def test_a_batch_holds_episodes_of_one_run_and_one_kind_in_order() -> None:
    outbox = Outbox(capacity=100, linger_s=0)
    messages = [
        Message(Kind.CREATE, "a", b"{}"),
        episode(1, "a"),
        episode(2, "a"),
        Message(Kind.CHECKPOINT, "a", b"{}"),
        episode(3, "a"),
        episode(1, "b"),
    ]
    for message in messages:
        outbox.put(message, 0)
    sizes = []
    while len(outbox):
        sizes.append(len(outbox.take()))
        outbox.settle(sizes[-1])
    assert sizes == [1, 2, 1, 1, 1]


def test_a_batch_is_at_most_1000_episodes_and_bounded_in_bytes() -> None:
    outbox = Outbox(capacity=5000, linger_s=0)
    for number in range(2500):
        outbox.put(episode(number), 0)
    assert len(outbox.take()) == 1000
    outbox.settle(2500)
    for number in range(10):
        outbox.put(episode(number, size=BATCH_BYTES_MAX // 4), 0)
    assert len(outbox.take()) == 4
    outbox.settle(10)
    outbox.put(episode(1, size=BATCH_BYTES_MAX * 2), 0)
    assert len(outbox.take()) == 1  # too large, but alone: for the API to judge


def test_episodes_wait_for_company_but_not_when_flushed_closed_or_enough() -> None:
    outbox = Outbox(capacity=5000, linger_s=60)
    outbox.put(episode(1), 0)
    threading.Timer(0.05, outbox.flush, (0,)).start()
    assert len(outbox.take()) == 1
    outbox.settle(1)
    for number in range(1000):
        outbox.put(episode(number), 0)
    assert len(outbox.take()) == 1000
    outbox.settle(1000)
    outbox.put(episode(1), 0)
    threading.Timer(0.05, outbox.close).start()
    assert len(outbox.take()) == 1
    outbox.settle(1)
    assert outbox.take() == []


def test_flush_tells_whether_all_that_was_put_before_is_settled() -> None:
    outbox = Outbox(capacity=10, linger_s=0)
    assert outbox.flush(0)
    outbox.put(episode(1), 0)
    assert not outbox.flush(0.01)
    outbox.settle(1)
    assert outbox.flush(0)


def test_a_closed_outbox_takes_nothing() -> None:
    outbox = Outbox(capacity=10, linger_s=0)
    outbox.close()
    assert not outbox.put(episode(1), 1)
