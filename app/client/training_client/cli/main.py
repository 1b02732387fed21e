"""`training`: the command line. Arguments in, exit code out: 0 ok, 1 failure, 2 usage.

Next: runs_list.py, runs_show.py, runs_compare.py, runs_export.py, runs_watch.py, import_runs.py.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Any

from training_client.cli.screen import say
from training_client.cli.settings import Failure, base_url, explain
from training_client.connection import DEFAULT_URL
from training_client.errors import Refused, Unavailable

_SIGNALLED = 128  # and the signal's number
_SORTS = ("start_time", "episodes", "avg_reward", "win_rate")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ENVIRONMENT = f"""environment:
  TRAINING_URL      where the training API is (default {DEFAULT_URL})
  TRAINING_API_KEY  the key; never an argument, which every process on a machine can read
  NO_COLOR          set to anything: no colours

exit status: 0 it worked, 1 it did not, 2 the command line is wrong, 130 interrupted"""
_WATCH_STATUS = """

While it watches, nothing is written to the run. A terminal shows a live bar with the rate, the time
left and the rolling means of the last 100 episodes; anything else gets plain lines.

exit status: the run's own end: 0 completed, 1 failed, 3 stopped (4 it was deleted)"""
_IMPORT_HELP = """what becomes what:
  monitor      *.monitor.csv of Stable-Baselines3 and Gymnasium: a row is an episode. All files
               given are one run (a vector env), in order of time. r -> total_reward, l -> steps,
               start + t -> wall_time, is_success -> win; other columns keep their names.
  tensorboard  event files or folders; a folder that holds event files is a run. step -> episode
               number, tag -> metric (rollout/ep_rew_mean, charts/episodic_return -> total_reward).
  wandb        run folders of W&B (offline-run-*, run-*) or *.wandb files. _step -> episode number.
  mlflow       a file store (mlruns), an experiment or a run in it. step -> episode number.

Where a step is 0, all of that run's are moved up by one: episodes are numbered from 1. Importing
the same files again changes nothing; importing them when they have grown adds what is new."""


def when(word: str) -> str:
    """--since and --until: ISO-8601, or 30m, 12h, 7d, 2w ago."""
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", word)
    if ago:
        back = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            at = datetime.now(timezone.utc) - back
        except OverflowError as error:
            raise argparse.ArgumentTypeError(f"{word} is too long ago") from error
    else:
        try:
            at = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", word)).astimezone(timezone.utc)
        except (ValueError, OverflowError) as error:
            raise argparse.ArgumentTypeError(
                f"{word!r} is no time: 2026-01-31, 2026-01-31T12:00:00Z, 30m, 12h, 7d or 2w"
            ) from error
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(word: str) -> int:
        number = int(word) if re.fullmatch(r"\d{1,12}", word) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is not a number from {least} to {most}")
        return number

    return parse


def seconds(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of seconds from 0.1 to 86400")
    return value


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("connection and output")
    group.add_argument("--url", metavar="URL", help="the training API (default: TRAINING_URL)")
    group.add_argument(
        "--api-key-file",
        metavar="FILE",
        type=Path,
        help="a file that holds the key (default: TRAINING_API_KEY)",
    )
    group.add_argument("--json", action="store_true", help="JSON on stdout, for scripts")
    group.add_argument("--ascii", action="store_true", help="curves and marks without Unicode")
    return common


def _command(commands: Any, name: str, module: str, summary: str, more: str = "") -> Any:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + "." + more,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common()],
    )
    parser.set_defaults(module=module)
    return parser


def _add_list(commands: Any) -> None:
    parser = _command(commands, "list", "runs_list", "the newest runs, or those that match")
    parser.add_argument("--status", choices=("running", "completed", "stopped", "failed"))
    parser.add_argument("--agent", metavar="ID", help="of this agent_id")
    parser.add_argument("--label", metavar="LABEL", help="of this strategy_label")
    parser.add_argument("--tag", metavar="TAG", help="with this tag")
    parser.add_argument(
        "-q", "--query", metavar="TEXT", help="TEXT is in the id, label, agent, algorithm or a tag"
    )
    parser.add_argument(
        "--since", metavar="WHEN", type=when, help="started then or later: 7d, 2026-01-31"
    )
    parser.add_argument("--until", metavar="WHEN", type=when, help="started then or earlier")
    parser.add_argument(
        "--sort",
        metavar="FIELD",
        choices=[sign + field for field in _SORTS for sign in ("", "-")],
        help="start_time, episodes, avg_reward or win_rate; --sort=-FIELD for the largest first"
        " (default: -start_time)",
    )
    parser.add_argument(
        "-n",
        "--limit",
        metavar="N",
        type=whole(1, 100_000),
        default=20,
        help="at most N (default 20)",
    )
    parser.add_argument("--offset", metavar="N", type=whole(0, 10**9), default=0, help="skip N")


