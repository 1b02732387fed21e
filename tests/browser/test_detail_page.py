"""One run's page at /training/runs/{run_id}: what it shows against an independent computation."""

import re
import time

import pytest
from playwright.sync_api import expect

from chart_pages import (
    deaf,
    drag,
    inked,
    make_run,
    number_of,
    panel,
    serious_faults,
    shows,
    table_rows,
)
from expected import aggregate_stats, curve_points, summary
from support import DOCUMENTS, V1, wait_until

EPISODES = 2500
GAP = range(600, 700)
NONFINITE = {40: "NaN", 41: "Infinity", 1200: "-Infinity"}
CONFIG = {
    "learning_rate": 1e-07,
    "seed": 9007199254740993,
    "gamma": 1.0,
    "net": {"pi": [64, 64], "activation": "tanh"},
    "empty": {},
    "a.b$": None,
}


@pytest.fixture(scope="module")
def run(stack):
    """A long run with a gap, values that are not finite, and everything else that a page shows."""
    from support import Client

    client = Client(stack.url, stack.key)
    run_id, book = make_run(
        client,
        EPISODES,
        gap=GAP,
        nonfinite=NONFINITE,
        agent_id="agent-seven",
        strategy_label="label-nine",
        tags=["baseline"],
        notes="**bold** and [a link](https://example.org/)",
        config=CONFIG,
        metadata={"host": "gpu-03"},
    )
    client.write(
        f"{DOCUMENTS}/{run_id}/checkpoints",
        {"episode": 100, "path": "models/hundred.pt"},
        201,
    )
    evaluation = {
        "checkpoint_path": "models/hundred.pt",
        "opponent_type": "random",
        "games_played": 50,
        "win_rate": 0.62,
        "avg_reward": 41.5,
        "avg_game_length": 175.2,
    }
    client.write(f"{DOCUMENTS}/{run_id}/evaluations", evaluation, 201)
    client.end(run_id, "completed")
    return run_id, book


def visit(page, run_id, query=""):
    page.goto(f"/training/runs/{run_id}{query}")
    page.get_by_role("heading", name=run_id).wait_for()
    return panel(page, "total_reward")


def test_figures_and_statistics_are_those_of_the_episodes(page, run):
    run_id, book = run
    visit(page, run_id)
    want = summary(book)
    for name in (
        "episodes",
        "avg_reward",
        "max_reward",
        "min_reward",
        "final_win_rate",
    ):
        tile = page.locator(f'[data-stat="{name}"] dd')
        assert float(tile.get_attribute("title")) == pytest.approx(want[name], rel=1e-9), name
        assert shows(tile.inner_text(), want[name]), (name, tile.inner_text())
    page.locator('.stats tr[data-metric="total_reward"] td[title]').first.wait_for()
    expect(page.locator(".stats td", has_text="…")).to_have_count(0)
    stats = aggregate_stats(book)
    for metric in book.metrics():
        cells = page.locator(f'.stats tr[data-metric="{metric}"] td')
        for place, kind in enumerate(("avg", "min", "max")):
            exact = float(cells.nth(place).get_attribute("title"))
            assert exact == pytest.approx(stats[f"{kind}_{metric}"], rel=1e-9), (
                metric,
                kind,
            )
        assert number_of(cells.nth(3).inner_text()) == stats["nonfinite"].get(metric, 0)


def test_what_the_run_is_stands_beside_its_curves(page, run):
    run_id, _ = run
    visit(page, run_id)
    side = page.locator(".detail-side")
    for text in (
        "agent-seven",
        "label-nine",
        "PPO",
        "gpu-03",
        "models/hundred.pt",
        "random",
        "62.0",
    ):
        expect(side.get_by_text(text).first).to_be_visible()
    assert side.locator(".markdown strong").inner_text() == "bold"
    assert side.locator(".markdown a").get_attribute("rel") == "noopener noreferrer nofollow"
    tree = page.locator("section", has=page.get_by_role("heading", name="Configuration"))
    expect(tree.get_by_text("tanh")).to_be_visible()
    for written in ("1e-07", "9007199254740993", "1.0"):
        expect(tree.get_by_text(written, exact=True)).to_be_visible()
    tree.locator("summary").click()
    expect(tree.get_by_text("tanh")).to_have_count(0)
    started = page.locator(".detail-side time").first
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC", started.get_attribute("title")
    )


