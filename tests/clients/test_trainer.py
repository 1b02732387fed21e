"""The trainer's parts: it learns, repeats itself with a seed, and refuses bad settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent_config import AgentConfig, BadAgentConfig, read_agent_config
from episode_loop import Episode, make_environment, play
from learning_report import sparkline
from q_learner import QLearner
from schedule import EpsilonSchedule
from trainer_process import APP, TRAINER


def train(timesteps: int, seed: int, schedule: EpsilonSchedule) -> list[Episode]:
    learner = QLearner(2, learning_rate=0.03, discount=1.0, seed=seed)
    return list(play(make_environment(natural=False), learner, schedule, timesteps, seed))


def win_rate(episodes: Sequence[Episode]) -> float:
    return sum(episode.win is True for episode in episodes) / len(episodes)


def test_the_agent_learns_to_win_more_often_than_by_chance() -> None:
    by_chance = train(20_000, 1, EpsilonSchedule(1.0, 1.0, 1.0))
    assert 0.26 < win_rate(by_chance) < 0.31
    learning = train(60_000, 1, EpsilonSchedule.reaching_end_at(1.0, 0.02, 15_000))
    assert win_rate(learning[:500]) < 0.35
    assert 0.39 < win_rate(learning[-5000:]) < 0.46  # perfect play wins about 0.43
    assert sum(one.total_reward for one in learning[-5000:]) / 5000 > -0.13


def test_a_seed_makes_a_training_repeatable() -> None:
    schedule = EpsilonSchedule(1.0, 0.1, 0.999)
    assert train(2000, 5, schedule) == train(2000, 5, schedule)
    assert train(2000, 5, schedule) != train(2000, 6, schedule)


def test_timesteps_are_counted_and_the_last_episode_is_finished() -> None:
    episodes = train(1000, 2, EpsilonSchedule(1.0, 1.0, 1.0))
    assert sum(episode.steps for episode in episodes) == episodes[-1].timesteps
    assert 1000 <= episodes[-1].timesteps < 1000 + episodes[-1].steps
    assert [episode.number for episode in episodes] == list(range(1, len(episodes) + 1))


def test_a_win_a_draw_and_a_loss_are_told_apart() -> None:
    for episode in train(1000, 3, EpsilonSchedule(1.0, 1.0, 1.0)):
        assert {1.0: True, 0.0: 0.5, -1.0: False}[episode.total_reward] == episode.win


def test_epsilon_falls_to_its_end_and_stays() -> None:
    schedule = EpsilonSchedule.reaching_end_at(1.0, 0.02, 100)
    values = [schedule.at(number) for number in range(1, 300)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] == 0.02
    assert 0.02 < values[90] < 0.04
    assert EpsilonSchedule.reaching_end_at(0.0, 0.0, 10).at(5) == 0.0
    assert EpsilonSchedule.reaching_end_at(1.0, 0.0, 10).at(10**6) == 0.0


def test_q_learning_moves_values_by_the_rule() -> None:
    learner = QLearner(2, learning_rate=0.5, discount=0.9, seed=0)
    assert learner.learn("b", 1, 2.0, "end", ended=True) == 2.0  # b, 1 is worth 1 now
    assert learner.learn("a", 0, 1.0, "b", ended=False) == pytest.approx(1.9)
    assert learner.learn("a", 0, 1.0, "b", ended=False) == pytest.approx(0.95)
    assert (learner.best("a"), learner.best("b")) == (0, 1)


def test_a_checkpoint_holds_the_table(tmp_path: Path) -> None:
    learner = QLearner(2, learning_rate=0.5, discount=0.9, seed=0)
    learner.learn((14, 10, 0), 1, -1.0, (24, 10, 0), ended=True)
    learner.save(tmp_path / "new" / "table.json", episode=7)
    assert json.loads((tmp_path / "new" / "table.json").read_text()) == {
        "episode": 7,
        "actions": 2,
        "q_table": [[[14, 10, 0], [0.0, -0.5]]],
    }
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["table.json"]


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([0.0, 7.0], "▁█"), (range(8), "▁▂▃▄▅▆▇█")],
)
def test_a_sparkline_shows_low_and_high(values: Sequence[float], line: str) -> None:
    assert sparkline(list(values)) == line


def test_a_sparkline_is_never_wider_than_asked() -> None:
    assert len(sparkline([float(value) for value in range(1000)], 60)) == 60


def test_an_agent_config_changes_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text('{"learning_rate": 0.1, "epsilon_decay": 0.99, "natural": true}')
    expected = AgentConfig(learning_rate=0.1, epsilon_decay=0.99, natural=True)
    assert read_agent_config(file) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"learning_rate": "high"}', "learning_rate must be a number from 1e-09 to 1"),
        ('{"learning_rate": 0}', "learning_rate must be"),
        ('{"learning_rate": true}', "learning_rate must be"),
        ('{"discount": NaN}', "discount must be"),
        ('{"epsilon_start": 1.5}', "epsilon_start must be"),
        ('{"epsilon_start": 0.1, "epsilon_end": 0.2}', "epsilon_end must not be above"),
        ('{"natural": 1}', "natural must be true or false"),
        ('{"learningrate": 0.1}', "there is no setting 'learningrate'"),
    ],
)
def test_a_bad_agent_config_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "agent.json"
    file.write_text(text)
    with pytest.raises(BadAgentConfig, match=sentence):
        read_agent_config(file)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--mode", "quick"],
        ["--mode", "smoke", "--total-timesteps", "0"],
        ["--mode", "smoke", "--total-timesteps", "many"],
        ["--mode", "smoke", "--seed", "-1"],
        ["--mode", "smoke", "--agent-config", "absent.json"],
        ["--mode", "smoke", "--agent-config", "."],
        ["--mode", "smoke", "--models", "/dev/null"],
    ],
)
def test_wrong_usage_ends_with_code_2_and_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, TRAINER, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(APP / "client")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
