"""TrainingRunCallback in real trainings of Stable-Baselines3, against the real thing.

What the API gives back is compared, number by number, with the CSV files that Monitor and SB3's
own logger wrote beside.
"""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack import Stack
from terminal import Terminal
from trainer_process import APP, ROOT, TrainerProcess

PYTHON = ROOT / "build" / "venv-sb3" / "bin" / "python"
TRAININGS = Path(__file__).with_name("sb3_trainings.py")
EXAMPLE = APP / "trainer" / "frameworks" / "sb3_train.py"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="Stable-Baselines3 is not installed")

Row = dict[str, float]
Start = Callable[..., TrainerProcess]


def train(stack: Stack, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    trainer = TrainerProcess(
        folder, stack.url, stack.key, name, str(folder), program=(PYTHON, TRAININGS)
    )
    code = trainer.wait(300)
    return subprocess.CompletedProcess(name, code, trainer.out, trainer.err)


def read(stack: Stack, run_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}",
        headers={"X-API-Key": stack.key}, timeout=30, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def monitored(folder: Path) -> list[Row]:
    """The episodes of all Monitor files in the order in which they ended: the environments step
    together, so an episode's last step is the sum of the lengths so far, and of those that end in
    one step the first environment's comes first.
    """
    ends = []
    files = sorted(folder.glob("env*.monitor.csv"))
    for index, path in enumerate(files):
        lines = path.read_text().splitlines()[1:]
        steps, clock = 0, None
        for line in csv.DictReader(lines):
            steps += int(line["l"])
            row: Row = {
                "r": float(line["r"]), "l": int(line["l"]), "angle": float(line["angle"]),
                "success": line["is_success"] == "True", "steps": steps * len(files),
            }  # fmt: skip
            if clock is not None:
                row["took"] = float(line["t"]) - clock
            clock = float(line["t"])
            ends.append((steps, index, row))
    return [row for _, _, row in sorted(ends, key=lambda end: end[:2])]


def dumped(folder: Path) -> list[dict[str, str]]:
    """What SB3's logger dumped, dump by dump."""
    with (folder / "progress.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def several(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The trainings of sb3_trainings.py that end by themselves."""
    folder = tmp_path_factory.mktemp("several")
    done = train(stack, "several", folder)
    assert done.returncode == 0, done.stderr
    yield {"folder": folder, "err": done.stderr, **json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("name", ["vector", "single"])
def test_every_episode_is_what_monitor_wrote(
    stack: Stack, several: dict[str, Any], name: str
) -> None:
    expected = monitored(several["folder"] / name)
    run = read(stack, several[name]["run_id"])
    episodes = run["metrics"]["episodes"]
    assert [one["episode"] for one in episodes] == list(range(1, len(expected) + 1))
    assert len(expected) > 30
    for kept, row in zip(episodes, expected, strict=True):
        assert (kept["total_reward"], kept["steps"]) == (row["r"], row["l"])
        assert kept["win"] is row["success"]
        assert kept["truncated"] == int(row["l"] == 40)
        assert kept["angle"] == row["angle"]
        assert kept["time/total_timesteps"] == row["steps"]
        if "took" in row:
            assert kept["duration_s"] == pytest.approx(row["took"], abs=2e-6)
    walls = [one["wall_time"] for one in episodes]
    assert walls == sorted(walls)
    assert run["status"] == "completed"


@pytest.mark.parametrize("name", ["vector", "single"])
def test_what_sb3_logs_goes_with_the_next_episode(
    stack: Stack, several: dict[str, Any], name: str
) -> None:
    episodes = read(stack, several[name]["run_id"])["metrics"]["episodes"]
    own = {"episode", "total_reward", "reward_sum", "steps", "win", "epsilon", "created_at"}
    own |= {"session_id", "truncated", "angle", "duration_s", "wall_time", "log/steps"}
    own.add("time/total_timesteps")
    expected: list[dict[str, float]] = [{} for _ in episodes]
    for dump in dumped(several["folder"] / name):
        steps = float(dump["time/total_timesteps"])
        after = [at for at, one in enumerate(episodes) if one["time/total_timesteps"] > steps]
        values = {key: float(text) for key, text in dump.items() if text and key not in own}
        values.pop("custom/hidden", None)
        if name == "vector":
            values["custom/not_from_the_csv"] = steps
        expected[after[0] if after else -1].update(values)
    logged = [{key: one[key] for key in one if key not in own} for one in episodes]
    for kept, values in zip(logged, expected, strict=True):
        assert kept == pytest.approx(values, rel=1e-7)  # the CSV has float32 as short as it can be
    names = {key for one in expected for key in one}
    assert names >= {"rollout/ep_rew_mean", "train/loss", "time/fps"}
    assert ("log/steps" in {key for one in episodes for key in one}) == (name == "vector")


def test_the_config_is_the_models_hyperparameters(stack: Stack, several: dict[str, Any]) -> None:
    run = read(stack, several["vector"]["run_id"])
    assert (run["algorithm"], run["agent_id"]) == ("PPO", "vector")
    assert (run["strategy_label"], run["tags"]) == ("three", ["t"])
    config = run["config"]
    assert {key: config[key] for key in ("n_envs", "n_steps", "gamma", "clip_range", "note")} == {
        "n_envs": 3, "n_steps": 64, "gamma": 0.99, "clip_range": 0.2, "note": "é",
    }  # fmt: skip
    assert config["learning_rate"] == {"initial": 1e-3, "final": 0.0}
    assert (config["environment"], config["total_timesteps"]) == ("CartPole-v1", 960)
    dqn = read(stack, several["single"]["run_id"])
    assert (dqn["algorithm"], dqn["config"]["train_freq"]) == ("DQN", [4, "step"])
    # exploration falls linearly from 1 to 0.05 over the first half
    for one in dqn["metrics"]["episodes"]:
        done = min((one["time/total_timesteps"] - 1) / 1500 / 0.5, 1.0)
        assert one["epsilon"] == pytest.approx(1 - 0.95 * done, abs=0.01)


def test_checkpoints_are_saved_as_asked_and_once_at_the_end(
    stack: Stack, several: dict[str, Any]
) -> None:
    run = read(stack, several["vector"]["run_id"])
    episodes = run["metrics"]["episodes"]
    steps = []
    for checkpoint in run["checkpoint_paths"]:
        with zipfile.ZipFile(checkpoint["path"]) as file:
            model = json.loads(file.read("data"))
        steps.append(model["num_timesteps"])
        assert model["training_run"] == {
            "run_id": run["run_id"], "episode": checkpoint["episode"],
        }  # fmt: skip
        ended = sum(one["time/total_timesteps"] <= steps[-1] for one in episodes)
        assert checkpoint["episode"] == ended
    # multiples of 500, at the next common step of three environments; each learn()'s own end
    assert steps == [501, 960, 1002, 1500, 1920]
    dqn = read(stack, several["single"]["run_id"])
    *by_number, last = [one["episode"] for one in dqn["checkpoint_paths"]]
    total = len(dqn["metrics"]["episodes"])
    assert by_number == list(range(20, total + 1, 20))[: len(by_number)]
    assert last == total
    assert len(list(Path(dqn["checkpoint_paths"][0]["path"]).parent.glob("replay_buffer_*"))) >= 2


def test_without_monitor_the_rewards_are_summed_up(stack: Stack, several: dict[str, Any]) -> None:
    told = several["unmonitored"]
    run = read(stack, told["run_id"])
    rewards = [one["total_reward"] for one in run["metrics"]["episodes"]]
    assert rewards == pytest.approx(told["rewards"][: len(rewards)], rel=1e-6)
    assert len(rewards) >= len(told["rewards"]) - 1
    assert (run["status"], told["alive"]) == ("completed", True)
    assert "no Monitor" in several["err"]


def test_an_environment_that_raises_fails_the_run(stack: Stack, several: dict[str, Any]) -> None:
    run = read(stack, several["broken"]["run_id"])
    assert run["status"] == "failed"
    assert run["metadata"]["error_message"] == "ValueError: the pole broke"
    assert run["metrics"]["episodes"]


def test_a_killed_training_goes_on_from_its_checkpoint(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "resumed").mkdir()
    killed = train(stack, "killed", tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = train(stack, "resumed", tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    run = read(stack, told["run_id"])
    with zipfile.ZipFile(told["checkpoint"]) as file:
        saved = json.loads(file.read("data"))["training_run"]
    before = [row for row in monitored(tmp_path / "killed") if row["steps"] <= 400]
    after = monitored(tmp_path)
    assert saved == {"run_id": told["run_id"], "episode": len(before)}
    # The second one's steps count on from the checkpoint's.
    expected = [(row["r"], row["steps"]) for row in before]
    expected += [(row["r"], row["steps"] + 400) for row in after]
    episodes = run["metrics"]["episodes"]
    kept = [(one["total_reward"], one["time/total_timesteps"]) for one in episodes]
    assert kept[: len(expected)] == expected
    assert [one["episode"] for one in episodes] == list(range(1, len(episodes) + 1))
    assert run["status"] == "completed"


@pytest.fixture
def start(stack: Stack, tmp_path: Path) -> Iterator[Start]:
    """start(run_id…) is the example, for longer than anybody waits; it has logged episodes."""
    started: list[TrainerProcess] = []

    def start_one(run_id: str, terminal: Terminal | None = None) -> TrainerProcess:
        trainer = TrainerProcess(
            tmp_path, stack.url, stack.key, "--timesteps", "100000000", "--envs", "2",
            "--seed", "1", "--run-id", run_id, program=(PYTHON, EXAMPLE), terminal=terminal,
        )  # fmt: skip
        started.append(trainer)
        trainer.wait_until(lambda: has_episodes(stack, run_id))
        return trainer

    yield start_one
    for trainer in started:
        trainer.kill()


def has_episodes(stack: Stack, run_id: str) -> bool:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}/episodes?limit=1",
        headers={"X-API-Key": stack.key}, timeout=30, trust_env=False,
    )  # fmt: skip
    return answer.status_code == 200 and bool(answer.json()["episodes"])


def test_a_stop_from_the_dashboard_ends_the_training(
    stack: Stack, start: Start, tmp_path: Path
) -> None:
    run_id = str(uuid.uuid4())
    trainer = start(run_id)
    answer = httpx.patch(
        f"{stack.url}/api/training-runs/{run_id}", json={"status": "stopped"},
        headers={"X-API-Key": stack.key}, timeout=30, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert trainer.wait() == 0, trainer.err
    run = read(stack, run_id)
    assert (run["status"], run["metadata"]) == ("stopped", {})
    assert run["end_time"] == answer.json()["end_time"]
    assert "refused" not in trainer.err
    # all that was played until then has arrived, and so has the last checkpoint
    (last,) = run["checkpoint_paths"][-1:]
    assert last["episode"] == run["metrics"]["episodes"][-1]["episode"]
    assert (tmp_path / last["path"]).is_file()


def test_sigterm_stops_the_training_after_its_step(
    stack: Stack, start: Start, tmp_path: Path
) -> None:
    run_id = str(uuid.uuid4())
    trainer = start(run_id)
    trainer.send_signal(signal.SIGTERM)
    assert trainer.wait() == 128 + signal.SIGTERM, trainer.err
    run = read(stack, run_id)
    assert (run["status"], run["metadata"]) == ("stopped", {})
    assert (tmp_path / run["checkpoint_paths"][-1]["path"]).is_file()


def test_on_a_terminal_there_is_a_bar_and_ctrl_c_stops(stack: Stack, start: Start) -> None:
    run_id = str(uuid.uuid4())
    with Terminal() as terminal:
        trainer = start(run_id, terminal=terminal)
        trainer.wait_until(lambda: "mean reward" in terminal.shown)
        terminal.type_ctrl_c()
        assert trainer.wait() == 128 + signal.SIGINT, terminal.shown
    assert read(stack, run_id)["status"] == "stopped"
    assert "\x1b[" in terminal.shown  # drawn over and over, not line by line
    assert "Traceback" not in terminal.shown


def test_elsewhere_there_are_ten_plain_lines(stack: Stack, tmp_path: Path) -> None:
    trainer = TrainerProcess(
        tmp_path, stack.url, stack.key, "--timesteps", "4000", "--algorithm", "A2C",
        program=(PYTHON, EXAMPLE),
    )  # fmt: skip
    assert trainer.wait() == 0, trainer.err
    lines = re.findall(r"^ *(\d+) %  (\d+) of 4000 steps, episode (\d+), mean", trainer.err, re.M)
    assert [int(percent) for percent, _, _ in lines] == list(range(10, 101, 10))
    assert "\x1b" not in trainer.err
    assert "\r" not in trainer.err