def test_a_curve_is_the_rolling_mean_and_the_window_is_the_readers(page, run):
    run_id, book = run
    figure = visit(page, run_id, "?x=500-800&window=37")
    for metric, window in (("total_reward", 37), ("win", 100), ("train/loss", 37)):
        figure = panel(page, metric)
        want = [p for p in curve_points(book, metric, window) if 500 <= p[0] <= 800]
        rows = table_rows(figure)
        assert [number_of(row[0]) for row in rows] == [p[0] for p in want]
        pairs = zip(rows, want, strict=True)
        assert all(shows(row[1], p[1]) and shows(row[2], p[2]) for row, p in pairs)
    slider = page.get_by_role("slider", name="Window")
    assert slider.input_value() == "37"
    with page.expect_response(lambda r: "window=38" in r.url and "metric=total_reward" in r.url):
        slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("window=38"))


def test_a_zoom_asks_the_server_for_more_and_a_double_click_resets_it(page, run):
    run_id, book = run
    figure = visit(page, run_id)
    points = figure.locator("[data-points]")
    coarse = [number_of(row[0]) for row in table_rows(figure)]
    assert len(coarse) < len(book) == int(points.get_attribute("data-total"))
    with page.expect_response(
        lambda r: "metric=total_reward" in r.url and "from=" in r.url and "max_points=" in r.url
    ) as answer:
        drag(page, figure, 0.5, 0.7)
    first, last = (
        int(re.search(rf"{name}=(\d+)", answer.value.url).group(1)) for name in ("from", "to")
    )
    assert 1150 < first < 1350 and 1650 < last < 1850
    inside = [n for n in book.numbers() if first <= n <= last]
    expect(points).to_have_attribute("data-points", str(len(inside)))
    fine = [number_of(row[0]) for row in table_rows(figure)]
    assert fine == inside
    assert len(fine) > len([n for n in coarse if first <= n <= last])
    expect(page).to_have_url(re.compile(f"x={first}-{last}"))
    panel(page, "roi_pct")  # every chart shows the same stretch
    expect(page.locator('figure[data-metric="roi_pct"] [data-points]')).to_have_attribute(
        "data-total", str(len(inside))
    )
    figure.scroll_into_view_if_needed()
    figure.locator(".u-over").dblclick()
    expect(page).not_to_have_url(re.compile("x="))
    expect(points).to_have_attribute("data-total", str(len(book)))


def test_gaps_and_values_that_are_not_finite_are_seen_and_said(page, run):
    run_id, _ = run
    visit(page, run_id)
    expect(page.locator(".gap-note")).to_contain_text(
        "100 episode numbers were not reported: 600–699"  # noqa: RUF001
    )
    loss = panel(page, "train/loss")
    expect(loss.locator(".key.nonfinite")).to_have_text("3 not finite")
    expect(loss.locator("p.unseen")).to_contain_text("3 values are not finite; 1 gap")
    visit(page, run_id, "?x=30-60")
    loss = panel(page, "train/loss")
    rows = {number_of(row[0]): row[1] for row in table_rows(loss)}
    assert [n for n, value in rows.items() if value == "not finite"] == [40, 41]
    plain = panel(page, "roi_pct")
    red = """canvas => {
        const { width, height } = canvas;
        const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        let count = 0;
        for (let i = 0; i < data.length; i += 4)
            count += data[i] > 140 && data[i + 1] < 60 && data[i + 2] < 60;
        return count;
    }"""
    wait_until(lambda: loss.locator("canvas").first.evaluate(red) > 20, 30, "two red marks")
    assert plain.locator("canvas").first.evaluate(red) == 0


