"""What the importers read out of other tools' files, and how they refuse what is none of those."""

from __future__ import annotations

import json
import math
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.util import tensor_util
from training_client.importers import mlflow, monitor, tensorboard, tensorboard_event, wandb
from training_client.importers.source import Found, FoundRun, Unreadable

from import_writers import (
    message,
    scalar,
    wandb_exit,
    wandb_history,
    wandb_run,
    write_events,
    write_mlflow,
    write_monitor,
    write_wandb,
)

Find = Callable[[list[Path], dict[str, str], Callable[[int], None]], Iterator[Found]]


def runs(find: Find, *paths: Path, **mapped: str) -> list[FoundRun]:
    """The runs found; the first that could not be read is raised."""
    found = []
    for one in find(list(paths), mapped, lambda size: None):
        if isinstance(one, Unreadable):
            raise one
        found.append(one)
    return found


def only(find: Find, *paths: Path, **mapped: str) -> FoundRun:
    (run,) = runs(find, *paths, **mapped)
    return run


def told(run: FoundRun) -> list[str]:
    return [finding.why for finding in run.findings]


# ---- Monitor


def test_monitor_rows_become_episodes(tmp_path: Path) -> None:
    rows = [(1.5, 10, 0.25, "True"), ("nan", 7, 1.0, "False")]
    path = write_monitor(
        tmp_path / "a.monitor.csv", 1700000000.5, rows, ",is_success", env_id="Maze-v0"
    )
    run = only(monitor.find, path)
    first, second = run.episodes()
    assert first == (1, {"total_reward": 1.5, "steps": 10, "win": 1, "wall_time": 1700000000.75})
    assert math.isnan(second[1]["total_reward"])
    assert run.config == {"env_id": "Maze-v0"}
    assert run.metadata["started_at"] == "2023-11-14T22:13:20.500Z"
    assert run.metadata["ended_at"] == "2023-11-14T22:13:21.500Z"


def test_the_files_of_a_vector_env_are_one_run_in_order_of_time(tmp_path: Path) -> None:
    write_monitor(tmp_path / "0.monitor.csv", 100.0, [(1, 5, 1.0), (3, 5, 4.0)])
    write_monitor(tmp_path / "1.monitor.csv", 101.0, [(2, 5, 1.0), (4, 5, 5.0)])
    run = only(monitor.find, tmp_path)
    assert [values["total_reward"] for _, values in run.episodes()] == [1, 2, 3, 4]
    assert [number for number, _ in run.episodes()] == [1, 2, 3, 4]
    again = only(monitor.find, tmp_path / "1.monitor.csv", tmp_path / "0.monitor.csv")
    assert again.run_id == run.run_id


def test_a_monitor_file_that_has_grown_or_moved_is_the_same_run(tmp_path: Path) -> None:
    before = only(monitor.find, write_monitor(tmp_path / "monitor.csv", 7.0, [(1, 5, 1.0)]))
    moved = write_monitor(tmp_path / "b/x.monitor.csv", 7.0, [(1, 5, 1.0), (2, 5, 2.0)])
    other = write_monitor(tmp_path / "monitor.csv", 8.0, [(1, 5, 1.0)])
    assert only(monitor.find, moved).run_id == before.run_id
    assert only(monitor.find, other).run_id != before.run_id


def test_what_a_monitor_file_has_and_the_api_does_not_take_is_told(tmp_path: Path) -> None:
    rows = [(1, 5, 1.0, "easy", 3), (2, 5, 2.0, "hard", 4), (3, 6), (4, 5, 0.5, "", 5)]
    run = only(monitor.find, write_monitor(tmp_path / "monitor.csv", 7.0, rows, ",level,bad name!"))
    assert len(list(run.episodes())) == 3
    assert run.names["bad name!"] == "bad_name_"
    findings = {finding.why: (finding.count, finding.where) for finding in run.findings}
    assert findings["column level: a value that is no number"][0] == 2
    assert findings["a line with too few or too many columns"][1].endswith("monitor.csv:5")
    assert "bad name! is called bad_name_ here" in findings
    assert any(why.startswith("t goes back") for why in findings)
    assert "wall_time" not in list(run.episodes())[-1][1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("r,l,t\n1,2,3\n", ":1: a Monitor file begins with"),
        ("#{broken\nr,l,t\n", ":1: after the # there must be JSON"),
        ('#{"t_start": 1}\nreward,length\n1,2\n', ":2: the columns must be r,l,t"),
        ('#{"t_start": 1}\nr,l,t\n', "it holds no episode"),
        ("", ":1: a Monitor file begins with"),
        ('#{"t_start": 1}\nr,l,t\n\udcff,1,1\n', ":3: it is no text"),
    ],
)
def test_what_is_no_monitor_file_is_refused_with_its_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "monitor.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(Unreadable, match=complaint):
        runs(monitor.find, path)


