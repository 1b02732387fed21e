"""What a logger leaves on the disk: after kill -9, forks, on full and on broken disks."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_client import Delivery, TrainingRunLogger
from training_client.backoff import Backoff
from training_client.journal import Journal
from training_client.message import Kind, Message
from training_client.spool_file import SpoolFile
from training_client.spool_folder import Spool, claim, stems

from fake_api import FakeApi, Fault, fake_api, logger_ends, new_run, wait_until


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as served:
        yield served


def make(api: FakeApi, **settings: object) -> TrainingRunLogger:
    settings = {
        "linger_s": 0.01, "backoff": Backoff(0.01, 0.05), "quiet": True, "close_timeout_s": 60,
        **settings,
    }  # fmt: skip
    return TrainingRunLogger(api.url, **settings)  # type: ignore[arg-type]


def log_episodes(logger: TrainingRunLogger, first: int, last: int) -> None:
    for number in range(first, last + 1):
        logger.log_episode(number, total_reward=float(number), steps=number)


def rewards(api: FakeApi, run_id: str | None) -> dict[int, float]:
    return {n: one["total_reward"] for n, one in api.runs[str(run_id)]["episodes"].items()}


def expected(last: int) -> dict[int, float]:
    return {number: float(number) for number in range(1, last + 1)}


def waiting(folder: Path) -> list[int]:
    """How many messages each spool in the folder holds."""
    counts = []
    for stem in stems(folder):
        spool = claim(stem)
        assert spool is not None
        counts.append(spool.file.waiting() + spool.file.refused())
        spool.close()
    return counts


def leave(api: FakeApi, episodes: int, run_id: str | None = None, **settings: object) -> str:
    """A logger that met no API, and its run's id."""
    api.stop()
    with logger_ends():
        logger = make(api, **settings)
        made = logger.create_run(run_id=run_id)
        log_episodes(logger, 1, episodes)
        logger.update_status("completed")
        assert not logger.close(0)
    api.start()
    return made


