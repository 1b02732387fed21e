"""training_run_callbacks by itself, with stand-ins for RLlib's base class and for its algorithm.

What RLlib really calls is tried by tests/clients/run_rllib; this keeps what it found.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from fake_api import FakeApi, fake_api


class Config:
    """With one setting that is not as usual."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"lr": 1e-3, "clip": 0.2, "horizon": 7, "callbacks": self}

    def to_dict(self) -> dict[str, Any]:
        return self.settings


class Algorithm:
    training_run: Any

    def __init__(self) -> None:
        self.config = Config()
        self.config.settings["horizon"] = 8
        self.fails: BaseException | None = None

    def step(self) -> dict[str, Any]:
        if self.fails:
            raise self.fails
        return {}

    def cleanup(self) -> None:
        pass


class Piece:
    """Of an episode of the new stack."""

    def __init__(self, rewards: list[float], done: bool, name: str = "e", **info: Any) -> None:
        self.id_, self._rewards, self.is_done = name, rewards, done
        self.is_truncated, self._info = False, info

    def get_return(self) -> float:
        return sum(self._rewards)

    def get_infos(self, at: int) -> dict[str, Any]:
        return self._info

    def __len__(self) -> int:
        return len(self._rewards)


class Metrics:
    """RLlib's MetricsLogger, as far as lists go."""

    def __init__(self) -> None:
        self.told: dict[str, list[float]] = {}

    def log_value(self, key: tuple[str, str], value: float, **options: Any) -> None:
        assert options == {"reduce": None, "clear_on_reduce": True}
        self.told.setdefault(key[1], []).append(value)


@pytest.fixture
def rllib(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    names = ("ray", "ray.rllib", "ray.rllib.callbacks", "ray.rllib.callbacks.callbacks")
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[names[-1]].RLlibCallback = type("RLlibCallback", (), {})  # type: ignore[attr-defined]
    monkeypatch.delitem(sys.modules, "training_client.rllib", raising=False)
    yield importlib.import_module("training_client.rllib")
    sys.modules.pop("training_client.rllib", None)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with fake_api() as served:
        monkeypatch.setenv("TRAINING_URL", served.url)
        monkeypatch.setenv("TRAINING_SILENT", "1")
        yield served


def begin(rllib: Any, **settings: Any) -> tuple[Any, Algorithm]:
    callbacks, algorithm = rllib.training_run_callbacks(**settings)(), Algorithm()
    callbacks.on_algorithm_init(algorithm=algorithm, metrics_logger=None)
    return callbacks, algorithm


def the_run(api: FakeApi) -> dict[str, Any]:
    (run,) = api.runs.values()
    return run


def test_an_episode_in_pieces_is_summed_up(rllib: Any, api: FakeApi) -> None:
    callbacks, algorithm = begin(rllib)
    runner, metrics = rllib.training_run_callbacks()(), Metrics()
    callback = {"metrics_logger": metrics, "env_runner": None, "env": None, "env_index": 0}
    for rewards in ([1.0, 2.0], [4.0], [8.0, 16.0]):
        runner.on_sample_end(samples=[Piece(rewards, False)], **callback)
    runner.on_episode_end(episode=Piece([32.0], True, is_success=True), **callback)
    runner.on_sample_end(samples=[Piece([32.0], True), Piece([5.0], False, "f")], **callback)
    runner.on_episode_end(episode=Piece([7.0], True, "f"), **callback)
    callbacks.on_train_result(algorithm=algorithm, result={"env_runners": {
        "training_client": metrics.told
    }})  # fmt: skip
    algorithm.cleanup()
    episodes = the_run(api)["episodes"]
    assert [(one["total_reward"], one["steps"]) for one in episodes.values()] == [(63, 6), (12, 2)]
    assert episodes[1]["win"] is True
    assert "win" not in episodes[2]


def test_what_the_old_stack_tells_again_is_logged_once(rllib: Any, api: FakeApi) -> None:
    def told(*ids: int) -> dict[str, Any]:
        one = {"steps": 3.0, "win": 0.5, "truncated": 1.0, "duration_s": 0.25}
        media = [{"id": number, "total_reward": number / 2, **one} for number in ids]
        learner = {"default_policy": {"learner_stats": {"kl": ids[-1] / 10, "vector": [1, 2]}}}
        return {
            "episode_media": {"training_client": media}, "info": {"learner": learner},
            "timesteps_total": 10 * len(ids),
        }  # fmt: skip

    callbacks, algorithm = begin(rllib, first_episode=5, run_id="goes-on")
    for ids in ((11, 12), (11, 12, 13), (12, 13, 14, 15)):
        result = told(*ids)
        callbacks.on_train_result(algorithm=algorithm, result=result)
        assert result["episode_media"] == {}
    algorithm.cleanup()
    episodes = the_run(api)["episodes"]
    rewards = {number: one["total_reward"] for number, one in episodes.items()}
    assert rewards == {5: 5.5, 6: 6.0, 7: 6.5, 8: 7.0, 9: 7.5}
    kl = {number: one["metrics"].get("learners/default_policy/kl")
          for number, one in episodes.items()}  # fmt: skip
    assert kl == {5: None, 6: 1.2, 7: 1.3, 8: None, 9: 1.5}
    assert (episodes[5]["win"], episodes[5]["metrics"]) == (
        0.5, {"truncated": 1.0, "duration_s": 0.25},
    )  # fmt: skip
    created = [one.body for one in api.requests if one.path.endswith("/training-runs")]
    assert [one.get("config") for one in created] == [None]  # it has its config


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (None, {"status": "completed"}),
        (KeyboardInterrupt(), {"status": "stopped"}),
        (ValueError("nan"), {"status": "failed", "error_message": "ValueError: nan"}),
    ],
)
def test_the_run_ends_as_the_training_does(
    rllib: Any, api: FakeApi, error: BaseException | None, change: dict[str, str]
) -> None:
    _, algorithm = begin(rllib, config={"note": "n"})
    algorithm.fails = error
    if error is not None:
        with pytest.raises(type(error)):
            algorithm.step()
    algorithm.cleanup()
    algorithm.cleanup()
    assert the_run(api)["changes"] == [change]
    (created,) = [one.body for one in api.requests if one.path.endswith("/training-runs")]
    assert created["config"] == {"lr": 1e-3, "horizon": 8, "note": "n"}
    assert created["algorithm"] == "Algorithm"


def test_a_stop_from_elsewhere_sets_done_and_changes_nothing(rllib: Any, api: FakeApi) -> None:
    callbacks, algorithm = begin(rllib)
    told = {"total_reward": [1.0], "steps": [1.0], "win": [1.0], "truncated": [0.0],
            "duration_s": [1.0]}  # fmt: skip
    result: dict[str, Any] = {"env_runners": {"training_client": told}, "done": False}
    algorithm.training_run.flush()
    the_run(api)["status"] = "stopped"
    callbacks.on_train_result(algorithm=algorithm, result=result)
    assert algorithm.training_run.flush()
    result = {"env_runners": {}, "done": False}
    callbacks.on_train_result(algorithm=algorithm, result=result)
    assert result["done"] is True
    algorithm.cleanup()
    assert the_run(api)["changes"] == []