def test_a_cursor_moves_in_all_charts_and_by_keys(page, run):
    run_id, book = run
    figure = visit(page, run_id, "?x=100-140")
    other = panel(page, "win")
    expect(other.locator("[data-points]")).to_have_attribute("data-points", "41")
    figure.scroll_into_view_if_needed()
    figure.locator(".u-over").hover()
    here = figure.locator(".chart-readout")
    expect(here).to_have_text(re.compile("episode 1[12]"))
    episode = re.match(r"episode (\d+)", here.inner_text()).group(1)
    expect(other.locator(".chart-readout")).to_have_text(re.compile(f"^episode {episode}:"))
    page.mouse.move(0, 0)
    figure.locator(".chart-canvas").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    point = next(p for p in curve_points(book, "total_reward", 10) if p[0] == 101)
    expect(here).to_have_text(re.compile("^episode 101: "))
    text = here.inner_text()
    value, mean = re.fullmatch(r"episode 101: (\S+), mean (\S+)", text).groups()
    assert shows(value, point[1]) and shows(mean, point[2])
    expect(page.locator("[data-announcement]")).to_have_text(text)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("x=110-130"))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("x="))


def test_only_charts_in_view_are_read(page, run):
    run_id, _ = run
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 1400, "height": 500})
    visit(page, run_id)
    page.wait_for_load_state("networkidle")
    read = {
        m.group(1)
        for m in (re.search(r"learning-curve\?metric=([^&]+)", url) for url in asked)
        if m
    }
    assert "total_reward" in read and "train%2Floss" not in read
    panel(page, "train/loss")
    assert any("metric=train%2Floss" in url for url in asked)


def test_the_run_is_never_loaded_whole(page, run, stack):
    run_id, _ = run
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(stack.url)))
    visit(page, run_id)
    page.wait_for_load_state("networkidle")
    assert f"{DOCUMENTS}/{run_id}" not in asked and f"{V1}/runs/{run_id}" not in asked
    assert all("max_points=" in url for url in asked if "learning-curve" in url)


def test_episodes_are_sorted_chosen_and_turned_page_by_page(page, run):
    run_id, book = run
    visit(page, run_id)
    table = page.locator("table.episodes")
    first = table.locator("tbody tr td:first-child").first
    expect(first).to_have_text("2\u202f500")
    page.get_by_role("button", name="Next").click()
    expect(first).to_have_text("2\u202f450")
    page.get_by_role("button", name="Previous").click()
    expect(first).to_have_text("2\u202f500")
    numbers, rewards = book.column("total_reward")
    best = numbers[int(rewards.argmax())]
    table.get_by_role("button", name="Reward").click()
    expect(first).to_have_text(f"{best:,}".replace(",", "\u202f"))
    expect(table.locator("th", has_text="Reward")).to_have_attribute("aria-sort", "descending")
    worst = numbers[int(rewards.argmin())]
    table.get_by_role("button", name="Reward").click()
    expect(first).to_have_text(f"{worst:,}".replace(",", "\u202f"))
    where = page.get_by_role("searchbox", name="Only episodes where")
    where.fill("episode>2490,episode<2493")
    where.press("Enter")
    expect(table.locator("tbody tr")).to_have_count(2)
    where.fill("steps>")
    where.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("where")
    time_cell = table.locator("tbody time").first
    assert time_cell.get_attribute("title").endswith(" UTC")