# ---- TensorBoard


def test_event_files_are_read_as_the_tensorboard_package_reads_them(tmp_path: Path) -> None:
    events = [
        scalar(step, 1e9 + step, rollout__ep_rew_mean=step / 3, train__loss=1 / step)
        for step in range(1, 301)
    ]
    path = write_events(tmp_path / "PPO_1", events)
    expected: dict[int, dict[str, float]] = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            number = float(tensor_util.make_ndarray(value.tensor))
            expected.setdefault(event.step, {})[value.tag] = number
    run = only(tensorboard.find, tmp_path)
    read = dict(run.episodes())
    assert list(read) == sorted(expected)
    for step, values in expected.items():
        assert read[step]["total_reward"] == values["rollout/ep_rew_mean"]
        assert read[step]["train/loss"] == values["train/loss"]
        assert read[step]["wall_time"] == 1e9 + step
    assert (run.agent_id, run.algorithm) == ("PPO_1", "PPO")


def test_a_step_0_moves_all_up_and_a_length_that_is_not_whole_keeps_its_name(
    tmp_path: Path,
) -> None:
    write_events(
        tmp_path, [scalar(step, 1e9, rollout__ep_len_mean=20.5 + step) for step in range(3)]
    )
    run = only(tensorboard.find, tmp_path)
    assert [number for number, _ in run.episodes()] == [1, 2, 3]
    assert next(run.episodes())[1]["rollout/ep_len_mean"] == 20.5
    assert "rollout/ep_len_mean: not all its values can be steps; it keeps its own name" in told(
        run
    )


def test_hparams_texts_and_double_tensors_are_taken_and_histograms_told(tmp_path: Path) -> None:
    double = Summary.Value(tag="d", tensor=tensor_util.make_tensor_proto(0.1, dtype="float64"))
    text = Summary.Value(tag="note", tensor=tensor_util.make_tensor_proto([b"|lr|0.1|"]))
    text.metadata.plugin_data.plugin_name = "text"
    histogram = Summary.Value(tag="weights", histo=HistogramProto(num=1))
    events = [
        Event(wall_time=5, summary=hparams_pb({"lr": 0.5, "layers": 2, "act": "relu"})),
        Event(wall_time=6, step=1, summary=Summary(value=[double, text, histogram])),
    ]
    write_events(tmp_path, events)
    run = only(tensorboard.find, tmp_path)
    assert run.config == {"lr": 0.5, "layers": 2, "act": "relu"}
    assert run.notes == "### note\n\n|lr|0.1|"
    assert next(run.episodes())[1]["d"] == 0.1
    assert "weights: no scalar (histogram)" in told(run)


def test_what_a_restart_made_void_is_left_out(tmp_path: Path) -> None:
    start = Event(step=3, wall_time=9, session_log=SessionLog(status=SessionLog.START))
    events = [scalar(step, 8, x=1.0) for step in range(1, 6)]
    write_events(tmp_path, [*events, start, scalar(3, 10, x=2.0)])
    read = dict(only(tensorboard.find, tmp_path).episodes())
    assert {step: values["x"] for step, values in read.items()} == {1: 1, 2: 1, 3: 2}


