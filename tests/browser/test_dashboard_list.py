"""
The list of runs at /training (issue 7, 1): what a row tells, filters, order, pages, states, live.
"""

import contextlib
import re
import signal
from datetime import datetime

import pymongo
import pytest
from playwright.sync_api import expect

from conftest import watched_page
from reports import a_run, many_runs, report, row, shown_runs
from support import DOCUMENTS, new_id

UUID = "0f0e1c2d-aaaa-4bbb-8ccc-123456789abc"
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def cell(page, run_id, name):
    return row(page, run_id).locator(f".cell-{name}")


def test_a_row_tells_what_a_run_is_and_how_far_it_came(page, client):
    run_id = a_run(
        client,
        status="completed",
        run_id=UUID,
        agent_id="row_agent",
        algorithm="SAC",
        strategy_label="row_label",
        episodes_total=8,
        tags=["night", "paper", "third"],
        episodes=4,
    )
    document = client.read(f"{DOCUMENTS}/{run_id}")
    page.goto("/training?agent=row_agent")
    expect(cell(page, run_id, "run")).to_have_text("0f0e1c2d")
    expect(cell(page, run_id, "agent")).to_have_text("row_agent SAC")
    expect(cell(page, run_id, "label")).to_have_text("row_label")
    expect(cell(page, run_id, "episodes")).to_contain_text("4 / 8")
    bar = row(page, run_id).get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "4")
    expect(bar).to_have_attribute("aria-valuemax", "8")
    expect(cell(page, run_id, "metric")).to_have_text("2.500 reward")  # the mean of 1 to 4
    expect(cell(page, run_id, "status")).to_have_text("Completed")
    expect(cell(page, run_id, "status").locator("svg path")).to_be_visible()  # the shape
    expect(cell(page, run_id, "tags")).to_contain_text("night")
    expect(cell(page, run_id, "tags")).to_contain_text("+1")
    started = cell(page, run_id, "start").locator("time")
    expect(started).to_have_attribute("datetime", document["start_time"])
    assert document["start_time"].replace("T", " ").replace("Z", " UTC") in started.get_attribute(
        "title"
    )
    expect(cell(page, run_id, "duration")).to_have_text(re.compile(r"^\d+\.\d s$"))


def test_the_time_is_the_readers_own(browser, stack, client):
    run_id = a_run(client, agent_id="zone_agent")
    started = client.read(f"{DOCUMENTS}/{run_id}")["start_time"]
    with watched_page(browser, stack.url, timezone_id="Asia/Kathmandu") as page:  # UTC+5:45
        page.goto("/training?agent=zone_agent")
        shown = cell(page, run_id, "start").locator("time").inner_text()
    minutes = (
        datetime.fromisoformat(f"{shown}Z") - datetime.fromisoformat(started)
    ).total_seconds() / 60
    assert 344 <= minutes <= 345


def test_a_run_id_is_copied_whole(page, client):
    run_id = a_run(client, run_id=UUID.replace("0f0e", "0f0f"), agent_id="copy_agent")
    page.goto("/training?agent=copy_agent")
    row(page, run_id).get_by_role("button", name=f"Copy the run id {run_id}").click()
    expect(page.locator("[data-announcement]")).to_have_text("Copied the run id")
    assert page.evaluate("navigator.clipboard.readText()") == run_id


def test_the_final_metric_is_the_win_rate_where_there_is_one(page, client):
    run_id = a_run(client, agent_id="win_agent")
    report(client, run_id, 1, 3, win=True, total_reward=9.0)
    report(client, run_id, 4, 4, win=False, total_reward=9.0)
    page.goto("/training?agent=win_agent")
    expect(cell(page, run_id, "metric")).to_have_text(re.compile(r"^75\.0\s%\s+win$"))


def test_a_run_under_way_is_running_and_one_unheard_of_is_stale(page, client, stack):
    agent = new_id("agent")
    running, quiet = a_run(client, agent_id=agent), a_run(client, agent_id=agent)
    with pymongo.MongoClient(stack.mongodb_uri) as mongo:
        mongo[stack.mongodb_name].runs.update_one(
            {"run_id": quiet}, {"$set": {"last_reported_at": datetime(2026, 1, 1)}}
        )
    page.goto(f"/training?agent={agent}")
    expect(cell(page, running, "status")).to_have_text("Running")
    expect(cell(page, running, "duration")).to_have_text("Running…")
    expect(cell(page, quiet, "status")).to_have_text("Stale")


@pytest.fixture(scope="module")
def filtered(stack):
    """Runs that differ in what one filters by: name → run_id."""
    from support import Client

    client = Client(stack.url, stack.key)
    return {
        "plain": a_run(client, "completed", 2, agent_id="filter_a", algorithm="filter_dqn"),
        "label": a_run(client, "completed", 5, agent_id="filter_a", strategy_label="filter_label"),
        "tag": a_run(client, "failed", 3, agent_id="filter_b", tags=["filter_tag"]),
        "running": a_run(client, None, 1, agent_id="filter_b", tags=["filter_other"]),
    }


