"""What reaches the terminal: made harmless, coloured where a person looks. Called by the commands.

Ids, labels and notes come from other people. Nothing of them is read as an escape sequence (by the
terminal) or as markup (by rich): texts go through clean(), and the consoles know no markup.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from training_client.cli.settings import Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# C0, DEL, C1, line and paragraph separators, marks that reorder or hide text, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_PIPE_WIDTH = 140  # columns of a table that is not for a terminal
STATUS_STYLE = {"running": "cyan", "completed": "green", "stopped": "yellow", "failed": "bold red"}


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0x0A:
        return "\\n"
    if code == 0x09:
        return "\\t"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def clean(value: object) -> str:
    """value as one line of harmless text: what a terminal would obey is shown, not sent."""
    return _UNSAFE.sub(_escape, str(value))


def clean_lines(value: object) -> list[str]:
    """The same for a text of several lines, such as notes."""
    return [clean(line.replace("\t", "    ")) for line in re.split("\r\n|\n|\r", str(value))]


def text(value: object, style: str = "") -> Text:
    """A cell or a line for rich, with nothing in it that rich or the terminal would interpret."""
    from rich.text import Text

    return Text(clean(value), style=style)


def status_text(run: dict[str, Any]) -> Text:
    status = str(run.get("status"))
    shown = "running?" if run.get("stale") else status
    return text(shown, "dim cyan" if run.get("stale") else STATUS_STYLE.get(status, ""))


def console(file: TextIO | None = None, width: int | None = None) -> Console:
    """A console on stdout, or on file; fails with a sentence when rich is not there."""
    try:
        from rich.console import Console
    except ImportError as error:
        raise Failure(
            "tables and bars need the package rich: pip install 'training-client[cli]'"
            " (without it, --json works)"
        ) from error
    target = file or sys.stdout
    if width is None and not target.isatty() and not os.environ.get("COLUMNS"):
        width = _PIPE_WIDTH
    return Console(
        file=target, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False
    )


def compact(value: object) -> str:
    """A JSON value as one line; a text without its quotes where that is clear."""
    if isinstance(value, str) and value and value == value.strip() and value[0] not in '"[{':
        return clean(value)
    return clean(json.dumps(value, ensure_ascii=False))


def print_json(value: object) -> None:
    """One JSON value on stdout. Pure ASCII, so that no character in it is obeyed by a terminal."""
    print(json.dumps(value, indent=2 if sys.stdout.isatty() else None), flush=True)


def say(sentence: str) -> None:
    """One line for the person, on stderr."""
    print(f"training: {clean(sentence)}", file=sys.stderr, flush=True)


def draws_blocks(options: Any) -> bool:
    """May curves be drawn with Unicode's block characters?"""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return not options.ascii and encoding.startswith("utf")


def draws_bars() -> bool:
    """Is stderr a terminal, and rich there to draw on it?"""
    return sys.stderr.isatty() and importlib.util.find_spec("rich") is not None


# ---- figures


def number(value: object, digits: int = 4) -> str:
    """A figure with so many significant digits; "-" for none."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, clean(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clean(json.dumps(value))
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}" if abs(value) < 1e15 else f"{value:.{digits}g}"
    if abs(value) >= 10 ** (digits + 2) or abs(value) < 1e-4:
        return f"{value:.{digits}g}"
    decimals = max(digits - len(str(int(abs(value)))), 0) if abs(value) >= 1 else digits
    return f"{value:,.{decimals}f}"


def percent(value: object) -> str:
    return "-" if not isinstance(value, int | float) else f"{100 * value:.1f} %"


def duration(seconds: float | None) -> str:
    """Such as 42 s, 3 min 05 s, 2 h 07 min, 3 d 04 h."""
    if seconds is None:
        return "-"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"


def moment(stamp: object) -> datetime | None:
    """A time as the API writes it; None when there is none."""
    if not isinstance(stamp, str):
        return None
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None


def local_time(stamp: object) -> str:
    at = moment(stamp)
    return "-" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M")


def run_seconds(run: dict[str, Any]) -> float | None:
    """How long a run took, or has taken until it was last heard of."""
    began = moment(run.get("start_time") or run.get("started_at"))
    ended = moment(run.get("end_time") or run.get("completed_at"))
    if ended is None and run.get("stale"):
        ended = moment(run.get("last_reported_at"))
    if began is None:
        return None
    return ((ended or datetime.now(timezone.utc)) - began).total_seconds()
