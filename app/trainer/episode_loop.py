"""Plays Blackjack and lets the agent learn, one episode at a time. Called by trainer.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium as gym

from q_learner import QLearner
from schedule import EpsilonSchedule

ENVIRONMENT = "Blackjack-v1"


@dataclass(frozen=True)
class Episode:
    number: int  # from 1
    total_reward: float
    steps: int
    win: bool | float  # 0.5 is a draw
    epsilon: float
    td_error: float  # mean size of the learner's surprise
    timesteps: int  # of the training so far


def make_environment(natural: bool) -> gym.Env[Any, Any]:
    """sab (the book's rules) off: with it on, natural would mean nothing."""
    return gym.make(ENVIRONMENT, natural=natural, sab=False, disable_env_checker=True)


def play(
    env: gym.Env[Any, Any], learner: QLearner, schedule: EpsilonSchedule, timesteps: int, seed: int
) -> Iterator[Episode]:
    """Whole episodes until so many timesteps were played (the last episode is finished)."""
    played = 0
    number = 0
    state, _ = env.reset(seed=seed)
    while played < timesteps:
        number += 1
        epsilon = schedule.at(number)
        total_reward, steps, surprise, ended = 0.0, 0, 0.0, False
        while not ended:
            action = learner.choose(state, epsilon)
            next_state, reward, terminated, truncated, _ = env.step(action)
            surprise += abs(learner.learn(state, action, _real(reward), next_state, terminated))
            total_reward += _real(reward)
            steps += 1
            state, ended = next_state, terminated or truncated
        played += steps
        win = _win(total_reward)
        yield Episode(number, total_reward, steps, win, epsilon, surprise / steps, played)
        state, _ = env.reset()


def _real(reward: SupportsFloat) -> float:
    return float(reward)


def _win(total_reward: float) -> bool | float:
    return 0.5 if total_reward == 0 else total_reward > 0
