"""The Python examples of the platform's documents run as printed.

URL and key come from the environment: "ak_live_..." counts as no key. Only ids that must be UUIDs
are put in place of the documents' words for them.
"""

from __future__ import annotations

import sys
import types
import uuid
from typing import Any

import gymnasium
import pytest
from agentexchange import AgentExchangeClient
from training_client import register_tracked

from stack import Stack
from trading_env import TradingEnv

REGISTER = """
import uuid
from agentexchange import AgentExchangeClient

run_id = str(uuid.uuid4())

with AgentExchangeClient(api_key="ak_live_...") as client:
    run = client.register_training_run(
        run_id=run_id,
        config={
            "algorithm": "PPO",
            "learning_rate": 0.0003,
            "total_timesteps": 1_000_000,
            "pairs": ["BTCUSDT", "ETHUSDT"],
        },
        strategy_id="your-strategy-uuid",
    )
    print(run.run_id)    # your UUID
    print(run.status)    # "running"
"""

REPORT = """
# Call after each episode in your training loop
run = client.report_training_episode(
    run_id=run_id,
    episode_number=episode_num,
    roi_pct=episode_roi,
    sharpe_ratio=episode_sharpe,
    max_drawdown_pct=episode_drawdown,
    total_trades=num_trades,
    reward_sum=total_reward,
)
print(f"Episodes completed: {run.episodes_completed}")
"""

COMPLETE = """
run = client.complete_training_run(run_id=run_id)
print(run.status)        # "completed"
print(run.completed_at)  # datetime
"""

LIST = """
runs = client.list_training_runs(status="completed", limit=20)
for run in runs:
    print(f"{run.run_id}: {run.episodes_completed} episodes")
"""

DETAIL = """
detail = client.get_training_run(run_id=run_id)
print(f"Status: {detail.status}")
print(f"Total episodes: {detail.episodes_completed}")

if detail.aggregate_stats:
    print(f"Avg ROI: {detail.aggregate_stats.get('avg_roi_pct', 'N/A'):.2f}%")
    print(f"Best episode ROI: {detail.aggregate_stats.get('max_roi_pct', 'N/A'):.2f}%")

# Walk through episodes
for ep in detail.episodes:
    metrics = ep["metrics"]
    print(f"Episode {ep['episode_number']}: ROI={metrics.get('roi_pct', 'N/A')}")
"""

CURVE = """
curve = client.get_learning_curve(
    run_id=run_id,
    metric="roi_pct",
    window=10,
)
# Plot with matplotlib
import matplotlib.pyplot as plt
plt.plot(curve.episode_numbers, curve.raw_values, alpha=0.3, label="raw")
plt.plot(curve.episode_numbers, curve.smoothed_values, label="smoothed (10-ep MA)")
plt.xlabel("Episode")
plt.ylabel("ROI %")
plt.legend()
plt.show()
"""

COMPARE = """
comparison = client.compare_training_runs(
    run_ids=["run-uuid-1", "run-uuid-2", "run-uuid-3"],
)
for run in comparison.runs:
    stats = run.aggregate_stats or {}
    print(f"{run.run_id}: avg ROI={stats.get('avg_roi_pct', 'N/A'):.2f}%  "
          f"Sharpe={stats.get('avg_sharpe_ratio', 'N/A'):.2f}  "
          f"episodes={run.episodes_completed}")
"""

TRACKING_GUIDE = """
from agentexchange import AgentExchangeClient
client = AgentExchangeClient(api_key="ak_live_...")
# List runs
runs = client.get_training_runs(status="completed", limit=10)
# Get detail for a specific run
run = client.get_training_run(run_id="run_abc123")
print(f"Episodes: {run['total_episodes']}")
print(f"Avg ROI: {run['avg_roi_pct']}%")
print(f"Avg Sharpe: {run['avg_sharpe']}")
# Compare PPO vs DQN
comparison = client.compare_training_runs(
run_ids=["run_ppo_v1", "run_dqn_v1"]
)
"""

