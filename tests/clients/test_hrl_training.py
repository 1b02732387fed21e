"""The household trainer as people and training-supervisor start it, logging to a stand-in API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_api import FakeApi, fake_api
from trainer_process import APP, HRL_PYTHON, HRL_TRAINER, TrainerProcess

pytestmark = pytest.mark.skipif(not HRL_PYTHON.exists(), reason="PyTorch is not installed")

Start = Callable[..., TrainerProcess]
METRICS = ("cash", "invested", "stability", "goal_adherence", "exploration")
LONG = ("--scenario", "bologna_coppia", "--episodes", "100000", "--seed", "1", "--run-id", "long")


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as served:
        yield served


@pytest.fixture
def start(api: FakeApi, tmp_path: Path) -> Iterator[Start]:
    """start(arguments…) is a trainer that logs to api; ended with the test."""
    started: list[TrainerProcess] = []

    def start_one(*arguments: str, folder: Path = tmp_path, **how: Any) -> TrainerProcess:
        folder.mkdir(exist_ok=True)
        url = how.pop("url", api.url)
        program = (HRL_PYTHON, HRL_TRAINER)
        started.append(TrainerProcess(folder, url, "ak_x", *arguments, program=program, **how))
        return started[-1]

    yield start_one
    for trainer in started:
        trainer.kill()


def history(folder: Path, scenario: str = "bologna_coppia") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (folder / "models" / f"{scenario}_history.json").read_text()
    )
    return document


def loaded(*paths: Path) -> list[dict[str, Any]]:
    """What torch.load finds in .pt files: their plain members, and the shapes of their weights."""
    program = (
        "import json, sys, torch\n"
        "for path in sys.argv[1:]:\n"
        "    model = torch.load(path)\n"
        "    plain = {k: v for k, v in model.items() if isinstance(v, (str, int))}\n"
        "    plain['actor'] = {k: list(v.shape) for k, v in model['actor'].items()}\n"
        "    print(json.dumps(plain))"
    )
    done = subprocess.run([HRL_PYTHON, "-c", program, *paths], capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_training_leaves_its_files_and_its_log(
    api: FakeApi, start: Start, tmp_path: Path
) -> None:
    trainer = start(
        "--scenario", "bologna_coppia", "--episodes", "25", "--save-interval", "10",
        "--eval-episodes", "3", "--seed", "42", "--run-id", "r1", "--models", "models",
    )  # fmt: skip
    assert trainer.wait() == 0, trainer.err
    models = tmp_path / "models"
    checkpoints = models / "checkpoints" / "bologna_coppia"
    names = ["best", "episode_10", "episode_20", "final"]
    folders = [path for path in checkpoints.iterdir() if path.is_dir()]
    assert sorted(path.name for path in folders) == [f"checkpoint_{name}" for name in names]
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == [
            "checkpoint.json", "high_agent.pt", "low_agent.pt",
        ]  # fmt: skip
    assert not [path for path in models.rglob("*") if ".part" in path.name or ".old" in path.name]

    high, low, last, tenth = loaded(
        models / "bologna_coppia_high_agent.pt",
        models / "bologna_coppia_low_agent.pt",
        checkpoints / "checkpoint_final" / "low_agent.pt",
        checkpoints / "checkpoint_episode_10" / "high_agent.pt",
    )
    for model, inputs, outputs in ((high, 7, 2), (low, 10, 3), (last, 10, 3)):
        assert (model["scenario"], model["run_id"], model["episode"]) == (
            "bologna_coppia",
            "r1",
            25,
        )
        assert model["actor"]["0.weight"][1] == inputs
        assert model["actor"]["4.bias"] == [outputs]
    assert tenth["episode"] == 10

    run = api.runs["r1"]
    created = next(one.body for one in api.requests if one.path == "/api/training-runs")
    assert (created["agent_id"], created["algorithm"]) == ("hrl_bologna_coppia", "hierarchical PPO")
    assert created["episodes_total"] == 25
    assert created["config"]["seed"] == 42
    assert created["config"]["scenario"]["income"] == 3200
    assert {(one["episode"], Path(one["path"]).name) for one in run["checkpoints"]} >= {
        (10, "checkpoint_episode_10"), (10, "checkpoint_best"), (20, "checkpoint_episode_20"),
        (25, "checkpoint_final"),
    }  # fmt: skip
    assert [change.get("status") for change in run["changes"]] == ["completed"]

    document = history(tmp_path)
    assert (document["status"], document["run_id"], document["seed"]) == ("completed", "r1", 42)
    assert document["config"] == created["config"]
    assert [one["episode"] for one in document["episodes"]] == list(range(1, 26))
    for kept in document["episodes"]:
        sent = run["episodes"][kept["episode"]]
        told = {**sent, **sent.get("metrics", {})}
        assert {name: told[name] for name in kept} == kept
        assert kept.keys() >= {"total_reward", "steps", "win", *METRICS}
        assert 0 <= kept["stability"] <= 1
        assert 0 <= kept["goal_adherence"] <= 1
    assert "executor_loss" in document["episodes"][-1]

    (evaluation,) = run["evaluations"]
    assert evaluation == document["evaluation"]
    assert evaluation["games_played"] == 3
    assert evaluation["opponent_type"] == "environment"
    assert evaluation["checkpoint_path"] == "models/checkpoints/bologna_coppia/checkpoint_final"
    assert 0 <= evaluation["win_rate"] <= 1
    assert evaluation["avg_game_length"] <= 120
    assert "episode 25/25: last 10: mean reward" in trainer.out
    order = [one.path.rsplit("/", 1)[-1] for one in api.requests]
    assert order.index("evaluations") == len(order) - 2  # the end of the run comes after it


def test_a_seed_makes_a_training_repeatable(start: Start, tmp_path: Path) -> None:
    rewards = {}
    for name, seed in (("a", "9"), ("b", "9"), ("c", "10")):
        arguments = ("--scenario", "roma_freelance", "--episodes", "12", "--eval-episodes", "2")
        trainer = start(*arguments, "--seed", seed, folder=tmp_path / name)
        assert trainer.wait() == 0, trainer.err
        document = history(tmp_path / name, "roma_freelance")
        rewards[name] = [document["episodes"], document["evaluation"]]
    assert rewards["a"] == rewards["b"]
    assert rewards["a"] != rewards["c"]


def test_a_second_training_takes_the_place_of_the_first(start: Start, tmp_path: Path) -> None:
    for run, episodes in (("one", "20"), ("two", "10")):
        trainer = start(
            "--scenario", "bologna_coppia", "--episodes", episodes, "--save-interval", "10",
            "--eval-episodes", "1", "--run-id", run,
        )  # fmt: skip
        assert trainer.wait() == 0, trainer.err
    checkpoints = tmp_path / "models" / "checkpoints" / "bologna_coppia"
    about = {
        path.name: json.loads((path / "checkpoint.json").read_text())["run_id"]
        for path in checkpoints.iterdir()
        if path.is_dir()
    }
    assert about == {
        "checkpoint_best": "two", "checkpoint_final": "two", "checkpoint_episode_10": "two",
        "checkpoint_episode_20": "one",
    }  # fmt: skip
    assert history(tmp_path)["run_id"] == "two"


def ask_through_stdin(trainer: TrainerProcess) -> None:
    trainer.stdin.write(b"stop\n")
    trainer.stdin.flush()


def ask_in_pieces(trainer: TrainerProcess) -> None:
    for piece in (b"status\nst", b"op", b"\n"):
        trainer.stdin.write(piece)
        trainer.stdin.flush()
        time.sleep(0.2)


STOPS: list[tuple[Callable[[TrainerProcess], None], int]] = [
    (lambda trainer: trainer.send_signal(signal.SIGTERM), 143),
    (lambda trainer: trainer.send_signal(signal.SIGINT), 130),
    (ask_through_stdin, 0),
    (ask_in_pieces, 0),
    (lambda trainer: trainer.stdin.close(), 0),
]


@pytest.mark.parametrize(("ask", "code"), STOPS, ids=["TERM", "INT", "stop", "pieces", "end"])
def test_asked_to_stop_it_saves_and_ends_the_run_stopped(
    api: FakeApi, start: Start, tmp_path: Path, ask: Callable[[TrainerProcess], None], code: int
) -> None:
    trainer = start(*LONG, stdin=subprocess.PIPE)
    trainer.wait_until(lambda: "long" in api.runs and len(api.episodes("long")) > 5)
    ask(trainer)
    asked = time.monotonic()
    assert trainer.wait() == code, trainer.err
    assert time.monotonic() - asked < 60  # of hours that it had before it
    run = api.runs["long"]
    numbers = list(run["episodes"])
    assert numbers == list(range(1, len(numbers) + 1))
    assert [change.get("status") for change in run["changes"]] == ["stopped"]
    assert run["checkpoints"][-1]["episode"] == len(numbers)
    assert run["checkpoints"][-1]["path"].endswith("checkpoint_final")
    assert run["evaluations"] == []
    document = history(tmp_path)
    assert (document["status"], document["evaluation"]) == ("stopped", None)
    assert len(document["episodes"]) == len(numbers)
    (model,) = loaded(tmp_path / "models" / "bologna_coppia_low_agent.pt")
    assert model["episode"] == len(numbers)
    assert f"stopped: {len(numbers)} episodes" in trainer.out


def test_words_on_standard_input_that_are_no_stop_change_nothing(start: Start) -> None:
    trainer = start("--scenario", "bologna_coppia", "--episodes", "10", stdin=subprocess.PIPE)
    trainer.stdin.write(b"stop now\nSTOP\n" + b"x" * 10000 + b"stop\n")
    trainer.stdin.flush()
    assert trainer.wait() == 0
    assert "completed: 10 episodes" in trainer.out


def test_a_stop_during_the_evaluation_ends_it(api: FakeApi, start: Start) -> None:
    trainer = start(
        "--scenario", "bologna_coppia", "--episodes", "5", "--eval-episodes", "10000",
        "--run-id", "r1",
    )  # fmt: skip
    trainer.wait_until(lambda: "episode 5/5" in trainer.out)
    trainer.send_signal(signal.SIGTERM)
    assert trainer.wait() == 143
    assert api.runs["r1"]["evaluations"] == []
    assert api.runs["r1"]["changes"] == [{"status": "stopped"}]


def test_an_exception_ends_the_run_failed_with_its_message(
    api: FakeApi, start: Start, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "models" / "checkpoints" / "bologna_coppia"
    checkpoints.mkdir(parents=True)
    (checkpoints / ".checkpoint_episode_7.part").write_text("in the way")
    trainer = start(
        "--scenario", "bologna_coppia", "--episodes", "20", "--save-interval", "7",
        "--run-id", "r1",
    )  # fmt: skip
    assert trainer.wait() == 1
    (change,) = api.runs["r1"]["changes"]
    assert change["status"] == "failed"
    assert change["error_message"].startswith("FileExistsError: ")
    assert len(api.episodes("r1")) == 7
    assert "Traceback" in trainer.err
    assert not (tmp_path / "models" / "bologna_coppia_history.json").exists()


def test_a_killed_training_leaves_no_half_file_and_the_next_one_is_not_in_its_way(
    api: FakeApi, start: Start, tmp_path: Path
) -> None:
    trainer = start(*LONG, "--save-interval", "1")
    trainer.wait_until(lambda: "long" in api.runs and len(api.runs["long"]["checkpoints"]) > 20)
    trainer.kill()
    checkpoints = tmp_path / "models" / "checkpoints" / "bologna_coppia"
    visible = [path for path in checkpoints.iterdir() if not path.name.startswith(".")]
    for path in visible:
        assert len(list(path.iterdir())) == 3
    (ninth,) = loaded(checkpoints / "checkpoint_episode_9" / "high_agent.pt")
    assert ninth["episode"] == 9
    assert not (tmp_path / "models" / "bologna_coppia_history.json").exists()
    assert start("--scenario", "bologna_coppia", "--episodes", "3").wait() == 0
    assert len(history(tmp_path)["episodes"]) == 3


def test_two_trainings_of_a_scenario_do_not_mix_their_files(
    api: FakeApi, start: Start, tmp_path: Path
) -> None:
    first = start(*LONG)
    first.wait_until(lambda: "long" in api.runs)
    done = run_refused(tmp_path, "--scenario", "bologna_coppia")
    assert done.returncode == 2
    assert "another training of bologna_coppia writes to models" in done.stderr
    assert list(api.runs) == ["long"]


@pytest.fixture
def nowhere() -> Iterator[str]:
    """A URL at which nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_an_api_it_trains_on_and_says_so_once(
    start: Start, nowhere: str, tmp_path: Path
) -> None:
    trainer = start("--scenario", "bologna_coppia", "--episodes", "20", url=nowhere)
    assert trainer.wait() == 0
    assert trainer.err.count("is away") == 2  # the second: the evaluation is not sent
    assert "the evaluation is not sent: the API is away" in trainer.err
    assert len(history(tmp_path)["episodes"]) == 20
    assert history(tmp_path)["evaluation"]["games_played"] == 10


