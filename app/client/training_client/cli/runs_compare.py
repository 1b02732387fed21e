"""training runs compare. Called by main.py. Next: api.py."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from training_client.cli import screen
from training_client.cli.api import compared
from training_client.cli.runs_show import metric_names
from training_client.cli.settings import Failure, connect

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Run = dict[str, Any]
_RUNS_MAX = 50
_CELL = 16  # columns of a terminal that a run takes at most
_HIGHER = re.compile(r"(^|[_/.-])(reward|return|win|roi|sharpe|score|success)([_/.-]|$)", re.I)
_LOWER = re.compile(r"(^|[_/.-])(\w*loss|error|mse|mae|drawdown)([_/.-]|$)", re.I)
ABSENT = object()


def run(options: argparse.Namespace) -> int:
    ids = list(dict.fromkeys(options.runs))
    if not 2 <= len(ids) <= _RUNS_MAX:
        raise Failure(f"compare takes 2 to {_RUNS_MAX} different runs", 2)
    with connect(options) as transport:
        answer = compared(transport, ids)
    runs: list[Run] = answer["runs"]
    differing = differences([one["config"] or {} for one in runs])
    if options.json:
        answer["config_differences"] = {
            key: [None if value is ABSENT else value for value in values]
            for key, values in differing.items()
        }
        screen.print_json(answer)
        return 0
    _print(screen.console(), runs, differing, options)
    return 0


def flat(value: Any, path: str = "", depth: int = 0) -> dict[str, Any]:
    """A config's values by their dotted paths; lists are values."""
    if not isinstance(value, dict) or (not value and path) or depth > 30:
        return {path: value}
    found: dict[str, Any] = {}
    for key, member in value.items():
        found |= flat(member, f"{path}.{key}" if path else str(key), depth + 1)
    return found


def differences(configs: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The paths whose values are not the same in all configs: a value a config, or ABSENT."""
    flats = [flat(config) for config in configs]
    differing = {}
    for path in dict.fromkeys(path for one in flats for path in one):
        values = [one.get(path, ABSENT) for one in flats]
        if len({"" if value is ABSENT else _same(value) for value in values}) > 1:
            differing[path] = values
    return differing


def _same(value: Any) -> str:
    """Equal for values that are equal as JSON: 1 and 1.0 are."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def best_of(values: list[Any], higher: bool | None) -> set[int]:
    """Which of the values are the best; none when that is not known or there is nothing to beat."""
    there = [value for value in values if isinstance(value, int | float)]
    if higher is None or len(there) < 2 or min(there) == max(there):
        return set()
    best = max(there) if higher else min(there)
    return {at for at, value in enumerate(values) if value == best}


def _direction(name: str, options: argparse.Namespace) -> bool | None:
    if name in options.lower_is_better:
        return False
    if name in options.higher_is_better:
        return True
    if _LOWER.search(name):
        return False
    return True if _HIGHER.search(name) else None


def _print(
    console: Console, runs: list[Run], differing: dict[str, list[Any]], options: argparse.Namespace
) -> None:
    rows = _rows(runs, options)
    label = min(max(len(name) for name in [*rows, *differing, "episodes"]), console.width // 3)
    cell = min(max(12, *(len(one["run_id"]) for one in runs)), _CELL)
    fitting = max((console.width - label - 2) // (cell + 2), 1)
    for first in range(0, len(runs), fitting):
        part = range(first, min(first + fitting, len(runs)))
        if first:
            console.print()
        console.print(_part(runs, part, rows, differing, label, options))
    star = "*" if options.ascii else "★"
    console.print(f"{star} best of all {len(runs)}" + _same_config(differing), style="dim")


def _same_config(differing: Mapping[str, object]) -> str:
    return "; of the configs, only what differs" if differing else "; the configs are the same"


def _rows(runs: list[Run], options: argparse.Namespace) -> dict[str, tuple[list[Any], set[int]]]:
    """name → (a figure a run, which of them are best)."""
    stats = [one["aggregate_stats"] or {} for one in runs]
    names = list(dict.fromkeys(name for one in stats for name in metric_names(one)))
    for name in options.metric or []:
        if name not in names:
            raise Failure(f"none of the runs has a metric {name}; they have {', '.join(names)}")
    rows: dict[str, tuple[list[Any], set[int]]] = {}
    for name in options.metric or [name for name in names if name != "wall_time"]:
        higher = _direction(name, options)
        for figure in (
            ("avg", "min", "max") if options.metric or name == "total_reward" else ("avg",)
        ):
            values = [one.get(f"{figure}_{name}") for one in stats]
            marked = best_of(values, higher)
            rows[f"{figure} {name}"] = (values, marked)
    return rows


def _part(
    runs: list[Run],
    part: range,
    rows: dict[str, tuple[list[Any], set[int]]],
    differing: dict[str, list[Any]],
    label: int,
    options: argparse.Namespace,
) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("", max_width=label, overflow="fold")
    for at in part:
        table.add_column(
            screen.text(runs[at]["run_id"]), justify="right", max_width=_CELL, overflow="fold"
        )

    def add(name: str, cell: Callable[[int], str | Text], style: str = "") -> None:
        table.add_row(screen.text(name, style or "dim"), *(cell(at) for at in part))

    add("status", lambda at: screen.status_text(runs[at]))
    add("agent", lambda at: screen.text(runs[at]["agent_id"]))
    add("algorithm", lambda at: screen.text(runs[at]["algorithm"]))
    add("episodes", lambda at: screen.number(runs[at]["episodes_completed"]))
    add("took", lambda at: screen.duration(screen.run_seconds(runs[at])))
    table.add_section()
    for name, (values, best) in rows.items():
        add(name, _figures(values, best, "*" if options.ascii else "★"))
    if differing:
        table.add_section()
        for path, settings in differing.items():
            add(path, _settings(settings), "cyan")
    return table


def _figures(values: list[Any], best: set[int], star: str) -> Callable[[int], Text]:
    return lambda at: screen.text(
        f"{star} {screen.number(values[at])}" if at in best else screen.number(values[at]),
        "bold green" if at in best else "",
    )


def _settings(values: list[Any]) -> Callable[[int], Text]:
    return lambda at: screen.text(
        "-" if values[at] is ABSENT else screen.compact(values[at]),
        "dim" if values[at] is ABSENT else "",
    )
