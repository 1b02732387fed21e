"""
The key (issue 7, 5): asked for when one is needed, kept as a cookie, given up when one leaves.
"""

import json

import pytest
from playwright.sync_api import expect

from conftest import watched_page
from reports import a_run, row, severe_faults
from stack import Stack
from support import Client


@pytest.fixture(scope="module")
def locked():
    """A stack that asks everybody for a key."""
    stack = Stack()
    try:
        stack.up("--port", stack.port, "--workers", 2, "--no-anonymous")
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def stranger(browser, locked):
    """A page of somebody who has not entered a key."""
    with watched_page(browser, locked.url) as page:
        yield page


def sign_in(page, key):
    dialog = page.get_by_role("dialog", name="Enter an API key")
    dialog.get_by_label("API key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()


def made_key(locked, *words):
    """A new key of training-admin."""
    done = locked.admin("key", "create", *words)
    assert done.returncode == 0, done.stderr
    return next(word for word in done.stdout.split() if word.startswith("ak_"))


def test_a_key_is_asked_for_kept_where_no_script_reads_it_and_given_up(stranger, locked):
    run_id = a_run(Client(locked.url, locked.key), agent_id="locked_agent")
    stranger.goto("/training?agent=locked_agent")
    expect(stranger.get_by_role("dialog", name="Enter an API key")).to_be_visible()
    assert severe_faults(stranger) == []
    sign_in(stranger, "ak_" + "x" * 43)
    expect(stranger.get_by_role("dialog")).to_contain_text("That is not a key of this server.")
    sign_in(stranger, locked.key)
    expect(row(stranger, run_id)).to_be_visible()
    expect(stranger.get_by_text("Live", exact=True)).to_be_visible()
    assert stranger.evaluate("document.cookie") == ""
    kept = stranger.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert "ak_" not in kept and locked.key not in json.dumps(kept)
    stranger.reload()
    expect(row(stranger, run_id)).to_be_visible()  # asked once
    stranger.get_by_role("button", name="Account local").click()
    stranger.get_by_role("menuitem", name="Sign out").click()
    expect(stranger.get_by_role("dialog", name="Enter an API key")).to_be_visible()
    expect(row(stranger, run_id)).to_have_count(0)


def test_without_a_key_the_page_says_what_to_do(stranger):
    stranger.goto("/training")
    stranger.get_by_role("dialog").get_by_role("button", name="Close").click()
    told = stranger.locator(".list .state")
    expect(told).to_contain_text("A key is needed")
    told.get_by_role("button", name="Enter a key").click()
    expect(stranger.get_by_role("dialog", name="Enter an API key")).to_be_visible()


def test_an_account_without_a_run_is_told_how_to_begin(stranger, locked):
    stranger.goto("/training")
    sign_in(stranger, made_key(locked, "--account", "newcomer"))
    expect(stranger.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(stranger.get_by_text("TrainingRunLogger").first).to_be_visible()
    expect(stranger.get_by_role("button", name="Account newcomer")).to_be_visible()


def test_a_key_that_only_reads_is_offered_nothing_that_writes(stranger, locked):
    run_id = a_run(Client(locked.url, locked.key), agent_id="reader_agent")
    stranger.goto("/training?agent=reader_agent")
    sign_in(stranger, made_key(locked, "--account", "local", "--scopes", "read"))
    row(stranger, run_id).get_by_role("button", name=f"Actions for {run_id}").click()
    expect(stranger.get_by_role("menuitem", name="Open")).to_be_visible()
    expect(stranger.get_by_role("menuitem", name="Delete…")).to_have_count(0)
    expect(stranger.get_by_role("button", name="Start a training…")).to_have_count(0)
