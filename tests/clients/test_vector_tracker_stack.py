"""VectorTrainingTracker on real vectors of environments against a real stack."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from agentexchange import AgentExchangeClient, TrainingTracker, VectorTrainingTracker
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import DictInfoToList
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics

from fake_api import fake_api
from stack import Stack
from trading_env import TradingEnv, Witness

COUNT = 3
MODES = list(AutoresetMode)
Book = list[dict[str, Any]]


def vector(book: Book, mode: AutoresetMode, statistics: str) -> Any:
    """COUNT trading environments that write into one book, in the order in which episodes end."""

    def make() -> Any:
        env: Any = Witness(TradingEnv(), book)
        return RecordEpisodeStatistics(env) if statistics == "inside" else env

    envs: Any = SyncVectorEnv([make] * COUNT, autoreset_mode=mode)
    if statistics == "outside":
        envs = RecordVectorStatistics(envs)
    return DictInfoToList(envs) if statistics == "as a list" else envs


def play(envs: Any, mode: AutoresetMode, steps: int) -> None:
    envs.reset(seed=5)
    for _ in range(steps):
        _, _, terminated, truncated, _ = envs.step(envs.action_space.sample())
        ended = terminated | truncated
        if mode is AutoresetMode.DISABLED and ended.any():
            envs.reset(options={"reset_mask": ended})


def assert_stored(stack: Stack, run_id: str | None, book: Book) -> None:
    with AgentExchangeClient(stack.key, stack.url) as client:
        run = client.get_training_run(str(run_id))
    assert [episode.episode_number for episode in run.episodes] == list(range(1, len(book) + 1))
    for episode, expected in zip(run.episodes, book, strict=True):
        stored = {name: episode.metrics[name] for name in expected}
        assert stored == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("mode", "statistics"),
    itertools.product(MODES, ["none", "inside", "outside", "as a list"]),
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_episode_of_every_environment_is_reported_in_every_autoreset_mode(
    stack: Stack, mode: AutoresetMode, statistics: str
) -> None:
    book: Book = []
    envs = VectorTrainingTracker(
        vector(book, mode, statistics), api_key=stack.key, base_url=stack.url, strategy_label="vec"
    )
    play(envs, mode, 60)
    envs.close()
    envs.close()
    assert len(book) > 12
    assert_stored(stack, envs.run_id, book)


@pytest.mark.parametrize("said", ["nothing", "in words"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_how_a_vector_resets_is_found_out_when_it_is_not_said_as_gymnasium_does(
    mode: AutoresetMode, said: str
) -> None:
    book: Book = []
    inner = vector(book, mode, "none")
    inner.metadata = {} if said == "nothing" else {"autoreset_mode": mode.value}
    with fake_api() as api:
        with VectorTrainingTracker(inner, base_url=api.url) as envs:
            play(envs, mode, 40)
        got = api.runs[str(envs.run_id)]["episodes"].values()
    assert [one["steps"] for one in got] == [one["steps"] for one in book]


class OddInfos(gymnasium.vector.VectorWrapper[Any, Any, Any, Any, Any]):
    """Masks that are none, and rewards that are no numbers."""

    def step(self, actions: Any) -> Any:
        observations, _, terminated, truncated, _ = self.env.step(actions)
        return observations, "high", terminated, truncated, {"x": [1, 2, 3], "_x": True}


def test_odd_rewards_and_infos_do_not_reach_the_training_and_the_lengths_are_still_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book: Book = []
    inner = OddInfos(vector(book, AutoresetMode.NEXT_STEP, "none"))
    with fake_api() as api:
        with VectorTrainingTracker(inner, base_url=api.url) as envs:
            play(envs, AutoresetMode.NEXT_STEP, 40)
        got = api.runs[str(envs.run_id)]["episodes"].values()
    assert [one["steps"] for one in got] == [one["steps"] for one in book]
    said = [line for line in caplog.messages if "training tracker" in line]
    assert len(said) == 2  # each once


def test_environments_of_a_pool_and_those_made_as_a_vector_are_tracked(stack: Stack) -> None:
    options: dict[str, Any] = {"api_key": stack.key, "base_url": stack.url}
    made: dict[str, Callable[[], Any]] = {
        "async": lambda: AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2),
        "native": lambda: gymnasium.make_vec(
            "CartPole-v1", num_envs=4, vectorization_mode="vector_entry_point"
        ),
    }
    for name, make in made.items():
        envs = VectorTrainingTracker(make(), **options)
        envs.reset(seed=1)
        envs.action_space.seed(1)
        lengths, ended_in = np.zeros(envs.num_envs, dtype=int), []
        over = np.zeros(envs.num_envs, dtype=bool)
        for _ in range(60):
            _, _, terminated, truncated, _ = envs.step(envs.action_space.sample())
            lengths = np.where(over, 0, lengths + 1)
            over = terminated | truncated
            ended_in += lengths[over].tolist()
        envs.close()
        with AgentExchangeClient(**options) as client:
            run = client.get_training_run(str(envs.run_id))
        assert [episode.metrics.steps for episode in run.episodes] == ended_in
        assert run.status == "completed"
        if name == "native":
            assert run.config == {
                "env_id": "CartPole-v1", "env_kwargs": {"max_episode_steps": 500}, "num_envs": 4,
            }  # fmt: skip


def test_a_tracker_in_each_process_of_a_pool_is_a_run_of_its_own(stack: Stack) -> None:
    label = f"pool_{uuid.uuid4().hex[:8]}"

    def make() -> TrainingTracker:
        return TrainingTracker(
            gymnasium.make("CartPole-v1"), api_key=stack.key, base_url=stack.url,
            strategy_label=label,
        )  # fmt: skip

    envs = AsyncVectorEnv([make, make])
    envs.reset(seed=1)
    for _ in range(60):
        envs.step(np.ones(2, dtype=np.int64))  # always to the right: the pole falls soon
    envs.close()
    with AgentExchangeClient(stack.key, stack.url) as client:
        runs = client.list_training_runs(strategy_label=label)
    assert [run.status for run in runs] == ["completed"] * 2
    assert all(run.episodes_completed > 0 for run in runs)


def test_an_exception_in_the_block_fails_the_run(stack: Stack) -> None:
    envs = VectorTrainingTracker(
        vector([], AutoresetMode.NEXT_STEP, "none"), api_key=stack.key, base_url=stack.url
    )
    with pytest.raises(ZeroDivisionError), envs:
        envs.reset()
        raise ZeroDivisionError
    with AgentExchangeClient(stack.key, stack.url) as client:
        assert client.get_training_run(str(envs.run_id)).status == "failed"


def test_a_vector_is_no_environment_for_the_other_tracker() -> None:
    envs = vector([], AutoresetMode.NEXT_STEP, "none")
    with pytest.raises(TypeError, match="use VectorTrainingTracker"):
        TrainingTracker(envs)
    envs.close()
