"""A scenario: one household's money, read from a YAML file. Called by train.py."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class BadScenario(Exception):
    """There is no such scenario, or it cannot be used; the message is a sentence."""


@dataclass(frozen=True)
class Scenario:
    """Money is in euros of the first month, and by the month where it comes or goes."""

    name: str  # the file's, without .yaml
    description: str  # one line
    income: float  # the usual one; it does not grow with prices
    fixed_expenses: float  # rent and the like; they grow with prices, as the variable ones do
    variable_expenses: float  # their mean
    variable_deviation: float  # their standard deviation
    inflation: float  # a year; 0.02 is 2 %
    safety_threshold: float  # the cash that lets the household sleep; grows with prices
    start_cash: float
    months: int
    risk: float  # of the investments, 0 (a savings book) to 1 (shares)
    income_deviation: float = 0.0


_RANGES = {  # lowest, highest
    "income": (1.0, 1e9),
    "fixed_expenses": (0.0, 1e9),
    "variable_expenses": (0.0, 1e9),
    "variable_deviation": (0.0, 1e9),
    "inflation": (-0.5, 1.0),
    "safety_threshold": (1.0, 1e9),
    "start_cash": (0.0, 1e9),
    "months": (1, 1200),
    "risk": (0.0, 1.0),
    "income_deviation": (0.0, 1e9),
}
_MAY_BE_LEFT_OUT = {"income_deviation"}


def scenario_names(folder: Path) -> list[str]:
    """What may be asked for, sorted: the stems of the folder's .yaml files."""
    return sorted(path.stem for path in folder.glob("*.yaml") if _NAME.fullmatch(path.stem))


def read_scenario(folder: Path, name: str) -> Scenario:
    """The scenario in folder/name.yaml; a name that is not listed reaches no path.

    Raises BadScenario.
    """
    names = scenario_names(folder)
    if name not in names:
        raise BadScenario(f"there is no scenario {name!r}; there are {', '.join(names) or 'none'}")
    path = folder / f"{name}.yaml"
    try:
        members = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadScenario(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise BadScenario(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(members, dict):
        raise BadScenario(f"{path} must hold a mapping such as income: 3200")
    return Scenario(name=name, **_checked(path, members))


def _checked(path: Path, members: dict[Any, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(Scenario)} - {"name"}
    unknown = sorted(str(member) for member in set(members) - known)
    missing = sorted(known - set(members) - _MAY_BE_LEFT_OUT)
    if unknown or missing:
        faults = [f"there is no setting {member!r}" for member in unknown]
        faults += [f"{member} is missing" for member in missing]
        raise BadScenario(f"{path}: {'; '.join(faults)}")
    description = members["description"]
    if not isinstance(description, str) or not description.strip() or "\n" in description:
        raise BadScenario(f"{path}: description must be one line of text")
    return {"description": description} | {
        member: _number(path, member, value)
        for member, value in members.items()
        if member != "description"
    }


def _number(path: Path, member: str, value: Any) -> float:
    low, high = _RANGES[member]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise BadScenario(f"{path}: {member} must be a number from {low:g} to {high:g}")
    if member != "months":
        return float(value)
    if value != int(value):
        raise BadScenario(f"{path}: months must be a whole number")
    return int(value)
