"""
One JSON line a request, in training-api's log and in nginx's: each parses, names its request and
says what became of it; what is secret is in none.
"""

import json
import re

import pytest
import requests

from support import RUNS, V1, Client, new_id, raw_request, send_raw, strict_json, wait_until

WORKER_LINE = {"time", "level", "event", "pid", "request_id", "method", "path", "route", "status"}
NGINX_LINE = {"time", "request_id", "remote", "method", "path", "status", "bytes_in", "bytes_out"}
SECRET = "ak_" + "secretsecretsecretsecretsecretsecretsecretxyz"[:43]


def lines(stack, name, wanted):
    """The lines of one log that name one of the request ids, when there is one for each."""

    def found():
        rows = [row for row in all_lines(stack, name) if row.get("request_id") in wanted]
        done = {row["request_id"] for row in rows if row.get("event", "request") == "request"}
        return rows if done == wanted else None

    return wait_until(found, 30, f"{len(wanted)} lines in {name}")


def all_lines(stack, name):
    """A log, but for a line that is being written; each and every one parses."""
    whole, _, _ = (stack.log_folder / name).read_text().rpartition("\n")
    return [strict_json(line) for line in whole.splitlines()]


def ask_many(stack, mark):
    """Requests with secrets in every place; returns {request_id: (method, status)}."""
    client = Client(stack.url, stack.key)
    run_id = client.create()
    asked = {}
    for number, (method, path, more) in enumerate(
        [
            ("GET", f"{RUNS}/{run_id}", {}),
            ("GET", RUNS, {"q": SECRET}),
            ("GET", f"{RUNS}/{run_id}", {"headers": {"X-API-Key": SECRET}}),
            ("GET", f"{RUNS}/{new_id()}", {"headers": {"Authorization": f"Bearer {SECRET}"}}),
            ("GET", f"{RUNS}/{run_id}", {"headers": {"Cookie": f"training_session={SECRET}"}}),
            ("POST", RUNS, {"body": {"run_id": SECRET.replace("_", "/")}}),
            ("POST", RUNS, {"body": {"run_id": new_id(), "config": {"api_key": SECRET}}}),
            ("POST", RUNS, {"raw": SECRET.encode()}),
            ("HEAD", f"{RUNS}/{run_id}", {}),
            ("DELETE", f"{V1}/compare", {}),
            ("GET", "/api/nowhere", {"run_ids": SECRET}),
            ("GET", f'/api/"quoted"\\{run_id}', {}),
            ("GET", "/api/%ff%c3%28", {}),
            ("GET", "/healthz", {}),
        ]
    ):
        name = f"{mark}-{number}"
        headers = {"X-Request-Id": name, **more.pop("headers", {})}
        answer = client.request(method, path, headers=headers, **more)
        assert answer.headers["X-Request-Id"] == name
        asked[name] = (method, answer.status_code)
    return asked


@pytest.fixture(scope="module")
def asked(stack):
    return ask_many(stack, new_id("log"))


def test_a_request_is_one_line_of_the_access_log(stack, asked):
    rows = lines(stack, "access.log", set(asked))
    assert len(rows) == len(asked)
    for row in rows:
        assert set(row) >= NGINX_LINE and row["seconds"] >= 0
        assert (row["method"], row["status"]) == asked[row["request_id"]]
        assert "?" not in row["path"]


def test_a_request_is_one_line_of_the_workers_log(stack, asked):
    rows = [row for row in lines(stack, "api.log", set(asked)) if row["event"] == "request"]
    assert len(rows) == len(asked)
    for row in rows:
        method, status = asked[row["request_id"]]
        assert WORKER_LINE - {"route"} <= set(row)
        assert (row["method"], row["status"]) == (method, status)
        assert row["ms"] >= 0 and row["bytes"] >= 0
        assert ("code" in row) == (status >= 400)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"])


def test_no_log_holds_a_secret(stack, asked):
    lines(stack, "access.log", set(asked))
    for log in stack.log_folder.iterdir():
        if log.name.startswith("mongod"):
            continue  # logs no commands; and slow ones by their shape
        text = log.read_text(errors="replace")
        assert SECRET not in text and stack.key not in text, log.name


def test_a_line_break_in_a_request_makes_no_line(stack):
    name = new_id("log")
    path = "/api/a%0a%22%7d%0d%0a" + name
    requests.get(stack.url + path, headers={"X-Request-Id": name}, timeout=60)
    for log in ("access.log", "api.log"):
        (row,) = lines(stack, log, {name})
        assert name in row["path"]


def test_a_request_id_that_could_forge_a_line_is_replaced(stack):
    forged = 'x","status":200,"y":"'
    answer = send_raw(stack.url, raw_request("GET", "/healthz", [("X-Request-Id", forged)]))
    given = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)
    for log in ("access.log", "api.log"):
        assert len(lines(stack, log, {given})) == 1
        assert json.dumps(forged)[1:-1] not in (stack.log_folder / log).read_text()


def test_a_malformed_request_has_its_line_too(stack):
    before = len(all_lines(stack, "access.log"))
    send_raw(stack.url, b"GET / HTTP/9.9\r\n\r\n")

    def rows():
        return [row for row in all_lines(stack, "access.log")[before:] if row["status"] == 505]

    assert wait_until(rows, 30, "the line")[0]["request_id"]
