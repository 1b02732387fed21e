"""How good the agents are without exploring, and telling the API. Called by train.py."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from training_client import Transport

from hierarchy import Hierarchy, Life
from household_env import HouseholdEnv
from scenario import Scenario
from stop import Stop


@dataclass(frozen=True)
class Evaluation:
    """Means over games; a game is a whole life of the household."""

    checkpoint_path: str
    opponent_type: str
    games_played: int
    win_rate: float
    avg_reward: float
    avg_game_length: float


def evaluate(
    agents: Hierarchy, scenario: Scenario, games: int, seed: int, checkpoint: Path, stop: Stop
) -> Evaluation | None:
    """Play so many games on fresh luck; None when asked to stop before the last."""
    env = HouseholdEnv(scenario)
    lives: list[Life] = []
    for game in range(games):
        if stop.wanted:
            return None
        lives.append(agents.live(env, explore=False, seed=seed if game == 0 else None))
    return Evaluation(
        checkpoint_path=str(checkpoint),
        opponent_type="environment",
        games_played=games,
        win_rate=sum(life.win for life in lives) / games,
        avg_reward=math.fsum(life.total_reward for life in lives) / games,
        avg_game_length=sum(life.steps for life in lives) / games,
    )


def send_evaluation(api: Transport, run_id: str, evaluation: Evaluation) -> None:
    """Raises TrainingClientError."""
    body = json.dumps(asdict(evaluation)).encode()
    api.send("POST", f"/api/training-runs/{run_id}/evaluations", body)
