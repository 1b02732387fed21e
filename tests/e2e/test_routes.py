"""
What holds for every row of the route table (contract section 5, HTTP): HEAD wherever GET, a slash
at the end, 405 with Allow, OPTIONS, X-Request-Id in, out and in the log, the scope of the key.
"""

import json
import urllib.parse
import uuid

import pytest

from route_table import PATTERNS, ROWS, methods_of
from support import DOCUMENTS, RUNS, Client, problem, raw_request, send_raw, wait_until

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
READS = [row for row in ROWS if row.method == "GET"]
NEEDED = {"/api/v1/training/compare": "?run_ids={run}"}  # a query without which it is a 422


@pytest.fixture(scope="module")
def everything(stack, make_key):
    """A client with all scopes, of an account that has one run: (client, run_id)."""
    client = Client(stack.url, make_key(f"rows-{uuid.uuid4().hex[:8]}", "read,write,admin"))
    run_id = client.create(tags=["a"])
    client.report_all(run_id, {n: {"roi_pct": n / 7, "win": n % 2 == 0} for n in range(1, 200)})
    return client, run_id


def ask(client, row, run_id, method=None, slash="", **more):
    path = row.path(run_id=run_id) + slash
    query = NEEDED.get(row.pattern, "").format(run=run_id)
    body = {} if row.body == "JSON" and method is None else None
    return client.request(method or row.method, path + query, body=body, **more)


def steady(headers):
    """The headers that two answers to one question share."""
    changing = {"date", "content-length", "transfer-encoding", "connection", "content-encoding",
                "x-request-id", "ratelimit-remaining", "ratelimit-reset"}  # fmt: skip
    return {name.lower(): value for name, value in headers.items() if name.lower() not in changing}


def test_the_table_is_read_whole():
    assert len(ROWS) >= 17 and all(row.pattern.startswith("/") for row in ROWS)


@pytest.mark.parametrize("row", READS, ids=lambda r: r.name)
def test_head_has_gets_headers_and_no_body(everything, row):
    client, run_id = everything
    got = ask(client, row, run_id)
    if row.pattern == "/metrics":
        pytest.skip("changes with every request")
    head = ask(client, row, run_id, method="HEAD")
    assert head.status_code == got.status_code
    assert head.content == b"" and got.content != b""
    assert steady(head.headers) == steady(got.headers)


@pytest.mark.parametrize("row", READS, ids=lambda r: r.name)
def test_head_is_refused_as_get_is(stack, row):
    stranger = Client(stack.url, "ak_wrong")
    got = ask(stranger, row, "nobody")
    head = ask(stranger, row, "nobody", method="HEAD")
    assert head.status_code == got.status_code and head.content == b""
    assert head.status_code == (401 if row.scope != "NONE" else got.status_code)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
