"""
Errors (contract section 5): one body for all of them, nginx's own included, and the headers that
go with it. support.problem() checks the whole shape of each.
"""

import re

import pytest

from support import (
    DOCUMENTS,
    RUNS,
    V1,
    Client,
    new_id,
    ok,
    problem,
    raw_request,
    send_raw,
)


@pytest.fixture
def run(client):
    return client.create()


def test_400_what_is_not_json(client):
    problem(client.post(RUNS, raw=b"{nope"), 400, "body_not_json")


def test_400_no_body_where_one_is_needed(client):
    problem(client.post(RUNS), 400, "body_missing")


def test_401_a_wrong_key(client):
    problem(Client(client.url, "ak_wrong").get(RUNS), 401, "key_wrong")


def test_403_a_foreign_web_page(client):
    answer = client.post(RUNS, {}, headers={"Sec-Fetch-Site": "cross-site"})
    problem(answer, 403, "cross_site")


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/", "/api/v1", "/api/v1/training", "/api/v2/training/runs",
     "/api/training-run", RUNS + "x", RUNS + "/a/b", RUNS + "/a/learning-curve/x",
     DOCUMENTS + "/agents/list/x",
     "/api/v1/training/compare/x", "/favicon.ico", "/.git/config", "/api/v1/training//runs/x//y",
     "/api/training-runs/a/nothing", "/" + "x" * 1500],
)  # fmt: skip
def test_404_a_path_that_leads_nowhere(client, path):
    answer = client.get(path)
    if path in ("/", "/favicon.ico") and answer.status_code == 200:
        pytest.skip("the server has a page there")
    problem(answer, 404)


@pytest.mark.parametrize("path", [RUNS + "/nobody", DOCUMENTS + "/nobody"])
def test_404_a_run_that_is_not_there(client, path):
    problem(client.get(path), 404, "run_not_found")


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("DELETE", RUNS, {"GET", "HEAD", "POST"}),
        ("PUT", RUNS, {"GET", "HEAD", "POST"}),
        ("PATCH", RUNS, {"GET", "HEAD", "POST"}),
        ("POST", RUNS + "/x", {"GET", "HEAD"}),
        ("DELETE", RUNS + "/x", {"GET", "HEAD"}),
        ("GET", RUNS + "/x/episodes", {"POST"}),
        ("GET", RUNS + "/x/episodes/batch", {"POST"}),
        ("GET", RUNS + "/x/complete", {"POST"}),
        ("POST", RUNS + "/x/learning-curve", {"GET", "HEAD"}),
        ("POST", V1 + "/compare", {"GET", "HEAD"}),
        ("PUT", DOCUMENTS + "/x", {"GET", "HEAD", "PATCH"}),
        ("PUT", DOCUMENTS, {"GET", "HEAD", "POST"}),
        ("POST", DOCUMENTS + "/agents/list", {"GET", "HEAD"}),
        ("GET", DOCUMENTS + "/x/checkpoints", {"POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("BREW", RUNS, {"GET", "HEAD", "POST"}),
        ("get", RUNS, {"GET", "HEAD", "POST"}),
    ],
)
def test_405_names_the_methods_that_there_are(client, method, path, allow):
    if method in ("BREW", "get"):
        answer = send_raw(client.url, raw_request(method, path, []))
        if answer.status_code == 400:  # nginx itself refuses what is not upper case
            problem(answer, 400)
            return
    else:
        answer = client.request(method, path)
    problem(answer, 405, "method_not_allowed")
    named = {m.strip() for m in answer.headers["Allow"].split(",")}
    assert allow <= named | {"OPTIONS"}, named
    assert method not in named


def test_409_a_run_that_differs(client, run):
    problem(client.post(RUNS, {"run_id": run, "config": {"a": 1}}), 409, "run_differs")


def test_413_a_body_that_is_too_large(client):
    problem(client.post(RUNS, raw=b" " * (1024 * 1024 + 1)), 413, "body_too_large")


@pytest.mark.parametrize("size", [9, 40])
def test_413_of_nginx_has_the_same_body(client, run, size):
    body = b" " * (size * 1024 * 1024)
    answer = client.post(f"{RUNS}/{run}/episodes/batch", raw=body)
    problem(answer, 413, "body_too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/html", "multipart/form-data",
             "application/xml", "application/jsonx", "json", "application/json-seq"],
)  # fmt: skip
def test_415_a_body_of_another_type(client, kind):
    answer = client.post(RUNS, {"run_id": new_id()}, headers={"Content-Type": kind})
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [None, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
     "application/json;charset=UTF-8", "application/json ; x=y"],
)  # fmt: skip
def test_json_may_be_announced_in_these_ways_or_not_at_all(client, kind):
    run_id = new_id()
    body = f'{{"run_id":"{run_id}"}}'.encode()
    headers = [("X-API-Key", client.key)] + ([("Content-Type", kind)] if kind else [])
    answer = send_raw(client.url, raw_request("POST", RUNS, headers, body))
    assert answer.status_code == 201, answer.text


