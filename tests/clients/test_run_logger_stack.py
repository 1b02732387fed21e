"""TrainingRunLogger against the real thing: what arrives is what was logged."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from training_client import Delivery, TrainingRunLogger
from training_client.settings import Resume

from stack import Stack


def read(stack: Stack, logger: TrainingRunLogger, run_id: str | None = None) -> dict[str, Any]:
    """The run as its url gives it; of an earlier one, by its id."""
    url = str(logger.url).replace(str(logger.run_id), run_id or str(logger.run_id))
    answer = httpx.get(url, headers={"X-API-Key": stack.key}, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def stop(stack: Stack, logger: TrainingRunLogger) -> None:
    """What the dashboard's button does."""
    answer = httpx.patch(
        str(logger.url), headers={"X-API-Key": stack.key}, json={"status": "stopped"},
        timeout=30, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:500]


def test_a_run_arrives_as_it_was_logged(stack: Stack) -> None:
    config = {
        "z": 1.0,
        "a": {"b.c": [1e-7, None, True], "": "é", "$x": 2**62},
        "inf": float("inf"),
    }
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        logger.create_run("agent", "DQN", config, tags=["t"], notes="*n*", metadata={"host": "h"})
        logger.log_episode(2, np.float32(-0.5), np.int64(3), win=np.bool_(False))
        logger.log_episode(1, float("nan"), 1, win=0.5, epsilon=0.25, metrics={"loss": np.inf})
        logger.log_checkpoint(2, "models/two.json")
    document = read(stack, logger)
    assert document["run_id"] == logger.run_id
    assert document["status"] == "completed"
    assert document["config"] == {**config, "inf": "Infinity"}
    assert list(document["config"]) == ["z", "a", "inf"]
    assert (document["agent_id"], document["algorithm"]) == ("agent", "DQN")
    assert (document["tags"], document["notes"]) == (["t"], "*n*")
    assert document["metadata"] == {"host": "h"}
    assert document["checkpoint_paths"] == [{"episode": 2, "path": "models/two.json"}]
    first, second = document["metrics"]["episodes"]
    assert (first["episode"], first["total_reward"], first["win"]) == (1, "NaN", 0.5)
    assert (first["epsilon"], first["loss"]) == (0.25, "Infinity")
    assert (second["episode"], second["total_reward"], second["steps"]) == (2, -0.5, 3)
    assert second["win"] is False


def test_metrics_that_both_families_know_are_found_under_their_names(stack: Stack) -> None:
    metrics = {
        "roi_pct": 3.1, "sharpe_ratio": 1.5, "max_drawdown_pct": 2.5, "total_trades": np.int32(7),
        "reward_sum": 10.0, "total_reward": 10.0, "steps": 50, "win": True, "epsilon": 0.5,
        "loss": 0.25,
    }  # fmt: skip
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        logger.create_run("agent")
        logger.log_episode(1, 10.0, 50, metrics=metrics)
    assert logger.delivery == Delivery(delivered=1)
    (episode,) = read(stack, logger)["metrics"]["episodes"]
    assert {name: episode[name] for name in metrics if name != "reward_sum"} == {
        name: value for name, value in metrics.items() if name != "reward_sum"
    }


@pytest.mark.parametrize(("resume", "arrives"), [("must", True), ("never", False)])
def test_resume_is_held_against_what_the_api_has(
    stack: Stack, resume: Resume, arrives: bool
) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        run_id = logger.create_run("agent", config={"lr": 1})
        logger.log_episode(1, 1.0, 1)
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as other:
        other.create_run("other", config={"lr": 2}, run_id=run_id, resume=resume)
        other.log_episode(2, 2.0, 1)
    document = read(stack, logger)
    assert document["summary"]["episodes"] == (2 if arrives else 1)
    assert (document["agent_id"], document["config"]) == ("agent", {"lr": 1})
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as lost:
        lost.create_run(run_id=f"{run_id[:30]}-none", resume="must")
        lost.log_episode(1, 1.0, 1)
    assert lost.delivery == Delivery(refused=1)