def sync(
    api: FakeApi, folder: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training_client.sync", "sync", str(folder), *options],
        env={**os.environ, "TRAINING_URL": api.url, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


LOGS = """
import os, sys
from training_client import TrainingRunLogger
logger = TrainingRunLogger(close_timeout_s=5, quiet=True)
logger.create_run(run_id="script")
for number in range(1, 100_000):
    logger.log_episode(number, total_reward=float(number), steps=number)
    os.write(1, b"%d\\n" % number)
"""


def killed_script(api: FakeApi, episodes: int) -> int:
    """A process that logs as fast as it can, killed -9 after some; the last it had logged."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGS],
        env={**os.environ, "TRAINING_URL": api.url}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    with process:
        lines = [process.stdout.readline() for _ in range(episodes)]
        process.send_signal(signal.SIGKILL)
        lines += [line for line in process.stdout if line.endswith(b"\n")]
    return int(lines[-1])


def test_a_call_that_returned_survives_kill_9(api: FakeApi, spool_folder: Path) -> None:
    api.stop()
    last = killed_script(api, 3000)
    api.start()
    with make(api) as logger:  # the next logger in the folder
        logger.create_run(run_id="script")
        assert logger.flush(60)
        arrived = rewards(api, "script")
        log_episodes(logger, 1, 1)
    # One more may have been on its way: logged, but its number not yet printed.
    assert arrived in (expected(last), expected(last + 1))
    assert logger.delivery == Delivery(delivered=1)
    assert list(spool_folder.iterdir()) == []


def test_sync_after_kill_9_sends_the_same_and_twice_is_harmless(
    api: FakeApi, spool_folder: Path
) -> None:
    api.stop()
    last = killed_script(api, 100)
    api.start()
    first = sync(api, spool_folder)
    assert (first.returncode, first.stderr) == (0, "")
    assert rewards(api, "script") in (expected(last), expected(last + 1))
    requests = len(api.requests)
    second = sync(api, spool_folder)
    assert (second.returncode, second.stdout) == (0, f"nothing waits in {spool_folder}\n")
    assert len(api.requests) == requests


def test_a_kill_while_the_api_answers_makes_no_episode_twice_or_lost(
    api: FakeApi, spool_folder: Path
) -> None:
    last = killed_script(api, 3000)
    assert sync(api, spool_folder).returncode == 0
    assert rewards(api, "script") in (expected(last), expected(last + 1))


def test_what_close_could_not_send_is_sent_by_the_next_logger(
    api: FakeApi, spool_folder: Path
) -> None:
    run_id = leave(api, 20)
    assert waiting(spool_folder) == [22]
    with make(api) as logger:
        logger.create_run()
    assert rewards(api, run_id) == expected(20)
    assert api.runs[run_id]["changes"] == [{"status": "completed"}]
    assert waiting(spool_folder) == []


def test_a_run_that_failed_and_goes_on_is_not_asked_to_stop(api: FakeApi) -> None:
    run_id = leave(api, 10)
    api.runs[run_id] = {**new_run(), "status": "failed"}
    with make(api) as logger:
        logger.create_run(run_id=run_id)
        log_episodes(logger, 11, 12)
        assert logger.flush(60)
        assert not logger.stop_requested
    assert rewards(api, run_id) == expected(12)


def test_an_older_report_never_replaces_a_newer_one(api: FakeApi) -> None:
    run_id = leave(api, 10)
    with make(api) as logger:
        logger.create_run(run_id=run_id)
        for number in range(6, 13):
            logger.log_episode(number, -1.0, 1)
    assert rewards(api, run_id) == {**expected(5), **dict.fromkeys(range(6, 13), -1.0)}


def test_a_spool_for_another_api_or_key_is_left_alone(api: FakeApi, spool_folder: Path) -> None:
    theirs = leave(api, 3, api_key="ak_theirs")
    with fake_api() as other, make(other, api_key="ak_theirs") as logger:
        logger.create_run()
        assert logger.flush(60)
    with make(api, api_key="ak_ours") as logger:
        logger.create_run()
    assert theirs not in api.runs
    assert waiting(spool_folder) == [5]
    assert b"ak_theirs" not in next(spool_folder.glob("*.db")).read_bytes()


def test_two_loggers_share_a_folder_and_send_their_own(api: FakeApi, spool_folder: Path) -> None:
    with make(api) as one, make(api) as other:
        first, second = one.create_run(), other.create_run()
        for number in range(1, 501):
            log_episodes(one, number, number)
            log_episodes(other, number, number)
        busy = sync(api, spool_folder)
        assert busy.returncode == 0
        assert busy.stdout.count("is in use") == 2
    assert rewards(api, first) == rewards(api, second) == expected(500)
    assert one.delivery == other.delivery == Delivery(delivered=500)


def test_a_forked_child_leaves_its_parents_spool_alone(api: FakeApi) -> None:
    api.stop()
    script = """
import os, sys, time
from training_client import TrainingRunLogger
logger = TrainingRunLogger(quiet=True, linger_s=0.01)
logger.create_run(run_id="script")
for number in range(1, 301):
    logger.log_episode(number, total_reward=float(number), steps=number)
    if number % 100 == 0 and os.fork() == 0:
        logger.log_episode(number, total_reward=-1.0, steps=1)
        del logger
        sys.exit(0)  # frees everything that the child has
    if number % 100 == 0:
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
        time.sleep(0.05)
print("logged", flush=True)
assert logger.flush(60) and logger.close(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "TRAINING_URL": api.url}, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"logged\n"
        api.start()
    assert process.returncode == 0
    assert rewards(api, "script") == expected(300)


FREES = """
import gc, os, sys
from pathlib import Path
from training_client.message import Kind, Packet
from training_client.spool_file import SpoolFile
file = SpoolFile(Path(sys.argv[1]))
file.append([Packet(1, Kind.EPISODE, "r", 1, b"{}")])
if os.fork() == 0:
    del file
    gc.collect()
    sys.exit(0)
os.wait()
file.append([Packet(2, Kind.EPISODE, "r", 1, b"{}")])
os._exit(0)
"""


def test_a_child_that_frees_all_it_has_does_not_close_its_parents_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FREES, tmp_path / "a.db"], timeout=120, check=True)
    file = SpoolFile(tmp_path / "a.db")
    assert file.waiting() == 2
    file.close()


FULL = """
import os, resource, sys
from training_client import TrainingRunLogger
logger = TrainingRunLogger(quiet=True, linger_s=0.01, queue_size=5000, close_timeout_s=60)
logger.create_run(run_id="script")
assert sys.argv[1] == "away" or logger.flush(60)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file grows beyond
for number in range(1, 20_001):
    logger.log_episode(number, total_reward=float(number), steps=number)
    if number % 1000 == 0 and sys.argv[1] == "there":
        assert logger.flush(60)
counts = logger.delivery
logger.close(60 if sys.argv[1] == "there" else 0.1)
print(counts.waiting, counts.dropped)
"""


