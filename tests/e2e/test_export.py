"""
GET /api/training-runs/{run_id}/export (contract section 3): csv read by Python's csv module, jsonl
and json strictly, the event file by TensorBoard's own readers; each against what was acknowledged.
"""

import csv
import http.client
import io
import math
import re
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from tensorboard import context as tensorboard_context
from tensorboard.backend.event_processing import (
    data_provider,
    directory_watcher,
    event_accumulator,
    event_file_loader,
    io_wrapper,
    plugin_event_multiplexer,
)
from tensorboard.data import provider

from expected import NAMED_METRICS, NOT_FINITE, Book, both_names, document_episodes, number_of
from faults import breaks_off, wait_ready
from support import (
    DOCUMENTS,
    TIME,
    Client,
    document_faults,
    new_id,
    problem,
    strict_json,
    wait_until,
    without,
)

FORMATS = {
    "csv": ("csv", "text/csv; charset=utf-8; header=present"),
    "jsonl": ("jsonl", "application/x-ndjson"),
    "json": ("json", "application/json"),
    "tensorboard": ("tfevents", "application/octet-stream"),
}
FIRST_COLUMNS = ["episode", "created_at", "session_id"]
ALLOWED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/"
SESSION = str(uuid.uuid4())
REAL_VALUES = (0.0, -0.0, 0.1, 1e-7, -1.5, 1e300, 5e-324, 123456789.125, -2.0**70, 1 / 3, 3, -7)


def export(client, run_id, form):
    """The body of an export, after checking its head."""
    answer = client.get(f"{DOCUMENTS}/{run_id}/export", format=form)
    extension, content_type = FORMATS[form]
    assert answer.status_code == 200, answer.text[:600]
    assert answer.headers["Content-Type"] == content_type
    want = f'attachment; filename="{run_id}.{extension}"'
    assert answer.headers["Content-Disposition"] == want
    return answer.content


def random_report(rng):
    """A report of some of the nine and of custom metrics, values of every kind."""
    report = {}
    for name in NAMED_METRICS:
        if name == "reward_sum" or rng.random() < 0.3:
            continue
        if name in ("total_trades", "steps"):
            report[name] = int(rng.integers(0, 2**53))
        elif name == "win":
            report[name] = [True, False, 0.5, 1, 0, 0.25][rng.integers(6)]
        else:
            report[name] = [*REAL_VALUES, *NOT_FINITE][rng.integers(15)]
    if "total_reward" in report and rng.random() < 0.5:
        report["reward_sum"] = report.pop("total_reward")
    customs = [n for n in ("loss", "a.b", "a/b", "Z", "-x", "_", "0") if rng.random() < 0.5]
    report["metrics"] = {n: float(rng.normal()) for n in customs}
    if rng.random() < 0.5:
        report["session_id"] = SESSION
    return report


def log(client, run_id, reports, book):
    client.report_all(run_id, reports)
    for number, report in reports.items():
        book.report(number, report)


class Logged:
    """A run, what was acknowledged of it, and the sessions of its episodes."""

    def __init__(self, client):
        self.run_id, self.book, self.sessions = new_id("export"), Book(), {}
        self.began = time.time()
        client.create(self.run_id, config={"a": [1.0, None]})
        rng = np.random.default_rng(11)
        numbers = rng.permutation(np.arange(1, 600))[:300]
        self.log(client, {int(n): random_report(rng) for n in numbers})
        self.log(client, {int(n): random_report(rng) for n in numbers[:50]})  # replaced
        for number in (600, 9007199254740991, 601):  # one by one: these wait in the header
            self.log(client, {number: random_report(rng)})
        self.ended = time.time()

    def log(self, client, reports):
        log(client, self.run_id, reports, self.book)
        self.sessions.update({n: r.get("session_id") for n, r in reports.items()})


@pytest.fixture(scope="module")
def logged(module_client):
    return Logged(module_client)


def columns_of(book):
    """The metrics' columns: the nine that occur in the contract's order, then custom ones."""
    occurring = set(both_names(dict.fromkeys(book.metrics())))
    custom = sorted((m for m in occurring if m not in NAMED_METRICS), key=str.encode)
    return [m for m in NAMED_METRICS if m in occurring] + custom


