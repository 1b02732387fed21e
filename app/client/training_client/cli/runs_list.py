"""training runs list. Called by main.py. Next: api.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from training_client.cli import screen
from training_client.cli.api import DOCUMENTS, pages
from training_client.cli.settings import connect

if TYPE_CHECKING:
    from rich.text import Text

Run = dict[str, Any]


class Column(NamedTuple):
    title: str
    cell: Callable[[Run], str | Text]
    right: bool
    needs: int  # columns of terminal that there must be for it


def run(options: argparse.Namespace) -> int:
    params: dict[str, str | int] = {"metrics": "none", "offset": options.offset}
    given = {
        "status": options.status,
        "agent_id": options.agent,
        "strategy_label": options.label,
        "tag": options.tag,
        "q": options.query,
        "since": options.since,
        "until": options.until,
        "sort": options.sort,
    }
    params.update({name: value for name, value in given.items() if value is not None})
    with connect(options) as transport:
        runs, total = pages(transport, DOCUMENTS, params, options.limit)
    if options.json:
        screen.print_json(runs)
    else:
        _print(runs, total, options.offset)
    return 0


def _print(runs: list[Run], total: int | None, offset: int) -> None:
    console = screen.console()
    if not runs:
        console.print("no runs match" if offset == 0 else f"no runs after the first {offset}")
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    columns = [column for column in _COLUMNS if console.width >= column.needs]
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=max(console.width // 4, 10) if column.title in ("agent", "tags") else None,
            min_width=min(max(len(one["run_id"]) for one in runs), 64)
            if column.title == "run"
            else None,
        )
    for one in runs:
        table.add_row(*(column.cell(one) for column in columns))
    console.print(table)
    if total is not None and total > len(runs):
        console.print(f"{offset + 1}-{offset + len(runs)} of {total:,} runs", style="dim")


def _episodes(one: Run) -> str:
    done, planned = one["summary"]["episodes"], one["episodes_total"]
    return f"{done:,}/{planned:,}" if planned else f"{done:,}"


def _ago(one: Run) -> str:
    began = screen.moment(one["start_time"])
    if began is None:
        return "-"
    back_s = (datetime.now(timezone.utc) - began).total_seconds()
    return (
        f"{screen.duration(back_s)} ago"
        if 0 <= back_s < 86400
        else screen.local_time(one["start_time"])
    )


def _curve_of(name: str) -> Callable[[Run], str]:
    return lambda one: screen.number(one["summary"][name])


_COLUMNS = (
    Column("run", lambda one: screen.text(one["run_id"]), False, 0),
    Column("status", screen.status_text, False, 0),
    Column("agent", lambda one: screen.text(one["agent_id"]), False, 70),
    Column("algorithm", lambda one: screen.text(one["algorithm"]), False, 100),
    Column("episodes", _episodes, True, 0),
    Column("avg reward", _curve_of("avg_reward"), True, 80),
    Column("best", _curve_of("max_reward"), True, 130),
    Column("win rate", lambda one: screen.percent(one["summary"]["final_win_rate"]), True, 100),
    Column("started", _ago, False, 110),
    Column("took", lambda one: screen.duration(screen.run_seconds(one)), True, 130),
    Column("tags", lambda one: screen.text(", ".join(one["tags"])), False, 140),
)