def _add_show(commands: Any) -> None:
    parser = _command(
        commands,
        "show",
        "runs_show",
        "one run: statistics, curves, config, checkpoints, evaluations",
    )
    parser.add_argument("run", metavar="RUN", help="the run's id")
    parser.add_argument(
        "-m", "--metric", metavar="NAME", action="append", help="only this metric; may be repeated"
    )
    parser.add_argument(
        "-w",
        "--window",
        metavar="N",
        type=whole(1, 100),
        default=10,
        help="curves are rolling means over N episodes (default 10)",
    )


def _add_compare(commands: Any) -> None:
    parser = _command(
        commands,
        "compare",
        "runs_compare",
        "runs side by side: statistics, the best marked, and the config keys that differ",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="2 to 50 ids")
    parser.add_argument(
        "-m", "--metric", metavar="NAME", action="append", help="only this metric; may be repeated"
    )
    parser.add_argument(
        "--lower-is-better",
        metavar="NAME",
        action="append",
        default=[],
        help="mark the smallest of this metric (known: losses, errors, drawdown)",
    )
    parser.add_argument(
        "--higher-is-better",
        metavar="NAME",
        action="append",
        default=[],
        help="mark the largest of this metric (known: reward, win, roi_pct, sharpe_ratio)",
    )


def _add_export(commands: Any) -> None:
    parser = _command(commands, "export", "runs_export", "all episodes of a run as a file")
    parser.add_argument("run", metavar="RUN", help="the run's id")
    parser.add_argument(
        "-f", "--format", choices=("csv", "jsonl", "json", "tensorboard"), default="csv",
        help="default: csv",
    )  # fmt: skip
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="a file, a folder, or - for stdout (default: the name that the API gives, here)",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def _add_watch(commands: Any) -> None:
    parser = _command(commands, "watch", "runs_watch", "follow a run until it ends", _WATCH_STATUS)
    parser.add_argument("run", metavar="RUN", help="the run's id")
    parser.add_argument(
        "--every", metavar="S", type=seconds, default=5.0,
        help="without a terminal: a line every S seconds at most (default 5)",
    )  # fmt: skip
    parser.add_argument(
        "--patience", metavar="S", type=seconds, default=300.0,
        help="give up when the API was away for S seconds (default 300)",
    )  # fmt: skip


def _add_import(commands: Any) -> None:
    parser = commands.add_parser(
        "import",
        help="runs that other tools wrote: monitor, tensorboard, wandb, mlflow",
        description="Bring in runs that other tools wrote to files.\n\n" + _IMPORT_HELP,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common()],
    )
    parser.set_defaults(module="import_runs")
    parser.add_argument("kind", choices=("monitor", "tensorboard", "wandb", "mlflow"))
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    parser.add_argument(
        "--run-id", metavar="ID", help="for one run: its id here (default: made from its content)"
    )
    parser.add_argument("--agent", metavar="ID", help="agent_id, instead of what the files say")
    parser.add_argument(
        "--algorithm", metavar="NAME", help="algorithm, instead of what the files say"
    )
    parser.add_argument("--tag", metavar="TAG", action="append", default=[], help="add this tag")
    parser.add_argument(
        "--map",
        metavar="NAME=METRIC",
        action="append",
        default=[],
        help="take NAME as METRIC, such as eval/return=total_reward; NAME= leaves it out",
    )
    parser.add_argument(
        "--status",
        choices=("running", "completed", "stopped", "failed"),
        help="the runs' status (default: what the files say, else completed)",
    )
    parser.add_argument("--dry-run", action="store_true", help="read all, say all, send nothing")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training",
        description="Training runs on the command line.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    topics = parser.add_subparsers(metavar="COMMAND", required=True)
    runs = topics.add_parser(
        "runs",
        help="list, show, compare, export, watch",
        description="Look at training runs.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = runs.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_list, _add_show, _add_compare, _add_export, _add_watch):
        add(commands)
    _add_import(topics)
    return parser


class _Terminated(BaseException):
    """SIGTERM came: unlike death by it, this removes half a file and gives the terminal back."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


@contextlib.contextmanager
def _termination() -> Iterator[None]:
    """Within it SIGTERM raises _Terminated; not where another thread than the main one calls."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows no Unicode
    options = _parser().parse_args(arguments)
    command = importlib.import_module(f"training_client.cli.{options.module}")
    try:
        with _termination():
            code = int(command.run(options))
        sys.stdout.flush()
        return code
    except Failure as failure:
        say(str(failure))
        return failure.code
    except (Refused, Unavailable) as error:
        say(explain(error, base_url(options)))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return _SIGNALLED + signal.SIGINT
    except _Terminated:
        say("interrupted")
        return _SIGNALLED + signal.SIGTERM
    except BrokenPipeError:  # `training runs list | head`: who reads has had enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
