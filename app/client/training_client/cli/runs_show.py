"""training runs show. Called by main.py. Next: api.py, sparkline.py."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from training_client.cli import screen
from training_client.cli.api import compared, document, pages, path_of, v1_path_of
from training_client.cli.settings import Failure, connect, persist
from training_client.cli.sparkline import sparkline
from training_client.transport import Transport

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.tree import Tree

_CURVE_POINTS = 400
_METRICS_MAX = 100  # shown, and asked for, unless some are named
_CHECKPOINTS_SHOWN = 10
_EVALUATIONS_SHOWN = 20
_NOTES_SHOWN = 40  # lines
_FIRST = ("total_reward", "win", "steps", "epsilon", "roi_pct", "sharpe_ratio", "max_drawdown_pct")
Stats = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    with connect(options) as transport:
        found = compared(transport, [options.run])["runs"][0]
        stats: Stats = found["aggregate_stats"] or {}
        names = _chosen(metric_names(stats), options.metric)
        shown = document(transport, found)
        shown["aggregate_stats"] = found["aggregate_stats"]
        shown["curves"] = {
            name: _curve(transport, found["run_id"], name, options.window) for name in names
        }
        shown["evaluations"], total = pages(
            transport, path_of(found["run_id"], "evaluations"), {}, _EVALUATIONS_SHOWN
        )
    if options.json:
        screen.print_json(shown)
        return 0
    _print(screen.console(), shown, options, total)
    return 0


def metric_names(stats: Stats) -> list[str]:
    """The metrics that statistics tell of: the well-known first, then by name."""
    names = {key[4:] for key in stats if key.startswith("min_")} - {"reward_sum"}
    names |= {name for name in stats.get("nonfinite") or {} if name != "reward_sum"}
    return sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else 99, name))


def _chosen(names: list[str], wanted: list[str] | None) -> list[str]:
    if wanted is None:  # wall_time: seconds since 1970, of imported runs
        return [name for name in names if name != "wall_time"][:_METRICS_MAX]
    for name in wanted:
        if name not in names:
            raise Failure(f"the run has no metric {name}; it has {', '.join(names) or 'none'}")
    return list(dict.fromkeys(wanted))


def _curve(transport: Transport, run_id: str, name: str, window: int) -> list[dict[str, Any]]:
    params: dict[str, str | int] = {
        "metric": name,
        "window": window,
        "max_points": _CURVE_POINTS,
    }
    answer = persist(lambda: transport.get(v1_path_of(run_id, "learning-curve"), params))
    curve: list[dict[str, Any]] = answer["curve"]
    return curve


def _print(
    console: Console, shown: dict[str, Any], options: argparse.Namespace, evaluated: int | None
) -> None:
    from rich.padding import Padding
    from rich.text import Text

    def section(title: str, body: RenderableType) -> None:
        console.print()
        console.print(title, style="bold")
        console.print(Padding(body, (0, 0, 0, 2)))

    console.print(_head(shown))
    if shown["curves"]:
        section(
            f"Metrics (curves: rolling mean over {options.window} episodes)",
            _metrics(shown, console.width - 2, screen.draws_blocks(options)),
        )
    for title, value in (("Config", shown["config"]), ("Metadata", shown["metadata"])):
        if value:
            section(title, _tree(value, screen.draws_blocks(options)))
    if shown["checkpoint_paths"]:
        section("Checkpoints", _checkpoints(shown["checkpoint_paths"]))
    if shown["evaluations"]:
        section("Evaluations", _evaluations(shown["evaluations"], evaluated))
    if shown["notes"]:
        lines = screen.clean_lines(shown["notes"])
        kept = lines[:_NOTES_SHOWN]
        if len(lines) > len(kept):
            kept.append(f"… and {len(lines) - len(kept)} more lines")
        section("Notes", Text("\n".join(kept)))


def _grid() -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _head(shown: dict[str, Any]) -> RenderableType:
    grid = _grid()
    status = screen.status_text(shown)
    if shown.get("stale"):
        status.append(f" (last heard of {screen.local_time(shown['last_reported_at'])})")
    error = shown["metadata"].get("error_message")
    if error:
        status.append(": " + screen.clean(error))
    done, planned = shown["summary"]["episodes"], shown["episodes_total"]
    rows: list[tuple[str, object]] = [
        ("agent", shown["agent_id"]),
        ("algorithm", shown["algorithm"]),
        ("label", shown["strategy_label"]),
        ("tags", ", ".join(shown["tags"])),
        ("started", screen.local_time(shown["start_time"])),
        ("took", screen.duration(screen.run_seconds(shown))),
        ("episodes", f"{done:,} of {planned:,}" if planned else f"{done:,}"),
    ]
    if shown["summary"]["final_win_rate"] is not None:
        rows.append(
            ("win rate", screen.percent(shown["summary"]["final_win_rate"]) + " (last 100)")
        )
    grid.add_row("run", screen.text(shown["run_id"], "bold"))
    grid.add_row("status", status)
    for name, value in rows:
        if value:
            grid.add_row(name, screen.text(value))
    return grid


def _table(*columns: str) -> Table:
    """A plain table; the first column and those that begin with < go to the left."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", padding=(0, 1))
    for at, title in enumerate(columns):
        left = at == 0 or title.startswith("<")
        table.add_column(
            title.removeprefix("<"),
            justify="left" if left else "right",
            no_wrap=True,
            overflow="ellipsis" if at else "fold",
        )
    return table


