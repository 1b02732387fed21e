"""
What the tests of the detail and compare pages share: runs to look at, what stands in a chart's
table, figures as the page writes them, axe, a page that is not heard. Used by test_detail_page.py
and test_compare_page.py.
"""

import contextlib
import math
import re

import numpy as np
from axe_playwright_python.sync_playwright import Axe

from expected import Book
from support import DOCUMENTS, new_id

THIN = "\u202f"


def number_of(text):
    """The number that a cell shows: its minus sign, grouping and percent sign are typography."""
    plain = (
        text.replace("\u2212", "-")
        .replace(THIN, "")
        .replace("\u2009", "")
        .replace("★", "")
        .replace("best:", "")
        .strip()
    )
    return float(plain.rstrip("%")) / 100 if plain.endswith("%") else float(plain)


def shows(text, value):
    """Whether the text is the value, to the digits that it shows."""
    if value is None:
        return text.strip() == "–"  # noqa: RUF001
    shown = number_of(text)
    digits = re.search(r"\.(\d+)", text)
    step = 10.0 ** -len(digits.group(1)) if digits else 1.0
    if "%" in text:
        step /= 100
    return math.isclose(shown, value, abs_tol=0.51 * step, rel_tol=6e-4)


def make_run(client, episodes=120, seed=1, gap=(), nonfinite=(), run_id=None, **members):
    """A run and the Book of what it reported: reward, win, ROI, Sharpe, drawdown, a loss."""
    random = np.random.default_rng(seed)
    run_id = run_id or new_id("chart")
    client.write(DOCUMENTS, {"run_id": run_id, "algorithm": "PPO", **members}, 201)
    book, reports = Book(), {}
    for number in range(1, episodes + 1):
        if number in gap:
            continue
        report = {
            "total_reward": round(float(random.normal(number / 2, 10)), 3),
            "win": bool(random.random() < number / (2 * episodes) + 0.25),
            "roi_pct": round(float(random.normal(3, 2)), 3),
            "sharpe_ratio": round(float(random.normal(1, 0.4)), 3),
            "max_drawdown_pct": round(float(abs(random.normal(9, 2))), 3),
            "metrics": {
                "train/loss": nonfinite[number]
                if number in nonfinite
                else round(float(random.random()), 4)
            },
        }
        reports[number] = report
        book.report(number, report)
    client.report_all(run_id, reports)
    return run_id, book


def panel(page, metric):
    """The chart of a metric, once it is drawn."""
    figure = page.locator(f'figure[data-metric="{metric}"]')
    figure.scroll_into_view_if_needed()
    figure.locator("canvas").wait_for()
    return figure


def table_rows(figure):
    """The cells of a chart's table, which is opened when it is not; every row of it."""
    show = figure.get_by_role("button", name="Show as table")
    if show.count():
        show.click()
    table = figure.locator(".chart-table")
    more = table.get_by_role("button", name=re.compile("more of"))
    while more.count():
        more.click()
    rows = table.locator("tbody tr")
    return rows.evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )


def drag(page, figure, start, end):
    """Drag over a part of a chart, 0 to 1 of its width."""
    figure.locator(".u-over").hover()  # waits until it is where it stays
    box = figure.locator(".u-over").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=3)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=3)
    page.mouse.up()


def inked(figure, selector="canvas"):
    """What is drawn on a chart, to be compared with what is drawn later."""
    return figure.locator(selector).first.evaluate("canvas => canvas.toDataURL()")


def serious_faults(page):
    """What axe finds serious or critical."""
    results = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in results
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@contextlib.contextmanager
def deaf(page):
    """Meanwhile the gateway does not hear which runs the page wants to hear of; then it does."""
    held, over = [], []

    def open_road(road):
        server = road.connect_to_server()

        def pass_on(told):
            if "subscribe" in str(told) and not over:
                held.append((server, told))
            else:
                server.send(told)

        road.on_message(pass_on)

    page.route_web_socket(re.compile("/socket.io/"), open_road)
    yield held
    over.append(True)
    for server, told in held:
        server.send(told)
