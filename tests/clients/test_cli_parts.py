"""The command line's parts: curves in a line, harmless text, differences, events, file names."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from training_client.cli import screen
from training_client.cli.download_name import name_of, target_of, whole_file
from training_client.cli.event_stream import parse
from training_client.cli.main import when
from training_client.cli.runs_compare import ABSENT, best_of, differences
from training_client.cli.settings import Failure
from training_client.cli.sparkline import sparkline
from training_client.cli.watch_state import WatchState


def test_a_sparkline_is_to_scale_in_both_directions() -> None:
    ramp = [(float(x), float(x)) for x in range(8)]
    assert sparkline(ramp, 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(ramp, 8, blocks=False) == "_.-~=+*#"
    assert sparkline(ramp, 4) == "▁▃▆█"
    assert sparkline([(0, 0), (1, 0), (2, 1), (3, 0), (9, 1)], 5) == "▁▅  █"
    assert sparkline([(1, 5), (2, 5)], 9) == "▄▄"
    assert sparkline([(1, float("nan")), (2, 1), (3, float("inf")), (4, 2)], 9) == "▁█"
    assert sparkline([(1, -1.7e308), (2, 1.7e308)], 2) == "▁█"
    assert sparkline([], 5) == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\r\x00\x7f", "a\\nb\\tc\\x0d\\x00\\x7f"),
        ("abc\u202edcb", "abc\\u{202e}dcb"),
        ("\ud800", "\\u{d800}"),
        ("[bold]Zoë 🚀[/bold]", "[bold]Zoë 🚀[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(given: str, shown: str) -> None:
    assert screen.clean(given) == shown
    assert screen.text(given).plain == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"), (3, "3"), (1234567, "1,234,567"), (0.5, "0.5000"), (123.456, "123.5"),
        (-18.977, "-18.98"), (1e-7, "1e-07"), (1234567.25, "1.235e+06"), (2.0, "2"), ("NaN", "nan"),
    ],
)  # fmt: skip
def test_figures_have_four_digits(value: object, shown: str) -> None:
    assert screen.number(value) == shown


def test_only_what_differs_between_configs_is_given() -> None:
    first = {"lr": 1.0, "net": {"layers": [1, 2], "act": "relu"}, "a": None, "same": {}}
    second = {"lr": 1, "net": {"layers": [1, 3], "act": "relu"}, "same": {}, "b": 2}
    assert differences([first, second]) == {
        "net.layers": [[1, 2], [1, 3]],
        "a": [None, ABSENT],
        "b": [ABSENT, 2],
    }


def test_the_best_is_marked_where_that_means_something() -> None:
    assert best_of([1, 3, None, 3], higher=True) == {1, 3}
    assert best_of([1, 3], higher=False) == {0}
    assert best_of([1, 3], higher=None) == set()
    assert best_of([2, 2], higher=True) == set()
    assert best_of([2, None], higher=True) == set()


def test_an_event_stream_is_read_however_its_bytes_are_cut() -> None:
    stream = (
        'retry: 1000\n\n:\n\nid: 5\nevent: episodes\ndata: {"a":\ndata: "ü"}\n\n'
        "event: reset\r\ndata: {}\r\n\r\nid: 9\nevent: cut off"
    ).encode()
    for size in (1, 2, 3, 7, 1000):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert list(parse(pieces)) == [
            ("", "", None),
            ("episodes", '{"a":\n"ü"}', "5"),
            ("reset", "{}", "5"),
        ]


def document(done: int, status: str = "running", planned: int | None = None) -> dict[str, object]:
    return {
        "run_id": "r",
        "status": status,
        "episodes_total": planned,
        "summary": {"episodes": done},
    }


def test_a_watched_run_has_a_rate_a_time_left_and_rolling_means() -> None:
    now = [100.0]
    state = WatchState(lambda: now[0])
    state.read(document(10, planned=40), [{"episode": n, "loss": float(n)} for n in range(1, 11)])
    assert (state.rate(), state.left_s()) == (None, None)
    now[0] = 105.0
    state.hear("episodes", {"episodes": [{"episode": 11, "loss": 11.0, "win": True}]})
    state.hear("run_updated", {"status": "running", "episodes_total": 40, "episodes_completed": 20})
    assert (state.rate(), state.left_s()) == (2.0, 10.0)
    assert state.latest() == {"loss": [float(n) for n in range(1, 12)], "win": [1.0]}
    state.hear("episodes", {"episodes": [{"episode": 3, "loss": "NaN"}]})
    assert state.latest()["loss"] == [1, 2, *range(4, 12)]
    state.hear("episodes", {"episodes": [{"episode": n, "loss": 0.0} for n in range(12, 200)]})
    assert state.latest() == {"loss": [0.0] * 100}
    assert not state.ended
    state.hear("run_updated", {"status": "failed", "episodes_total": 40, "episodes_completed": 40})
    assert state.ended


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="run-1.csv"', "run-1.csv"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\\\x\\\\y z.csv"', "y_z.csv"),
        ('attachment; filename="-rf"', "rf"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename=".."', "run.csv"),
        ("attachment", "run.csv"),
        (None, "run.csv"),
    ],
)
def test_a_downloads_name_is_never_a_path(header: str | None, name: str) -> None:
    assert name_of(header, "run.csv") == name


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = target_of(str(tmp_path), "a.csv")
    with pytest.raises(KeyboardInterrupt), whole_file(target, replace=False) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.csv.part").write_text("left behind by a program that was killed, and long")
    with whole_file(target, replace=False) as file:
        file.write(b"whole")
        with pytest.raises(Failure, match="being written by another"), whole_file(target, True):
            pass
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_bytes() == b"whole"
    with pytest.raises(Failure, match="exists; --force"), whole_file(target, replace=False):
        pass
    with whole_file(target, replace=True) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"
    with pytest.raises(Failure, match="was made meanwhile"), whole_file(tmp_path / "b", False):
        (tmp_path / "b").write_bytes(b"other")
    assert (tmp_path / "b").read_bytes() == b"other"


def test_times_may_be_said_as_ago() -> None:
    assert when("2026-01-31") < when("2026-01-31T12:00:00.5Z") == "2026-01-31T12:00:00.500Z"
    assert when("2026-01-31T12:00:00+02:00") == "2026-01-31T10:00:00.000Z"
    assert when("7d") < when("12h") < when("30m")
    for wrong in ("yesterday", "7", "-1d", "9999999w", "999999w", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            when(wrong)
