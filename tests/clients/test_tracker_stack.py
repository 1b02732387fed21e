"""TrainingTracker on real environments against a real stack: what is stored is what happened."""

from __future__ import annotations

import copy
import math
import os
import pickle
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import httpx
import numpy as np
import pytest
from agentexchange import AgentExchangeClient, TrainingRunDetail, TrainingTracker
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from training_client import register_tracked

from fake_api import fake_api
from stack import Stack
from trading_env import TradingEnv, Witness

CLIENT = Path(__file__).resolve().parents[2] / "app" / "client"


@pytest.fixture
def tracker(stack: Stack) -> Callable[..., TrainingTracker]:
    """TrainingTracker(env, …) with the stack's URL and key."""

    def make(env: Any, **options: Any) -> TrainingTracker:
        patient = {"close_timeout_s": 60.0, **options}
        return TrainingTracker(env, api_key=stack.key, base_url=stack.url, **patient)

    return make


def read(stack: Stack, run_id: str | None) -> TrainingRunDetail:
    with AgentExchangeClient(stack.key, stack.url) as client:
        return client.get_training_run(str(run_id))


def play(env: Any, episodes: int, seed: int = 3) -> None:
    env.action_space.seed(seed)
    env.reset(seed=seed)
    while True:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            episodes -= 1
            if episodes == 0:
                return
            env.reset()