def test_an_event_file_that_ends_amid_a_record_gives_what_is_whole(tmp_path: Path) -> None:
    path = write_events(tmp_path, [scalar(step, 8, x=1.0) for step in range(1, 6)])
    path.write_bytes(path.read_bytes()[:-3])
    run = only(tensorboard.find, tmp_path)
    assert [number for number, _ in run.episodes()] == [1, 2, 3, 4]
    assert told(run) == ["a file that ends amid a record (still written, or cut off)"]


def test_a_corrupt_event_file_is_refused_with_the_byte(tmp_path: Path) -> None:
    path = write_events(tmp_path, [scalar(step, 8, x=1.0) for step in range(1, 6)])
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=r"corrupt: at byte \d+ a record has a wrong sum"):
        runs(tensorboard.find, tmp_path)
    path.write_bytes(b"this is not an event file, it only has its name")
    with pytest.raises(Unreadable, match="it is no TensorBoard event file"):
        runs(tensorboard.find, tmp_path)


def test_each_folder_with_event_files_is_a_run_and_a_bad_one_keeps_out_no_other(
    tmp_path: Path,
) -> None:
    write_events(tmp_path / "a", [scalar(1, 8, x=1.0)])
    write_events(tmp_path / "c", [scalar(1, 9, x=2.0)])
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "events.out.tfevents.1").write_bytes(b"no")
    found = list(tensorboard.find([tmp_path], {}, lambda size: None))
    assert [isinstance(one, FoundRun) for one in found] == [True, False, True]
    a, _, c = found
    assert isinstance(a, FoundRun) and isinstance(c, FoundRun)
    assert a.run_id != c.run_id


def test_names_can_be_mapped_and_left_out(tmp_path: Path) -> None:
    write_events(tmp_path, [scalar(1, 8, eval__score=3.0, rollout__ep_rew_mean=1.0, junk=0.0)])
    run = only(tensorboard.find, tmp_path, **{"eval/score": "total_reward", "junk": ""})
    ((_, values),) = run.episodes()
    assert values == {"total_reward": 3.0, "rollout/ep_rew_mean": 1.0, "wall_time": 8.0}


# ---- W&B


def wandb_log_of(folder: Path, rows: int, *more: bytes) -> Path:
    records = [
        message((21, message((1, message((1, "0.31.0")))))),
        wandb_run(
            "abc12345", {"lr": 0.001, "algo": "SAC", "_wandb": {"x": 1}}, 1700000000,
            entity="me", project="maze", name="calm-fog-1", notes="*n*", tags=["t", "u"],
        ),
        *(
            wandb_history(
                step,
                {
                    "episode_reward": step / 7,
                    "nan": [math.nan, math.inf][step % 2],
                    "nested.x": step,
                    "_timestamp": 1700000000.5 + step,
                    "video": {"_type": "video-file"},
                },
            )
            for step in range(rows)
        ),
        message((3, message((1, message((1, "best"), (16, "9.5")))))),
        *more,
    ]  # fmt: skip
    return write_wandb(folder / "offline-run-20260101_000000-abc12345/run-abc12345.wandb", records)


def test_a_wandb_log_is_read_over_its_blocks(tmp_path: Path) -> None:
    path = wandb_log_of(tmp_path, 1000, wandb_exit(0))
    assert path.stat().st_size > 4 * 32768
    run = only(wandb.find, tmp_path)
    episodes = dict(run.episodes())
    assert list(episodes) == list(range(1, 1001))
    assert episodes[8]["total_reward"] == 1.0
    assert episodes[8]["nested.x"] == 7
    assert episodes[8]["wall_time"] == 1700000007.5
    assert math.isnan(episodes[1]["nan"]) and episodes[2]["nan"] == math.inf
    assert run.config == {"lr": 0.001, "algo": "SAC"}
    assert (run.agent_id, run.algorithm, run.status) == ("calm-fog-1", "SAC", "completed")
    assert (run.tags, run.notes) == (["t", "u"], "*n*")
    assert run.metadata["summary"] == {"best": 9.5}
    assert told(run) == ["video: no number (video-file)"]


@pytest.mark.parametrize(("code", "status"), [(0, "completed"), (1, "failed"), (255, "failed")])
def test_a_wandb_runs_exit_code_is_its_status(tmp_path: Path, code: int, status: str) -> None:
    wandb_log_of(tmp_path, 1, wandb_exit(code))
    assert only(wandb.find, tmp_path).status == status


