"""The household's rules, against a computation of their own; and the scenarios' files."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from household_env import HouseholdEnv
from scenario import BadScenario, Scenario, read_scenario, scenario_names
from trainer_process import APP, HRL_TRAINER

SCENARIOS = APP / "trainer" / "scenarios"
NAMES = scenario_names(SCENARIOS)

PLAIN = Scenario(
    name="plain",
    description="No chance at all: no deviation and no risk",
    income=1000.0,
    fixed_expenses=1200.0,
    variable_expenses=0.0,
    variable_deviation=0.0,
    inflation=0.0,
    safety_threshold=500.0,
    start_cash=1000.0,
    months=24,
    risk=0.0,
)


def lived_again(scenario: Scenario, seed: int, allocations: list[list[float]]) -> list[Any]:
    """(reward, cash, invested, bankrupt) of each month: README.md's rules, written once more."""
    draw = np.random.default_rng(seed)
    cash, invested = scenario.start_cash, 0.0
    level = [(1 + scenario.inflation) ** (month / 12) for month in range(scenario.months + 1)]
    months = []
    for month, allocation in enumerate(allocations):
        invest, save, consume = np.array(allocation) / np.sum(allocation)
        income, variable, market = draw.normal(
            [scenario.income, scenario.variable_expenses, (0.01 + 0.07 * scenario.risk) / 12],
            [scenario.income_deviation, scenario.variable_deviation,
             0.18 * scenario.risk / np.sqrt(12)],
        )  # fmt: skip
        wealth = (cash + invested) / level[month]
        joy = np.log(1 + 10 * consume * cash / level[month] / scenario.income)
        invested = (invested + invest * cash) * (1 + max(market, -1))
        bills = (scenario.fixed_expenses + max(variable, 0)) * level[month]
        cash = save * cash + max(income, 0) - bills
        if cash < 0:
            sold = min(invested, -cash / 0.98)
            cash, invested = cash + 0.98 * sold, invested - sold
        bankrupt = cash < -0.0099
        cash = max(cash, 0.0)
        growth = (cash + invested) / level[month + 1] - wealth
        missing = max(0.0, 1 - cash / level[month + 1] / scenario.safety_threshold)
        reward = joy + 6 * growth / scenario.income - missing
        reward -= (scenario.months - month - 1) if bankrupt else 0
        months.append((reward, cash, invested, bankrupt))
    return months


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_life_is_as_the_rules_say(name: str, seed: int) -> None:
    scenario = read_scenario(SCENARIOS, name)
    env = HouseholdEnv(scenario)
    generator = np.random.default_rng(1000 + seed)
    allocations, seen = [], []
    env.reset(seed=seed)
    ended = False
    while not ended:
        allocation = generator.random(3).astype(np.float32)
        _, reward, terminated, truncated, info = env.step(allocation)
        allocations.append(allocation.astype(float).tolist())
        seen.append((reward, info["cash"], info["invested"], terminated))
        ended = terminated or truncated
    assert len(seen) == scenario.months or seen[-1][3]
    np.testing.assert_allclose(seen, lived_again(scenario, seed, allocations), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_finds_no_fault_with_the_environment(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(HouseholdEnv(read_scenario(SCENARIOS, name)), skip_render_check=True)


def test_the_observation_tells_the_household_s_state() -> None:
    scenario = dataclasses.replace(PLAIN, inflation=0.12, start_cash=2000.0)
    env = HouseholdEnv(scenario)
    observation, _ = env.reset(seed=1)
    np.testing.assert_allclose(observation, [4, 0, 1, 1.2, 0, 1, 1], rtol=1e-6)
    assert observation.dtype == np.float32
    for _ in range(12):
        observation, *_ = env.step(np.array([0.5, 0.5, 0.0], np.float32))
    _, _, _, _, info = env.step(np.array([0.0, 1.0, 0.0], np.float32))
    assert observation[5] == pytest.approx(1.12)
    assert observation[6] == pytest.approx(0.5)
    assert info["prices"] == pytest.approx(1.12)  # in the thirteenth month


def test_bankruptcy_ends_it_in_the_month_in_which_the_bills_cannot_be_paid() -> None:
    env = HouseholdEnv(PLAIN)  # 200 short each month, 1000 to begin with
    env.reset(seed=1)
    save = np.array([0.0, 1.0, 0.0], np.float32)
    lived = [env.step(save) for _ in range(6)]
    assert [terminated for _, _, terminated, _, _ in lived] == [False] * 5 + [True]
    assert not any(truncated for _, _, _, truncated, _ in lived)
    assert lived[4][4]["cash"] == 0.0
    assert lived[5][1] == pytest.approx(-1 - (24 - 6))  # no reserve, now and for 18 months


def test_in_need_investments_are_sold_at_a_loss() -> None:
    env = HouseholdEnv(dataclasses.replace(PLAIN, months=1))
    env.reset(seed=1)
    _, _, terminated, truncated, info = env.step(np.array([1.0, 0.0, 0.0], np.float32))
    assert (terminated, truncated) == (False, True)
    assert info["cash"] == pytest.approx(0.0, abs=1e-9)
    assert info["invested"] == pytest.approx(1000 * (1 + 0.01 / 12) - 200 / 0.98)


@pytest.mark.parametrize(
    ("action", "consumed"),
    [([0, 0, 1], 1000), ([0.2, 0.2, 0.1], 200), ([0, 0, 0], 0), ([1, 1, 1], 1000 / 3)],
)
def test_an_allocation_is_scaled_to_sum_to_one(action: list[float], consumed: float) -> None:
    env = HouseholdEnv(PLAIN)
    env.reset(seed=1)
    *_, info = env.step(np.array(action, np.float32))
    assert info["consumed"] == pytest.approx(consumed)


@pytest.mark.parametrize(
    "action", [[0.5, 0.5], [1, 0, 0, 0], [-0.1, 0.5, 0.5], [1.1, 0, 0], [float("nan"), 0, 1]]
)
def test_what_is_no_allocation_is_refused(action: list[float]) -> None:
    env = HouseholdEnv(PLAIN)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="three numbers from 0 to 1"):
        env.step(np.array(action, np.float32))


def lived_with_bills_paid(allocations: list[list[float]], cash: float) -> HouseholdEnv:
    """Pay and bills are the same, prices too: only the allocations change what is owned."""
    env = HouseholdEnv(
        dataclasses.replace(PLAIN, income=1200.0, start_cash=cash, months=len(allocations))
    )
    env.reset(seed=1)
    for allocation in allocations:
        env.step(np.array(allocation, np.float32))
    return env


SAVE, INVEST, SPEND = [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.999, 0.001]


@pytest.mark.parametrize(
    ("allocations", "cash", "stability", "reached"),
    [
        ([SAVE] * 10, 500.0, 1.0, True),
        ([SAVE] * 9 + [INVEST], 500.0, 0.9, True),  # one month in ten without the reserve
        ([SAVE] * 8 + [INVEST] * 2, 500.0, 0.8, False),
        ([SAVE] * 10, 499.0, 0.0, False),
        ([SAVE] * 9 + [SPEND], 1000.0, 1.0, False),  # poorer
    ],
)
def test_the_goal_is_to_be_no_poorer_and_nearly_always_secure(
    allocations: list[list[float]], cash: float, stability: float, reached: bool
) -> None:
    household = lived_with_bills_paid(allocations, cash).household
    assert household.stability == pytest.approx(stability)
    assert household.reached_goal is reached


def test_the_goal_is_not_reached_before_the_end() -> None:
    env = HouseholdEnv(dataclasses.replace(PLAIN, income=1200.0))
    env.reset(seed=1)
    assert not env.household.reached_goal
    env.step(np.array(SAVE, np.float32))
    assert not env.household.reached_goal


def test_bologna_coppia_is_the_one_that_was_asked_for() -> None:
    scenario = read_scenario(SCENARIOS, "bologna_coppia")
    assert dataclasses.asdict(scenario) == {
        "name": "bologna_coppia",
        "description": scenario.description,
        "income": 3200,
        "income_deviation": 0,
        "fixed_expenses": 1800,
        "variable_expenses": 800,
        "variable_deviation": 150,
        "inflation": 0.02,
        "safety_threshold": 3500,
        "start_cash": 10000,
        "months": 120,
        "risk": 0.55,
    }


def test_there_are_enough_scenarios_and_each_is_described() -> None:
    assert len(NAMES) >= 4
    descriptions = [read_scenario(SCENARIOS, name).description for name in NAMES]
    assert len(set(descriptions)) == len(NAMES)
    assert all(len(description) < 120 for description in descriptions)


GOOD = (SCENARIOS / "bologna_coppia.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold a mapping"),
        ("- 1", "must hold a mapping"),
        ("a: [", "is not YAML"),
        ("!!python/object:os.system {}", "is not YAML"),
        ("income: 3200", "description is missing"),
        (GOOD + "pets: 2\n", "there is no setting 'pets'"),
        (GOOD + "name: other\n", "there is no setting 'name'"),
        (GOOD.replace("income: 3200", "income: much"), "income must be a number from 1 to 1e"),
        (GOOD.replace("income: 3200", "income: .nan"), "income must be"),
        (GOOD.replace("income: 3200", "income: true"), "income must be"),
        (GOOD.replace("risk: 0.55", "risk: 1.01"), "risk must be a number from 0 to 1"),
        (GOOD.replace("months: 120", "months: 0"), "months must be"),
        (GOOD.replace("months: 120", "months: 1201"), "months must be"),
        (GOOD.replace("months: 120", "months: 1.5"), "months must be a whole number"),
        (GOOD.replace("3500", "0"), "safety_threshold must be"),
        (GOOD.replace("description: A", "description: 7 #"), "description must be one line"),
    ],
)
def test_a_bad_scenario_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "home.yaml").write_text(text)
    with pytest.raises(BadScenario, match=sentence):
        read_scenario(tmp_path, "home")


@pytest.mark.parametrize("name", ["../home", "home.yaml", "/etc/passwd", "", "--help", "Home"])
def test_only_a_listed_name_is_opened(tmp_path: Path, name: str) -> None:
    for file in ("home.yaml", "Home.yaml", "--help.yaml"):
        (tmp_path / file).write_text(GOOD)
    (tmp_path / "sub").mkdir()
    assert scenario_names(tmp_path) == ["home"]
    with pytest.raises(BadScenario, match="there is no scenario"):
        read_scenario(tmp_path / "sub", name)
    with pytest.raises(BadScenario, match="there are home"):
        read_scenario(tmp_path, name)


def test_without_pytorch_the_trainer_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('torch')")
    done = subprocess.run(
        [sys.executable, HRL_TRAINER, "--scenario", "bologna_coppia"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{APP / 'client'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "train.py: there is no PyTorch; root gets it by: apt-get install python3-torch\n"
    )