def assert_stored(run: TrainingRunDetail, book: list[dict[str, Any]]) -> None:
    assert [episode.episode_number for episode in run.episodes] == list(range(1, len(book) + 1))
    for episode, expected in zip(run.episodes, book, strict=True):
        stored = {name: episode.metrics[name] for name in expected}
        assert stored == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_each_episode_of_an_environment_is_a_report(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    book: list[dict[str, Any]] = []
    limited = gymnasium.wrappers.TimeLimit(CartPoleEnv(), 20)
    env = tracker(
        Witness(limited, book), strategy_label="ppo_v1", algorithm="PPO", config={"lr": 3e-4}
    )
    assert env.run_id is None
    began = time.time()
    play(env, 30)
    env.reset()
    env.step(0)  # an episode that does not end is none
    env.close()
    env.close()
    run = read(stack, env.run_id)
    assert_stored(run, book)
    assert {episode["truncated"] for episode in book} == {0, 1}
    assert (run.status, run.strategy_label, run.agent_id) == ("completed", "ppo_v1", "ppo_v1")
    assert run.algorithm == "PPO"
    assert run.config == {"lr": 3e-4}
    for episode in run.episodes:
        assert 0 <= episode.metrics["duration_s"] <= time.time() - began
        assert began - 1 <= episode.metrics["wall_time"] <= time.time()
    assert env.run_url == f"{stack.url}/api/training-runs/{env.run_id}"


def test_an_environment_that_trades_reports_what_its_equity_and_orders_come_to(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    book: list[dict[str, Any]] = []
    with tracker(Witness(TradingEnv(), book)) as env:
        play(env, 20)
    run = read(stack, env.run_id)
    assert_stored(run, book)
    assert {"roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades"} <= book[0].keys()
    assert run.avg_roi_pct == pytest.approx(np.mean([episode["roi_pct"] for episode in book]))


def test_statistics_in_the_info_are_what_is_reported(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    book: list[dict[str, Any]] = []
    raw = RecordEpisodeStatistics(Witness(gymnasium.make("CartPole-v1"), book))
    env = tracker(gymnasium.wrappers.TransformReward(raw, lambda reward: float(reward) / 100))
    play(env, 5)
    env.close()
    assert_stored(read(stack, env.run_id), book)


class Oddities(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Infos and rewards that no environment should give, but some do."""

    def reset(self, **options: Any) -> Any:
        return self.env.reset(**options)[0], None

    def step(self, action: Any) -> Any:
        observation, _, terminated, truncated, _ = self.env.step(action)
        return observation, "high", terminated, truncated, [1, 2]


@pytest.mark.parametrize("address", ["away", "refused", "nonsense"])
def test_nothing_that_goes_wrong_in_tracking_reaches_or_holds_up_the_training(
    stack: Stack, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = {"away": "http://127.0.0.1:1", "refused": stack.url, "nonsense": "http://[::"}[address]
    env = TrainingTracker(
        gymnasium.make("CartPole-v1"), base_url=url, api_key="ak_wrong", close_timeout_s=0.3
    )
    began = time.monotonic()
    play(env, 50)
    assert time.monotonic() - began < 9  # a request would have 10 s, and so would close()
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 9
    assert caplog.records


def test_odd_rewards_and_infos_do_not_reach_the_training_and_the_lengths_are_still_reported(
    stack: Stack, tracker: Callable[..., TrainingTracker], caplog: pytest.LogCaptureFixture
) -> None:
    book: list[dict[str, Any]] = []
    env = tracker(Oddities(Witness(gymnasium.make("CartPole-v1"), book)))
    play(env, 3)
    env.close()
    assert "training tracker: the reward is not tracked" in caplog.messages[0]
    metrics = [episode.metrics for episode in read(stack, env.run_id).episodes]
    assert [one.steps for one in metrics] == [episode["steps"] for episode in book]
    assert all(math.isnan(one["total_reward"]) for one in metrics)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("no gpu"), "failed", "ValueError: no gpu"),
        (KeyboardInterrupt(), "stopped", None),
    ],
)
@pytest.mark.parametrize("how", ["block", "outer block", "finally"])
def test_an_exception_in_the_training_ends_the_run(
    stack: Stack, tracker: Callable[..., TrainingTracker], how: str,
    error: BaseException, status: str, message: str | None,
) -> None:  # fmt: skip
    env = tracker(gymnasium.make("CartPole-v1"))
    outer = gymnasium.wrappers.TimeLimit(env, 10)
    with pytest.raises(type(error)):
        if how == "finally":
            try:
                play(env, 1)
                raise error
            finally:
                outer.close()
        with env if how == "block" else outer:
            play(env, 1)
            raise error
    run = read(stack, env.run_id)
    assert (run.status, run.episodes_completed) == (status, 1)
    document = httpx.get(
        str(env.run_url), headers={"X-API-Key": stack.key}, timeout=30, trust_env=False
    ).json()
    assert document["metadata"].get("error_message") == message


def test_a_training_can_see_that_somebody_ended_its_run(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    env = tracker(gymnasium.make("CartPole-v1"))
    assert env.stop_requested is False
    deadline = time.monotonic() + 60
    while not env.stop_requested:
        assert time.monotonic() < deadline
        play(env, 1)
        time.sleep(0.05)
        httpx.patch(
            str(env.run_url), json={"status": "stopped"}, headers={"X-API-Key": stack.key},
            timeout=30, trust_env=False,
        )  # fmt: skip
    env.close()
    assert read(stack, env.run_id).status == "stopped"


def test_an_exception_from_before_the_training_is_none_of_its_own(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    try:
        raise ImportError("no torch")
    except ImportError:
        env = tracker(gymnasium.make("CartPole-v1"))
        play(env, 1)
        env.close()
    assert read(stack, env.run_id).status == "completed"


def test_a_run_is_gone_on_with_from_an_episode(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    run_id = str(uuid.uuid4())
    for first_episode, label in ((1, "a"), (3, "b")):
        env = tracker(
            gymnasium.make("CartPole-v1"), run_id=run_id, first_episode=first_episode,
            strategy_label=label,
        )  # fmt: skip
        play(env, 4, seed=first_episode)
        env.close()
    run = read(stack, run_id)
    assert [episode.episode_number for episode in run.episodes] == [1, 2, 3, 4, 5, 6]
    assert (run.strategy_label, run.status) == ("a", "completed")


def test_an_environment_is_made_again_from_its_spec(
    stack: Stack, tracker: Callable[..., TrainingTracker]
) -> None:
    env = tracker(gymnasium.make("CartPole-v1", max_episode_steps=7), strategy_label="spec")
    assert stack.key not in repr(env.spec)
    assert env.spec is not None
    for spec in (env.spec, copy.deepcopy(env.spec), pickle.loads(pickle.dumps(env.spec))):
        again: Any = gymnasium.make(spec)
        assert isinstance(again, TrainingTracker)
        play(again, 2)
        again.close()
        run = read(stack, again.run_id)
        assert (run.strategy_label, run.episodes_completed) == ("spec", 2)
        assert run.config == {"env_id": "CartPole-v1"}
    assert env.run_id is None


@pytest.mark.parametrize("entry_point", [TradingEnv, "trading_env:TradingEnv"])
def test_a_registered_environment_takes_the_trackers_options(
    stack: Stack, entry_point: Any
) -> None:
    gymnasium.registry.pop("Btc-v0", None)
    register_tracked("Btc-v0", entry_point, max_episode_steps=5)
    options: dict[str, Any] = {"api_key": stack.key, "base_url": stack.url, "strategy_label": "btc"}
    env: Any = gymnasium.make("Btc-v0", starting_balance=500, track_training=True, **options)
    again: Any = gymnasium.make(pickle.loads(pickle.dumps(env.spec)))
    for one in (env, again):
        play(one, 9)
        one.close()
        run = read(stack, one.run_id)
        assert (run.strategy_label, run.episodes_completed) == ("btc", 9)
        assert run.config == {"env_id": "Btc-v0", "env_kwargs": {"starting_balance": 500}}
        assert {(episode.metrics.steps or 0) <= 5 for episode in run.episodes} == {True}
    off: Any = gymnasium.make("Btc-v0", **{**options, "track_training": False})
    play(off, 2)
    off.close()
    assert off.run_id is None


def test_a_copy_of_a_running_environment_reports_nothing() -> None:
    with fake_api() as api:
        env = TrainingTracker(TradingEnv(), base_url=api.url)
        env.reset(seed=1)
        for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
            play(other, 3)
            other.close()
        play(env, 1)
        env.close()
        assert list(api.runs) == [env.run_id]
        assert api.episodes(env.run_id) == [1]


def test_a_tracker_can_be_sent_to_a_process_before_it_has_begun() -> None:
    with fake_api() as api:
        env = pickle.loads(pickle.dumps(TrainingTracker(TradingEnv(), base_url=api.url)))
        play(env, 2)
        env.close()
        assert api.episodes(env.run_id) == [1, 2]


@pytest.mark.parametrize(
    "options",
    [{"strategy": "x"}, {"info_metrics": ["a b"]}, {"info_metrics": ["win"]},
     {"info_metrics": ["x"] * 62}],
    ids=["unknown option", "bad name", "taken name", "too many"],
)  # fmt: skip
def test_a_wrong_option_is_an_error_before_the_training(options: dict[str, Any]) -> None:
    message = r"takes no strategy|'a b' is no|'win' is not free|at most 61"
    with pytest.raises((TypeError, ValueError), match=message):
        TrainingTracker(TradingEnv(), **options)


@pytest.mark.parametrize(
    ("ending", "status"), [("raise ValueError('no gpu')", "failed"), ("pass", "running")]
)
def test_a_program_that_ends_without_close_delivers_its_episodes(
    stack: Stack, ending: str, status: str
) -> None:
    program = f"""
        import gymnasium
        from agentexchange import TrainingTracker
        env = TrainingTracker(gymnasium.make("CartPole-v1"))
        for _ in range(20):
            env.reset()
            while not any(env.step(0)[2:4]):
                pass
        print(env.run_id)
        {ending}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(CLIENT), "TRAINING_URL": stack.url,
             "TRAINING_API_KEY": stack.key},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    run = read(stack, done.stdout.strip())
    assert (run.episodes_completed, run.status) == (20, status)
