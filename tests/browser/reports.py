"""
What the dashboard's tests fill a stack with, and what every page of it is held to. Used by
test_dashboard_*.py.
"""

import random

from axe_playwright_python.sync_playwright import Axe

from support import DOCUMENTS, new_id

# Another one of these would be a fault of what a page says about itself, not of who may read it.
SEVERE = {"serious", "critical"}


def a_run(client, status=None, episodes=0, **members):
    """Make a run, report so many episodes, end it; returns its run_id."""
    body = {"run_id": new_id("dash"), "agent_id": "an_agent", "algorithm": "DQN"} | members
    client.write(DOCUMENTS, body, 201)
    if episodes:
        report(client, body["run_id"], 1, episodes)
    if status:
        change = client.request("PATCH", f"{DOCUMENTS}/{body['run_id']}", {"status": status})
        assert change.status_code == 200, change.text
    return body["run_id"]


def report(client, run_id, first, last, **metrics):
    """Report the episodes first to last: reward = number, or these metrics."""
    episodes = [
        {"episode": number, **(metrics or {"total_reward": float(number), "steps": 10})}
        for number in range(first, last + 1)
    ]
    for begin in range(0, len(episodes), 1000):
        client.write(
            f"{DOCUMENTS}/{run_id}/episodes", {"episodes": episodes[begin : begin + 1000]}, 200
        )


def many_runs(client, count, agent_id):
    """So many runs of one agent, a few episodes each; returns their run_ids, the newest last."""
    chance = random.Random(7)
    return [
        a_run(
            client,
            status=chance.choice(["completed", "stopped", "failed"]),
            episodes=chance.randint(1, 5),
            agent_id=agent_id,
        )
        for _ in range(count)
    ]


def severe_faults(page):
    """What axe-core finds that would keep somebody from using the page, with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        (fault["id"], [node["html"][:160] for node in fault["nodes"]][:4])
        for fault in found
        if fault["impact"] in SEVERE
    ]


def row(page, run_id):
    """A run's row in the list."""
    return page.locator(f'tr[data-run="{run_id}"]')


def shown_runs(page):
    """The run_ids of the list's rows, in their order."""
    page.locator("table.runs:not(.waiting)").wait_for()
    return page.locator("tr[data-run]").evaluate_all("rows => rows.map(row => row.dataset.run)")
