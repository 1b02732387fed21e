"""
CORS (contract section 5, HTTP): web pages of the allow-list TRAINING_ORIGINS may call the API and
read its answers; no other page may. Through nginx, with a stack that lists two origins.
"""

import pytest

from route_table import PATTERNS, ROWS, methods_of
from stack import Stack
from support import RUNS, Client, new_id, ok, problem, raw_request, send_raw

LAB, OTHER = "https://lab.example", "http://127.0.0.1:5173"
UNLISTED = ["https://evil.example", "null", "https://lab.example.evil", "https://lab.exampl",
            "http://lab.example", "https://lab.example:444", "HTTPS://LAB.EXAMPLE", "lab.example",
            "https://lab.example,http://127.0.0.1:5173", "*"]  # fmt: skip
EXPOSED = {"Link", "X-Total-Count", "X-Request-Id", "ETag", "Location", "Retry-After",
           "Content-Disposition"}  # fmt: skip
SENT = {"content-type", "x-api-key", "x-request-id", "if-none-match", "content-encoding"}


@pytest.fixture(scope="module")
def listed():
    stack = Stack()
    try:
        stack.up("--port", stack.port, "--workers", 2, TRAINING_ORIGINS=f"{LAB}, {OTHER}")
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def page(listed):
    return Client(listed.url, listed.key)


def names(answer, header):
    return {name.strip() for name in answer.headers[header].split(",")}


def preflight(client, path, origin, method="POST", wanted="content-type,x-api-key"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method,
               "Access-Control-Request-Headers": wanted}  # fmt: skip
    return Client(client.url).request("OPTIONS", path, headers=headers)


def cors_of(answer):
    return {n: v for n, v in answer.headers.items() if n.lower().startswith("access-control-")}


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p.startswith("/api/")])
def test_a_preflight_hears_the_paths_own_methods(page, pattern):
    row = next(row for row in ROWS if row.pattern == pattern)
    answer = preflight(page, row.path(), LAB)
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == LAB
    assert names(answer, "Access-Control-Allow-Methods") == methods_of(pattern)
    assert {n.lower() for n in names(answer, "Access-Control-Allow-Headers")} >= SENT
    assert 0 < int(answer.headers["Access-Control-Max-Age"]) <= 86400
    assert "Origin" in names(answer, "Vary")


@pytest.mark.parametrize("origin", UNLISTED)
def test_a_page_that_is_not_listed_gets_no_leave(page, origin):
    assert cors_of(preflight(page, RUNS, origin)) == {}
    answer = page.request("GET", RUNS, headers={"Origin": origin})
    ok(answer, 200)
    assert cors_of(answer) == {} and "Origin" in names(answer, "Vary")
    problem(page.post(RUNS, {"run_id": new_id()}, headers={"Origin": origin}), 403, "cross_site")


@pytest.mark.parametrize("origin", [LAB, OTHER])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_listed_page_reads_and_writes(page, origin, site):
    headers = {"Origin": origin, "Sec-Fetch-Site": site}
    for answer in (
        page.request("GET", RUNS, headers=headers),
        page.post(RUNS, {"run_id": new_id()}, headers=headers),
    ):
        assert answer.status_code in (200, 201)
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert names(answer, "Access-Control-Expose-Headers") >= EXPOSED


def test_a_304_may_be_read_too(page):
    tag = page.get(RUNS).headers["ETag"]
    answer = page.request("GET", RUNS, headers={"Origin": LAB, "If-None-Match": tag})
    assert answer.status_code == 304
    assert answer.headers["Access-Control-Allow-Origin"] == LAB
    # the page's origin is not part of the answer, and so not of its tag
    assert page.get(RUNS).headers["ETag"] == tag


@pytest.mark.parametrize(
    "method, path, raw, status",
    [
        ("GET", RUNS + "/nobody", None, 404),
        ("GET", "/api/nowhere", None, 404),
        ("PUT", RUNS, None, 405),
        ("POST", RUNS, b"{", 400),
        ("POST", RUNS, b" " * (1024 * 1024 + 1), 413),
        ("GET", RUNS + "?limit=0", None, 422),
    ],
)
def test_errors_may_be_read_too(page, method, path, raw, status):
    answer = page.request(method, path, raw=raw, headers={"Origin": LAB})
    problem(answer, status)
    assert answer.headers["Access-Control-Allow-Origin"] == LAB
    assert "Origin" in names(answer, "Vary")
    wrong = Client(page.url, "ak_wrong").request(method, path, raw=raw, headers={"Origin": LAB})
    assert wrong.headers["Access-Control-Allow-Origin"] == LAB


@pytest.mark.parametrize("origin, leave", [(LAB, LAB), (OTHER, OTHER), ("https://evil", None)])
def test_nginxs_own_errors_may_be_read_too(page, origin, leave):
    answer = page.request("POST", RUNS, raw=b" " * (9 << 20), headers={"Origin": origin})
    problem(answer, 413)
    assert answer.headers.get("Access-Control-Allow-Origin") == leave


def test_an_origin_cannot_make_a_header(page):
    bad = [("X-API-Key", page.key), ("Origin", f"{LAB}\r\nX-Evil: 1")]
    answer = send_raw(page.url, raw_request("GET", RUNS, bad))
    assert "X-Evil" not in answer.headers


def test_without_a_list_nothing_is_said_of_origins(client):
    for origin in (LAB, client.url):
        answer = client.request("GET", RUNS, headers={"Origin": origin})
        assert cors_of(answer) == {} and "Origin" not in names(answer, "Vary")
        assert cors_of(preflight(client, RUNS, origin)) == {}
