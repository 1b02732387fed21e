"""training_client.payload and backoff: values become JSON, waits stay bounded."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import numpy as np
import pytest
from training_client import payload
from training_client.backoff import Backoff
from training_client.errors import Fault, Refused
from training_client.transport import retry_after_s


def test_an_episode_has_the_shape_of_the_api() -> None:
    body = payload.episode_json(3, -1.0, 2, 0.5, 0.1, {"loss": 0.25, "none": None})
    assert json.loads(body) == {
        "episode": 3,
        "total_reward": -1.0,
        "steps": 2,
        "win": 0.5,
        "epsilon": 0.1,
        "metrics": {"loss": 0.25},
    }
    assert json.loads(payload.episode_json(1, 1, 1, None, None, None)) == {
        "episode": 1,
        "total_reward": 1,
        "steps": 1,
    }


def test_known_metrics_travel_beside_the_others_wherever_they_are_given() -> None:
    known = {"roi_pct": 3.1, "sharpe_ratio": 1, "max_drawdown_pct": 2, "total_trades": 7}
    more = {"win": True, "epsilon": 0.5, "steps": 9, "total_reward": 9, "reward_sum": 9}
    body = payload.episode_json(1, 1.5, 2, None, 0.1, {**known, **more, "loss": 0.25})
    assert json.loads(body) == {
        "episode": 1, "total_reward": 1.5, "steps": 2, "win": True, "epsilon": 0.1, **known,
        "metrics": {"loss": 0.25},
    }  # fmt: skip
    assert "metrics" not in json.loads(payload.episode_json(1, 1.5, 2, None, None, known))


def test_numpy_scalars_are_numbers() -> None:
    body = payload.episode_json(
        np.int64(7),
        np.float32(1.5),
        np.int32(9),
        np.bool_(True),
        np.float64("nan"),
        {"a": np.array(2.0)},
    )
    assert json.loads(body) == {
        "episode": 7,
        "total_reward": 1.5,
        "steps": 9,
        "win": True,
        "epsilon": "NaN",
        "metrics": {"a": 2.0},
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")],
)
def test_a_number_that_is_not_finite_is_sent_as_text(value: float, text: str) -> None:
    body = json.loads(payload.episode_json(1, value, 1, None, None, {"m": np.float64(value)}))
    assert body["total_reward"] == text
    assert body["metrics"]["m"] == text
    assert payload.plain({"config": [value]}) == {"config": [text]}


@pytest.mark.parametrize("value", ["1.0", "NaN", None, [1], {}, object()])
def test_what_is_no_number_is_not_sent(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        payload.episode_json(1, value, 1, None, None, None)  # type: ignore[arg-type]


def test_a_config_keeps_order_nesting_and_large_integers() -> None:
    config = {"z": 1, "a": {"$set": [1, 2.0, None, True]}, "": 2**63 - 1, "tiny": 1e-7, "é.": "ü"}
    text = payload.object_json({"config": config, "left_out": None}).decode()
    assert text == (
        '{"config":{"z":1,"a":{"$set":[1,2.0,null,true]},"":9223372036854775807,'
        '"tiny":1e-07,"é.":"ü"}}'
    )


def test_a_config_may_hold_numpy_paths_and_tuples() -> None:
    config = {"shape": (1, 2), "lr": np.float32(0.5), "path": PurePosixPath("a/b"), 1: np.eye(1)}
    assert payload.plain(config) == {"shape": [1, 2], "lr": 0.5, "path": "a/b", "1": [[1.0]]}


def test_waits_double_up_to_two_seconds_and_start_again_after_success() -> None:
    backoff = Backoff()
    for most in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
        assert most / 2 <= backoff.next_s() <= most
    backoff.reset()
    assert backoff.next_s() <= 0.1


def test_waits_differ_from_client_to_client() -> None:
    assert len({Backoff().next_s() for _ in range(10)}) > 1


def test_a_wait_is_never_shorter_than_the_server_asked_for() -> None:
    assert Backoff().next_s(retry_after_s=7.0) == 7.0
    assert Backoff().next_s(retry_after_s=0.0) >= 0.05


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [(None, None), ("2", 2.0), ("-5", 0.0), ("99999", 300.0), ("soon", None), ("nan", None),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, wait_s: float | None) -> None:
    assert retry_after_s(header) == wait_s


def test_a_refused_batch_names_its_items() -> None:
    faults = (
        Fault("episodes[2].steps", "too small"),
        Fault("episodes[2].win", "too large"),
        Fault("episodes[10]", "not an object"),
        Fault("config", "odd"),
    )
    assert Refused(422, "wrong", faults).faults_by_item() == {
        2: "episodes[2].steps: too small",
        10: "episodes[10]: not an object",
    }