def choose(page, **fields):
    """Fill in filters by their labels, as a person does."""
    for label, value in fields.items():
        field = page.get_by_role("search").get_by_label(label, exact=True)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.press("Enter")


@pytest.mark.parametrize(
    ("fields", "left", "address"),
    [
        ({"Agent": "filter_a"}, {"plain", "label"}, "agent=filter_a"),
        ({"Agent": "filter_b", "Status": "running"}, {"running"}, "status=running"),
        ({"Label": "filter_label"}, {"label"}, "label=filter_label"),
        ({"Tag": "filter_tag"}, {"tag"}, "tag=filter_tag"),
        ({"Search": "FILTER_DQ"}, {"plain"}, "q=FILTER_DQ"),
        ({"Agent": "filter_a", "Started from": "2099-01-01"}, set(), "since=2099-01-01"),
        (
            {"Agent": "filter_a", "Started until": "2099-01-01"},
            {"plain", "label"},
            "until=2099-01-01",
        ),
    ],
)
def test_each_filter_narrows_the_list_and_stands_in_the_address(
    page, filtered, fields, left, address
):
    page.goto("/training")
    page.locator("tr[data-run]").first.wait_for()
    choose(page, **fields)
    page.wait_for_url(f"**{address}*")
    wanted = {filtered[name] for name in left}
    if wanted:
        expect(page.locator("tr[data-run]")).to_have_count(len(wanted))
        assert set(shown_runs(page)) == wanted
        page.reload()  # an address that was copied shows the same
        expect(page.locator("tr[data-run]")).to_have_count(len(wanted))
        assert set(shown_runs(page)) == wanted
    else:
        expect(page.get_by_role("heading", name="No run matches")).to_be_visible()


def test_what_is_typed_while_the_list_is_read_is_not_lost(page, filtered):
    page.goto("/training")
    field = page.get_by_label("Search")
    for part in ("fil", "ter", "_dqn"):  # each pause is a search
        field.press_sequentially(part)
        page.wait_for_timeout(300)
    expect(field).to_have_value("filter_dqn")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    page.go_back()
    page.go_forward()
    expect(field).to_have_value("filter_dqn")
    page.get_by_role("button", name="Remove the filter Text filter_dqn").click()
    expect(field).to_have_value("")


def test_a_filter_is_taken_out_where_it_is_told(page, filtered):
    page.goto("/training?agent=filter_a&label=filter_label")
    page.get_by_role("button", name="Remove the filter Label filter_label").click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    page.goto("/training?agent=nobody_at_all")
    page.get_by_role("button", name="Clear the filters").click()
    page.locator("tr[data-run]").first.wait_for()
    assert page.url.endswith("/training")


def test_it_is_sorted_by_what_one_clicks(page, filtered):
    page.goto("/training?agent=filter_a")
    assert shown_runs(page) == [filtered["label"], filtered["plain"]]  # newest first
    head = page.get_by_role("columnheader", name="Episodes")
    head.get_by_role("button").click()
    page.wait_for_url("**sort=-episodes")
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    page.wait_for_url("**sort=episodes")
    expect(page.locator("tr[data-run]").first).to_have_attribute("data-run", filtered["plain"])
    choose(page, Order="-avg_reward")
    expect(page.locator("tr[data-run]").first).to_have_attribute("data-run", filtered["label"])


# Notes whether rows stood there as if they were in the new order, though they were in the old one.
STALE = """first => {
    window.stale = false;
    new MutationObserver(() => {
        const ascending = document.querySelector("th[aria-sort=ascending]");
        const rows = document.querySelectorAll("table.runs:not(.waiting) tr[data-run]");
        if (ascending && rows[0]?.dataset.run === first) window.stale = true;
    }).observe(document.body, { attributes: true, childList: true, subtree: true });
}"""


def test_rows_of_before_are_never_shown_as_those_that_are_asked_for(page, filtered):
    page.goto("/training?agent=filter_a&sort=-episodes")
    assert shown_runs(page) == [filtered["label"], filtered["plain"]]
    page.evaluate(STALE, filtered["label"])
    page.get_by_role("columnheader", name="Episodes").get_by_role("button").click()
    expect(page.locator("tr[data-run]").first).to_have_attribute("data-run", filtered["plain"])
    assert page.evaluate("window.stale") is False


def test_pages_neither_repeat_nor_skip_a_run(page, client):
    agent = new_id("agent")
    made = many_runs(client, 60, agent)
    page.goto(f"/training?agent={agent}&size=25")
    seen = []
    for number in (1, 2, 3):
        expect(page.get_by_text(f"Page {number} of 3")).to_be_visible()
        expect(page.locator("tr[data-run]")).to_have_count(25 if number < 3 else 10)
        seen += shown_runs(page)
        if number < 3:
            page.get_by_role("button", name="Next page").click()
    assert seen == made[::-1]
    assert "page=3" in page.url
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()


