"""
GET /metrics, read by Prometheus' own parser: every family says what it is, every count is what this
test sent, and counts outlive killed workers and HUPs.
"""

import contextlib
import os
import select
import signal
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lone_api import children_of, kill_if_there
from stack import Stack
from support import DOCUMENTS, RUNS, V1, Client, new_id, ok, problem, send_raw, wait_until

REQUESTS = "training_http_requests_total"
TIME = "training_http_request_duration_seconds"
COMMANDS = "training_database_command_duration_seconds"
WORKERS = 3
PATIENCE_S = 30  # for what a machine that is busy with other things does late


@pytest.fixture(scope="module")
def own():
    """A stack whose requests are all this module's."""
    own = Stack()
    try:
        own.up("--port", own.port, "--workers", WORKERS)
        yield own
    finally:
        own.remove()


@pytest.fixture
def mine(own):
    return Client(own.url, own.key)


class Page:
    """What one GET /metrics said: the families, and each sample by its name and labels."""

    def __init__(self, text):
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.samples = {}
        for family in self.families:
            for sample in family.samples:
                place = (sample.name, frozenset(sample.labels.items()))
                assert place not in self.samples, f"{place} is there twice"
                self.samples[place] = sample.value

    def value(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())), 0)

    def of(self, name):
        return {k[1]: v for k, v in self.samples.items() if k[0] == name}