ENABLING = """
env = gym.make(
"TradeReady-BTC-Continuous-v0",
api_key="ak_live_...",
track_training=True, # default
strategy_label="ppo_v1", # appears in the dashboard filter
)
"""

DISABLING = """
env = gym.make(
"TradeReady-BTC-v0",
api_key="ak_live_...",
track_training=False,
)
"""

FULL_LOOP = """
import gymnasium as gym
import tradeready_gym
from tradeready_gym.rewards import SharpeReward
from tradeready_gym.wrappers import NormalizationWrapper
from stable_baselines3 import PPO
# Create environment with tracking
env = gym.make(
"TradeReady-BTC-Continuous-v0",
api_key="ak_live_...",
starting_balance=10000,
timeframe="1h",
lookback_window=50,
observation_features=["ohlcv", "rsi_14", "macd", "bollinger", "balance", "position"],
reward_function=SharpeReward(window=50),
start_time="2025-01-01T00:00:00Z",
end_time="2025-07-01T00:00:00Z",
track_training=True,
strategy_label="ppo_sharpe_v1",
)
# Normalize observations
env = NormalizationWrapper(env)
# Train with PPO
model = PPO(
"MlpPolicy",
env,
verbose=1,
learning_rate=3e-4,
n_steps=2048,
batch_size=64,
n_epochs=10,
)
model.learn(total_timesteps=100_000)
model.save("ppo_btc_sharpe")
# env.close() marks the training run complete in the dashboard
env.close()
"""

QUICK_START = """
import gymnasium as gym
import tradeready_gym  # registers all environments

env = gym.make(
    "TradeReady-BTC-v0",
    api_key="ak_live_...",
    starting_balance=10000,
    timeframe="1h",
    start_time="2025-01-01T00:00:00Z",
    end_time="2025-03-01T00:00:00Z",
)

obs, info = env.reset()

for _ in range(1000):
    action = env.action_space.sample()  # replace with your model
    obs, reward, terminated, truncated, info = env.step(action)
    if terminated or truncated:
        obs, info = env.reset()

env.close()
"""


@pytest.fixture
def environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_URL", stack.url)
    monkeypatch.setenv("TRAINING_API_KEY", stack.key)
    monkeypatch.setenv("MPLBACKEND", "Agg")


def run_sample(sample: str, names: dict[str, Any]) -> None:
    exec(compile(sample, "<sample>", "exec"), names)


