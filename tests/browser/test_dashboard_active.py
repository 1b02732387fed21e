"""
What is being trained (issue 7, 2): the cards, starting and stopping. The trainer is a stand-in.
"""

import re

import pytest
from playwright.sync_api import expect

from reports import a_run, report
from support import DOCUMENTS, wait_until

CONTROL = "/api/training"


def card(page, run_id):
    return page.get_by_role("article", name=f"Run {run_id}")


def test_a_card_tells_how_far_how_quick_and_how_well(page, client):
    run_id = a_run(client, strategy_label="card_label", agent_id="card_agent", episodes_total=200)
    report(client, run_id, 1, 40)
    page.goto("/training")
    shown = card(page, run_id)
    expect(shown).to_contain_text("card_label")
    expect(shown).to_contain_text(re.compile(r"40\s*/ 200 episodes"))
    expect(shown).to_contain_text(re.compile(r"20\.0\s%"))
    bar = shown.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    # The mean of the last ten rewards, 31 to 40.
    expect(shown.locator("dd").first).to_have_text("35.50")
    page.evaluate("window.same = true")
    page.wait_for_timeout(2100)  # a rate needs two seconds
    report(client, run_id, 41, 100)
    expect(bar).to_have_attribute("aria-valuenow", "100")
    expect(shown.locator("dd").first).to_have_text("95.50")
    expect(shown).to_contain_text(re.compile(r"\d\s/(s|min)"))
    expect(shown).to_contain_text("left")
    client.request("PATCH", f"{DOCUMENTS}/{run_id}", {"status": "failed"})
    expect(shown).to_have_count(0)
    assert page.evaluate("window.same")


@pytest.fixture
def idle(client):
    """Nothing is being trained, before and after."""
    client.timeout = 60  # more than a stop may take
    client.post(f"{CONTROL}/stop")
    yield client
    client.post(f"{CONTROL}/stop")


def start(page, **fields):
    page.get_by_role("button", name="Start a training…").click()
    dialog = page.get_by_role("dialog", name="Start a training")
    for label, value in fields.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_role("button", name="Start", exact=True).click()
    return dialog


def test_a_training_is_started_watched_and_stopped(page, idle):
    page.goto("/training")
    start(page, Episodes="50000", Seed="7")
    wait_until(lambda: idle.read(f"{CONTROL}/status")["current_episode"], 120, "an episode")
    run_id = idle.read(f"{CONTROL}/status")["run_id"]
    shown = card(page, run_id)
    expect(shown).to_contain_text("50\u202f000 episodes")
    expect(shown).to_contain_text("goal adherence")
    before = int(shown.get_by_role("progressbar").get_attribute("aria-valuenow"))
    page.wait_for_function(
        "([id, before]) => document"
        ".querySelector(`article[aria-label='Run ${id}'] [role=progressbar]`)"
        ".getAttribute('aria-valuenow') > before",
        arg=[run_id, before],
    )
    assert idle.read(f"{DOCUMENTS}/{run_id}")["config"]["num_episodes"] == 50000
    shown.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    expect(page.get_by_text(re.compile("bologna_coppia was stopped after"))).to_be_visible()
    expect(shown).to_have_count(0)
    assert idle.read(f"{DOCUMENTS}/{run_id}")["status"] == "stopped"


def test_what_is_wrong_with_a_start_is_told_where_it_is_wrong(page, idle):
    page.goto("/training")
    dialog = start(page, Episodes="0", Seed="many")
    for label in ("Episodes", "Seed"):
        field = dialog.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        told = field.get_attribute("aria-describedby")
        expect(dialog.locator(f"[id='{told}']")).to_have_class(re.compile("wrong"))
    expect(dialog.get_by_label("Evaluation episodes")).to_have_attribute("aria-invalid", "false")


def test_a_second_training_is_refused_in_words(page, idle):
    idle.write(f"{CONTROL}/start", {"scenario_name": "bologna_coppia", "num_episodes": 50000}, 202)
    page.goto("/training")
    dialog = start(page)
    expect(dialog.get_by_role("alert")).to_contain_text(
        "Stop it first, or wait until it has ended."
    )


def test_a_training_that_breaks_is_told(page, idle):
    page.goto("/training")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    idle.write(f"{CONTROL}/start", {"scenario_name": "breaks"}, 202)
    expect(page.locator(".toast.failed")).to_be_visible()