@pytest.mark.parametrize("slash", ["/", "//"])
def test_a_slash_at_the_end_changes_nothing(everything, row, slash):
    client, _ = everything
    plain = ask(client, row, "nobody")
    slashed = ask(client, row, "nobody", slash=slash)
    if row.pattern in ("/healthz", "/readyz", "/metrics") and slashed.status_code == 404:
        pytest.skip("a path that nginx names exactly")
    assert slashed.status_code == plain.status_code
    if plain.status_code >= 400:
        assert slashed.json()["code"] == plain.json()["code"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_405_names_exactly_the_methods_that_there_are(client, pattern):
    row = next(row for row in ROWS if row.pattern == pattern)
    allowed = methods_of(pattern)
    refused = [m for m in (*METHODS, "BREW") if m not in allowed]
    assert refused
    for method in refused:
        if method == "HEAD":
            answer = client.request(method, row.path())
            assert answer.status_code == 405 and answer.content == b""
        else:
            answer = client.request(method, row.path())
            problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("pattern", PATTERNS)
def test_options_needs_no_key_and_names_the_methods(stack, pattern):
    row = next(row for row in ROWS if row.pattern == pattern)
    answer = Client(stack.url, "ak_wrong").request("OPTIONS", row.path())
    assert answer.status_code == 204 and answer.content == b""
    assert set(answer.headers["Allow"].split(", ")) == methods_of(pattern)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Content-Type" not in answer.headers


def test_options_of_nothing_is_404(client):
    problem(client.request("OPTIONS", "/api/nowhere"), 404, "route_not_found")


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_the_request_id_goes_in_out_and_into_both_logs(everything, stack, row):
    client, _ = everything
    mine = f"id-{uuid.uuid4().hex}"
    answer = ask(client, row, "nobody", headers={"X-Request-Id": mine})
    assert answer.headers["X-Request-Id"] == mine
    if answer.status_code >= 400:
        assert answer.json()["request_id"] == mine

    def line_of(name):
        whole, _, _ = (stack.log_folder / name).read_bytes().rpartition(b"\n")
        return next((line for line in whole.splitlines() if mine.encode() in line), None)

    ours = json.loads(wait_until(lambda: line_of("api.log"), 30, "a line in api.log"))
    assert ours["request_id"] == mine and ours["status"] == answer.status_code
    assert ours["method"] == row.method and ours["route"] == row.pattern
    nginx = json.loads(wait_until(lambda: line_of("access.log"), 30, "a line in access.log"))
    assert nginx["request_id"] == mine and nginx["status"] == answer.status_code


@pytest.mark.parametrize("row", [r for r in ROWS if r.scope != "NONE"], ids=lambda r: r.name)
def test_every_other_scope_is_403(stack, make_key, row):
    others = ",".join(s for s in ("read", "write", "admin") if s != row.scope.lower())
    client = Client(stack.url, make_key(f"scope-{uuid.uuid4().hex[:8]}", others))
    problem(ask(client, row, "nobody"), 403, "scope_missing")


@pytest.mark.parametrize("row", [r for r in ROWS if r.scope != "NONE"], ids=lambda r: r.name)
def test_a_wrong_key_is_401_everywhere(stack, row):
    problem(ask(Client(stack.url, "ak_wrong"), row, "nobody"), 401, "key_wrong")


@pytest.mark.parametrize("row", [r for r in ROWS if r.method != "GET"], ids=lambda r: r.name)
def test_a_foreign_page_is_403_everywhere(everything, row):
    client, run_id = everything
    answer = ask(client, row, run_id, headers={"Origin": "https://evil.example"})
    problem(answer, 403, "cross_site")


@pytest.mark.parametrize("row", [r for r in ROWS if r.body == "JSON"], ids=lambda r: r.name)
def test_a_body_that_is_no_json_is_400_everywhere(everything, row):
    client, run_id = everything
    path = row.path(run_id=run_id)
    problem(client.request(row.method, path, raw=b"{"), 400, "body_not_json")
    problem(client.request(row.method, path), 400, "body_missing")
    answer = client.request(row.method, path, raw=b"{}", headers={"Content-Type": "text/plain"})
    problem(answer, 415, "unsupported_media_type")


def test_a_path_of_1023_bytes_is_looked_for_and_one_of_1024_is_nowhere(client):
    """app/http/http_request.h: HTTP_PATH_MAX; a segment of more than 255 bytes matches no row."""
    deep = "/api/" + "a" * 200
    for size in (1023, 1024):
        path = deep + "/b" * ((size - len(deep)) // 2) + "c" * ((size - len(deep)) % 2)
        assert len(path) == size
        problem(client.get(path), 404, "route_not_found")
    for size, code in ((255, "run_not_found"), (256, "route_not_found")):
        problem(client.get(f"{RUNS}/{'r' * size}"), 404, code)


def test_a_query_of_8191_bytes_is_read_and_one_more_is_422(client):
    """include/http/http_query.h: HTTP_QUERY_MAX."""
    for size, status in ((8190, 200), (8191, 200), (8192, 422)):
        query = "limit=1&x=" + "y" * (size - len("limit=1&x="))
        answer = send_raw(
            client.url, raw_request("GET", f"{RUNS}?{query}", [("X-API-Key", client.key)])
        )
        assert answer.status_code == status, (size, answer.text)
        if status == 422:
            problem(answer, 422, "validation_failed", ["query"])


def test_headers_up_to_16_kib_each_and_64_kib_together(client):
    """nginx/training.conf: large_client_header_buffers 4 16k."""
    fine = [("X-API-Key", client.key), ("X-Long", "y" * (16 * 1024 - 20))]
    assert send_raw(client.url, raw_request("GET", RUNS + "?limit=1", fine)).status_code == 200
    one = [("X-API-Key", client.key), ("X-Long", "y" * (16 * 1024 + 1))]
    problem(send_raw(client.url, raw_request("GET", RUNS, one)), 431, "headers_too_large")
    many = [("X-API-Key", client.key)] + [(f"X-{n}", "y" * 15000) for n in range(6)]
    problem(send_raw(client.url, raw_request("GET", RUNS, many)), 431, "headers_too_large")


def link_of(client, target, version, headers):
    """The Link header of a list of one run out of two, as asked for by these very bytes."""
    key = ("X-API-Key", client.key)
    lines = [f"GET {target} {version}", *(f"{name}: {value}" for name, value in [key, *headers])]
    answer = send_raw(client.url, "\r\n".join(lines).encode() + b"\r\n\r\n")
    assert answer.status_code == 200, answer.text
    return answer.headers["Link"]


def test_a_link_names_the_host_that_was_asked_for(client):
    client.create(), client.create()
    path = f"{DOCUMENTS}?limit=1&metrics=none"
    host = urllib.parse.urlsplit(client.url).netloc
    close = ("Connection", "close")
    assert link_of(client, path, "HTTP/1.1", [("Host", host), close]).startswith(f"<http://{host}/")
    # RFC 9112, 3.2.2: beside an absolute target the Host header counts for nothing
    other = [("Host", "other.example"), close]
    assert link_of(client, f"http://{host}{path}", "HTTP/1.1", other).startswith(f"<http://{host}/")
    # HTTP/1.0 knows no Host: the link is a reference from where the client is
    assert link_of(client, path, "HTTP/1.0", []).startswith(f"<{DOCUMENTS}?limit=1&metrics=none&")