def _metrics(shown: dict[str, Any], width: int, blocks: bool) -> Table:
    """A row a metric; the curve takes what the figures leave of width."""
    stats: Stats = shown["aggregate_stats"] or {}
    nonfinite: dict[str, int] = stats.get("nonfinite") or {}
    titles = ["metric", "mean", "min", "max", "last"]
    if any(name in nonfinite for name in shown["curves"]):
        titles.append("not finite")
    rows = []
    for name, curve in shown["curves"].items():
        points = _points(curve)
        last = points[-1][1] if points else None
        figures = [*(stats.get(f"{figure}_{name}") for figure in ("avg", "min", "max")), last]
        row = [screen.clean(name), *(screen.number(figure) for figure in figures)]
        rows.append(([*row, screen.number(nonfinite.get(name))][: len(titles)], points))
    taken = sum(
        max(len(title), *(len(row[at]) for row, _ in rows)) + 2 for at, title in enumerate(titles)
    )
    table = _table(*titles, "<curve")
    for row, points in rows:
        table.add_row(*row, sparkline(points, max(min(width - taken - 8, 60), 8), blocks))
    return table


def _points(curve: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [
        (float(point["episode"]), float(point["smoothed"]))
        for point in curve
        if point["smoothed"] is not None
    ]


def _tree(value: dict[str, Any], blocks: bool) -> Tree:
    from rich.tree import Tree

    tree = Tree("", hide_root=True, guide_style="dim")
    _grow(tree, value, 0)
    return tree


def _grow(tree: Tree, value: Any, depth: int) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in pairs:
        label = screen.text(key, "cyan") if isinstance(value, dict) else screen.text(key, "dim")
        nested = isinstance(member, dict) or (
            isinstance(member, list) and any(isinstance(item, dict | list) for item in member)
        )
        if nested and member and depth < 12:
            _grow(tree.add(label), member, depth + 1)
        else:
            label.append(" ")
            label.append(screen.compact(member))
            tree.add(label)


def _checkpoints(paths: list[dict[str, Any]]) -> Table:
    table = _table("episode", "<path")
    if len(paths) > _CHECKPOINTS_SHOWN:
        table.add_row("…", f"{len(paths) - _CHECKPOINTS_SHOWN} earlier ones")
    for one in paths[-_CHECKPOINTS_SHOWN:]:
        table.add_row(screen.number(one["episode"]), screen.text(one["path"]))
    return table


def _evaluations(evaluations: list[dict[str, Any]], total: int | None) -> Table:
    table = _table(
        "when", "<checkpoint", "<against", "games", "win rate", "avg reward", "avg length"
    )
    for one in evaluations:
        table.add_row(
            screen.local_time(one["created_at"]),
            screen.text(one["checkpoint_path"]),
            screen.text(one["opponent_type"]),
            screen.number(one["games_played"]),
            screen.percent(one["win_rate"]),
            screen.number(one["avg_reward"]),
            screen.number(one["avg_game_length"]),
        )
    if total is not None and total > len(evaluations):
        table.add_row("…", f"{total - len(evaluations)} earlier ones")
    return table