def test_a_live_run_moves_its_bar_without_a_reload(page, client):
    run_id = a_run(client, agent_id="live_agent", episodes_total=100, episodes=10)
    page.goto("/training?agent=live_agent")
    bar = row(page, run_id).get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "10")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.evaluate("window.same = true")
    report(client, run_id, 11, 60)
    expect(bar).to_have_attribute("aria-valuenow", "60")
    # The averages follow within seconds, and so does the end.
    expect(cell(page, run_id, "metric")).to_have_text("30.50 reward")
    client.request("PATCH", f"{DOCUMENTS}/{run_id}", {"status": "completed"})
    expect(cell(page, run_id, "status")).to_have_text("Completed")
    assert page.evaluate("window.same")


def test_new_runs_are_told_and_shown_when_asked(page, client):
    agent = new_id("agent")
    first = a_run(client, agent_id=agent)
    page.goto(f"/training?agent={agent}")
    assert shown_runs(page) == [first]
    second = a_run(client, agent_id=agent)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # one comes back to it
    told = page.get_by_role("button", name="1 new run")
    expect(told).to_be_visible()
    assert shown_runs(page) == [first]  # nothing jumps
    told.click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    assert shown_runs(page) == [second, first]
    expect(told).to_have_count(0)


@contextlib.contextmanager
def held(stack, name):
    """The process stands still, as one does whose machine hangs."""
    stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(name, signal.SIGCONT)


def test_a_database_that_is_away_is_told_and_its_return_is_noticed(page, client, stack):
    run_id = a_run(client, agent_id="away_agent")
    with held(stack, "mongod"):
        page.goto("/training?agent=away_agent")
        told = page.locator(".list .state")
        expect(told.get_by_role("heading", name="The database is away")).to_be_visible()
        expect(told).to_contain_text("Nothing acknowledged is lost")
        expect(told.get_by_role("button", name="Try again now")).to_be_visible()
        expect(told).to_contain_text(re.compile("again in \\d+ s|trying"))
    expect(row(page, run_id)).to_be_visible(timeout=120_000)  # by itself


def test_what_was_read_stays_while_the_database_is_away(page, client, stack):
    run_id = a_run(client, agent_id="stays_agent", tags=["stays"])
    page.goto("/training?agent=stays_agent")
    row(page, run_id).wait_for()
    with held(stack, "mongod"):
        row(page, run_id).get_by_role("button", name="stays").click()
        expect(page.locator(".list .strip")).to_contain_text("The database is away")
        expect(row(page, run_id)).to_be_visible()
    expect(page.locator(".list .strip")).to_have_count(0, timeout=120_000)


def test_it_says_that_it_loads(page):
    page.route("**/api/training-runs?*", lambda route: None)  # never answered
    page.goto("/training")
    expect(page.get_by_text("Loading runs…")).to_be_visible()


def test_a_run_is_deleted_and_comes_back(page, client):
    run_id = a_run(client, agent_id="gone_agent", episodes=3)
    page.goto("/training?agent=gone_agent")
    row(page, run_id).get_by_role("button", name=f"Actions for {run_id}").click()
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, run_id)).to_have_count(0)
    assert client.get(f"{DOCUMENTS}/{run_id}").status_code == 404
    page.get_by_role("button", name="Undo").click()
    expect(row(page, run_id)).to_be_visible()
    assert client.read(f"{DOCUMENTS}/{run_id}")["summary"]["episodes"] == 3


def test_a_script_from_outside_is_text_and_never_runs(page, client):
    run_id = a_run(
        client,
        episodes=1,
        agent_id=SCRIPT,
        algorithm=SCRIPT,
        strategy_label=SCRIPT,
        notes=SCRIPT,
        tags=[SCRIPT],
        config={SCRIPT: SCRIPT},
    )
    page.goto(f"/training?q={run_id}")
    expect(cell(page, run_id, "agent")).to_contain_text(SCRIPT)
    expect(cell(page, run_id, "label")).to_contain_text(SCRIPT)
    expect(cell(page, run_id, "tags")).to_contain_text(SCRIPT)
    expect(page.locator(f'article[aria-label="Run {run_id}"]')).to_contain_text(SCRIPT)
    assert page.locator("main img, main script").count() == 0
    page.goto(f"/training?tag={SCRIPT}&label={SCRIPT}&agent={SCRIPT}&q={SCRIPT}")
    expect(page.locator(".chip")).to_have_count(4)
    assert page.locator("main img, main script").count() == 0
    # `page` fails when a dialog opened or the Content-Security-Policy had to step in.


def test_at_most_twenty_are_selected_and_they_are_compared_in_that_order(page, client):
    agent = new_id("agent")
    made = many_runs(client, 21, agent)
    page.goto(f"/training?agent={agent}")
    for run_id in made:
        row(page, run_id).get_by_role("checkbox").click()
    expect(page.get_by_text("At most 20 runs are compared at once.").first).to_be_visible()
    bar = page.get_by_role("region", name="Selected runs")
    expect(bar).to_contain_text("20 of at most 20 selected")
    bar.get_by_role("link", name="Compare").click()
    page.wait_for_url(f"**/training/compare?runs={','.join(made[:20])}")
    page.go_back()
    expect(row(page, made[0]).get_by_role("checkbox")).to_be_checked()
