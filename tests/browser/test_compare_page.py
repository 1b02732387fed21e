"""
Runs side by side at /training/compare: curves, groups, figures and differences against an
independent computation.
"""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from scipy import stats as scipy_stats

from chart_pages import (
    deaf,
    drag,
    inked,
    make_run,
    number_of,
    serious_faults,
    shows,
    table_rows,
)
from expected import aggregate_stats, curve_points
from support import Client, new_id, wait_until

CONFIGS = (
    {
        "lr": 0.1,
        "same": 1,
        "net": {"layers": [64, 64], "activation": "relu", "deep": {"a": 1}},
    },
    {
        "lr": 0.2,
        "same": 1.0,
        "net": {"layers": [64, 32], "activation": "relu", "deep": {"a": 2}},
    },
    {
        "lr": 0.1,
        "same": 1,
        "net": {"layers": [64, 64], "activation": "relu", "deep": {"a": 1}},
        "extra": True,
    },
)


@pytest.fixture(scope="module")
def runs(stack):
    """Three runs of one agent (seeds), two of another; two labels."""
    client = Client(stack.url, stack.key)
    made = []
    for seed in range(5):
        made.append(
            make_run(
                client,
                150 + 10 * seed,
                seed=seed,
                run_id=new_id("cmp"),
                agent_id="agent-a" if seed < 3 else "agent-b",
                strategy_label="label-x" if seed % 2 else "label-y",
                config=CONFIGS[seed % 3],
            )
        )
    return made


def visit(page, runs, query=""):
    ids = ",".join(run_id for run_id, _ in runs)
    page.goto(f"/training/compare?runs={ids}{query}")
    figure = page.locator("figure.compare-chart")
    figure.locator("canvas").wait_for()
    return figure


def columns(figure):
    """{title: {episode: text}} of the chart's table, cells without a value left out."""
    rows = table_rows(figure)
    titles = figure.locator(".chart-table thead th").all_inner_texts()
    return {
        title: {number_of(row[0]): row[place] for row in rows if row[place] != "–"}  # noqa: RUF001
        for place, title in enumerate(titles)
        if place > 0
    }


def test_every_run_is_drawn_with_its_own_rolling_mean(page, runs):
    figure = visit(page, runs, "&metric=roi_pct&window=25")
    shown = columns(figure)
    for run_id, book in runs:
        want = {p[0]: p[2] for p in curve_points(book, "roi_pct", 25)}
        assert shown[run_id].keys() == want.keys()
        assert all(shows(shown[run_id][n], want[n]) for n in want), run_id
    page.get_by_role("combobox", name="Metric").select_option("win")
    expect(page).to_have_url(re.compile("metric=win"))
    expect(figure.get_by_text("mean of 100 episodes, every episode")).to_be_visible()
    want = {p[0]: p[2] for p in curve_points(runs[0][1], "win", 100)}
    shown = columns(figure)[runs[0][0]]
    assert all(shows(shown[n], want[n]) for n in want)


def test_the_address_shows_the_same_again(page, runs):
    figure = visit(page, runs, "&metric=roi_pct&window=25&group=agent&x=20-60&hide=agent-b")
    assert page.get_by_role("combobox", name="Metric").input_value() == "roi_pct"
    assert page.get_by_role("combobox", name="Group by").input_value() == "agent"
    assert page.get_by_role("slider", name="Window").input_value() == "25"
    assert page.get_by_role("spinbutton", name="From episode").input_value() == "20"
    expect(page.get_by_role("checkbox", name=re.compile("agent-b"))).not_to_be_checked()
    expect(figure.get_by_text("mean of 25 episodes, every episode")).to_be_visible()
    shown = columns(figure)
    assert set(shown) == {"agent-a", "agent-a, lower end", "agent-a, upper end"}
    assert set(shown["agent-a"]) == set(range(20, 61))


