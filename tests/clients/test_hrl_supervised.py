"""Seed 003 whole: the household trainer, started, watched and stopped through the API."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from live_clients import PATIENCE_S, CurlEvents, PythonClient, until
from stack import Stack
from support import Client
from test_hrl_training import loaded
from trainer_process import HRL_PYTHON

pytestmark = pytest.mark.skipif(not HRL_PYTHON.exists(), reason="PyTorch is not installed")

SCENARIO = "palermo_famiglia"
EPISODES = 24
LONG = 100_000
MEANS = {
    "avg_reward": "total_reward", "avg_duration": "steps", "avg_cash": "cash",
    "avg_invested": "invested", "stability": "stability", "goal_adherence": "goal_adherence",
}  # fmt: skip


@pytest.fixture
def api(stack: Stack) -> Iterator[Client]:
    client = Client(stack.url, stack.key, timeout=60)
    yield client
    client.another().post("/api/training/stop")


@pytest.fixture
def ear(stack: Stack) -> Iterator[PythonClient]:
    """python-socketio as seed 003 prints it: it connects, and hears of trainings."""
    client = PythonClient(stack.url)
    client.wait("connection_established")
    yield client
    client.close()


def start(api: Client, **wish: Any) -> dict[str, Any]:
    body = {"scenario_name": SCENARIO, "save_interval": 10, "eval_episodes": 2, "seed": 42, **wish}
    data: dict[str, Any] = api.write("/api/training/start", body, 202)["data"]
    return data


def status(api: Client) -> dict[str, Any]:
    answer: dict[str, Any] = api.read("/api/training/status")
    return answer


def wait_for_progress(ear: PythonClient, episode: int) -> None:
    until(
        lambda: any(told["episode"] >= episode for told in ear.all("training_progress")),
        120,
        f"episode {episode}",
    )


def means(episodes: list[dict[str, Any]], names: dict[str, str]) -> dict[str, float]:
    """Over the last ten of these."""
    last = episodes[-10:]
    return {name: math.fsum(e[metric] for e in last) / len(last) for name, metric in names.items()}


def stored(api: Client, run_id: str) -> list[dict[str, Any]]:
    episodes: list[dict[str, Any]] = api.document(run_id)["metrics"]["episodes"]
    assert [e["episode"] for e in episodes] == list(range(1, len(episodes) + 1))
    return episodes


def assert_told(ear: PythonClient, episodes: list[dict[str, Any]], total: int) -> None:
    """Each episode was told once, with the means up to it."""
    told = [dict(progress) for progress in ear.all("training_progress")]
    told.sort(key=lambda progress: progress["episode"])
    assert [progress["episode"] for progress in told] == [e["episode"] for e in episodes]
    for progress in told:
        elapsed, own = progress.pop("elapsed_time"), progress.pop("episode")
        assert 0 <= elapsed < 300 and progress.pop("total_episodes") == total
        assert progress == pytest.approx(means(episodes[:own], MEANS), rel=1e-9)


def test_a_training_runs_to_its_end(stack: Stack, api: Client, ear: PythonClient) -> None:
    data = start(api, num_episodes=EPISODES)
    now = status(api)
    assert (now["is_training"], now["run_id"]) == (True, data["run_id"])
    ear.subscribe(run_id=data["run_id"])  # before the trainer has opened it
    ear.wait("training_progress", 120)
    told = ("run_updated", "episodes")
    opened = until(lambda: [d["seq"] for n, d in ear.heard if n in told], PATIENCE_S, "the run")[0]
    address = f"{stack.url}/api/training-runs/{data['run_id']}/events"
    with contextlib.closing(CurlEvents(address, f"Last-Event-ID: {opened - 1}")) as stream:
        completed = ear.wait("training_completed", 240)
        for client in (stream, ear):
            until(
                lambda client=client: client.episodes(data["run_id"])[-1:] == [EPISODES],  # type: ignore[misc]
                PATIENCE_S,
                "all on the stream, and at the socket",
            )
        assert stream.episodes(data["run_id"]) == list(range(1, EPISODES + 1))
    assert ear.all("training_started") == [
        {name: data[name] for name in ("scenario_name", "num_episodes", "start_time")}
    ]
    episodes = stored(api, data["run_id"])
    assert len(episodes) == EPISODES
    final = means(episodes, {n: MEANS[n] for n in ("avg_reward", "avg_duration", "stability")})
    assert completed == {
        "scenario_name": SCENARIO,
        "episodes_completed": EPISODES,
        "final_metrics": pytest.approx(final, rel=1e-9),
    }
    assert_told(ear, episodes, EPISODES)
    assert sorted(ear.episodes(data["run_id"])) == list(range(1, EPISODES + 1))
    until(lambda: ear.all("run_updated")[-1]["status"] == "completed", PATIENCE_S, "the run's end")
    assert not ear.all("training_stopped") and not ear.all("training_error")
    now = status(api)
    assert now["is_training"] is False and now["current_episode"] == EPISODES
    assert_its_run_and_files(stack, api, data["run_id"])


def assert_its_run_and_files(stack: Stack, api: Client, run_id: str) -> None:
    run = api.document(run_id)
    models = stack.folder / "models"
    checkpoints = models / "checkpoints" / SCENARIO
    assert (run["status"], run["agent_id"]) == ("completed", f"hrl_{SCENARIO}")
    assert (run["config"]["seed"], run["config"]["save_interval"]) == (42, 10)
    names = sorted(folder.name for folder in checkpoints.glob("checkpoint_*"))
    assert names == [f"checkpoint_{n}" for n in ("best", "episode_10", "episode_20", "final")]
    logged = {(c["episode"], Path(c["path"]).name) for c in run["checkpoint_paths"]}
    assert logged >= {
        *((10, "checkpoint_episode_10"), (20, "checkpoint_episode_20")),
        (EPISODES, "checkpoint_final"),
    }
    assert all(Path(c["path"]).parent == checkpoints for c in run["checkpoint_paths"])
    files = [*models.glob("*.pt"), *(checkpoints / "checkpoint_final").glob("*.pt")]
    assert sorted(file.name for file in files) == [
        *("high_agent.pt", "low_agent.pt"),
        *(f"{SCENARIO}_high_agent.pt", f"{SCENARIO}_low_agent.pt"),
    ]
    for model in loaded(*files):
        assert (model["run_id"], model["episode"]) == (run_id, EPISODES)
    history = json.loads((models / f"{SCENARIO}_history.json").read_text())
    assert (history["status"], history["run_id"]) == ("completed", run_id)
    (evaluation,) = api.read(f"/api/training-runs/{run_id}/evaluations")
    assert (evaluation["games_played"], evaluation["opponent_type"]) == (2, "environment")
    assert Path(evaluation["checkpoint_path"]).name == "checkpoint_final"


def test_a_stop_amid_a_training_saves_it(stack: Stack, api: Client, ear: PythonClient) -> None:
    """Also after the gateway and the database were killed: its clients hear of all the rest."""
    data = start(api, num_episodes=LONG)
    wait_for_progress(ear, 5)
    stack.kill("live", signal.SIGKILL)
    ear.wait("disconnect")
    stack.up("--port", stack.port, "--workers", 4)
    ear.wait("connection_established", count=2)
    before = status(api)["current_episode"]
    wait_for_progress(ear, before + 2)
    stack.kill("mongod", signal.SIGKILL)
    stack.up("--port", stack.port, "--workers", 4)
    until(
        lambda: api.another().get("/api/training/status").status_code == 200,
        PATIENCE_S,
        "the database is back",
    )
    before = status(api.another())["current_episode"]
    wait_for_progress(ear, before + 2)
    answer = api.post("/api/training/stop").json()
    count = answer["data"]["episodes_completed"]
    assert (answer["data"]["status"], answer["data"]["total_episodes"]) == ("stopped", LONG)
    assert ear.wait("training_stopped") == {
        "scenario_name": SCENARIO,
        "episodes_completed": count,
    }
    assert len(ear.all("training_started")) == 1 and not ear.all("training_completed")
    assert len(stored(api, data["run_id"])) == count
    names = [name for name, _ in ear.heard]
    back = names.index("connection_established", names.index("disconnect"))
    told = [d["episode"] for name, d in ear.heard[back:] if name == "training_progress"]
    assert sorted(told) == list(range(min(told), count + 1)), "each once, none missing"
    run = api.document(data["run_id"])
    assert run["status"] == "stopped"
    assert run["checkpoint_paths"][-1]["episode"] == count
    for model in loaded(*(stack.folder / "models").glob(f"{SCENARIO}_*_agent.pt")):
        assert (model["run_id"], model["episode"]) == (data["run_id"], count)
    assert api.read(f"/api/training-runs/{data['run_id']}/evaluations") == []


def test_a_killed_trainers_run_has_failed_within_5_s(
    stack: Stack, api: Client, ear: PythonClient
) -> None:
    data = start(api, num_episodes=LONG)
    wait_for_progress(ear, 1)
    with pymongo.MongoClient[dict[str, Any]](stack.mongodb_uri) as mongo:
        job = mongo[stack.mongodb_name].jobs.find_one({"run_id": data["run_id"]})
    assert job
    began = time.monotonic()
    os.kill(job["pid"], signal.SIGKILL)
    until(lambda: api.document(data["run_id"])["status"] == "failed", 5, "the run failed")
    error = ear.wait("training_error", max(0.1, began + 5 - time.monotonic()))
    assert error["message"] == "Training failed" and "SIGKILL" in error["details"]
    run = api.document(data["run_id"])
    assert run["metadata"]["signal"] == "SIGKILL"
    assert "SIGKILL" in run["metadata"]["error_message"]
    assert status(api)["is_training"] is False
    stored(api, data["run_id"])
    again = start(api, num_episodes=1, eval_episodes=1)  # whatever the dead one has left behind
    completed = ear.wait("training_completed", 120)
    assert completed["episodes_completed"] == 1
    assert api.document(again["run_id"])["status"] == "completed"
