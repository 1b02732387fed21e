"""`training runs list|show|compare|export` against the real thing."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_client import TrainingRunLogger

from command import CLIENT, environment, started, training
from stack import Stack, free_port

EVIL = "evil\x1b[31m[bold]x[/bold]\x07\u202e"
SHOWN = "evil\\x1b[31m[bold]x[/bold]\\x07\\u{202e}"


def log_run(
    stack: Stack, run_id: str, episodes: int, status: str = "completed", **more: Any
) -> None:
    with TrainingRunLogger(stack.url, stack.key, close_timeout_s=60) as logger:
        logger.create_run(
            more.pop("agent", "cli-agent"), "PPO", more.pop("config", {"lr": 0.5}), run_id, **more
        )
        for number in range(1, episodes + 1):
            nan = float("nan") if number == 2 else 1 / number
            logger.log_episode(
                number, float(number), 10, win=number % 2 == 0, metrics={"train/loss": nan}
            )
        if episodes:
            logger.log_checkpoint(episodes, "models/last.pt")
        logger.update_status("running" if status == "running" else status)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def three(stack: Stack) -> None:
    """cli-1 … cli-3: 4, 8 and 12 episodes with rewards 1, 2, 3 …"""
    log_run(stack, "cli-1", 4, config={"lr": 0.5, "net": {"layers": [64, 64]}}, tags=["base"])
    log_run(stack, "cli-2", 8, "failed", config={"lr": 0.1, "net": {"layers": [64, 64]}})
    log_run(stack, "cli-3", 12, agent=EVIL, tags=[EVIL], notes="# Why\n" + EVIL, episodes_total=12)


def test_list_shows_a_line_a_run(stack: Stack, three: None) -> None:
    done = training(stack, "runs", "list", "-q", "cli-", COLUMNS="100")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.lines]
    assert rows[0] == [
        "run",
        "status",
        "agent",
        "algorithm",
        "episodes",
        "avg",
        "reward",
        "win",
        "rate",
    ]
    assert [row[0] for row in rows[2:]] == ["cli-3", "cli-2", "cli-1"]
    assert rows[3][1:] == ["failed", "cli-agent", "PPO", "8", "4.500", "50.0", "%"]
    assert SHOWN[:20] in done.out
    assert max(map(len, done.lines)) <= 100


def test_lists_filters_and_sorts_are_the_apis(stack: Stack, three: None) -> None:
    def ids(*words: str) -> list[str]:
        done = training(stack, "runs", "list", "--json", "-q", "cli-", *words)
        assert done.code == 0, done.err
        return [run["run_id"] for run in done.json]

    assert ids("--sort", "episodes") == ["cli-1", "cli-2", "cli-3"]
    assert ids("--sort=-avg_reward", "-n", "2") == ["cli-3", "cli-2"]
    assert ids("--status", "failed") == ["cli-2"]
    assert ids("--agent", "cli-agent", "--offset", "1") == ["cli-1"]
    assert ids("--tag", "base") == ["cli-1"]
    assert ids("--since", "1h", "--until", "2100-01-01") == ["cli-3", "cli-2", "cli-1"]
    assert ids("--until", "1h") == []


def test_show_has_statistics_curves_config_and_checkpoints(stack: Stack, three: None) -> None:
    done = training(stack, "runs", "show", "cli-3", "-w", "1", COLUMNS="100")
    assert (done.code, done.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.lines}
    assert rows["total_reward"][1:] == ["6.500", "1", "12", "12", "-", "▁▁▂▃▃▄▅▆▆▇██"]
    assert rows["train/loss"][5] == "1"  # not finite
    assert rows["steps"][-1] == "▄" * 12
    assert "12 of 12" in done.out
    assert "  lr 0.5" in done.lines
    assert ["12", "models/last.pt"] in [line.split() for line in done.lines]
    assert done.out.count(SHOWN) == 3  # agent, tag, notes
    assert not any(byte in done.raw for byte in (b"\x1b", b"\x07", "\u202e".encode()))
    plain = training(stack, "runs", "show", "cli-3", "-w", "1", "--ascii", "-m", "total_reward")
    assert "__.--~=++*##" in plain.out
    whole = training(stack, "runs", "show", "cli-3", "--json").json
    assert whole["aggregate_stats"]["nonfinite"] == {"train/loss": 1}
    assert [point["value"] for point in whole["curves"]["total_reward"]] == list(range(1, 13))


def test_compare_marks_the_best_and_shows_only_what_differs(stack: Stack, three: None) -> None:
    done = training(stack, "runs", "compare", "cli-1", "cli-2", COLUMNS="80")
    assert (done.code, done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.lines]
    assert "avg total_reward 2.500 ★ 4.500" in lines
    assert "avg train/loss 0.5278 ★ 0.3168" in lines  # a loss: the smaller
    assert "lr 0.5 0.1" in lines
    assert "layers" not in done.out
    answer = training(stack, "runs", "compare", "cli-1", "cli-2", "cli-3", "--json").json
    assert answer["config_differences"]["lr"] == [0.5, 0.1, 0.5]
    narrow = training(stack, "runs", "compare", "cli-1", "cli-2", "cli-3", COLUMNS="50")
    assert max(map(len, narrow.lines)) <= 50
    assert narrow.out.count("avg total_reward") == 2  # two runs fit, the third comes below


def test_a_run_without_episodes_is_shown_and_compared(stack: Stack, three: None) -> None:
    log_run(stack, "bare-1", 0, config={})
    shown = training(stack, "runs", "show", "bare-1")
    assert (shown.code, shown.err, "Metrics" in shown.out) == (0, "", False)
    both = training(stack, "runs", "compare", "bare-1", "cli-1")
    assert (both.code, both.err) == (0, "")
    assert "lr - 0.5" in [" ".join(line.split()) for line in both.lines]
    assert training(stack, "runs", "export", "bare-1", "-f", "jsonl", "-o", "-").raw == b""


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "tensorboard"])
def test_export_writes_the_apis_file_under_its_name(
    stack: Stack, three: None, tmp_path: Path, form: str
) -> None:
    done = training(stack, "runs", "export", "cli-3", "-f", form, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    (file,) = tmp_path.iterdir()
    assert done.json["file"] == file.name
    assert file.name.startswith("cli-3.")
    piped = training(stack, "runs", "export", "cli-3", "-f", form, "-o", "-")
    assert file.stat().st_size == len(piped.raw) == done.json["bytes"]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(piped.out)))
        assert [row["total_reward"] for row in rows] == [f"{n}.0" for n in range(1, 13)]
        again = training(stack, "runs", "export", "cli-3", cwd=tmp_path)
        assert (again.code, "--force" in again.err) == (1, True)
        assert training(stack, "runs", "export", "cli-3", "--force", cwd=tmp_path).code == 0


def test_who_reads_only_the_beginning_is_no_traceback(stack: Stack, three: None) -> None:
    process = started(stack, "runs", "list", "--json")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(60)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("runs", "show", "no-such"), 1, "there is no run no-such"),
        (("runs", "show", "cli-1", "-m", "fun"), 1, "the run has no metric fun; it has"),
        (("runs", "compare", "cli-1", "gone-1", "gone-2"), 1, "there is no run gone-1, gone-2"),
        (("runs", "compare", "cli-1"), 2, "2 to 50"),
        (("runs", "export", "../x"), 1, "there is no run ../x"),
        (("runs", "watch", "no-such"), 1, "there is no run no-such"),
        (("runs", "list", "--sort", "age"), 2, "invalid choice"),
        (("runs", "list", "--since", "soon"), 2, "is no time"),
        (("runs", "list", "-n", "0"), 2, "is not a number from 1"),
        (("runs",), 2, "required"),
        ((), 2, "required"),
        (("import", "monitor", "/no/such", "--map", "x"), 2, "is not NAME=METRIC"),
    ],
)
def test_what_does_not_work_is_said_in_a_line(
    stack: Stack, three: None, words: tuple[str, ...], code: int, says: str
) -> None:
    done = training(stack, *words)
    assert (done.code, done.raw) == (code, b"")
    assert says in done.err
    assert "Traceback" not in done.err


def test_a_wrong_key_and_an_api_that_is_away_are_said(stack: Stack, tmp_path: Path) -> None:
    wrong = training(stack, "runs", "list", TRAINING_API_KEY="ak_wrong")
    assert wrong.code == 1
    assert "TRAINING_API_KEY" in wrong.err
    key = tmp_path / "key"
    key.write_text(stack.key + "\n")
    file = ("--api-key-file", key)
    assert training(stack, "runs", "list", *file, TRAINING_API_KEY="ak_wrong").code == 0
    key.write_text("two words")
    assert training(stack, "runs", "list", *file).code == 2
    away = training(stack, "runs", "list", "--url", f"http://127.0.0.1:{free_port()}")
    assert away.code == 1
    assert "does not answer" in away.err and "Traceback" not in away.err


@pytest.mark.parametrize("words", [(), ("runs",), ("runs", "list"), ("runs", "watch"), ("import",)])
def test_help_tells_the_settings_and_the_exit_status(words: tuple[str, ...]) -> None:
    done = training(None, *words, "--help", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert "TRAINING_URL" in done.out and "exit status" in done.out


def test_without_rich_a_sentence_says_what_to_install(stack: Stack, three: None) -> None:
    hidden = (
        "import sys; sys.modules['rich'] = sys.modules['rich.console'] = None;"
        "from training_client.cli.main import main; sys.exit(main())"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", hidden, *words],
            env=environment(stack) | {"PYTHONPATH": str(CLIENT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    table = run("runs", "show", "cli-1")
    assert table.returncode == 1
    assert "pip install 'training-client[cli]'" in table.stderr
    assert json.loads(run("runs", "show", "cli-1", "--json").stdout)["run_id"] == "cli-1"
