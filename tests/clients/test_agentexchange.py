"""AgentExchangeClient without a stack: its objects, and what it does about faults."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from agentexchange import (
    AgentExchangeClient,
    AgentExchangeError,
    AuthError,
    ConflictError,
    NotFoundError,
    RateLimitError,
    Retries,
    TrainingRun,
    TrainingRunDetail,
    UnavailableError,
    ValidationError,
)
from training_client import TrainingClientError

from api_clients import KINDS, client_of
from fake_api import FakeApi, Fault, fake_api

CLIENT = str(Path(__file__).resolve().parents[2] / "app" / "client")
RUN = {
    "run_id": "r1",
    "status": "running",
    "config": {"lr": 0.1},
    "completed_at": None,
    "started_at": "2026-03-19T10:00:00.250Z",
    "avg_roi_pct": 3.5,
    "a_new_member": [1, 2],
}
ANSWER = Fault(200, body=json.dumps(RUN).encode())


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def problem(status: int, **members: Any) -> Fault:
    """A refusal as the API words it."""
    body = {"status": status, "detail": "Not so.", "code": "no_way", "request_id": "q1", **members}
    return Fault(status, body=json.dumps(body).encode())


# ---- the objects


def test_members_are_attributes_and_items_those_unknown_to_this_version_too() -> None:
    run = TrainingRun(RUN)
    assert (run.status, run["status"]) == ("running", "running")
    assert (run["avg_roi_pct"], run.avg_roi_pct) == (3.5, 3.5)
    assert run.a_new_member == run["a_new_member"] == [1, 2]
    assert run.get("nothing", 7) == 7
    assert dict(run) == RUN
    assert {"status", "a_new_member", "strategy_label"} <= set(dir(run))


def test_a_documented_member_is_none_when_it_is_null_or_absent_and_others_are_errors() -> None:
    run = TrainingRun(RUN)
    assert run.completed_at is None
    assert run.strategy_label is None
    with pytest.raises(AttributeError, match="TrainingRun has no member 'statsu'"):
        _ = run.statsu
    with pytest.raises(KeyError):
        _ = run["strategy_label"]
    assert TrainingRunDetail(RUN).aggregate_stats is None


def test_times_are_datetimes_as_attributes_and_text_as_items() -> None:
    run = TrainingRun(RUN)
    assert run.started_at == datetime(2026, 3, 19, 10, 0, 0, 250000, tzinfo=timezone.utc)
    assert run["started_at"] == "2026-03-19T10:00:00.250Z"


def test_nested_objects_are_read_both_ways_and_metrics_that_are_not_finite_are_floats() -> None:
    episode = {"episode_number": 2, "metrics": {"roi_pct": "-Infinity", "loss": "NaN", "win": True}}
    stats = {"avg_roi_pct": 1.0, "avg_loss": None}
    raw = {**RUN, "episodes": [episode], "aggregate_stats": stats}
    detail = TrainingRunDetail(raw)
    metrics = detail.episodes[0]["metrics"]
    assert metrics is detail.episodes[0].metrics
    assert (metrics.roi_pct, metrics["win"], metrics.sharpe_ratio) == (-math.inf, True, None)
    assert math.isnan(metrics["loss"])
    assert metrics.get("total_trades", "N/A") == "N/A"
    assert detail.aggregate_stats is not None
    assert detail.aggregate_stats.get("avg_roi_pct") == detail.aggregate_stats.avg_roi_pct == 1.0
    assert json.loads(json.dumps(detail.to_dict())) == raw


def test_an_object_can_be_copied_pickled_compared_and_shown() -> None:
    run = TrainingRun(RUN)
    for other in (copy.deepcopy(run), copy.copy(run), pickle.loads(pickle.dumps(run))):
        assert type(other) is TrainingRun
        assert other == run
    long = TrainingRunDetail({**RUN, "episodes": [{"episode_number": n} for n in range(500)]})
    assert "status='running'" in repr(run)
    assert "completed_at" not in repr(run)
    assert "episodes=[500 items]" in repr(long)
    assert len(repr(long)) < 300


# ---- errors


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ValidationError), (401, AuthError), (403, AuthError), (404, NotFoundError),
     (409, ConflictError), (413, ValidationError), (422, ValidationError),
     (418, AgentExchangeError)],
)  # fmt: skip
def test_a_refusal_is_an_error_of_its_kind_and_is_not_sent_again(
    api: FakeApi, kind: str, status: int, error: type[AgentExchangeError]
) -> None:
    fault = {"field": "config", "message": "must be an object"}
    api.faults.append(problem(status, errors=[fault]))
    with client_of(kind, "ak_k", api.url) as client, pytest.raises(error) as caught:
        client.register_training_run("r1")
    reason = caught.value
    assert type(reason) is error
    assert isinstance(reason, TrainingClientError)
    assert (reason.code, reason.message, reason.status) == ("no_way", "Not so.", status)
    assert reason.request_id == "q1"
    assert reason.errors == reason.details
    assert [(one.field, one.message) for one in reason.errors] == [("config", "must be an object")]
    assert str(reason) == f"Not so. ({status}, no_way, request q1)"
    assert str(pickle.loads(pickle.dumps(reason))) == str(reason)
    assert len(api.requests) == 1


def test_a_call_is_repeated_as_it_was_until_it_is_answered(api: FakeApi, kind: str) -> None:
    # No answer, asked to slow down, away, a proxy's page: then the answer.
    api.faults.extend(
        [Fault(0), Fault(429, {"Retry-After": "0"}), Fault(503), Fault(502, body=b"<html>"), ANSWER]
    )
    retries = Retries(first_wait_s=0.01)
    with client_of(kind, "ak_k", api.url, retries=retries) as client:
        assert client.register_training_run(config={"lr": 0.1}).status == "running"
    bodies = [request.body for request in api.requests]
    assert len(bodies) == 5
    assert all(body == bodies[0] for body in bodies)  # the id was made once
    assert len(bodies[0]["run_id"]) == 36
    assert {request.key for request in api.requests} == {"ak_k"}


def test_retries_are_bounded_in_number(api: FakeApi, kind: str) -> None:
    api.faults.extend([Fault(503)] * 3)
    retries = Retries(attempts=3, first_wait_s=0.01)
    with (
        client_of(kind, None, api.url, retries=retries) as client,
        pytest.raises(UnavailableError) as caught,
    ):
        client.complete_training_run("r1")
    assert (caught.value.status, len(api.requests)) == (503, 3)


def test_a_wait_that_the_server_asks_for_is_kept_or_given_back_when_it_is_too_long(
    api: FakeApi, kind: str
) -> None:
    api.faults.extend([Fault(429, {"Retry-After": "1"}), ANSWER, Fault(429, {"Retry-After": "60"})])
    with client_of(kind, None, api.url) as client:
        began = time.monotonic()
        client.complete_training_run("r1")
        assert time.monotonic() - began >= 1.0
        with pytest.raises(RateLimitError) as caught:
            client.complete_training_run("r1")
    assert caught.value.retry_after_s == 60.0
    assert len(api.requests) == 3


def test_a_server_that_is_not_there_is_unavailable(api: FakeApi, kind: str) -> None:
    api.stop()
    with (
        client_of(kind, None, api.url, retries=Retries(attempts=2, first_wait_s=0.01)) as client,
        pytest.raises(UnavailableError, match="no answer") as caught,
    ):
        client.get_training_run("r1")
    assert (caught.value.code, caught.value.status) == ("no_connection", 0)


def test_an_answer_that_does_not_come_in_time_is_an_error_of_its_own_code(
    api: FakeApi, kind: str
) -> None:
    api.gate.clear()
    retries = Retries(attempts=1)
    with (
        client_of(kind, None, api.url, timeout_s=0.2, retries=retries) as client,
        pytest.raises(UnavailableError) as caught,
    ):
        client.complete_training_run("r1")
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"null"])
def test_what_is_not_the_api_is_said_to_be_something_else(
    api: FakeApi, kind: str, body: bytes
) -> None:
    api.faults.append(Fault(200, body=body))
    with (
        client_of(kind, None, api.url) as client,
        pytest.raises(AgentExchangeError, match="is not a training API"),
    ):
        client.complete_training_run("r1")


@pytest.mark.parametrize(("url", "key"), [("http://h:x", None), ("http://h", "ak_ü"), ("x", None)])
def test_a_url_or_a_key_that_cannot_work_is_said(url: str, key: str | None) -> None:
    with pytest.raises(AgentExchangeError, match="not usable"):
        AgentExchangeClient(key, url).list_training_runs()


def test_a_key_that_cannot_be_sent_is_not_shown(api: FakeApi) -> None:
    with pytest.raises(AgentExchangeError, match="not usable") as caught:
        AgentExchangeClient("ak_a\nsecret", api.url).complete_training_run("r1")
    assert "secret" not in str(caught.value)


# ---- requests


def test_a_large_batch_is_sent_in_parts_and_an_error_counts_from_the_first_episode(
    api: FakeApi, kind: str
) -> None:
    fault = {"field": "episodes[3].win", "message": "too much"}
    api.faults.extend([ANSWER, problem(422, detail="episodes[3].win: too much", errors=[fault])])
    episodes = [{"episode_number": n, "win": 2, "steps": None} for n in range(1, 1501)]
    with client_of(kind, None, api.url) as client, pytest.raises(ValidationError) as caught:
        client.report_training_episodes("r1", iter(episodes))
    sizes = [len(request.body["episodes"]) for request in api.requests]
    assert sizes == [1000, 500]
    assert api.requests[0].body["episodes"][0] == {"episode_number": 1, "win": 2}
    assert caught.value.message == "episodes[1003].win: too much"
    assert caught.value.errors[0].field == "episodes[1003].win"


def test_a_misspelt_metric_or_filter_is_an_error_here_because_the_api_would_ignore_it() -> None:
    client = AgentExchangeClient()
    with pytest.raises(TypeError, match="unknown: loss"):
        client.report_training_episodes("r1", [{"episode_number": 1, "loss": 1}])  # type: ignore[typeddict-unknown-key]
    with pytest.raises(TypeError, match=r"unknown: roi; known: .*roi_pct"):
        client.report_training_episode("r1", 1, roi=1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown: state"):
        client.list_training_runs(state="running")  # type: ignore[call-arg]


@pytest.mark.parametrize("run_id", ["", ".", ".."])
def test_an_id_cannot_lead_to_another_path(run_id: str) -> None:
    with pytest.raises(ValueError, match="no run's id"):
        AgentExchangeClient().complete_training_run(run_id)


def test_an_id_is_escaped_in_the_path(api: FakeApi) -> None:
    api.faults.append(ANSWER)
    with AgentExchangeClient(None, api.url) as client:
        client.complete_training_run("a/../b?c")
    assert api.requests[0].path == "/api/v1/training/runs/a%2F..%2Fb%3Fc/complete"


def test_url_and_key_come_from_the_environment_also_for_a_documents_placeholder(
    api: FakeApi, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINING_URL", api.url + "/")
    monkeypatch.setenv("TRAINING_API_KEY", "ak_env")
    for key in (None, "ak_live_...", "ak_mine"):
        api.faults.append(ANSWER)
        with client_of(kind, api_key=key) as client:
            client.complete_training_run("r1")
    assert [request.key for request in api.requests] == ["ak_env", "ak_env", "ak_mine"]


def test_all_but_the_trackers_works_without_gymnasium() -> None:
    program = """
import sys
sys.modules["gymnasium"] = None
from agentexchange import *
from training_client import *
AgentExchangeClient(), TrainingRunLogger
for name in ("TrainingTracker", "VectorTrainingTracker", "register_tracked"):
    try:
        exec(f"from agentexchange import {name}")
    except ImportError as error:
        assert str(error) == f"{name} needs Gymnasium: pip install 'training-client[gym]'", error
    else:
        sys.exit("imported")
"""
    environment = {**os.environ, "PYTHONPATH": CLIENT}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