def test_the_examples_of_the_rest_reference(
    environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    run_sample(REGISTER.replace("your-strategy-uuid", str(uuid.uuid4())), names)
    run_id = names["run_id"]
    assert capsys.readouterr().out == f"{run_id}\nrunning\n"
    names["client"] = client = AgentExchangeClient()
    for number in range(1, 13):
        names |= {"episode_num": number, "episode_roi": number / 4, "episode_sharpe": 1.0}
        names |= {"episode_drawdown": 6.8, "num_trades": 18, "total_reward": 245.3}
        run_sample(REPORT, names)
        assert capsys.readouterr().out == f"Episodes completed: {number}\n"
    run_sample(COMPLETE, names)
    ended = client.get_training_run(run_id).completed_at
    assert capsys.readouterr().out == f"completed\n{ended}\n"
    run_sample(LIST, names)
    assert f"{run_id}: 12 episodes\n" in capsys.readouterr().out
    run_sample(DETAIL, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == [
        "Status: completed", "Total episodes: 12", "Avg ROI: 1.62%", "Best episode ROI: 3.00%",
    ]  # fmt: skip
    assert printed[4:] == [f"Episode {number}: ROI={number / 4}" for number in range(1, 13)]
    for at in (1, 2):
        client.register_training_run(f"run-uuid-{at}")
        client.report_training_episode(f"run-uuid-{at}", 1, roi_pct=at, sharpe_ratio=at / 2)
    run_sample(COMPARE, names)
    assert capsys.readouterr().out == (
        "run-uuid-1: avg ROI=1.00%  Sharpe=0.50  episodes=1\n"
        "run-uuid-2: avg ROI=2.00%  Sharpe=1.00  episodes=1\n"
    )
    run_sample(CURVE, names)
    raw, smoothed = names["plt"].gca().get_lines()
    assert list(raw.get_ydata()) == [number / 4 for number in range(1, 13)]
    assert [round(float(value), 3) for value in smoothed.get_ydata()[9:]] == [1.375, 1.625, 1.875]


def test_the_examples_of_the_tracking_guide(
    environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with AgentExchangeClient() as client:
        client.register_training_run("run_abc123")
        for number, roi in enumerate((3.0, 4.0), start=1):
            client.report_training_episode("run_abc123", number, roi_pct=roi, sharpe_ratio=1.25)
        client.complete_training_run("run_abc123")
        client.register_training_run("run_ppo_v1")
        names: dict[str, Any] = {}
        run_sample(TRACKING_GUIDE, names)
    assert capsys.readouterr().out == "Episodes: 2\nAvg ROI: 3.5%\nAvg Sharpe: 1.25\n"
    assert "run_abc123" in [run["run_id"] for run in names["runs"]["runs"]]
    assert [run.run_id for run in names["comparison"].runs] == ["run_ppo_v1"]


class RandomPPO:
    """In PPO's place, for Stable-Baselines3 is in an environment of its own: acts at random, and
    takes a fiftieth of the steps.
    """

    def __init__(self, policy: str, env: Any, **hyperparameters: Any) -> None:
        self._env = env

    def learn(self, total_timesteps: int) -> None:
        self._env.reset()
        for _ in range(total_timesteps // 50):
            _, _, terminated, truncated, _ = self._env.step(self._env.action_space.sample())
            if terminated or truncated:
                self._env.reset()

    def save(self, path: str) -> None:
        pass


@pytest.fixture
def tradeready_gym(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents' package, as one that is built on register_tracked would be."""
    for name in ("TradeReady-BTC-v0", "TradeReady-BTC-Continuous-v0"):
        gymnasium.registry.pop(name, None)
        register_tracked(name, TradingEnv)
    members: dict[str, dict[str, Any]] = {
        "tradeready_gym": {},
        "tradeready_gym.rewards": {"SharpeReward": lambda window: ("sharpe", window)},
        "tradeready_gym.wrappers": {
            "NormalizationWrapper": gymnasium.wrappers.NormalizeObservation
        },
        "stable_baselines3": {"PPO": RandomPPO},
    }
    for name, contents in members.items():
        module = types.ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)


def test_the_gymnasium_examples(environment: None, tradeready_gym: None) -> None:
    with AgentExchangeClient() as client:
        names: dict[str, Any] = {"gym": gymnasium}
        run_sample(FULL_LOOP, names)
        run = client.get_training_run(names["env"].get_wrapper_attr("run_id"))
        assert (run.status, run.strategy_label) == ("completed", "ppo_sharpe_v1")
        assert run.config is not None
        assert run.config["env_id"] == "TradeReady-BTC-Continuous-v0"
        assert run.config["env_kwargs"]["starting_balance"] == 10000
        steps = sum(episode.metrics.steps or 0 for episode in run.episodes)
        assert 2000 - 12 < steps <= 2000  # the last episode may not have ended
        seen = {name for episode in run.episodes for name in episode.metrics}
        assert {"roi_pct", "sharpe_ratio", "max_drawdown_pct", "total_trades", "reward_sum"} <= seen

        run_sample(QUICK_START, names)
        run = client.get_training_run(names["env"].run_id)
        assert (run.status, run.strategy_label) == ("completed", None)
        assert 1000 - 12 < sum(episode.metrics.steps or 0 for episode in run.episodes) <= 1000

        run_sample(ENABLING, names)
        names["env"].reset()
        names["env"].close()
        run = client.get_training_run(names["env"].run_id)
        assert (run.status, run.strategy_label) == ("completed", "ppo_v1")

        before = client.list_training_runs().total
        run_sample(DISABLING, names)
        names["env"].reset()
        names["env"].close()
        assert (names["env"].run_id, client.list_training_runs().total) == (None, before)