def test_a_groups_mean_and_interval_are_over_its_runs_whatever_else_is_shown(page, runs):
    figure = visit(page, runs, "&group=agent&metric=total_reward")
    shown = columns(figure)
    curves = [{p[0]: p[2] for p in curve_points(book, "total_reward", 10)} for _, book in runs[:3]]
    for episode in (1, 10, 77, 150, 155, 165):
        values = [curve[episode] for curve in curves if episode in curve]
        assert shows(shown["agent-a"][episode], float(np.mean(values))), episode
        if len(values) > 1:
            low, high = scipy_stats.t.interval(
                0.95,
                len(values) - 1,
                loc=np.mean(values),
                scale=scipy_stats.sem(values),
            )
            assert shows(shown["agent-a, lower end"][episode], low), episode
            assert shows(shown["agent-a, upper end"][episode], high), episode
        else:
            assert episode not in shown["agent-a, lower end"]
    expect(figure.locator(".formula")).to_contain_text("t(0.975, n−1)")  # noqa: RUF001
    figure.get_by_role("button", name="Hide table").click()
    page.get_by_role("checkbox", name=re.compile("agent-b")).uncheck()
    expect(page).to_have_url(re.compile("hide=agent-b"))
    again = columns(figure)
    assert "agent-b" not in again
    assert again["agent-a"] == shown["agent-a"]
    page.get_by_role("combobox", name="Group by").select_option("label")
    expect(page.get_by_role("checkbox", name=re.compile("label-x"))).to_be_visible()


def test_figures_are_those_of_the_episodes_and_the_best_is_marked(page, runs):
    visit(page, runs)
    want = [aggregate_stats(book) for _, book in runs]
    for name, better in (
        ("avg_total_reward", max),
        ("max_total_reward", max),
        ("avg_max_drawdown_pct", min),
        ("avg_train/loss", min),
        ("avg_win", max),
    ):
        cells = page.locator(f'[data-figure="{name}"]')
        exact = [float(cell.get_attribute("title")) for cell in cells.all()]
        assert exact == pytest.approx([stats[name] for stats in want], rel=1e-9), name
        marked = [
            place for place, cell in enumerate(cells.all()) if "best" in cell.get_attribute("class")
        ]
        assert marked == [exact.index(better(exact))], name
    assert page.locator('[data-figure="max_win"].best').count() == 0


def test_a_groups_figures_are_the_mean_of_its_runs_with_its_interval(page, runs):
    visit(page, runs, "&group=agent")
    means = [aggregate_stats(book)["avg_total_reward"] for _, book in runs[:3]]
    mean, half = np.mean(means), scipy_stats.sem(means) * scipy_stats.t.ppf(0.975, 2)
    row = page.locator('[data-group="agent-a"]')
    shown = row.locator('[data-figure="group_avg_total_reward"]').inner_text().split(" ± ")
    assert shows(shown[0], mean) and shows(shown[1], half)
    highest = max(aggregate_stats(book)["max_total_reward"] for _, book in runs[:3])
    assert shows(row.locator('[data-figure="group_max_total_reward"]').inner_text(), highest)


def test_only_differing_keys_of_configurations_are_shown_and_nested_ones_fold(page, runs):
    visit(page, runs[:3])
    table = page.locator("table.differences")

    def keys():
        return table.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)")

    assert keys() == ["/lr", "/net", "/extra"]
    assert table.locator('tr[data-key="/lr"] td').all_inner_texts() == [
        "0.1",
        "0.2",
        "0.1",
    ]
    assert table.locator('tr[data-key="/extra"] td').all_inner_texts() == [
        "–",  # noqa: RUF001
        "–",  # noqa: RUF001
        "true",
    ]
    table.get_by_role("button", name="net").click()
    expect(table.locator("tbody tr")).to_have_count(5)
    assert keys() == ["/lr", "/net", "/net/layers", "/net/deep", "/extra"]
    assert table.locator('tr[data-key="/net/layers"] td').all_inner_texts() == [
        "[64,64]",
        "[64,32]",
        "[64,64]",
    ]