def test_a_live_run_moves_its_curves_and_keeps_zoom_and_scroll(page, client):
    run_id, book = make_run(client, 30, seed=7)
    figure = visit(page, run_id)
    expect(figure.locator("[data-points]")).to_have_attribute("data-total", "30")
    page.locator(".live-live").wait_for()
    page.wait_for_load_state("networkidle")  # what comes late may still move what is there
    before = inked(figure)
    page.evaluate("window.same = true; scrollTo(0, 120)")
    for number in range(31, 42):
        report = {
            "total_reward": float(number),
            "win": True,
            "metrics": {"train/loss": 0.5},
        }
        book.report(number, report)
        client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episode": number, **report})
    expect(figure.locator("[data-points]")).to_have_attribute("data-total", "41")
    wait_until(lambda: inked(figure) != before, 30, "the curve drawn anew")
    want = curve_points(book, "total_reward", 10)

    def is_shown():
        rows = table_rows(figure)
        return len(rows) == len(want) and all(
            shows(row[1], p[1]) and shows(row[2], p[2]) for row, p in zip(rows, want, strict=True)
        )

    wait_until(is_shown, 30, "the curve has the newest episodes")
    expect(page.locator('[data-stat="episodes"] dd')).to_have_text("41")
    assert page.evaluate("window.same") and page.evaluate("scrollY") == 120

    # An earlier episode is replaced, one is left out: both are seen.
    report = {"total_reward": -500.0, "win": False}
    book.report(5, report)
    client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episode": 5, **report})
    book.report(44, {"total_reward": 7.0})
    client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episode": 44, "total_reward": 7.0})
    expect(page.locator(".gap-note")).to_contain_text("42–43")  # noqa: RUF001
    want = curve_points(book, "total_reward", 10)
    wait_until(
        lambda: all(shows(row[2], p[2]) for row, p in zip(table_rows(figure), want, strict=False)),
        60,
        "the curve has the replaced episode",
    )

    # Zoomed, it stays where it is.
    page.evaluate("scrollTo(0, 0)")
    drag(page, figure, 0.2, 0.6)
    expect(page).to_have_url(re.compile("x="))
    url = page.url
    client.write(f"{DOCUMENTS}/{run_id}/episodes", {"episode": 45, "total_reward": 9.0})
    expect(page.locator('[data-stat="episodes"] dd')).to_have_text("43")
    assert page.url == url
    client.end(run_id, "completed")
    expect(page.locator(".run-head .badge")).to_have_text("Completed")
    expect(page.locator("[data-announcement]")).to_have_text("The run has ended: completed")


def test_what_is_reported_before_the_page_is_heard_is_not_lost(page, client):
    run_id, _ = make_run(client, 30, seed=8)
    with deaf(page) as held:
        figure = visit(page, run_id)
        expect(figure.locator("[data-points]")).to_have_attribute("data-total", "30")
        wait_until(lambda: page.wait_for_timeout(20) or held, 60, "the page wants to hear")
        client.report(run_id, 31, total_reward=7.5, win=True)
    expect(figure.locator("[data-points]")).to_have_attribute("data-total", "31")
    expect(page.locator('[data-stat="episodes"] dd')).to_have_text("31")


def test_a_run_without_episodes_says_so_and_draws_the_first(page, client):
    run_id = client.create(config={})
    page.goto(f"/training/runs/{run_id}")
    expect(page.get_by_text("Curves appear here with the first one")).to_be_visible()
    page.locator(".live-live").wait_for()
    client.report(run_id, 1, reward_sum=4.5)
    figure = panel(page, "total_reward")
    expect(figure.locator(".chart-readout")).to_have_text("episode 1: 4.500, mean 4.500")


def test_tags_and_notes_are_changed_here(page, client):
    run_id, _ = make_run(client, 3, tags=["old"])
    page.goto(f"/training/runs/{run_id}")
    page.get_by_role("textbox", name="New tag").fill("fresh")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="fresh")).to_be_visible()
    page.get_by_role("button", name="Remove the tag old").click()
    expect(page.get_by_role("link", name="old")).to_have_count(0)
    page.get_by_role("button", name="Write").click()
    page.get_by_role("textbox", name="Notes, Markdown").fill("## Why\n\n- *because*")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".markdown em")).to_have_text("because")
    document = client.document(run_id)
    assert document["tags"] == ["fresh"] and document["notes"] == "## Why\n\n- *because*"