def cell_of(text):
    """A cell as the JSON value that it stands for; None when empty."""
    if text in ("true", "false"):
        return text == "true"
    if text in NOT_FINITE or text == "":
        return text or None
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def same(got, want):
    """The same number bit for bit, the same bool, the same word."""
    if isinstance(want, (bool, str)) or want is None:
        return type(got) is type(want) and got == want
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        return False
    return float(got) == float(want) and math.copysign(1, got) == math.copysign(1, want)


def seconds_of(text):
    assert TIME.match(text), text
    return np.datetime64(text[:-1], "ms").astype(np.int64) / 1000


def table_of(body):
    """Header and rows of a table, after checking RFC 4180's form."""
    text = body.decode("ascii")
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(line) for line in lines} == {len(lines[0])}
    return lines[0], lines[1:]


def check_table(body, book):
    """A table is the book; returns its rows."""
    header, rows = table_of(body)
    assert header == FIRST_COLUMNS + columns_of(book)
    assert [int(row[0]) for row in rows] == book.numbers()
    for row in rows:
        want = both_names(book.reports[int(row[0])])
        for name, text in zip(header[3:], row[3:], strict=True):
            assert same(cell_of(text), want.get(name)), (row[0], name, text, want.get(name))
    return rows


# ---- csv ----------------------------------------------------------------------------------------


def test_csv_is_what_was_reported(client, logged):
    rows = check_table(export(client, logged.run_id, "csv"), logged.book)
    for row in rows:
        assert logged.began - 0.01 <= seconds_of(row[1]) <= logged.ended + 0.01
        assert row[2] == (logged.sessions[int(row[0])] or "")
    episodes = client.detail(logged.run_id)["episodes"]
    detail = {e["episode_number"]: e["created_at"] for e in episodes}
    assert {int(row[0]): row[1] for row in rows} == detail


def test_a_column_goes_when_the_last_value_of_its_metric_is_replaced(client):
    run_id, book = client.create(), Book()
    log(client, run_id, {n: {"steps": n, "metrics": {"x": n}} for n in range(1, 100)}, book)
    log(client, run_id, {n: {"steps": n} for n in range(1, 100)}, book)
    header, _ = table_of(export(client, run_id, "csv"))
    assert header == [*FIRST_COLUMNS, "steps"]
    check_table(export(client, run_id, "csv"), book)


def test_a_name_of_every_allowed_character(client, tmp_path):
    names = [ALLOWED[i : i + 64] for i in (0, len(ALLOWED) - 64)] + list(ALLOWED)
    for first in (0, 40):
        run_id, book = client.create(), Book()
        report = {"metrics": {n: i / 7 for i, n in enumerate(names[first : first + 40])}}
        log(client, run_id, {1: report, 2: report}, book)
        check_table(export(client, run_id, "csv"), book)
        check_events(client, run_id, book, tmp_path / str(first))


def test_64_custom_metrics_in_rows_and_in_the_header(client, tmp_path):
    run_id, book = client.create(), Book()
    rng = np.random.default_rng(5)
    for start in (1, 1001):
        names = [f"{'m' * 61}{i:03}" for i in range(64)]
        reports = {
            n: {"metrics": {name: float(rng.normal()) for name in rng.permutation(names)}}
            for n in range(start, start + 150)
        }
        log(client, run_id, reports, book)
    for n in range(2001, 2010):
        log(client, run_id, {n: {"metrics": {f"late{n}": 1.0}}}, book)
    check_table(export(client, run_id, "csv"), book)
    check_events(client, run_id, book, tmp_path)


# ---- jsonl and json -----------------------------------------------------------------------------


def test_jsonl_is_an_episode_object_a_line(client, logged):
    text = export(client, logged.run_id, "jsonl").decode()
    assert text.endswith("\n")
    episodes = [strict_json(line) for line in text[:-1].split("\n")]
    assert episodes == client.document(logged.run_id)["metrics"]["episodes"]
    bare = [without(e, "session_id", "created_at") for e in episodes]
    for got, want in zip(bare, document_episodes(logged.book), strict=True):
        assert set(got) == set(want)
        assert all(same(got[name], want[name]) for name in want), (got, want)
    assert {e["episode"]: e["session_id"] for e in episodes} == logged.sessions