def test_a_run_keeps_its_colour_and_runs_come_and_go(page, runs):
    visit(page, runs[:3])
    colour = 'li:has-text("{}") svg line'
    second = runs[1][0]
    before = page.locator(colour.format(second)).get_attribute("style")
    page.get_by_role("button", name=f"Take out {runs[0][0]}").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    assert page.locator(colour.format(second)).get_attribute("style") == before
    page.get_by_role("textbox", name="Run to add, by its id").fill(runs[4][0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
    styles = page.locator(".series svg line").evaluate_all(
        "lines => lines.map(line => line.getAttribute('style'))"
    )
    assert len(set(styles)) == 3


def test_twenty_runs_differ_in_colour_or_dash_and_a_missing_one_is_named(page, client):
    made = [make_run(client, 5, seed=n) for n in range(20)]
    ids = [run_id for run_id, _ in made]
    page.goto(f"/training/compare?runs={','.join([*ids[:19], 'nobody-knows', 'one-too-many'])}")
    expect(page.get_by_text("nobody-knows")).to_be_visible()
    expect(page.get_by_text("At most 20 runs")).to_be_visible()
    page.goto(f"/training/compare?runs={','.join(ids)}")
    lines = page.locator(".series svg line")
    expect(lines).to_have_count(20)
    looks = lines.evaluate_all(
        "all => all.map(l => l.getAttribute('style') + l.getAttribute('stroke-dasharray'))"
    )
    assert len(set(looks)) == 20


def test_a_zoom_asks_for_more_and_a_double_click_resets_it(page, client):
    run_id, book = make_run(client, 3000, seed=3)
    figure = visit(page, [(run_id, book)])
    expect(figure.get_by_text("thinned to extremes")).to_be_visible()
    with page.expect_response(lambda r: "learning-curve" in r.url and "from=" in r.url) as answer:
        drag(page, figure, 0.4, 0.6)
    first, last = (
        int(re.search(rf"{name}=(\d+)", answer.value.url).group(1)) for name in ("from", "to")
    )
    expect(figure.get_by_text("every episode")).to_be_visible()
    assert set(columns(figure)[run_id]) == set(range(first, last + 1))
    figure.locator(".u-over").dblclick()
    expect(page).not_to_have_url(re.compile("x="))


def test_a_live_run_moves_its_line(page, client):
    run_id, book = make_run(client, 20, seed=5)
    figure = visit(page, [(run_id, book)])
    page.locator(".live-live").wait_for()
    before = inked(figure)
    for number in range(21, 31):
        client.report(run_id, number, reward_sum=500.0)
    expect(page.locator("table.figures tbody td").first).to_have_text("30")
    expect(figure.locator(".uplot")).to_be_visible()
    page.wait_for_function(
        "before => document.querySelector('.compare-chart canvas').toDataURL() !== before",
        arg=before,
    )


def test_what_is_reported_before_the_page_is_heard_is_not_lost(page, client):
    run_id, book = make_run(client, 20, seed=6)
    with deaf(page) as held:
        visit(page, [(run_id, book)])
        wait_until(lambda: page.wait_for_timeout(20) or held, 60, "the page wants to hear")
        client.report(run_id, 21, reward_sum=500.0)
    expect(page.locator("table.figures tbody td").first).to_have_text("21")


def test_without_runs_it_says_how_to_choose(page):
    page.goto("/training/compare")
    expect(page.get_by_text("No run to compare yet")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, runs, scheme):
    page.emulate_media(color_scheme=scheme)
    visit(page, runs[:3], "&group=agent")
    page.get_by_role("button", name="net").click()
    assert serious_faults(page) == []


def test_it_fits_360_pixels(page, runs):
    page.set_viewport_size({"width": 360, "height": 780})
    figure = visit(page, runs)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert figure.locator("canvas").bounding_box()["width"] > 250
