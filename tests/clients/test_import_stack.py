"""`training import` against the real thing: what the files hold is there, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from training_client import TrainingRunLogger

from command import training
from import_writers import (
    scalar,
    wandb_exit,
    wandb_history,
    wandb_run,
    write_events,
    write_mlflow,
    write_monitor,
    write_wandb,
)
from stack import Stack, free_port


def read(stack: Stack, run_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{stack.url}/api/training-runs/{run_id}",
        headers={"X-API-Key": stack.key},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text[:500]
    document: dict[str, Any] = answer.json()
    return document


def imported(stack: Stack, *words: object) -> dict[str, Any]:
    """The one run's report."""
    done = training(stack, "import", *words, "--json")
    assert done.code == 0, done.err
    (report,) = done.json["runs"]
    found: dict[str, Any] = report
    return found


def bare(episodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    left_out = ("created_at", "session_id", "reward_sum")
    return [{name: one[name] for name in one if name not in left_out} for one in episodes]


def test_importing_twice_is_importing_once(stack: Stack, tmp_path: Path) -> None:
    rows = [(n / 3, n, n * 0.5) for n in range(1, 2501)]
    path = write_monitor(tmp_path / "x.monitor.csv", 1700000000.25, rows, env_id="Maze-v0")
    first = imported(stack, "monitor", path, "--agent", "a", "--algorithm", "PPO", "--tag", "old")
    assert (first["inserted"], first["replaced"], first["status"]) == (2500, 0, "completed")
    again = imported(stack, "monitor", path)
    assert (again["run_id"], again["inserted"], again["replaced"]) == (first["run_id"], 0, 2500)
    document = read(stack, first["run_id"])
    assert bare(document["metrics"]["episodes"]) == [
        {"episode": n, "total_reward": r, "steps": length, "wall_time": 1700000000.25 + t}
        for n, (r, length, t) in enumerate(rows, 1)
    ]
    assert (document["agent_id"], document["algorithm"], document["tags"]) == ("a", "PPO", ["old"])
    assert document["config"] == {"env_id": "Maze-v0"}
    assert document["metadata"]["imported"]["started_at"] == "2023-11-14T22:13:20.250Z"


def test_files_that_have_grown_add_what_is_new(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "run-grow.wandb"
    rows = [wandb_history(n, {"episode_reward": float(n)}) for n in range(30)]
    head = wandb_run("grow0001", {"lr": 0.1}, 1700000000, project="p", name="n")
    write_wandb(path, [head, *rows[:10]])
    first = imported(stack, "wandb", path, "--status", "running")
    assert first["status"] == "running"
    more = (head, wandb_run("grow0001", {"late": 1}, 1700000000, project="p", name="n"))
    write_wandb(path, [*more, *rows, wandb_exit(1)])
    second = imported(stack, "wandb", path)
    assert second["run_id"] == first["run_id"]
    assert (second["inserted"], second["replaced"], second["status"]) == (20, 10, "failed")
    assert any("the config: it is another one" in one["what"] for one in second["not_taken"])
    document = read(stack, first["run_id"])
    assert document["config"] == {"lr": 0.1}
    assert document["status"] == "failed"


def test_values_that_are_not_finite_are_kept(stack: Stack, tmp_path: Path) -> None:
    store = tmp_path / "mlruns"
    lines = {"episode_reward": ["1000 nan 1", "2000 inf 2", "3000 -inf 3", "4000 1.5 4"]}
    write_mlflow(store, "ab" * 16, lines, {"lr": "0.5"}, {"mlflow.note.content": "# n"}, status=5)
    report = imported(stack, "mlflow", store)
    document = read(stack, report["run_id"])
    rewards = [one["total_reward"] for one in document["metrics"]["episodes"]]
    assert rewards == ["NaN", "Infinity", "-Infinity", 1.5]
    assert (document["status"], document["notes"], document["agent_id"]) == (
        "stopped",
        "# n",
        "maze",
    )
    assert document["metadata"]["imported"]["run_id"] == "ab" * 16


def test_an_export_as_event_file_comes_back_as_it_was(stack: Stack, tmp_path: Path) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        run_id = logger.create_run("round", "DQN")
        for n in range(1, 301):
            metrics = {"a/b": float("nan") if n == 3 else 1 / n}
            logger.log_episode(n, n / 7, n, win=n % 2 == 0, epsilon=0.5, metrics=metrics)
    assert training(stack, "runs", "export", run_id, "-f", "tensorboard", "-o", tmp_path).code == 0
    report = imported(stack, "tensorboard", tmp_path)
    expected = bare(read(stack, run_id)["metrics"]["episodes"])
    got = bare(read(stack, report["run_id"])["metrics"]["episodes"])
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        del one["wall_time"]  # which an event has
        floats = {name: float(value) for name, value in other.items()}  # all that it knows
        assert {name: float(value) for name, value in one.items()} == pytest.approx(
            floats, rel=1e-6, nan_ok=True
        )
    assert got[2]["a/b"] == "NaN"


def test_a_folder_of_runs_is_imported_and_what_is_corrupt_refused_by_name(
    stack: Stack, tmp_path: Path
) -> None:
    write_events(tmp_path / "PPO_1", [scalar(1, 8, rollout__ep_rew_mean=1.0)])
    write_events(tmp_path / "PPO_2", [scalar(1, 9, rollout__ep_rew_mean=2.0)])
    (tmp_path / "PPO_3").mkdir()
    (tmp_path / "PPO_3" / "events.out.tfevents.0").write_bytes(b"no event file at all")
    done = training(stack, "import", "tensorboard", tmp_path)
    assert done.code == 1
    assert done.out.count("completed, 1 episodes: 1 new, 0 again") == 2
    assert "rollout/ep_rew_mean -> total_reward" in done.out
    assert "PPO_3/events.out.tfevents.0: it is no TensorBoard event file" in done.err
    more = training(stack, "import", "tensorboard", tmp_path, "--run-id", "x")
    assert (more.code, "--run-id is for one run" in more.err) == (2, True)


def test_a_dry_run_reads_all_and_asks_no_api(tmp_path: Path) -> None:
    path = write_monitor(tmp_path / "monitor.csv", 7.0, [(1, 5, 1.0), (2, 5, "x")])
    url = f"http://127.0.0.1:{free_port()}"
    done = training(None, "import", "monitor", path, "--dry-run", TRAINING_URL=url)
    assert done.code == 0, done.err
    assert "1 episodes would be sent" in done.out
    assert "column t: a value that is no number" in done.out


def test_a_chosen_run_id_never_mixes_with_another_run(stack: Stack, tmp_path: Path) -> None:
    path = write_monitor(tmp_path / "monitor.csv", 7.0, [(1, 5, 1.0)])
    assert imported(stack, "monitor", path, "--run-id", "chosen-1")["run_id"] == "chosen-1"
    assert imported(stack, "monitor", path, "--run-id", "chosen-1")["replaced"] == 1
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        logger.create_run("other", run_id="chosen-2")
        logger.log_episode(1, 9.0, 9)
    done = training(stack, "import", "monitor", path, "--run-id", "chosen-2")
    assert done.code == 1
    assert "there is another run chosen-2" in done.err
    assert read(stack, "chosen-2")["metrics"]["episodes"][0]["total_reward"] == 9.0


def test_names_and_texts_of_files_do_not_reach_the_terminal_as_they_are(
    stack: Stack, tmp_path: Path
) -> None:
    path = write_monitor(tmp_path / "monitor.csv", 7.0, [(1, 5, 1, 2)], ",\x1b[2J[bold]")
    done = training(stack, "import", "monitor", path)
    assert done.code == 0, done.err
    assert b"\x1b" not in done.raw
    assert "\\x1b[2J[bold] -> __2J_bold_" in done.out


def test_an_api_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training_client.importers.delivery._ATTEMPTS", 2)
    path = write_monitor(tmp_path / "monitor.csv", 7.0, [(1, 5, 1.0)])
    url = f"http://127.0.0.1:{free_port()}"
    done = training(None, "import", "monitor", path, "--json", TRAINING_URL=url)
    assert done.code == 1
    assert json.loads(done.out)["runs"] == []
    assert "does not answer" in done.err
