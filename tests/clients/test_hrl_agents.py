"""How the two agents learn. Runs where PyTorch is, in build/venv-hrl, by way of hrl_checks.py."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer_process import APP, HRL_PYTHON

CHECKS = Path(__file__).with_name("hrl_checks.py")

pytestmark = pytest.mark.skipif(not HRL_PYTHON.exists(), reason="PyTorch is not installed")


def check(name: str, **given: Any) -> Any:
    """What the function of that name in hrl_checks.py returns."""
    done = subprocess.run(
        [HRL_PYTHON, CHECKS, name],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": f"{APP / 'trainer' / 'hrl'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_advantages_are_the_discounted_sum_of_surprises() -> None:
    generator = np.random.default_rng(5)
    rewards, values = generator.normal(size=(2, 30))
    discount, decay, scale = 0.95, 0.9, 0.1
    found = check(
        "advantages", rewards=rewards.tolist(), values=values.tolist(),
        discount=discount, decay=decay, scale=scale,
    )  # fmt: skip
    after = np.append(values[1:], 0.0)
    surprises = scale * rewards + discount * after - values
    expected = [
        sum((discount * decay) ** (later - at) * surprises[later] for later in range(at, 30))
        for at in range(30)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_log_probability_is_that_of_the_normal_distribution() -> None:
    found = check("log_probability", mean=[0.3, -1.0], action=[0.5, 0.2], deviation=0.6)
    squares = ((0.5 - 0.3) / 0.6) ** 2 + ((0.2 + 1.0) / 0.6) ** 2
    expected = -squares / 2 - 2 * np.log(0.6 * np.sqrt(2 * np.pi))
    assert found == pytest.approx(expected, rel=1e-5)


def test_an_agent_learns_to_do_what_pays() -> None:
    before, after = check("bandit", best=1.5, lessons=60)
    assert abs(before) < 0.1  # the first decisions are all alike
    assert after == pytest.approx(1.5, abs=0.25)


def test_without_exploring_nothing_is_learnt_and_nothing_is_drawn() -> None:
    first, second, same_weights = check("evaluation_lives")
    assert first == second
    assert same_weights


def test_a_goal_is_kept_the_better_the_nearer() -> None:
    perfect, near, far = check("adherences")
    assert perfect == pytest.approx(1.0)
    assert near == pytest.approx((np.exp(-0.5) + np.exp(-0.2)) / 2)
    assert 0 < far < 0.01