@pytest.mark.parametrize("mode", ["there", "away"])
def test_a_full_disk_stops_neither_the_training_nor_the_log(api: FakeApi, mode: str) -> None:
    if mode == "away":
        api.stop()
    done = subprocess.run(
        [sys.executable, "-c", FULL, mode], env={**os.environ, "TRAINING_URL": api.url},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be written") == 1
    kept, dropped = map(int, done.stdout.split())
    if mode == "there":
        assert (kept, dropped) == (0, 0)
        assert rewards(api, "script") == expected(20_000)
    else:
        assert kept + dropped == 20_001  # what there is room for in memory, and on the disk
        assert kept >= 5000
        assert done.stderr.count("there is no room") == 1


@pytest.mark.parametrize("place", ["/proc/training", "{file}/spool", "{file}\0"])
def test_without_a_folder_that_can_be_written_the_log_goes_on_in_memory(
    api: FakeApi, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    folder = place.format(file=tmp_path / "file")
    with make(api, spool_dir=folder) as logger:
        logger.create_run()
        log_episodes(logger, 1, 1000)
    assert rewards(api, logger.run_id) == expected(1000)
    assert sum("cannot be used" in text for text in caplog.messages) == 1
    api.stop()
    logger = make(api, spool_dir=folder, queue_size=100)
    logger.create_run()
    log_episodes(logger, 1, 1000)
    assert logger.delivery == Delivery(waiting=100, dropped=901)
    assert not logger.close(0)
    lost = "100 messages still waiting are lost, 901 episodes dropped"
    assert sum(lost in text for text in caplog.messages) == 1


def big_spool(api: FakeApi, folder: Path) -> Path:
    """A dead logger's file of many pages."""
    leave(api, 1, "one")
    (stem,) = stems(folder)
    spool = claim(stem)
    assert spool is not None
    spool.delete()
    logger = make(api, mode="offline")
    logger.create_run(run_id="big")
    for number in range(1, 2001):
        logger.log_episode(number, float(number), 1)
        if number % 100 == 0:
            assert logger.flush(60)  # a commit each
    assert logger.close()
    (path,) = folder.glob("*.db")
    assert path.stat().st_size > 100_000
    return path


@pytest.mark.parametrize(("at", "some"), [(0, 0), (0.5, 100)])
def test_a_damaged_spool_gives_what_can_be_read_and_is_set_aside(
    api: FakeApi, spool_folder: Path, at: float, some: int
) -> None:
    path = big_spool(api, spool_folder)
    content = bytearray(path.read_bytes())
    middle = int(len(content) * at)
    content[middle : middle + 8192] = random.Random(5).randbytes(8192)
    path.write_bytes(content)
    first = sync(api, spool_folder)
    assert first.returncode == 1
    assert "damaged" in first.stdout + first.stderr
    arrived = rewards(api, "big") if "big" in api.runs else {}
    assert some <= len(arrived) < 2000
    assert arrived.items() <= expected(2000).items()
    assert sync(api, spool_folder).returncode == 0
    assert [left.suffix for left in spool_folder.iterdir()] == [".broken"]


def test_a_logger_is_not_held_up_by_damaged_spools(api: FakeApi, spool_folder: Path) -> None:
    spool_folder.mkdir()
    for name, content in (("000001-1-aa", b"garbage" * 1000), ("000002-1-bb", b""), ("x", b"y")):
        (spool_folder / f"{name}.db").write_bytes(content)
        (spool_folder / f"{name}.log0").write_bytes(content)
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 10)
    assert rewards(api, logger.run_id) == expected(10)


def test_a_torn_or_garbled_line_costs_that_line_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a")
    file = tmp_path / "a.log0"
    messages = [Message(seq, Kind.EPISODE, "r\n \udc80", b'{"a":%d}' % seq) for seq in range(1, 6)]
    for message in messages:
        journal.write(message)
    assert journal.read() == messages
    lines = file.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"a"', b'"b"')
    file.write_bytes(b"".join(lines)[:-3])
    assert journal.read() == [messages[0], messages[2], messages[3]]
    journal.close()


def test_the_clock_may_jump(
    api: FakeApi, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.stop()
    for run, jump in (("first", 1e9), ("second", -1e9), ("third", 0)):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.7e9 + jump)
        with logger_ends():
            logger = make(api)
            logger.create_run(run_id="same")
            logger.log_episode(1, float(len(run)), 1)
            logger.close(0)
    api.start()
    assert sync(api, spool_folder).returncode == 0
    assert rewards(api, "same") == {1: 5.0}  # the third's: they were sent in their order


def test_what_the_api_lost_while_it_was_away_is_sent_again(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    with make(api) as logger:
        run_id = logger.create_run()
        log_episodes(logger, 1, 2500)
        assert logger.flush(60)
        api.stop()
        for number in [*range(7, 1500), 2000, 2500]:  # put back to an older state
            del api.runs[run_id]["episodes"][number]
        log_episodes(logger, 2501, 2510)
        assert not logger.flush(0.2)
        wait_until(lambda: any("is away" in text for text in caplog.messages), "it is away")
        api.start()
        assert logger.flush(60)
    assert dict(sorted(rewards(api, run_id).items())) == expected(2510)
    assert sum("lacked 1495 episodes" in text for text in caplog.messages) == 1
    assert logger.delivery == Delivery(delivered=2510)


def test_a_run_that_the_api_lost_is_made_again(api: FakeApi) -> None:
    with make(api) as logger:
        run_id = logger.create_run("agent")
        log_episodes(logger, 1, 100)
        assert logger.flush(60)
        api.runs.clear()
        log_episodes(logger, 101, 110)
        assert logger.flush(60)
    assert rewards(api, run_id) == expected(110)
    assert sum(request.path == "/api/training-runs" for request in api.requests) == 2


def test_what_was_refused_with_the_key_is_kept_until_the_key_is_right(
    api: FakeApi, spool_folder: Path
) -> None:
    api.faults.append(Fault(401, body=b'{"detail":"The API key is not valid."}'))
    logger = make(api)
    run_id = logger.create_run()
    log_episodes(logger, 1, 50)
    assert not logger.close()
    assert logger.delivery == Delivery(refused=50)
    requests = len(api.requests)
    with make(api) as other:  # does not nag
        other.create_run()
    assert run_id not in api.runs
    assert len(api.requests) == requests + 2  # its creation and its end
    api.faults.append(Fault(401))
    assert sync(api, spool_folder).returncode == 1
    done = sync(api, spool_folder, TRAINING_API_KEY="ak_right")
    assert done.returncode == 0
    assert "50 episodes sent" in done.stdout
    assert rewards(api, run_id) == expected(50)
    assert api.requests[-1].key == "ak_right"


def test_sync_tells_by_its_exit_code(api: FakeApi, spool_folder: Path) -> None:
    assert sync(api, spool_folder).returncode == 2  # no such folder
    assert sync(api, spool_folder, "--patience", "x").returncode == 2
    leave(api, 5)
    api.stop()
    away = sync(api, spool_folder, "--patience", "0.3")
    assert away.returncode == 1
    assert "the rest stays" in away.stdout
    api.start()
    api.bad_episodes = {3}
    refused = sync(api, spool_folder)
    assert refused.returncode == 1
    assert "4 episodes sent, 1 refused" in refused.stdout
    assert sync(api, spool_folder, "--quiet").stdout == ""


def test_two_syncs_at_a_time_send_everything_once(api: FakeApi, spool_folder: Path) -> None:
    runs = [leave(api, 50) for _ in range(5)]
    command = [sys.executable, "-m", "training_client.sync", "sync", str(spool_folder), "--quiet"]
    environment = {**os.environ, "TRAINING_URL": api.url}
    syncs = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(300) for process in syncs] == [0, 0]
    assert sync(api, spool_folder).returncode == 0
    assert [rewards(api, run) for run in runs] == [expected(50)] * 5
    creations = [request for request in api.requests if request.path == "/api/training-runs"]
    assert len(creations) == 5


def test_a_disk_that_hangs_holds_up_some_calls_and_no_more(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = []

    def write(self: Journal, message: object) -> None:
        written.append(message)
        time.sleep(0.03)

    monkeypatch.setattr(Journal, "write", write)
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 200)
    assert rewards(api, logger.run_id) == expected(200)
    assert len(written) == 5
    assert sum("is slow" in text for text in caplog.messages) == 1


def test_a_spool_is_for_its_owner_alone(api: FakeApi, spool_folder: Path) -> None:
    leave(api, 5)
    assert spool_folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in spool_folder.iterdir()} == {0o600}
    (stem,) = stems(spool_folder)
    spool = Spool(stem)
    assert claim(stem) is None
    spool.close()


def test_nothing_is_left_of_a_log_that_arrived(
    api: FakeApi, spool_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with make(api) as logger:
        logger.create_run()
        log_episodes(logger, 1, 100)
    assert list(spool_folder.iterdir()) == []
    assert json.dumps(caplog.messages).count("training_client") == 0
