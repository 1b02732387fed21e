"""
Events in a real browser: its EventSource, and socket.io-client, through nginx, by a session's
cookie.
"""

import http.server
import signal
import threading
from pathlib import Path

import pytest

import event_judge
import node_packages
from conftest import PATIENCE_MS
from support import Client, new_id, wait_until

HERE = Path(__file__).parent
PAGE = "/healthz"  # any page of ours


@pytest.fixture(scope="session")
def socket_io():
    """socket.io-client's bundle for browsers."""
    node_packages.install()
    return node_packages.FOLDER / "node_modules/socket.io-client/dist/socket.io.js"


@pytest.fixture
def api(stack):
    """A client with a key of an account of its own."""
    return Client(
        stack.url, stack.admin("key", "create", "--account", new_id("page")).stdout.strip()
    )


@pytest.fixture
def open_at(socket_io):
    """
    open_at(page, url): a page of that origin as the dashboard would be. It is one that is really
    served: of a page that Playwright makes up Chromium lets no WebSocket come to this machine.
    """

    def open_page(page, url):
        page.goto(url)
        page.add_script_tag(path=socket_io)
        page.add_script_tag(path=HERE / "live_page.js")

    return open_page


@pytest.fixture(scope="session")
def foreign():
    """The address of somebody else's page on this machine: the same site, another origin."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *what):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def wait_in(page, condition, seconds, what):
    """As wait_until, while the page goes on."""

    def met():
        page.wait_for_timeout(20)
        return condition()

    return wait_until(met, seconds, what)


def heard(page, road, name):
    return [item[1] for item in page.evaluate(f"heard.{road}") if item[0] == name]


def numbers(page, road):
    """Of all reports that were heard, in order."""
    return [e["episode"] for data in heard(page, road, "episodes") for e in data["episodes"]]


def road_of(page):
    return page.evaluate("socket.io.engine.transport.name")


def judge(page):
    """Everything that was heard is as schema/socketio has it."""
    for name, payload, *_ in page.evaluate("[...heard.stream, ...heard.socket]"):
        event_judge.take(name, payload)
    event_judge.judgement()


def listen(page, run_id):
    page.evaluate("url => listenByEventSource(url)", f"/api/training-runs/{run_id}/events")
    page.evaluate("id => listenBySocket(undefined, id)", run_id)
    wait_in(page, lambda: heard(page, "stream", "open"), 60, "the stream open")
    wait_in(page, lambda: heard(page, "socket", "subscription_confirmed"), 60, "the socket")


def test_two_tabs_miss_nothing_through_a_killed_gateway(page, stack, api, open_at):
    """Both clients, each report once and in order, though the gateway is killed and comes back."""
    run_id = new_id()
    api.create(run_id)
    open_at(page, stack.url + PAGE)
    assert page.evaluate("key => logIn(key)", api.key) == 200
    assert page.evaluate("document.cookie") == ""
    other = page.context.new_page()
    open_at(other, stack.url + PAGE)
    tabs = [page, other]
    for tab in tabs:
        listen(tab, run_id)
        wait_in(tab, lambda tab=tab: road_of(tab) == "websocket", 60, "the upgrade")
    for n in range(1, 6):
        api.report(run_id, n, roi_pct=n)
    for tab in tabs:
        for road in ("stream", "socket"):
            wait_in(
                tab,
                lambda tab=tab, road=road: numbers(tab, road) == [1, 2, 3, 4, 5],
                60,
                "five reports",
            )

    stack.kill("live", signal.SIGKILL)
    for n in range(6, 11):
        api.report(run_id, n, roi_pct=n)
    wait_in(page, lambda: heard(page, "socket", "disconnect"), 60, "it is noticed")
    stack.up("--port", stack.port, "--workers", 4)
    api.report(run_id, 11, roi_pct=11)
    for tab in tabs:
        for road in ("stream", "socket"):
            wait_in(
                tab,
                lambda tab=tab, road=road: numbers(tab, road)[-1:] == [11],
                60,
                "the newest report",
            )
            assert numbers(tab, road) == list(range(1, 12)), road
            assert not heard(tab, road, "reset")
        judge(tab)
    ids = [int(item[2]) for item in page.evaluate("heard.stream") if item[2]]
    assert ids == sorted(ids)


def test_who_logs_out_hears_nothing_more(page, stack, api, open_at):
    run_id = new_id()
    api.create(run_id)
    open_at(page, stack.url + PAGE)
    page.evaluate("key => logIn(key)", api.key)
    listen(page, run_id)
    assert page.evaluate("fetch('/api/session', {method: 'DELETE'}).then(a => a.status)") == 204
    wait_in(page, lambda: heard(page, "socket", "disconnect"), 60, "the socket's end")
    assert heard(page, "socket", "disconnect") == ["io server disconnect"]
    wait_in(page, lambda: page.evaluate("source.readyState") == 2, 60, "the stream's end")
    before = numbers(page, "socket")
    api.report(run_id, 1, roi_pct=1)
    page.wait_for_timeout(500)
    assert numbers(page, "socket") == before and numbers(page, "stream") == []
    judge(page)


def test_a_page_without_a_session_is_the_anonymous_account(page, stack, client, api, open_at):
    mine, theirs = client.create(), api.create(new_id())
    open_at(page, stack.url + PAGE)
    listen(page, mine)
    page.evaluate("id => socket.emit('subscribe_training', {run_id: id})", theirs)
    client.report(mine, 1, roi_pct=1)
    api.report(theirs, 2, roi_pct=1)
    client.report(mine, 3, roi_pct=1)
    for road in ("stream", "socket"):
        wait_in(page, lambda road=road: numbers(page, road) == [1, 3], 60, "its own reports")
    judge(page)


@pytest.fixture
def any_page(browser):
    """One that may ask other servers too, which `page` may not."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_a_page_from_elsewhere_hears_nothing(any_page, stack, client, open_at, foreign):
    """
    Whatever it tries: the anonymous account of this machine, and the cookie of who is logged in.
    """
    page = any_page
    run_id = client.create()
    open_at(page, stack.url + PAGE)
    page.evaluate("key => logIn(key)", stack.key)
    open_at(page, foreign)
    page.evaluate(
        "url => listenByEventSource(url)", f"{stack.url}/api/training-runs/{run_id}/events"
    )
    page.evaluate("([url, id]) => listenBySocket(url, id)", [stack.url, run_id])
    wait_in(page, lambda: heard(page, "stream", "error"), 60, "the stream refused")
    wait_in(page, lambda: heard(page, "socket", "connect_error"), 60, "the socket refused")
    client.report(run_id, 1, roi_pct=1)
    page.wait_for_timeout(1000)
    names = {item[0] for item in page.evaluate("[...heard.stream, ...heard.socket]")}
    assert names == {"error", "connect_error"}
