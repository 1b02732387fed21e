"""AgentExchangeClient and its async twin against the real thing: what was reported is read back."""

from __future__ import annotations

import math
import random
import threading
import uuid
from datetime import datetime, timedelta, timezone
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from agentexchange import (
    AgentExchangeClient,
    AuthError,
    ConflictError,
    NotFoundError,
    ValidationError,
)

from api_clients import KINDS, client_of
from fake_api import wait_until
from stack import Stack

CONFIG = {"z": 1.0, "a": {"b.c": [1e-7, None, True], "": "é"}, "$x": 2**62}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rolling(values: list[float], window: int) -> list[float]:
    return [fmean(values[max(0, end - window) : end]) for end in range(1, len(values) + 1)]


def test_a_run_from_its_registration_to_its_comparison(stack: Stack, kind: str) -> None:
    chance = random.Random(7)
    rois = [chance.gauss(1, 2) for _ in range(40)]
    label = f"ppo_{uuid.uuid4().hex[:8]}"
    run_id, strategy_id = str(uuid.uuid4()), str(uuid.uuid4())
    with client_of(kind, stack.key, stack.url) as client:
        run = client.register_training_run(
            run_id=run_id, config=CONFIG, strategy_id=strategy_id, strategy_label=label
        )
        assert (run.run_id, run.status, run.episodes_completed) == (run_id, "running", 0)
        assert (run.config, list(run.config)) == (CONFIG, list(CONFIG))
        assert (run.strategy_id, run.strategy_label) == (strategy_id, label)
        assert run.completed_at is None
        assert abs(datetime.now(timezone.utc) - run.started_at) < timedelta(minutes=5)

        for number, roi in enumerate(rois[:3], start=1):
            run = client.report_training_episode(
                run_id, number, roi_pct=roi, total_trades=np.int64(number), reward_sum=np.float32(2)
            )
            assert run.episodes_completed == number
        rest = enumerate(rois[3:], start=4)
        run = client.report_training_episodes(
            run_id, ({"episode_number": number, "roi_pct": roi} for number, roi in rest)
        )
        assert run.episodes_completed == 40

        run = client.complete_training_run(run_id=run_id)
        again = client.complete_training_run(run_id=run_id)
        assert run.status == again.status == "completed"
        assert run.completed_at == again.completed_at >= run.started_at

        detail = client.get_training_run(run_id=run_id)
        assert [episode.metrics.roi_pct for episode in detail.episodes] == rois
        assert detail.episodes[1].metrics["total_trades"] == 2
        assert detail.episodes[1].metrics.reward_sum == detail.episodes[1].metrics.total_reward == 2
        assert detail.episodes[3].metrics.total_trades is None
        assert math.isclose(detail.avg_roi_pct, fmean(rois))
        assert math.isclose(detail.aggregate_stats["avg_roi_pct"], fmean(rois))
        assert detail.aggregate_stats.best_roi_pct == max(rois)
        assert detail.learning_curve["roi_pct"] == pytest.approx(rolling(rois, 10))

        curve = client.get_learning_curve(run_id=run_id, metric="roi_pct", window=5)
        assert (curve.metric, curve.window) == ("roi_pct", 5)
        assert curve.episode_numbers == list(range(1, 41))
        assert curve.raw_values == rois
        assert curve.smoothed_values[:4] == [None] * 4
        assert curve.smoothed_values[4:] == pytest.approx(rolling(rois, 5)[4:])
        part = client.get_learning_curve(run_id, window=5, from_episode=11, to_episode=20)
        assert [point.smoothed for point in part.curve] == pytest.approx(rolling(rois, 5)[10:20])
        thin = client.get_learning_curve(run_id, max_points=8)
        assert {min(rois), max(rois)} <= set(thin.raw_values)
        assert (thin.points_total, thin.points_returned) == (40, len(thin.raw_values))

        comparison = client.compare_training_runs(run_ids=[run_id, "absent"])
        assert [one.run_id for one in comparison.runs] == [run_id]
        assert comparison.missing == ["absent"]
        assert math.isclose(comparison.runs[0].aggregate_stats.avg_roi_pct, fmean(rois))
        assert isinstance(comparison.runs[0].completed_at, datetime)


