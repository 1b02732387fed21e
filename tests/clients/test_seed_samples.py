"""The Python examples of the platform's documents run as printed.

URL and key come from the environment: "ak_live_..." counts as no key. Only ids that must be UUIDs
are put in place of the documents' words for them.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from agentexchange import AgentExchangeClient

from stack import Stack

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