def test_the_episodes_that_the_api_refuses_are_left_out(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        logger.create_run("agent")
        for number in range(1, 501):
            bad = number % 100 == 7
            logger.log_episode(number, 1.0, 10, win=2.0 if bad else True)
        logger.log_episode(0, 1.0, 10)
    logged = [one["episode"] for one in read(stack, logger)["metrics"]["episodes"]]
    assert logged == [number for number in range(1, 501) if number % 100 != 7]
    assert logger.delivery == Delivery(delivered=495, refused=6)
    first, summary = caplog.messages
    assert "episode 7 of run" in first
    assert ".win: " in first
    assert "6 refused" in summary


def test_a_run_goes_on_under_its_id_and_replaces_what_it_replays(stack: Stack) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        run_id = logger.create_run("agent", config={"lr": 1})
        for number in range(1, 11):
            logger.log_episode(number, 1.0, 1)
        logger.flush()
        logger.create_run("agent", config={"lr": 1}, run_id=run_id.upper())  # ends the first, too
        for number in range(6, 16):
            logger.log_episode(number, 2.0, 1)
    document = read(stack, logger)
    assert logger.run_id == run_id
    rewards = [one["total_reward"] for one in document["metrics"]["episodes"]]
    assert rewards == [1.0] * 5 + [2.0] * 10


def test_an_id_that_is_taken_by_another_config_is_refused_and_said(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        run_id = logger.create_run("agent", config={"lr": 1})
        logger.log_episode(1, 1.0, 1)
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as other:
        other.create_run("agent", config={"lr": 2}, run_id=run_id)
        other.log_episode(1, 5.0, 1)
    assert read(stack, logger)["metrics"]["episodes"][0]["total_reward"] == 1.0
    assert "409" in caplog.messages[0]


@pytest.mark.parametrize(
    ("error", "status", "metadata"),
    [
        (ValueError("no gpu"), "failed", {"error_message": "ValueError: no gpu"}),
        (KeyboardInterrupt(), "stopped", {}),
    ],
)
def test_an_exception_in_the_block_ends_the_run(
    stack: Stack, error: BaseException, status: str, metadata: dict[str, str]
) -> None:
    with (
        pytest.raises(type(error)),
        TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger,
    ):
        logger.create_run("agent")
        raise error
    document = read(stack, logger)
    assert (document["status"], document["metadata"]) == (status, metadata)


def test_a_run_that_is_stopped_from_elsewhere_is_asked_to_stop(stack: Stack) -> None:
    with TrainingRunLogger(stack.url, stack.key, linger_s=0.01, close_timeout_s=60) as logger:
        logger.create_run("agent")
        logger.log_episode(1, 1.0, 1)
        assert logger.flush()
        assert not logger.stop_requested
        stop(stack, logger)
        logger.log_episode(2, 1.0, 1)
        assert logger.flush()
        assert logger.stop_requested
        first = logger.run_id
        logger.create_run("agent")
        assert not logger.stop_requested
    document = read(stack, logger, first)
    assert document["status"] == "stopped"
    assert document["summary"]["episodes"] == 2  # late ones are data


def test_leaving_the_block_of_a_run_that_was_stopped_elsewhere_says_nothing_more(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    with TrainingRunLogger(stack.url, stack.key, linger_s=0.01, close_timeout_s=60) as logger:
        logger.create_run("agent")
        stop(stack, logger) if logger.flush() else pytest.fail("no answer")
        logger.log_episode(1, 1.0, 1)
        assert logger.flush() and logger.stop_requested
    assert read(stack, logger)["status"] == "stopped"
    assert [record.message for record in caplog.records if "refused" in record.message] == []


def test_a_run_that_had_ended_before_or_was_ended_here_is_not_asked_to_stop(stack: Stack) -> None:
    with TrainingRunLogger(stack.url, stack.key, linger_s=0.01, close_timeout_s=60) as logger:
        run_id = logger.create_run("agent")
        logger.log_episode(1, 1.0, 1)
        logger.update_status("completed")
        logger.log_episode(2, 1.0, 1)
        assert logger.flush()
        assert not logger.stop_requested
    with TrainingRunLogger(stack.url, stack.key, linger_s=0.01, close_timeout_s=60) as again:
        again.create_run("agent", run_id=run_id)
        again.log_episode(3, 1.0, 1)
        assert again.flush()
        assert not again.stop_requested
