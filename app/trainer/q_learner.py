"""Tabular Q-learning for few states and few actions. Called by episode_loop.py."""

from __future__ import annotations

import json
import random
from collections.abc import Hashable
from pathlib import Path

State = Hashable


class QLearner:
    def __init__(self, actions: int, learning_rate: float, discount: float, seed: int) -> None:
        self._actions = actions
        self._learning_rate = learning_rate
        self._discount = discount
        self._random = random.Random(seed)
        self._values: dict[State, list[float]] = {}  # state → the worth of each action

    def choose(self, state: State, epsilon: float) -> int:
        """A random action with probability epsilon, else the best one known."""
        if self._random.random() < epsilon:
            return self._random.randrange(self._actions)
        return self.best(state)

    def best(self, state: State) -> int:
        values = self._of(state)
        return values.index(max(values))

    def learn(
        self, state: State, action: int, reward: float, next_state: State, ended: bool
    ) -> float:
        """Move the action's worth towards what it brought; returns by how much it was off."""
        future = 0.0 if ended else self._discount * max(self._of(next_state))
        values = self._of(state)
        error = reward + future - values[action]
        values[action] += self._learning_rate * error
        return error

    def _of(self, state: State) -> list[float]:
        values = self._values.get(state)
        if values is None:
            values = self._values[state] = [0.0] * self._actions
        return values

    def save(self, path: Path, episode: int) -> None:
        """Write the table as JSON; path is the old file or the whole new one, never a part."""
        table = [[state, values] for state, values in sorted(self._values.items(), key=str)]
        text = json.dumps({"episode": episode, "actions": self._actions, "q_table": table})
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(path)