def test_lists_have_pages_a_total_and_an_iterator_over_all(stack: Stack, kind: str) -> None:
    label = f"many_{uuid.uuid4().hex[:8]}"
    with client_of(kind, stack.key, stack.url) as client:
        ids = [client.register_training_run(strategy_label=label).run_id for _ in range(7)]
        client.complete_training_run(ids[0])
        newest_first = [
            run.run_id for run in client.iter_training_runs(strategy_label=label, limit=3)
        ]
        assert newest_first == ids[::-1]
        page = client.list_training_runs(strategy_label=label, status="running", limit=4, offset=4)
        assert [run.run_id for run in page] == ids[2:0:-1]
        assert page.total == 6
        wrapped = client.get_training_runs(strategy_label=label, limit=2)
        assert (
            wrapped["runs"]
            == wrapped.runs
            == client.list_training_runs(strategy_label=label, limit=2)
        )
        assert (len(wrapped.runs), wrapped.total) == (2, 7)
        since = client.get_training_run(ids[-1]).started_at + timedelta(hours=1)
        assert client.list_training_runs(strategy_label=label, since=since) == []


def test_what_is_not_finite_is_reported_and_read_back(stack: Stack) -> None:
    metrics = {"loss": float("nan"), "train/kl": np.float64("-inf"), "none": None}
    with AgentExchangeClient(stack.key, stack.url) as client:
        run = client.register_training_run()
        client.report_training_episode(run.run_id, 1, roi_pct=float("inf"), metrics=metrics)
        detail = client.get_training_run(run.run_id)
    assert detail.aggregate_stats is not None
    got = detail.episodes[0].metrics
    assert math.isnan(got["loss"])
    assert (got["train/kl"], got.roi_pct, "none" in got) == (-math.inf, math.inf, False)
    assert (detail.avg_roi_pct, detail.aggregate_stats.avg_roi_pct) == (None, None)
    assert detail.aggregate_stats.nonfinite == {"loss": 1, "train/kl": 1, "roi_pct": 1}


def test_refusals_are_errors_with_the_servers_words(stack: Stack, kind: str) -> None:
    with client_of(kind, stack.key, stack.url) as client:
        run = client.register_training_run(config={"lr": 1})
        with pytest.raises(ConflictError) as conflict:
            client.register_training_run(run.run_id, config={"lr": 2})
        with pytest.raises(NotFoundError) as absent:
            client.get_training_run("no-such-run")
        with pytest.raises(ValidationError) as wrong:
            client.report_training_episode(run.run_id, 0, win=3, total_trades=1.5)
        assert client.get_training_run(run.run_id).episodes == []
    with client_of(kind, "ak_wrong", stack.url) as client, pytest.raises(AuthError) as stranger:
        client.list_training_runs()
    found: Any = [conflict.value, absent.value, wrong.value, stranger.value]
    assert [error.status for error in found] == [409, 404, 422, 401]
    assert [error.code for error in found[1:]] == [
        "run_not_found",
        "validation_failed",
        "key_wrong",
    ]
    fields = {fault.field for fault in found[2].errors}
    assert fields == {"episode_number", "win", "total_trades"}
    assert all(error.request_id for error in found)
    log = stack.log_folder / "access.log"
    wait_until(  # a line is written after its answer
        lambda: all(error.request_id in log.read_text() for error in found), "all in the log"
    )


def test_one_client_serves_many_threads(stack: Stack) -> None:
    with AgentExchangeClient(stack.key, stack.url) as client:
        run_id = client.register_training_run().run_id

        def report(first: int) -> None:
            for number in range(first, first + 10):
                client.report_training_episode(run_id, number, reward_sum=number)

        threads = [threading.Thread(target=report, args=(1 + 10 * at,)) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        detail = client.get_training_run(run_id)
    assert [episode.metrics.reward_sum for episode in detail.episodes] == list(range(1, 81))
