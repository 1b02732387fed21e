"""What the callbacks are made of: names and values for an episode, infos of all kinds, imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from training_client.finished_episodes import FinishedEpisode, finished_episodes
from training_client.metric_names import METRICS_MAX, PendingMetrics, metric_name

from trainer_process import APP

ALLOWED = re.compile(r"^[A-Za-z0-9._/-]{1,64}$")  # as the API's contract says


@pytest.mark.parametrize(
    "name", ["train/loss", "rollout/ep rew mean", "a:b", "é", "win", "steps", "x" * 100, "metrics"]
)
def test_any_name_becomes_one_that_the_api_takes(name: str) -> None:
    fit = metric_name(name)
    assert ALLOWED.match(fit)
    assert fit not in ("win", "steps", "metrics")
    assert (fit == name) == (name == "train/loss")


def test_only_numbers_wait_and_each_is_taken_once() -> None:
    pending = PendingMetrics()
    pending.put({"a": np.float32(0.5), "text": "t", "flag": np.True_, "many": np.ones(3), "": 1})
    pending.put({"a": np.array([1.5]), "nan": float("nan"), "none": None})
    assert pending
    taken = pending.take({"own": 1, "a": None, "flag": 7})
    assert {**taken, "nan": 0} == {"own": 1, "flag": 7, "a": 1.5, "nan": 0}
    assert np.isnan(taken["nan"])
    assert pending.take({"own": 2}) == {"own": 2}


def test_an_episode_gets_no_more_than_the_api_takes() -> None:
    pending = PendingMetrics()
    pending.put({f"m{number}": number for number in range(70)})
    taken = pending.take({"own": 1.0})
    assert len(taken) == METRICS_MAX == 64
    assert pending.left_out == {f"m{number}" for number in range(63, 70)}


class Counts(gym.Wrapper[Any, Any, Any, Any]):
    """Ends after 3, 4, 5 … steps of reward 0.5; even lengths are successes."""

    def __init__(self, first: int) -> None:
        super().__init__(gym.make("CartPole-v1"))
        self._length, self._steps = first - 1, 0

    def reset(self, **options: Any) -> Any:
        self._length, self._steps = self._length + 1, 0
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        self._steps += 1
        observation = np.zeros(4, dtype=np.float32)
        over = self._steps == self._length
        return observation, 0.5, over, False, {"is_success": self._length % 2 == 0}


@pytest.mark.parametrize("mode", list(gym.vector.AutoresetMode)[:2])
@pytest.mark.parametrize("outside", [False, True])
def test_gymnasiums_vector_environments_are_understood(mode: Any, outside: bool) -> None:
    record: Any = gym.wrappers.RecordEpisodeStatistics
    inside = (lambda env: env) if outside else record
    makers = [lambda first=first: inside(Counts(first)) for first in (3, 5)]
    envs: Any = gym.vector.SyncVectorEnv(makers, autoreset_mode=mode)
    if outside:
        envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
    envs.reset(seed=1)
    found: list[list[tuple[float, int, Any]]] = [[], []]
    for _ in range(40):
        infos = envs.step(np.array([0, 1]))[4]
        for one in finished_episodes(infos):
            found[one.index].append((one.total_reward, one.steps, one.win))
    for index, first in enumerate((3, 5)):
        lengths = range(first, first + len(found[index]))
        assert len(lengths) >= 4
        assert [one[:2] for one in found[index]] == [(length / 2, length) for length in lengths]
        assert [one[2] for one in found[index]] == [length % 2 == 0 for length in lengths]


def test_one_environment_and_lists_of_infos_are_understood() -> None:
    env: Any = gym.wrappers.RecordEpisodeStatistics(Counts(4))
    env.reset(seed=1)
    told = [list(finished_episodes(env.step(0)[4])) for _ in range(4)]
    assert told[:3] == [[], [], []]
    ((only,),) = told[3:]
    assert (only.total_reward, only.steps, only.win) == (2.0, 4, True)
    assert only.duration_s is not None
    assert only.duration_s > 0
    old = [{}, {"episode": {"r": 1.5, "l": 3}, "is_success": 0.25}, None]
    expected = FinishedEpisode(1, 1.5, 3, duration_s=None, win=0.25)
    assert list(finished_episodes(old)) == [expected]
    arrays = {
        "final_info": np.array([None, {"episode": {"r": np.array([2.5]), "l": np.array([4])}}])
    }
    assert [(one.index, one.total_reward) for one in finished_episodes(arrays)] == [(1, 2.5)]


def test_without_the_extra_the_import_says_what_to_install() -> None:
    for module, extra in (("sb3", "sb3"), ("rllib", "rllib")):
        done = subprocess.run(
            [sys.executable, "-c", f"import training_client, training_client.{module}"],
            env={**os.environ, "PYTHONPATH": str(APP / "client")},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"pip install 'training-client[{extra}]'" in done.stderr.splitlines()[-1]