def test_newer_typed_values_of_wandb_are_read_too(tmp_path: Path) -> None:
    items = [
        (1, message((2, "d"), (6, 0.25))),
        (1, message((2, "i"), (5, 5))),  # zigzag: -3
        (1, message((2, "b"), (4, 1))),
        (1, message((2, "t"), (7, "words"))),
    ]
    wandb_log_of(tmp_path, 0, message((2, message(*items, (2, message((1, 4)))))))
    run = only(wandb.find, tmp_path)
    assert list(run.episodes()) == [(4, {"d": 0.25, "i": -3.0, "b": 1.0})]
    assert told(run) == ["t: no number (text)"]


def test_a_wandb_log_that_is_cut_off_gives_what_is_whole_and_a_corrupt_one_is_refused(
    tmp_path: Path,
) -> None:
    path = wandb_log_of(tmp_path, 50)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    run = only(wandb.find, tmp_path)
    assert 20 <= len(list(run.episodes())) < 30
    assert "a file that ends amid a record (still written, or cut off)" in told(run)
    path.write_bytes(whole[:2000] + b"\0" + whole[2001:])
    with pytest.raises(Unreadable, match=r"corrupt: at byte \d+"):
        runs(wandb.find, tmp_path)
    path.write_bytes(b":W&B\xe1\xbe\x09")
    with pytest.raises(Unreadable, match="a W&B log of another version"):
        runs(wandb.find, tmp_path)
    path.write_bytes(b"hello")
    with pytest.raises(Unreadable, match="no W&B log"):
        runs(wandb.find, tmp_path)


def test_what_older_versions_of_wandb_wrote_is_read(tmp_path: Path) -> None:
    files = tmp_path / "run-20200101_000000-old1/files"
    files.mkdir(parents=True)
    rows = [
        '{"episode_reward": 1.5, "_step": 0, "_timestamp": 1577836800}',
        "half a li",
        '{"episode_reward": NaN, "_step": 2, "_timestamp": 1577836802}',
    ]
    (files / "wandb-history.jsonl").write_text("\n".join(rows) + "\n")
    (files / "config.yaml").write_text("wandb_version: 1\n\nlr:\n  desc: null\n  value: 0.5\n")
    (files / "wandb-summary.json").write_text('{"best": 1.5}')
    (files / "wandb-metadata.json").write_text('{"program": "train.py"}')
    run = only(wandb.find, tmp_path)
    (first, one), (third, three) = run.episodes()
    assert (first, one["total_reward"], third) == (1, 1.5, 3)
    assert math.isnan(three["total_reward"])
    assert run.config == {"lr": 0.5}
    assert run.metadata["environment"] == {"program": "train.py"}
    (finding,) = run.findings
    assert finding.why == "a line that is no JSON" and finding.where.endswith("history.jsonl:2")


# ---- MLflow


def mlflow_run(tmp_path: Path, **more: Any) -> Path:
    return write_mlflow(
        tmp_path / "mlruns",
        "0123456789abcdef0123456789abcdef",
        {
            "episode_reward": ["1700000001000 1.5 1", "1700000002000 nan 2", "broken"],
            "train/loss": ["1700000002500 -inf 2 data 1a2b", "1700000002600 0.5 2"],
        },
        {"lr": "0.001", "double_q": "True", "policy": "MlpPolicy", "algorithm": "DQN"},
        {"mlflow.note.content": "# why", "mlflow.user": "me", "team": "blue"},
        **more,
    )