def test_an_api_that_goes_and_comes_back_has_every_episode(api: FakeApi, start: Start) -> None:
    trainer = start(
        "--scenario", "bologna_coppia", "--episodes", "300", "--run-id", "r1", "--seed", "3"
    )
    trainer.wait_until(lambda: "r1" in api.runs and len(api.episodes("r1")) > 5)
    api.stop()
    trainer.wait_until(lambda: "is away" in trainer.err)
    api.start()
    assert trainer.wait() == 0, trainer.err
    assert sorted(api.episodes("r1")) == list(range(1, 301))
    assert len(api.runs["r1"]["evaluations"]) == 1
    assert trainer.err.count("is away") == 1


def test_an_evaluation_that_is_refused_is_said_and_hurts_nothing(
    api: FakeApi, start: Start, tmp_path: Path
) -> None:
    api.refuses_evaluations = True
    trainer = start("--scenario", "bologna_coppia", "--episodes", "5", "--run-id", "r1")
    assert trainer.wait() == 0
    assert "the evaluation could not be stored: " in trainer.err
    assert "Too good to be true" in trainer.err
    assert api.runs["r1"]["changes"] == [{"status": "completed"}]
    assert history(tmp_path)["evaluation"]["games_played"] == 10


def run_refused(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HRL_PYTHON, HRL_TRAINER, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(APP / "client"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--scenario", "atlantis"],
        ["--scenario", "../scenarios/bologna_coppia"],
        ["--scenario", "--models"],
        ["--scenario", "bologna_coppia", "--episodes", "0"],
        ["--scenario", "bologna_coppia", "--episodes", "1000001"],
        ["--scenario", "bologna_coppia", "--save-interval", "0"],
        ["--scenario", "bologna_coppia", "--eval-episodes", "0"],
        ["--scenario", "bologna_coppia", "--seed", "-1"],
        ["--scenario", "bologna_coppia", "--seed", "9223372036854775808"],
        ["--scenario", "bologna_coppia", "--models", "/dev/null"],
    ],
)
def test_wrong_usage_ends_with_code_2_and_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    done = run_refused(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_another_folder_of_scenarios_may_be_given(tmp_path: Path) -> None:
    done = run_refused(tmp_path, "--scenario", "atlantis", TRAINING_SCENARIOS=str(tmp_path))
    assert "there is no scenario 'atlantis'; there are none" in done.stderr