def test_json_is_the_document(client, logged):
    body = export(client, logged.run_id, "json")
    assert body == client.get(f"{DOCUMENTS}/{logged.run_id}").content
    document = strict_json(body.decode())
    assert not document_faults(document, logged.book, "export")
    assert document["config"] == {"a": [1.0, None]} and "metrics_truncated" not in document


# ---- tensorboard --------------------------------------------------------------------------------


def single(value):
    with np.errstate(over="ignore"):
        return np.float32(number_of(value))


def check_events(client, run_id, book, folder):
    """The event file, as the reader that most programs use gives it, is the book."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{run_id}.tfevents"
    path.write_bytes(export(client, run_id, "tensorboard"))
    events = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.SCALARS: 0}
    ).Reload()
    assert events.file_version == 2.0
    assert sorted(events.Tags()["scalars"]) == sorted(columns_of(book))
    times = {
        e["episode_number"]: seconds_of(e["created_at"]) for e in client.detail(run_id)["episodes"]
    }
    for tag in columns_of(book):
        name = "total_reward" if tag == "reward_sum" else tag
        numbers = [n for n in book.numbers() if name in book.reports[n]]
        scalars = events.Scalars(tag)
        assert [s.step for s in scalars] == numbers
        assert [s.wall_time for s in scalars] == [times[n] for n in numbers]
        np.testing.assert_array_equal(
            np.array([s.value for s in scalars], dtype=np.float32),
            np.array([single(book.reports[n][name]) for n in numbers]),
        )
    return path


def test_tensorboards_accumulator_reads_the_event_file(client, logged, tmp_path):
    check_events(client, logged.run_id, logged.book, tmp_path)


def test_tensorboards_directory_watcher_finds_it_by_its_name(client, logged, tmp_path):
    path = check_events(client, logged.run_id, logged.book, tmp_path)
    assert io_wrapper.IsSummaryEventsFile(str(path))
    watcher = directory_watcher.DirectoryWatcher(
        str(tmp_path), event_file_loader.EventFileLoader, io_wrapper.IsSummaryEventsFile
    )
    events = list(watcher.Load())
    assert events[0].file_version == "brain.Event:2"
    with_values = [n for n in logged.book.numbers() if logged.book.reports[n]]
    assert [e.step for e in events[1:]] == with_values


def test_tensorboards_own_server_would_draw_it(client, logged, tmp_path):
    (tmp_path / "logs" / "run").mkdir(parents=True)
    check_events(client, logged.run_id, logged.book, tmp_path / "logs" / "run")
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0})
    multiplexer.AddRunsFromDirectory(str(tmp_path / "logs"))
    multiplexer.Reload()
    data = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path / "logs"))
    drawn = data.read_scalars(
        tensorboard_context.RequestContext(),
        experiment_id="x",
        plugin_name="scalars",
        downsample=10**6,
        run_tag_filter=provider.RunTagFilter(runs=["run"]),
    )["run"]
    assert sorted(drawn) == sorted(columns_of(logged.book))
    numbers, values = logged.book.column("steps")
    assert [point.step for point in drawn["steps"]] == numbers
    assert [point.value for point in drawn["steps"]] == [float(np.float32(v)) for v in values]


def test_each_record_has_its_checksums(client, logged):
    """TFRecord: length, its masked CRC-32C, data, theirs; computed here bit by bit."""

    def masked(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        crc ^= 0xFFFFFFFF
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    body, at, records = export(client, logged.run_id, "tensorboard"), 0, 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 8], "little")
        data = body[at + 12 : at + 12 + size]
        assert int.from_bytes(body[at + 8 : at + 12], "little") == masked(body[at : at + 8])
        assert int.from_bytes(body[at + 12 + size : at + 16 + size], "little") == masked(data)
        at, records = at + 16 + size, records + 1
    assert at == len(body) and records > 300


# ---- what is common to all ----------------------------------------------------------------------


def test_a_run_without_episodes(client, tmp_path):
    run_id = client.create()
    assert export(client, run_id, "csv") == b"episode,created_at,session_id\r\n"
    assert export(client, run_id, "jsonl") == b""
    assert strict_json(export(client, run_id, "json").decode()) == client.document(run_id)
    check_events(client, run_id, Book(), tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_the_file_has_the_runs_name(client, form):
    for run_id in (str(uuid.uuid4()), "9.a_B-" + uuid.uuid4().hex, uuid.uuid4().hex * 2):
        client.create(run_id)
        export(client, run_id, form)
    upper = str(uuid.uuid4()).upper()
    client.create(upper)
    answer = client.get(f"{DOCUMENTS}/{upper}/export", format=form)
    name = f"{upper.lower()}.{FORMATS[form][0]}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("form", FORMATS)
def test_head_has_the_same_head_and_no_body(client, logged, form):
    path = f"{DOCUMENTS}/{logged.run_id}/export?format={form}"
    head = client.request("HEAD", path)
    assert head.status_code == 200 and head.content == b""
    export(client, logged.run_id, form)
    assert head.headers["Content-Type"] == FORMATS[form][1]
    assert logged.run_id in head.headers["Content-Disposition"]
    assert "Content-Length" not in head.headers  # a GET's body is streamed: nobody counted it


@pytest.mark.parametrize(
    "query", ["", "?format", "?format=", "?format=CSV", "?format=xml", "?format=csv,json"]
)
def test_the_format_must_be_one_of_the_four(client, logged, query):
    answer = client.get(f"{DOCUMENTS}/{logged.run_id}/export{query}")
    body = problem(answer, 422, "validation_failed", ["format"])
    for form in FORMATS:
        assert form in body["errors"][0]["message"]
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("query", ["?format=csv", "?format=xml", ""])
def test_a_run_that_is_not_there_is_404(client, db, make_key, stack, query):
    mine, deleted, theirs = client.create(), client.create(), None
    other = Client(stack.url, make_key(new_id("account")))
    theirs = other.create()
    db.runs.update_one({"run_id": deleted}, {"$currentDate": {"deleted_at": True}})
    for run_id in (deleted, theirs, new_id(), "-impossible", "a" * 65):
        answer = client.get(f"{DOCUMENTS}/{run_id}/export{query}")
        problem(answer, 404, "run_not_found")
        assert "Content-Disposition" not in answer.headers
    problem(other.get(f"{DOCUMENTS}/{mine}/export{query}"), 404, "run_not_found")


def test_other_methods_are_405(client, logged):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = client.request(method, f"{DOCUMENTS}/{logged.run_id}/export?format=csv")
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"].startswith("GET, HEAD")


# ---- while others write, and when something breaks ----------------------------------------------


class Writer(threading.Thread):
    """Replaces and adds episodes, each batch with a metric that is new to the run."""

    def __init__(self, client, run_id):
        super().__init__()
        self.client, self.run_id = client.another(), run_id
        self.stop, self.batches = threading.Event(), 0

    def run(self):
        rng = np.random.default_rng(3)
        while not self.stop.is_set() and self.batches < 900:  # a run has 1000 metrics at most
            self.batches += 1
            numbers = rng.integers(1, 2 * BEFORE, 50)
            new = {"metrics": {f"{'abyz'[self.batches % 4]}{self.batches}": 1.0}}
            self.client.report_all(self.run_id, {int(n): {"steps": int(n), **new} for n in numbers})
            later = {BEFORE * 3 + self.batches: {"roi_pct": 1.0, **new}}
            self.client.report_all(self.run_id, later)


BEFORE = 20000  # episodes, more than a batch of the cursor


def test_no_write_meanwhile_shifts_a_column_or_hides_an_episode(client):
    run_id = client.create()
    client.report_all(run_id, {n: {"steps": n, "metrics": {"m": n}} for n in range(1, BEFORE + 1)})
    writer = Writer(client, run_id)
    writer.start()
    try:
        for _ in range(8):
            header, rows = table_of(export(client, run_id, "csv"))
            numbers = [int(row[0]) for row in rows]
            assert numbers == sorted(set(numbers)) and set(range(1, BEFORE + 1)) <= set(numbers)
            assert header[:4] == [*FIRST_COLUMNS, "roi_pct"] or header[3] == "steps"
            steps, m = header.index("steps"), header.index("m")
            for row in rows:
                assert row[steps] in ("", row[0]) and row[m] in ("", f"{row[0]}.0", row[0])
                others = {c for i, c in enumerate(row[3:], 3) if i not in (steps, m)}
                assert others <= {"", "1.0", "1"}, row
            lines = export(client, run_id, "jsonl").decode().splitlines()
            numbers = [strict_json(line)["episode"] for line in lines]
            assert numbers == sorted(set(numbers)) and set(range(1, BEFORE + 1)) <= set(numbers)
        wait_until(lambda: writer.batches > 8 or not writer.is_alive(), 120, "a few batches")
    finally:
        writer.stop.set()
        writer.join()
    assert writer.batches > 8
    header, _ = table_of(export(client, run_id, "csv"))
    assert {f"{'abyz'[b % 4]}{b}" for b in range(1, writer.batches + 1)} <= set(header)


@pytest.fixture(scope="module")
def long_run(module_client):
    run_id = module_client.create(new_id("long"))
    for start in range(1, 50001, 10000):
        numbers = range(start, start + 10000)
        reports = {
            n: {"total_reward": n / 7, "steps": n, "win": n % 2 == 0, "metrics": {"a.loss": n / 3}}
            for n in numbers
        }
        module_client.report_all(run_id, reports)
    return run_id


@pytest.mark.parametrize("form", FORMATS)
def test_a_download_that_breaks_off_does_not_look_whole(client, stack, long_run, form):
    path = f"{DOCUMENTS}/{long_run}/export?format={form}"
    assert any(breaks_off(stack, path) for _ in range(20))
    wait_ready(stack.url)
    export(client, long_run, form)


def peak_kib(faults):
    """The largest peak of memory of a worker."""

    def peak(pid):
        with Path(f"/proc/{pid}/status").open(encoding="ascii") as status:
            return next(int(ln.split()[1]) for ln in status if ln.startswith("VmHWM"))

    return max(peak(pid) for pid in faults.workers())


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_run(client, stack, faults, long_run, form):
    if b"__asan_init" in (stack.build / "training-api").read_bytes():
        pytest.skip("AddressSanitizer keeps what is freed")
    short = client.create()
    report = {"total_reward": 1 / 7, "steps": 3, "win": True, "metrics": {"a.loss": 1}}
    reports = dict.fromkeys(range(1, 2001), report)
    client.report_all(short, reports)
    old = set(faults.all_workers())
    faults.replace_workers()
    wait_until(lambda: not old & set(faults.all_workers()), 120, "new workers")
    for _ in range(16):  # so that each of the four workers has done it
        export(client, short, form)
    before = peak_kib(faults)
    for _ in range(4):
        assert len(export(client, long_run, form)) > 1_000_000
    assert peak_kib(faults) < before + 2048, f"{before} KiB before"


def log_line(stack, request_id):
    """What training-api logged of a request; None while it is served."""
    whole, _, _ = (stack.log_folder / "api.log").read_text().rpartition("\n")
    lines = [ln for ln in whole.splitlines() if f'"request_id":"{request_id}"' in ln]
    return strict_json(lines[0]) if lines else None


def test_a_slow_reader_gets_all_of_it_and_holds_no_worker(client, stack, long_run):
    """Twelve seconds, longer than a stalled answer is waited for."""
    whole = export(client, long_run, "csv")
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    path = f"{DOCUMENTS}/{long_run}/export?format=csv"
    connection.request("GET", path, headers={"X-API-Key": stack.key, "X-Request-Id": "slow-reader"})
    answer = connection.getresponse()
    got = answer.read(1000)
    line = wait_until(lambda: log_line(stack, "slow-reader"), 60, "the worker being done")
    time.sleep(12)
    assert got + answer.read() == whole
    connection.close()
    assert "reply" not in line  # such as "cut"