def page(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Page(answer.text)


def settled(client):
    """
    A page that counts every request answered so far: a worker counts after it has answered, and is
    busy until then. The one that makes the page is busy, too.
    """
    wait_until(
        lambda: page(client).value("training_workers_busy") == 1, PATIENCE_S, "nobody else busy"
    )
    return page(client)


def request_counts(shown):
    """{(route, method, status): count} but for the requests that ask for the page itself."""
    counts = {}
    for labels, value in shown.of(REQUESTS).items():
        row = dict(labels)
        if row["route"] != "/metrics":
            counts[row["route"], row["method"], row["status"]] = value
    return counts


def grown(before, after):
    changes = {k: after[k] - before.get(k, 0) for k in after}
    return {k: v for k, v in changes.items() if v}


def send_a_mixture(client):
    """Requests of many kinds; returns how many of each should have been counted."""
    run_id = client.create(config={"a": 1})
    for number in range(1, 8):
        client.report(run_id, number, roi_pct=1.5)
    client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episodes": [{"episode": 1}, {"episode": 2}]})
    for _ in range(3):
        client.detail(run_id)
    client.request("HEAD", f"{RUNS}/{run_id}")
    problem(client.get(f"{RUNS}/{new_id()}"), 404)
    problem(client.get(RUNS, limit=0), 422)
    problem(client.post(RUNS, raw=b"{"), 400)
    problem(Client(client.url, "ak_wrong").get(RUNS), 401)
    problem(client.post(RUNS, raw=b"{}", headers={"Content-Type": "text/plain"}), 415)
    for path in ("/api/nowhere", f"/api/{new_id()}"):
        problem(client.get(path), 404)
    problem(client.request("PUT", RUNS, {}), 405)
    return {
        (f"{V1}/runs", "POST", "201"): 1,
        (f"{V1}/runs", "POST", "400"): 1,
        (f"{V1}/runs", "POST", "415"): 1,
        (f"{V1}/runs", "GET", "401"): 1,
        (f"{V1}/runs", "GET", "422"): 1,
        (f"{V1}/runs/:run_id", "GET", "200"): 4,
        (f"{V1}/runs/:run_id", "GET", "404"): 1,
        (f"{V1}/runs/:run_id/episodes", "POST", "200"): 7,
        (f"{DOCUMENTS}/:run_id/episodes", "POST", "200"): 1,
        ("none", "any", "404"): 2,
        ("none", "any", "405"): 1,
    }


# ---- what it says


def test_every_family_says_what_it_is(mine):
    send_a_mixture(mine)
    shown = page(mine)
    kinds = {family.name: family.type for family in shown.families}
    assert all(family.documentation.strip() for family in shown.families)
    assert set(kinds.values()) <= {"counter", "gauge", "histogram"}
    assert all(name.startswith("training_") for name in kinds)
    named = {line.split()[2] for line in shown.text.splitlines() if line.startswith("# TYPE")}
    assert len(named) == len(kinds) == shown.text.count("# HELP ")
    assert shown.text.endswith("\n")


def test_requests_are_counted_by_route_and_status(mine):
    before = request_counts(settled(mine))
    sent = send_a_mixture(mine)
    assert grown(before, request_counts(settled(mine))) == sent


def test_a_histogram_holds_each_request_once(mine):
    sent = send_a_mixture(mine)
    shown = settled(mine)
    routes = {(route, method) for route, method, _ in sent}
    for route, method in routes:
        labels = {"route": route, "method": method}
        buckets = [
            (float(dict(found)["le"]), value)
            for found, value in shown.of(f"{TIME}_bucket").items()
            if dict(found)["route"] == route and dict(found)["method"] == method
        ]
        counts = [value for _, value in sorted(buckets)]
        total = sum(
            v for k, v in request_counts(shown).items() if (k[0], k[1]) == (route, method)
        )
        assert counts == sorted(counts) and len(counts) == 15
        assert counts[-1] == shown.value(f"{TIME}_count", **labels) == total
        assert 0 < shown.value(f"{TIME}_sum", **labels) < 60 * total


def test_bytes_of_bodies_are_counted(mine):
    def bytes_of(way, route, method):
        return settled(mine).value(f"training_http_{way}_bytes_total", route=route, method=method)

    sent, got = bytes_of("request", RUNS, "POST"), bytes_of("response", RUNS, "POST")
    body = b'{"run_id": "%s"}' % new_id().encode()
    answer = mine.post(RUNS, raw=body)
    assert bytes_of("request", RUNS, "POST") == sent + len(body)
    assert bytes_of("response", RUNS, "POST") == got + len(answer.content)


def test_commands_of_the_database_are_counted(mine):
    def finds():
        return settled(mine).value(f"{COMMANDS}_count", command="find")

    run_id = mine.create()
    before, time = finds(), settled(mine).value(f"{COMMANDS}_sum", command="find")
    for _ in range(5):
        mine.document(run_id)
    assert finds() >= before + 5
    assert page(mine).value(f"{COMMANDS}_sum", command="find") > time


def test_what_runs_is_told(own, mine):
    shown = page(mine)
    assert shown.value("training_build_info", version=ok(mine.get("/healthz"), 200)["version"]) == 1
    assert shown.value("training_workers") == WORKERS == len(children_of(own.pid("api")))
    assert 1 <= shown.value("training_workers_busy") <= WORKERS
    uptime = shown.value("training_uptime_seconds")
    assert 0 < uptime < 600
    wait_until(
        lambda: page(mine).value("training_uptime_seconds") > uptime, PATIENCE_S, "time going on"
    )
    start = "training_start_time_seconds"
    assert page(mine).value(start) == shown.value(start)


def test_labels_are_ours_alone(mine):
    """A path from outside is no label: a stranger could make them without end."""
    strange = new_id("strange")
    for path in (f"/api/{strange}", f"{RUNS}/{strange}", f"{RUNS}/{strange}/nothing"):
        mine.get(path)
    shown = page(mine)
    assert strange not in shown.text
    assert mine.key not in shown.text


# ---- who may read it


def test_only_this_machine_may_read_it(own, mine):
    ok_without_key = Client(own.url).get("/metrics")
    assert ok_without_key.status_code == 200
    with socket.create_connection(
        ("127.0.0.1", own.port), 10, source_address=("127.0.0.2", 0)
    ) as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 403 ") and b'"code":"forbidden"' in answer
    forged = send_raw(
        own.url,
        b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    assert forged.status_code == 421


def test_head_and_other_methods(mine):
    head = mine.request("HEAD", "/metrics")
    assert (head.status_code, head.content) == (200, b"")
    refused = mine.post("/metrics", {})
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["Allow"].startswith("GET, HEAD")


# ---- what it outlives


def test_counts_outlive_killed_workers(own, mine):
    def killed(shown):
        return shown.value("training_worker_ends_total", how="SIGKILL")

    def refilled(shown, number):
        starts = "training_worker_starts_total"
        return (
            shown.value("training_workers") == WORKERS
            and shown.value(starts) == first.value(starts) + number
        )

    before = first = settled(mine)
    for number, victim in enumerate(children_of(own.pid("api")), 1):
        sent = send_a_mixture(mine)
        counted = request_counts(before)
        assert grown(counted, request_counts(settled(mine))) == sent
        kill_if_there(victim)
        wait_until(
            lambda n=number: killed(page(mine)) == killed(first) + n, PATIENCE_S, "its death"
        )
        wait_until(lambda n=number: refilled(page(mine), n), PATIENCE_S, "another worker")
        before = settled(mine)
        assert grown(counted, request_counts(before)) == sent


def test_counts_outlive_a_reload(own, mine):
    before = settled(mine)
    os.kill(own.pid("api"), signal.SIGHUP)

    def reloaded():
        return page(mine).value("training_reloads_total", result="done") == (
            before.value("training_reloads_total", result="done") + 1
        )

    wait_until(reloaded, PATIENCE_S, "the reload counted")
    wait_until(
        lambda: page(mine).value("training_workers") == WORKERS, PATIENCE_S, "the old ones gone"
    )
    after = settled(mine)
    assert request_counts(after) == request_counts(before)
    ended = "training_worker_ends_total"
    assert after.value(ended, how="exit 0") >= before.value(ended, how="exit 0") + WORKERS


def test_a_worker_that_dies_at_work_is_busy_no_more(own, mine):
    """It is stopped by a hanging database, and killed."""
    settled(mine)
    own.kill("mongod", signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as asked:
            socks = [asked.enter_context(ask_whether_ready(own))]

            def is_at_work():
                if page(mine).value("training_workers_busy") == 2:
                    return True
                if select.select(socks[-1:], [], [], 0)[0]:  # given up before it was seen
                    socks.append(asked.enter_context(ask_whether_ready(own)))
                return False

            wait_until(is_at_work, PATIENCE_S, "a busy worker")
            for worker in children_of(own.pid("api")):
                kill_if_there(worker)
            wait_until(
                lambda: len(children_of(own.pid("api"))) == WORKERS, PATIENCE_S, "other workers"
            )
    finally:
        own.kill("mongod", signal.SIGCONT)
    wait_until(lambda: mine.get("/readyz").status_code == 200, PATIENCE_S, "the database back")
    settled(mine)


def ask_whether_ready(own):
    """A connection with a request that the database has to answer."""
    sock = socket.create_connection(("127.0.0.1", own.port), PATIENCE_S)
    sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return sock


def test_a_lost_database_is_counted(own, mine):
    def unavailable():
        return page(mine).value("training_database_errors_total", kind="unavailable")

    before = unavailable()
    own.kill("mongod", signal.SIGKILL)
    problem(mine.get(RUNS), 503)
    assert unavailable() > before
    own.up()


def test_reloads_are_counted_by_what_came_of_them(own, mine):
    def reloads(result):
        return page(mine).value("training_reloads_total", result=result)

    settings = own.run_folder / "training.env"
    text = settings.read_text()
    for result, line in (
        ("refused", "TRAINING_API_STALL_MS=1"),
        ("undone", "MONGODB_URI=nonsense"),
        ("done", "TRAINING_API_STALL_MS=9000"),
    ):
        before = reloads(result)
        settings.write_text(f"{text}{line}\n")
        os.kill(own.pid("api"), signal.SIGHUP)
        wait_until(lambda r=result, b=before: reloads(r) == b + 1, PATIENCE_S, f"a reload {result}")
    settings.write_text(text)