def test_every_export_is_offered_and_downloads(page, run):
    run_id, book = run
    visit(page, run_id)
    for name, end, lines in (
        ("CSV", ".csv", len(book) + 1),
        ("JSON lines", ".jsonl", len(book)),
    ):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=re.compile(f"^{name}")).click()
        assert download.value.suggested_filename == f"{run_id}{end}"
        assert len(download.value.path().read_text().splitlines()) == lines
    page.get_by_role("button", name="Export").click()
    hrefs = page.get_by_role("menuitem").evaluate_all(
        "items => items.map(item => item.getAttribute('href'))"
    )
    assert [href.split("format=")[1] for href in hrefs] == [
        "csv",
        "jsonl",
        "json",
        "tensorboard",
    ]


def test_a_deleted_run_comes_back_with_undo(page, client):
    run_id, _ = make_run(client, 3)
    visit(page, run_id)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="This run is deleted")).to_be_visible()
    assert client.get(f"{DOCUMENTS}/{run_id}").status_code == 404
    page.get_by_role("button", name="Undo").click()
    panel(page, "total_reward")
    assert client.document(run_id)["run_id"] == run_id
    client.request("DELETE", f"{DOCUMENTS}/{run_id}")
    page.reload()
    page.get_by_role("button", name="Restore it").click()
    panel(page, "total_reward")


SCRIPTS = (
    "<script>window.ran = 1</script>",
    '<img src="x" onerror="window.ran = 1">',
    '"><svg onload="window.ran = 1">',
)


def test_no_script_in_any_text_runs(page, client):
    evil = "".join(SCRIPTS)
    notes = (
        evil + "\n\n[x](javascript:window.ran=1) ![i](x) <a href='javascript:window.ran=1'>y</a>"
        " <style>*{display:none}</style>"
    )
    run_id, _ = make_run(
        client,
        3,
        agent_id=evil[:120],
        strategy_label=evil[:120],
        tags=[evil[:40]],
        notes=notes,
        config={evil: {evil: evil}},
        metadata={"error_message": evil},
    )
    client.write(f"{DOCUMENTS}/{run_id}/checkpoints", {"episode": 1, "path": evil}, 201)
    for address in (
        f"/training/runs/{run_id}",
        f"/training/compare?runs={run_id}&group=label",
    ):
        page.goto(address)
        page.locator("canvas").first.wait_for()
        for link in page.locator(".markdown a").all():
            link.click(force=True)
        time.sleep(0.2)
        assert page.evaluate("window.ran") is None
        assert page.locator("main img, main svg[onload], main script, main style").count() == 0
        assert page.locator('main [href^="javascript"]').count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, client, scheme):
    members = {
        "tags": ["baseline"],
        "notes": "**bold** `code` [a link](/)",
        "config": CONFIG,
    }
    run_id, _ = make_run(client, 12, gap=(5,), nonfinite={3: "NaN"}, **members)
    page.emulate_media(color_scheme=scheme)
    figure = visit(page, run_id)
    assert len(table_rows(figure)) == 11
    panel(page, "train/loss")
    page.locator(".markdown strong").wait_for()
    assert serious_faults(page) == []


def test_it_fits_360_pixels_and_paper_and_holds_still(page, run):
    run_id, _ = run
    page.set_viewport_size({"width": 360, "height": 780})
    page.emulate_media(reduced_motion="reduce")
    figure = visit(page, run_id)
    page.locator(".stats td[title]").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert figure.locator("canvas").bounding_box()["width"] > 250
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Delete")).to_be_hidden()
    expect(figure.locator("canvas")).to_be_visible()
