"""Small experiments with the agents, for test_hrl_agents.py: a name, JSON in, JSON out.

Runs in build/venv-hrl, which has PyTorch and no pytest.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch

from actor_critic import ActorCritic, Trace
from goal import Goal
from hierarchy import EXECUTOR, Hierarchy, HierarchySettings
from household_env import HouseholdEnv
from scenario import read_scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "app" / "trainer" / "scenarios"


def advantages(
    rewards: list[float], values: list[float], discount: float, decay: float, scale: float
) -> list[float]:
    settings = dataclasses.replace(
        EXECUTOR, discount=discount, trace_decay=decay, reward_scale=scale
    )
    agent = ActorCritic(1, 1, settings)
    return agent._advantages(Trace(rewards=rewards), values)


def log_probability(mean: list[float], action: list[float], deviation: float) -> float:
    agent = ActorCritic(1, 2, dataclasses.replace(EXECUTOR, start_deviation=deviation))
    agent._actor = lambda observations: torch.tensor([mean])
    return float(agent._log_probabilities(torch.tensor([[0.0]]), torch.tensor([action])))


def bandit(best: float, lessons: int) -> tuple[float, float]:
    """One decision an episode, the worse the further from best; the decisions before and after."""
    torch.manual_seed(1)
    agent = ActorCritic(1, 1, dataclasses.replace(EXECUTOR, reward_scale=1.0, learning_rate=3e-3))
    before = agent.decide([1.0], explore=False)[0]
    for _ in range(lessons):
        traces = []
        for _ in range(64):
            action = agent.decide([1.0], explore=True)
            traces.append(Trace([[1.0]], [action], [-((action[0] - best) ** 2)]))
        agent.learn(traces)
    return before, agent.decide([1.0], explore=False)[0]


def evaluation_lives() -> tuple[Any, Any, bool]:
    torch.manual_seed(1)
    agents = Hierarchy(HierarchySettings(episodes_a_lesson=1))
    env = HouseholdEnv(read_scenario(SCENARIOS, "roma_freelance"))
    weights = [parameter.clone() for parameter in agents.executor._parameters]
    chance = torch.get_rng_state()
    lives = [dataclasses.asdict(agents.live(env, explore=False, seed=7)) for _ in range(2)]
    same = all(
        torch.equal(one, other)
        for one, other in zip(weights, agents.executor._parameters, strict=True)
    )
    return lives[0], lives[1], same and torch.equal(chance, torch.get_rng_state())


def adherences() -> list[float]:
    goal = Goal.of([0.5, 0.5])
    return [
        goal.adherence(goal.reserve, goal.spending),
        goal.adherence(goal.reserve + 0.5, goal.spending - 0.02),
        goal.adherence(100.0, 3.0),
    ]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.load(sys.stdin))))
