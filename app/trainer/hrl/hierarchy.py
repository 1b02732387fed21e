"""The two agents at work: a strategist sets a goal for some months, an executor acts on it.

Called by train.py. Next: household_env.py (where they live), goal.py, actor_critic.py (how each
learns).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import torch

from actor_critic import ActorCritic, Hyperparameters, Numbers, Trace
from goal import GOAL_NUMBERS, Goal
from household_env import ALLOCATIONS, OBSERVATIONS, HouseholdEnv

STRATEGIST = Hyperparameters(
    hidden=32, learning_rate=2e-3, discount=0.95, trace_decay=0.9, reward_scale=0.05
)
EXECUTOR = Hyperparameters(
    hidden=48, learning_rate=1e-3, discount=0.95, trace_decay=0.9, reward_scale=0.1
)


@dataclass(frozen=True)
class HierarchySettings:
    goal_months: int = 6  # how long a goal stands
    goal_weight: float = 1.0  # of a month's adherence in the executor's reward
    episodes_a_lesson: int = 5
    strategist: Hyperparameters = STRATEGIST
    executor: Hyperparameters = EXECUTOR

    def as_config(self) -> dict[str, Any]:
        """What the run's page shows."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Life:
    """One episode, as it came out."""

    total_reward: float
    steps: int  # months
    win: bool  # the household's goal was reached
    cash: float  # at the end, as is the next
    invested: float
    stability: float  # share of the months that ended with the whole reserve
    goal_adherence: float  # mean of the months; 1 is perfect


class Hierarchy:
    """Both agents, and what they have lived since they last learnt."""

    def __init__(self, settings: HierarchySettings) -> None:
        self.settings = settings
        self.strategist = ActorCritic(OBSERVATIONS, GOAL_NUMBERS, settings.strategist)
        executor_inputs = OBSERVATIONS + GOAL_NUMBERS + 1
        self.executor = ActorCritic(executor_inputs, ALLOCATIONS, settings.executor)
        self.losses: dict[str, float] = {}  # of the last lesson
        self._strategist_traces: list[Trace] = []
        self._executor_traces: list[Trace] = []

    def live(self, env: HouseholdEnv, explore: bool, seed: int | None = None) -> Life:
        """One episode. When exploring, it is kept, and after every few the agents learn."""
        episode = _EpisodeInPlay(self, env, explore)
        life = episode.play(seed)
        if explore:
            self._strategist_traces.append(episode.strategist_trace)
            self._executor_traces.append(episode.executor_trace)
            if len(self._executor_traces) == self.settings.episodes_a_lesson:
                self._learn()
        return life

    def _learn(self) -> None:
        self.losses = {
            "strategist_loss": self.strategist.learn(self._strategist_traces),
            "executor_loss": self.executor.learn(self._executor_traces),
        }
        self._strategist_traces, self._executor_traces = [], []


class _EpisodeInPlay:
    """One episode under way: the goal that stands, and both agents' decisions so far."""

    def __init__(self, agents: Hierarchy, env: HouseholdEnv, explore: bool) -> None:
        self._agents = agents
        self._env = env
        self._explore = explore
        self._goal = Goal(0.0, 0.0)
        self._adherences: Numbers = []
        self.strategist_trace = Trace()
        self.executor_trace = Trace()

    def play(self, seed: int | None) -> Life:
        vector, _ = self._env.reset(seed=seed)
        total_reward, months, ended = 0.0, 0, False
        while not ended:
            observation: Numbers = vector.tolist()
            months_with_goal = months % self._agents.settings.goal_months
            if months_with_goal == 0:
                self._set_goal(observation)
            allocation = self._allocate(observation, months_with_goal)
            vector, reward, terminated, truncated, info = self._env.step(allocation)
            self._note(reward, info)
            total_reward += reward
            months += 1
            ended = terminated or truncated
        household = self._env.household
        return Life(
            total_reward=total_reward,
            steps=months,
            win=household.reached_goal,
            cash=household.cash,
            invested=household.invested,
            stability=household.stability,
            goal_adherence=math.fsum(self._adherences) / months,
        )

    def _set_goal(self, observation: Numbers) -> None:
        decision = self._agents.strategist.decide(observation, self._explore)
        self._goal = Goal.of([1.0 / (1.0 + math.exp(-number)) for number in decision])
        self.strategist_trace.observations.append(observation)
        self.strategist_trace.actions.append(decision)
        self.strategist_trace.rewards.append(0.0)

    def _allocate(self, observation: Numbers, months_with_goal: int) -> Any:
        goal_age = months_with_goal / self._agents.settings.goal_months
        seen = [*observation, *self._goal.observed(), goal_age]
        decision = self._agents.executor.decide(seen, self._explore)
        self.executor_trace.observations.append(seen)
        self.executor_trace.actions.append(decision)
        return torch.softmax(torch.tensor(decision), 0).numpy()

    def _note(self, reward: float, info: dict[str, Any]) -> None:
        spending = info["consumed"] / info["prices"] / self._env.scenario.income
        adherence = self._goal.adherence(info["reserve"], spending)
        self._adherences.append(adherence)
        self.strategist_trace.rewards[-1] += reward
        goal_weight = self._agents.settings.goal_weight
        self.executor_trace.rewards.append(reward + goal_weight * adherence)