def test_422_lists_every_fault(client):
    body = {"run_id": "bad id", "config": [], "strategy_id": "x", "episodes_total": "y", "tags": 1}
    fields = ["run_id", "config", "strategy_id", "episodes_total", "tags"]
    told = problem(client.post(RUNS, body), 422, "validation_failed", fields)
    assert len(told["errors"]) == 5


def lines(*texts):
    """The bytes of a request's head."""
    return "\r\n".join([*texts, "Connection: close", "", ""]).encode()


HOST = "Host: localhost"


@pytest.mark.parametrize(
    "data, statuses",
    [
        (b"GET\r\n\r\n", {400}),
        (b"NONSENSE\r\n\r\n", {400}),
        (lines("GET / HTTP/9.9", HOST), {400, 505}),
        (lines(f"GET {RUNS} HTTP/1.1"), {400}),
        (lines("GET /%zz HTTP/1.1", HOST), {400}),
        (lines("GET /a%00b HTTP/1.1", HOST), {400, 404}),
        (lines("GET /../../etc/passwd HTTP/1.1", HOST), {400, 404}),
        (lines("GET / HTTP/1.1", HOST, "Host: b"), {400}),
        (lines(f"POST {RUNS} HTTP/1.1", HOST, "Content-Length: x"), {400}),
        (lines(f"POST {RUNS} HTTP/1.1", HOST, "Content-Length: -1"), {400}),
        (lines(f"POST {RUNS} HTTP/1.1", HOST, "Content-Length: 1", "Content-Length: 2"), {400}),
        (lines(f"POST {RUNS} HTTP/1.1", HOST, "Transfer-Encoding: gzip"), {400, 501}),
        (lines("GET /" + "x" * 20000 + " HTTP/1.1", HOST), {404, 414}),
        (lines("GET /" + "x" * 70000 + " HTTP/1.1", HOST), {414}),
        (lines("GET / HTTP/1.1", HOST, "X: " + "y" * 70000), {400, 431}),
        (lines("TRACE / HTTP/1.1", HOST), {404, 405}),
        (lines("CONNECT a:1 HTTP/1.1", HOST), {400, 404, 405}),
    ],
)
def test_what_nginx_itself_refuses_has_the_same_body(client, data, statuses):
    answer = send_raw(client.url, data)
    if answer is None or not answer.headers:
        pytest.skip("nginx hangs up without an answer here: no body can be chosen")
    assert answer.status_code in statuses, answer.text
    problem(answer, answer.status_code)


def test_another_host_name_is_refused(client):
    answer = send_raw(client.url, raw_request("GET", RUNS, [], host="evil.example"))
    problem(answer, 421)


def test_two_bodies_in_one_request_are_refused(client):
    both = [("X-API-Key", client.key), ("Transfer-Encoding", "chunked")]
    answer = send_raw(client.url, raw_request("POST", RUNS, both, b'{"run_id":"x"}'))
    problem(answer, 400)


def test_a_chunked_body_is_taken(client):
    run_id = new_id()
    body = f'{{"run_id":"{run_id}"}}'
    half = len(body) // 2
    chunks = "".join(f"{len(c):x}\r\n{c}\r\n" for c in (body[:half], body[half:], ""))
    head = raw_request("POST", RUNS, [("X-API-Key", client.key), ("Transfer-Encoding", "chunked")])
    answer = send_raw(client.url, head + chunks.encode())
    assert answer.status_code == 201, answer.text


def test_a_chunked_body_that_is_too_large_is_413(client):
    head = raw_request("POST", RUNS, [("X-API-Key", client.key), ("Transfer-Encoding", "chunked")])
    part = b" " * 65536
    chunks = (f"{len(part):x}\r\n".encode() + part + b"\r\n") * 17 + b"0\r\n\r\n"
    problem(send_raw(client.url, head + chunks), 413, "body_too_large")


def test_an_error_of_a_head_request_has_no_body(client):
    answer = client.request("HEAD", f"{RUNS}/nobody")
    assert answer.status_code == 404 and answer.content == b""
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("request_id", ["abc", "A" * 64, "a.b_c-9", "0"])
def test_the_clients_request_id_goes_through(client, request_id):
    headers = {"X-Request-Id": request_id}
    answer = client.get(f"{RUNS}/nobody", headers=headers)
    assert problem(answer, 404)["request_id"] == request_id
    assert answer.headers["X-Request-Id"] == request_id
    fine = client.get(RUNS, limit=1, headers=headers)
    ok(fine, 200)
    assert fine.headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", ["A" * 65, "a b", 'a"b', "a\\b", "<x>", "é", "{$ne}", ""])
def test_another_kind_of_request_id_is_replaced(client, request_id):
    headers = {"X-Request-Id": request_id.encode("latin-1")}
    told = problem(client.get(f"{RUNS}/nobody", headers=headers), 404)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", told["request_id"])
    assert told["request_id"] != request_id


def test_requests_without_an_id_each_get_their_own(client):
    seen = {problem(client.get(f"{RUNS}/nobody"), 404)["request_id"] for _ in range(20)}
    assert len(seen) == 20


def test_healthz_and_readyz_answer_without_a_key(client):
    stranger = Client(client.url)
    assert stranger.read("/healthz")["status"] == "ok"
    assert stranger.read("/readyz")["status"] == "ok"
