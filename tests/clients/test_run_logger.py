"""TrainingRunLogger against an API that fails on demand (fake_api.py)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby

import pytest
from training_client import Delivery, TrainingRunLogger
from training_client.backoff import Backoff

from fake_api import FakeApi, Fault, fake_api, wait_until


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as served:
        yield served


def make(api: FakeApi, **settings: object) -> TrainingRunLogger:
    settings = {
        "linger_s": 0.01, "backoff": Backoff(0.01, 0.05), "close_timeout_s": 60, **settings,
    }  # fmt: skip
    return TrainingRunLogger(api.url, **settings)  # type: ignore[arg-type]


def log_episodes(logger: TrainingRunLogger, first: int, last: int) -> None:
    for number in range(first, last + 1):
        logger.log_episode(number, total_reward=float(number), steps=number, win=number % 2 == 0)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]


def wait_for_away(caplog: pytest.LogCaptureFixture) -> None:
    """Until the logger has noticed that the API is away, for which one failure is not enough."""
    wait_until(lambda: any("is away" in text for text in caplog.messages), "the API is away")


def test_a_run_is_created_logged_and_completed(api: FakeApi) -> None:
    with make(api, api_key="ak_test") as logger:
        run_id = logger.create_run("agent", "DQN", {"lr": 1e-3}, episodes_total=3, tags=["t"])
        log_episodes(logger, 1, 3)
        logger.log_checkpoint(3, "models/three.json")
        assert logger.run_id == run_id
        assert logger.url == f"{api.url}/api/training-runs/{run_id}"
    run = api.runs[run_id]
    assert api.requests[0].body == {
        "run_id": run_id,
        "agent_id": "agent",
        "algorithm": "DQN",
        "config": {"lr": 1e-3},
        "episodes_total": 3,
        "tags": ["t"],
    }
    assert {request.key for request in api.requests} == {"ak_test"}
    assert run["episodes"][2] == {"episode": 2, "total_reward": 2.0, "steps": 2, "win": True}
    assert run["checkpoints"] == [{"episode": 3, "path": "models/three.json"}]
    assert run["changes"] == [{"status": "completed"}]
    assert api.requests[-1].method == "PATCH"  # after all episodes
    assert logger.delivery == Delivery(delivered=3)


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (KeyboardInterrupt(), {"status": "stopped"}),
        (SystemExit(0), {"status": "completed"}),
        (SystemExit(143), {"status": "stopped"}),
        (SystemExit(3), {"status": "failed", "error_message": "SystemExit: 3"}),
        (ValueError("no gpu"), {"status": "failed", "error_message": "ValueError: no gpu"}),
    ],
)
def test_what_leaves_the_block_decides_the_status(
    api: FakeApi, error: BaseException, change: dict[str, str]
) -> None:
    with pytest.raises(type(error)), make(api) as logger:
        logger.create_run()
        raise error
    assert api.runs[str(logger.run_id)]["changes"] == [change]


def test_a_status_given_before_is_not_changed_by_leaving_the_block(api: FakeApi) -> None:
    with make(api) as logger:
        logger.create_run()
        logger.update_status("failed", "diverged")
    change = {"status": "failed", "error_message": "diverged"}
    assert api.runs[str(logger.run_id)]["changes"] == [change]


def test_a_second_run_ends_the_first(api: FakeApi) -> None:
    with make(api) as logger:
        first = logger.create_run()
        log_episodes(logger, 1, 2)
        second = logger.create_run()
        log_episodes(logger, 1, 1)
    assert api.runs[first]["changes"] == [{"status": "completed"}]
    assert (api.episodes(first), api.episodes(second)) == ([1, 2], [1])


def test_url_and_key_come_from_the_environment(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINING_URL", api.url + "/")
    monkeypatch.setenv("TRAINING_API_KEY", "ak_env\n")
    with TrainingRunLogger() as logger:
        logger.create_run()
        assert logger.flush(60)
    assert api.requests[0].key == "ak_env"


def test_many_episodes_travel_in_few_requests(api: FakeApi) -> None:
    with make(api, linger_s=60) as logger:
        logger.create_run()
        log_episodes(logger, 1, 4000)
    batches = [request for request in api.requests if request.path.endswith("/episodes")]
    assert len(batches) <= 8
    assert max(len(batch.body["episodes"]) for batch in batches) <= 1000
    assert api.episodes(logger.run_id) == list(range(1, 4001))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 507])
def test_what_the_api_cannot_do_now_is_sent_again(api: FakeApi, status: int) -> None:
    api.faults.extend([Fault(status)] * 3)
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 5)
    assert api.episodes(logger.run_id) == [1, 2, 3, 4, 5]
    assert logger.delivery == Delivery(delivered=5)


def test_a_lost_answer_means_the_same_request_again(api: FakeApi) -> None:
    api.faults.append(Fault(0, stored=True))  # the run was created, but who knows
    with make(api) as logger:
        run_id = logger.create_run()
        logger.flush(60)
        api.faults.append(Fault(0, stored=True))
        log_episodes(logger, 1, 5)
    assert list(api.runs) == [run_id]
    bodies = [json.dumps(request.body) for request in api.requests]
    assert bodies[0] == bodies[1]
    assert api.episodes(run_id) == [1, 2, 3, 4, 5]


def test_retry_after_is_honoured(api: FakeApi) -> None:
    api.faults.append(Fault(429, {"Retry-After": "1"}))
    logger = make(api)
    logger.create_run()
    wait_until(lambda: api.requests, "the first request")
    logger.flush(0.5)  # a nudge, and yet…
    assert logger.close()
    first, second = api.requests
    assert second.at - first.at >= 1


def test_a_bad_episode_is_dropped_and_the_rest_is_sent(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.bad_episodes = {3, 7}
    with make(api, linger_s=60) as logger:
        logger.create_run()
        log_episodes(logger, 1, 10)
    assert api.episodes(logger.run_id) == [1, 2, 4, 5, 6, 8, 9, 10]
    assert logger.delivery == Delivery(delivered=8, refused=2)
    first, summary = warnings(caplog)
    assert "episode 3" in first
    assert "episodes[2].steps: too small" in first
    assert "2 refused" in summary


@pytest.mark.parametrize("bad", [{1}, {50}, {1, 64}, set(range(1, 65))])
def test_bad_episodes_are_found_even_when_the_answer_names_none(
    api: FakeApi, bad: set[int]
) -> None:
    api.bad_episodes, api.names_bad = bad, False
    with make(api, linger_s=60) as logger:
        logger.create_run()
        log_episodes(logger, 1, 64)
    assert set(api.episodes(logger.run_id)) == set(range(1, 65)) - bad
    assert logger.delivery.refused == len(bad)


def test_what_is_no_number_costs_only_that_episode(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    with make(api) as logger:
        logger.create_run()
        logger.log_episode(1, None, 1)  # type: ignore[arg-type]
        logger.log_episode(2, 1.0, 1, metrics={"loss": "high"})  # type: ignore[dict-item]
        log_episodes(logger, 3, 3)
    assert api.episodes(logger.run_id) == [3]
    assert logger.delivery.refused == 2
    assert "episode 1 cannot be logged" in warnings(caplog)[0]


@pytest.mark.parametrize("status", [401, 403, 404, 409, 301])
def test_a_run_that_is_refused_is_said_once_and_never_asked_again(
    api: FakeApi, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    api.faults.append(Fault(status, body=b'{"detail":"The API key is not valid."}'))
    with make(api) as logger:
        logger.create_run()
        logger.flush(60)
        log_episodes(logger, 1, 50)
    assert len(api.requests) == 1
    assert logger.delivery == Delivery(refused=50)
    said = warnings(caplog)
    assert len(said) == 2  # the refusal, and what was lost by it
    assert f"{status}: The API key is not valid." in said[0]


def test_a_server_that_is_no_training_api_is_refused(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.faults.append(Fault(200, body=b"<html>hello</html>"))
    with make(api) as logger:
        logger.create_run()
    assert "not a training API" in warnings(caplog)[0]


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[", "ftp://127.0.0.1"])
def test_a_url_that_cannot_work_is_said_and_the_training_goes_on(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with TrainingRunLogger(url, close_timeout_s=1) as logger:
        logger.create_run()
        log_episodes(logger, 1, 3)
    assert warnings(caplog)


def test_an_api_that_goes_and_comes_back_gets_everything(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 100)
        assert logger.flush(60)
        api.stop()
        log_episodes(logger, 101, 3000)
        assert not logger.flush(0.2)
        wait_for_away(caplog)
        api.start()
        assert logger.flush(60)
        log_episodes(logger, 3001, 3100)
    assert api.episodes(logger.run_id) == list(range(1, 3101))
    assert logger.delivery == Delivery(delivered=3100)
    away = [text for text in caplog.messages if "is away" in text]
    back = [text for text in caplog.messages if "is back after" in text]
    assert (len(away), len(back)) == (1, 1)


def test_an_api_that_comes_and_goes_is_announced_once(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    with make(api) as logger:
        logger.create_run()
        for number in range(1, 6):
            api.faults.extend([Fault(503)] * 3)
            log_episodes(logger, number, number)
            assert logger.flush(60)
    assert len(warnings(caplog)) == 1


def test_one_lost_connection_is_no_outage(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    with make(api) as logger:
        logger.create_run()
        assert logger.flush(60)
        api.faults.append(Fault(0))
        log_episodes(logger, 1, 1)
    assert logger.delivery == Delivery(delivered=1)
    assert not warnings(caplog)


def test_a_run_that_could_not_be_created_is_created_before_its_episodes(api: FakeApi) -> None:
    api.stop()
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 10)
        logger.update_status("completed")
        assert not logger.flush(0.2)
        api.start()
    paths = [request.path.split("/")[3:] for request in api.requests if request.method != "GET"]
    in_order = [path for path, _ in groupby(paths)]  # episodes may have come in parts
    assert in_order == [[], [logger.run_id, "episodes"], [logger.run_id]]
    assert api.episodes(logger.run_id) == list(range(1, 11))


def test_without_an_api_close_ends_in_time_and_tells_what_is_left(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.stop()
    logger = make(api)
    logger.create_run()
    log_episodes(logger, 1, 10)
    wait_for_away(caplog)
    started = time.monotonic()
    assert logger.close(0.3) is False
    assert time.monotonic() - started < 8  # of itself it would wait for 60 s
    assert logger.close() is False
    away, left = warnings(caplog)
    assert "is away" in away
    assert "11 messages are kept: `training-client sync " in left


def test_an_api_that_hangs_does_not_hold_up_close(api: FakeApi) -> None:
    api.gate.clear()
    logger = make(api)
    logger.create_run()
    wait_until(lambda: api.requests, "the request is under way")
    started = time.monotonic()
    assert logger.close(0.3) is False
    assert time.monotonic() - started < 8  # a request has 10 s


def test_what_waits_on_the_disk_is_bounded_and_what_finds_no_room_is_counted(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.stop()
    logger = make(api, spool_bytes=50_000)
    logger.create_run()
    log_episodes(logger, 1, 3000)  # each has some 50 bytes
    outcome = logger.delivery
    assert 700 < outcome.waiting < 1300
    assert outcome.dropped == 3001 - outcome.waiting  # the creation waits, too
    logger.log_checkpoint(3000, "last")  # for which there still is room
    api.start()
    assert not logger.close()  # not all of it
    assert api.episodes(logger.run_id) == list(range(1, outcome.waiting))
    assert len(api.runs[str(logger.run_id)]["checkpoints"]) == 1
    assert sum("there is no room" in text for text in warnings(caplog)) == 1


def test_who_would_rather_wait_for_room_than_lose_an_episode_can(api: FakeApi) -> None:
    with make(api, spool_bytes=5_000, queue_wait_s=60) as logger:
        logger.create_run()
        log_episodes(logger, 1, 1000)
    assert api.episodes(logger.run_id) == list(range(1, 1001))


def test_an_api_that_hangs_does_not_hold_up_the_training(api: FakeApi) -> None:
    api.gate.clear()
    logger = make(api)
    logger.create_run()
    started = time.monotonic()
    log_episodes(logger, 1, 5000)
    assert time.monotonic() - started < 8  # a request has 10 s
    api.gate.set()
    assert logger.close(60)
    assert api.episodes(logger.run_id) == list(range(1, 5001))


def test_misuse_never_raises(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    logger = make(api)
    logger.log_episode(1, 1.0, 1)  # before create_run
    logger.log_checkpoint(1, "x")
    logger.update_status("completed")
    assert logger.create_run("a", notes="\ud800") == ""  # no UTF-8 for that
    logger.create_run()
    logger.log_checkpoint(1, None)  # type: ignore[arg-type]
    logger.log_episode("one", 1.0, 1)  # type: ignore[arg-type]
    logger.close()
    logger.log_episode(1, 1.0, 1)  # after close
    logger.close()
    assert len(warnings(caplog)) == len(set(warnings(caplog)))
    assert not api.episodes(logger.run_id)


SCRIPT = """
import os, sys
from training_client import TrainingRunLogger
logger = TrainingRunLogger()
logger.create_run(run_id="script")
logger.log_episode(1, 1.0, 1)
"""


def run_script(api: FakeApi, ending: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRAINING_URL": api.url}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT + ending],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "code", "changes"),
    [
        ("", 0, []),
        ("sys.exit(3)", 3, []),
        (
            "1 / 0",
            1,
            [{"status": "failed", "error_message": "ZeroDivisionError: division by zero"}],
        ),
        ("raise KeyboardInterrupt", 1, [{"status": "stopped"}]),
    ],
)
def test_a_script_that_forgets_to_close_loses_nothing(
    api: FakeApi, ending: str, code: int, changes: list[dict[str, str]]
) -> None:
    done = run_script(api, ending)
    assert done.returncode == code, done.stderr
    assert api.episodes("script") == [1]
    assert api.runs["script"]["changes"] == changes


def test_a_forked_child_neither_logs_nor_ends_its_parents_run(api: FakeApi) -> None:
    done = run_script(
        api,
        """
if os.fork() == 0:
    logger.log_episode(2, 1.0, 1)
    logger.update_status("failed")
    assert not logger.flush(1)
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
logger.log_episode(3, 1.0, 1)
""",
    )
    assert done.returncode == 0, done.stderr
    assert api.episodes("script") == [1, 3]
    assert api.runs["script"]["changes"] == []
    assert done.stderr.count("forked") == 1
