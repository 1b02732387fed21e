"""An environment that trades at random, and a witness that writes down what happened in it."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

START = 10_000.0


class TradingEnv(gymnasium.Env[Any, Any]):
    """Episodes of 2 to 12 steps over a random walk; infos as seed 002 prints them.

    More keyword arguments than it uses: examples give it those of the platform's environments.
    """

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self, starting_balance: float = START, render_mode: str | None = None, **unused: Any
    ) -> None:
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.render_mode = render_mode
        self._balance = starting_balance

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._equity = float(self._balance)
        self._left = int(self.np_random.integers(2, 13))
        return self._observation(), {"equity": self._equity, "filled_orders": []}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        before = self._equity
        self._equity *= 1 + float(self.np_random.normal(0, 0.02))
        self._left -= 1
        orders = [{"side": "buy"}] * int(self.np_random.integers(0, 3))
        info = {"equity": self._equity, "filled_orders": orders, "virtual_time": "2025-01-15"}
        ended = self._left == 0
        truncated = ended and bool(self.np_random.integers(0, 2))
        return self._observation(), self._equity - before, ended and not truncated, truncated, info

    def render(self) -> Any:
        return f"equity {self._equity:.2f}"

    def _observation(self) -> Any:
        return np.array([self._equity / self._balance - 1])


class Witness(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Writes what an episode came to, computed in its own way, into a list that is shared."""

    def __init__(self, env: gymnasium.Env[Any, Any], book: list[dict[str, Any]]) -> None:
        super().__init__(env)
        self._book = book

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._rewards: list[float] = []
        self._infos = [info]
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        outcome = self.env.step(action)
        _, reward, terminated, truncated, info = outcome
        self._rewards.append(float(reward))
        self._infos.append(info)
        if terminated or truncated:
            self._book.append(self._episode(truncated and not terminated))
        return outcome

    def _episode(self, cut_off: bool) -> dict[str, Any]:
        episode: dict[str, Any] = {
            "total_reward": sum(self._rewards),
            "steps": len(self._rewards),
            "truncated": int(cut_off),
        }
        if "equity" not in self._infos[0]:
            return episode
        equity = np.array([info["equity"] for info in self._infos])
        returns = np.diff(equity) / equity[:-1]
        peaks = np.maximum.accumulate(equity)
        return episode | {
            "roi_pct": 100 * (equity[-1] - equity[0]) / equity[0],
            "max_drawdown_pct": 100 * np.max((peaks - equity) / peaks),
            "sharpe_ratio": np.mean(returns) / np.std(returns, ddof=1),
            "total_trades": sum(len(info["filled_orders"]) for info in self._infos),
        }