@pytest.mark.parametrize("given", [".", "mlruns", "mlruns/0"])
def test_an_mlflow_store_is_read(tmp_path: Path, given: str) -> None:
    run_folder = mlflow_run(tmp_path)
    path = run_folder if given == "." else tmp_path / given
    run = only(mlflow.find, path)
    first, second = run.episodes()
    assert first == (1, {"total_reward": 1.5, "wall_time": 1700000001.0})
    assert second[0] == 2 and math.isnan(second[1]["total_reward"])
    assert (second[1]["train/loss"], second[1]["wall_time"]) == (0.5, 1700000002.6)
    assert run.config == {"lr": 0.001, "double_q": True, "policy": "MlpPolicy", "algorithm": "DQN"}
    assert (run.agent_id, run.algorithm, run.status) == ("maze", "DQN", "completed")
    assert (run.tags, run.notes) == (["team:blue"], "# why")
    assert run.metadata["started_at"] == "2023-11-14T22:13:20.000Z"
    assert run.metadata["tags"] == {"mlflow.user": "me", "team": "blue"}
    assert sorted(told(run)) == [
        "episode_reward: a line that is not `timestamp value step`",
        "train/loss: earlier values of a step that has a later one",
    ]


@pytest.mark.parametrize(("status", "named"), [(1, "running"), (4, "failed"), (5, "stopped")])
def test_an_mlflow_runs_status_is_carried_over(tmp_path: Path, status: int, named: str) -> None:
    mlflow_run(tmp_path, status=status)
    assert only(mlflow.find, tmp_path / "mlruns").status == named


def test_what_is_no_mlflow_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"there is no run \(a folder with meta.yaml"):
        runs(mlflow.find, tmp_path)
    run = mlflow_run(tmp_path)
    (run / "meta.yaml").write_text("a: [1,\n")
    with pytest.raises(Unreadable, match=r"meta.yaml:2: it is no YAML"):
        runs(mlflow.find, run)
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
    (run / "meta.yaml").write_text(bomb)
    with pytest.raises(Unreadable, match="more than 200000 values"):
        runs(mlflow.find, run)


# ---- all


def test_memory_does_not_grow_with_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training_client.importers.scratch._BATCH", 500)  # reached by both

    def lines(count: int) -> Path:
        path = tmp_path / f"run-20260101_000000-r{count}" / "files" / "wandb-history.jsonl"
        path.parent.mkdir(parents=True)
        with path.open("w") as file:
            for step in range(count):
                file.write(json.dumps({"_step": step, "a": step, "b": step / 3}) + "\n")
        return path.parent.parent

    peaks = []
    for count in (1_000, 8_000):
        folder = lines(count)
        tracemalloc.start()
        run = only(wandb.find, folder)
        assert sum(1 for _ in run.episodes()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        run.close()
    small, large = peaks
    assert large < 2 * small, peaks


class Equal:
    """Stands for a sum that is right, whatever was summed: what is behind sums is tried too."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def test_whatever_is_in_a_file_it_is_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hparams = Event(wall_time=5, summary=hparams_pb({"lr": 0.5, "act": "relu"}))
    events = write_events(tmp_path, [hparams, *(scalar(step, 8, x=1.0) for step in range(5))])
    rows = [(1, 5, 1.0, "True"), (2, 6, 2.0, "")]
    monitored = write_monitor(tmp_path / "m.monitor.csv", 7.0, rows, ",is_success", env_id="e")
    logged = wandb_log_of(tmp_path, 5, wandb_exit(0))
    stored = mlflow_run(tmp_path)
    targets: list[tuple[Find, Path, Path]] = [
        (tensorboard.find, events, events),
        (wandb.find, logged, logged),
        (monitor.find, monitored, monitored),
        *((mlflow.find, stored, file) for file in sorted(stored.rglob("*")) if file.is_file()),
    ]
    monkeypatch.setattr(tensorboard_event, "masked", lambda data: Equal())
    monkeypatch.setattr("training_client.importers.wandb_log.zlib.crc32", lambda *of: Equal())
    chance = random.Random(6)
    read = refused = 0
    for _ in range(60):
        for find, path, file in targets[:3] + chance.sample(targets[3:], 1):
            whole = file.read_bytes()
            file.write_bytes(mutated(whole, chance))
            try:
                for run in runs(find, path):
                    list(run.episodes())
                    run.close()
                read += 1
            except Unreadable:
                refused += 1
            file.write_bytes(whole)
    assert read > 20 and refused > 20


def mutated(whole: bytes, chance: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(content) + 1)
        content[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    return bytes(content[: chance.choice((len(content), len(content), at))])
