"""GET /healthz (does the process answer?) and /readyz (does the database?), through nginx."""

import time

import pytest

from pulse import Pulse
from support import Client, ok, problem, wait_until

BACK_WITHIN_S = 2


@pytest.fixture
def nobody(stack):
    """A client without a key, as a load balancer is."""
    return Client(stack.url)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_is_answered_without_a_key(nobody, path):
    answer = ok(nobody.get(path), 200)
    assert set(answer) == {"status", "version"} and answer["status"] == "ok"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_is_the_same_without_a_body(nobody, path):
    answer = nobody.request("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(nobody, path, method):
    answer = nobody.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"].startswith("GET, HEAD")


def test_a_wrong_key_does_not_matter(stack):
    for path in ("/healthz", "/readyz"):
        ok(Client(stack.url, "ak_wrong").get(path), 200)


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_without_a_database_it_lives_and_is_not_ready(nobody, faults, how):
    if how == "killed":
        faults.kill_mongod()
    else:
        faults.stop_mongod()
    for _ in range(3):
        with Pulse() as pulse:
            asked = time.monotonic()
            body = problem(nobody.get("/readyz"), 503, "store_unavailable")
            answered = time.monotonic()
        assert answered - asked < 2 + pulse.lost(asked, answered)
        assert body["title"] == "Service Unavailable"
        ok(nobody.get("/healthz"), 200)
    head = nobody.request("HEAD", "/readyz")
    assert (head.status_code, head.content) == (503, b"")
    with Pulse() as pulse:
        back = faults.start_mongod()
        wait_until(lambda: nobody.get("/readyz").status_code == 200, 60, "ready again")
        ready = time.monotonic()
    assert ready - back < BACK_WITHIN_S + pulse.lost(back, ready)
