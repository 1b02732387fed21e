"""TrainingRunLogger's arguments and environment: modes, ranks, resuming, what it prints."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_client import Delivery, TrainingRunLogger
from training_client.backoff import Backoff
from training_client.settings import Mode, Resume, read_settings
from training_client.spool_folder import default_folder

from fake_api import FakeApi, Fault, fake_api, logger_ends, wait_until


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """The API of the environment."""
    with fake_api() as served:
        monkeypatch.setenv("TRAINING_URL", served.url)
        yield served


def train(episodes: int = 3, run_id: str | None = None, **settings: object) -> TrainingRunLogger:
    with TrainingRunLogger(linger_s=0.01, **settings) as logger:  # type: ignore[arg-type]
        logger.create_run("agent", run_id=run_id)
        for number in range(1, episodes + 1):
            logger.log_episode(number, 1.0, 1)
    return logger


def sync(folder: Path) -> int:
    command = [sys.executable, "-m", "training_client.sync", "sync", str(folder)]
    return subprocess.run(command, timeout=300, check=False).returncode


def test_offline_keeps_all_in_the_folder_until_sync(
    api: FakeApi, spool_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = train(mode="offline")
    assert logger.delivery == Delivery(waiting=5)
    assert logger.close()  # all of it is where it belongs
    start, end = capsys.readouterr().err.splitlines()
    assert start == f"training run: {logger.url} (offline)"
    assert f"5 messages wait offline; `training-client sync {spool_folder}`" in end
    train()  # another run, online, leaves it alone
    assert logger.run_id not in api.runs
    assert sync(spool_folder) == 0
    assert api.episodes(logger.run_id) == [1, 2, 3]
    assert api.runs[str(logger.run_id)]["status"] == "completed"


def test_an_offline_run_that_goes_on_online_is_sent_first(api: FakeApi) -> None:
    train(3, run_id="same", mode="offline")
    with TrainingRunLogger(linger_s=0.01) as logger:
        logger.create_run("agent", run_id="same")
        logger.log_episode(3, 9.0, 9)
        logger.log_episode(4, 9.0, 9)
    rewards = [one["total_reward"] for one in api.runs["same"]["episodes"].values()]
    assert rewards == [1.0, 1.0, 9.0, 9.0]


def test_disabled_does_nothing_at_all(
    api: FakeApi, spool_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    logger = TrainingRunLogger(mode="disabled")
    assert logger.create_run("agent", run_id="r") == "r"
    logger.log_episode(1, "not a number", 1)  # type: ignore[arg-type]
    logger.log_checkpoint(1, "x")
    assert threading.active_count() == threads
    assert logger.flush()
    assert logger.close()
    assert (logger.delivery, logger.stop_requested) == (Delivery(), False)
    assert (api.requests, capsys.readouterr().err) == ([], "")
    assert not spool_folder.exists()


@pytest.mark.parametrize("name", ["RANK", "SLURM_PROCID"])
def test_of_the_processes_of_one_training_rank_0_logs(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "3")
    assert train(mode="online").mode == "disabled"
    assert not api.runs
    monkeypatch.setenv("TRAINING_ALL_RANKS", "1")  # eight trainings by one srun
    assert train().mode == "online"
    monkeypatch.delenv("TRAINING_ALL_RANKS")
    monkeypatch.setenv(name, "0")
    train()
    assert len(api.runs) == 2


def test_the_environment_names_the_run(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_RUN_ID", "named")
    monkeypatch.setenv("TRAINING_TAGS", "a, b,,")
    monkeypatch.setenv("TRAINING_NOTES", "*why*")
    with TrainingRunLogger() as logger:
        assert logger.create_run("agent") == "named"
        assert logger.create_run("agent", tags=["c"], notes="") != "named"  # the first one only
    first, second = [one.body for one in api.requests if one.path == "/api/training-runs"]
    assert (first["tags"], first["notes"]) == (["a", "b"], "*why*")
    assert (second["tags"], second["notes"]) == (["c"], "")


def test_settings_are_read_from_the_environment_and_odd_ones_are_passed_over() -> None:
    settings = read_settings(
        {"TRAINING_URL": " http://a ", "TRAINING_API_KEY": "", "TRAINING_MODE": "sometimes",
         "TRAINING_RESUME": "must", "TRAINING_DIR": "/x", "TRAINING_SILENT": "True", "RANK": "-1"}
    )  # fmt: skip
    assert (settings.url, settings.api_key, settings.mode) == ("http://a", None, None)
    assert (settings.resume, settings.folder) == ("must", Path("/x"))
    assert (settings.silent, settings.rank) == (True, 0)
    assert "TRAINING_MODE=sometimes is none of online, offline, disabled" in settings.complaints[0]


def test_a_wrong_mode_is_said_and_the_log_is_online(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRAINING_MODE", "sometimes")
    assert train().mode == "online"
    assert len(api.runs) == 1
    assert "TRAINING_MODE=sometimes" in caplog.messages[0]


def test_a_key_or_url_of_odd_bytes_is_refused_and_raises_nothing(
    api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    train(api_key="ak_\udcff\n", close_timeout_s=1)
    train(url="http://127.0.0.1:1/\udcff", close_timeout_s=0)
    assert not api.runs
    assert caplog.messages


def test_spools_are_in_the_users_cache_when_nobody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "training-client"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "training-client"


@pytest.mark.parametrize(
    ("resume", "exists", "arrives"),
    [("allow", True, True), ("allow", False, True), ("must", True, True), ("must", False, False),
     ("never", True, False), ("never", False, True)],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_resume_says_whether_there_may_or_must_be_a_run(
    api: FakeApi, spool_folder: Path, resume: Resume, exists: bool, arrives: bool, mode: Mode
) -> None:
    if exists:
        train(1, run_id="r")
    with TrainingRunLogger(linger_s=0.01, mode=mode) as logger:
        logger.create_run("other", run_id="r", resume=resume)
        logger.log_episode(2, 1.0, 1)
    if mode == "offline":
        assert sync(spool_folder) == (0 if arrives else 1)
    arrived = api.episodes("r") if "r" in api.runs else []
    assert arrived == ([1] if exists else []) + ([2] if arrives else [])


def test_a_run_that_was_new_stays_ours_when_the_answer_was_lost(
    api: FakeApi, spool_folder: Path
) -> None:
    api.faults.extend([Fault(404), Fault(0, stored=True), *[Fault(503)] * 1000])
    with logger_ends():
        logger = TrainingRunLogger(linger_s=0.01, backoff=Backoff(0.01, 0.05))
        logger.create_run("agent", run_id="r", resume="never")
        logger.log_episode(1, 1.0, 1)
        wait_until(lambda: "r" in api.runs, "the run is made")
        assert not logger.close(0)
    api.faults.clear()
    assert sync(spool_folder) == 0  # it is there, and made by this very spool
    assert api.episodes("r") == [1]


def test_there_is_one_line_at_the_start_and_one_at_the_end(
    api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = train(3)
    assert capsys.readouterr().err.splitlines() == [
        f"training run: {logger.url}",
        f"training run: 3 episodes delivered: {logger.url}",
    ]
    train(3, quiet=True)
    monkeypatch.setenv("TRAINING_SILENT", "1")
    train(3)
    assert capsys.readouterr() == ("", "")
