"""A stack of app/up, and Debian's Chromium driven by Playwright, which downloads no browser of its own."""

import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e")]

from stack import Stack  # noqa: E402 - tests/e2e/stack.py
from support import Client  # noqa: E402

# The machine may have no other network than loopback: Chromium's own errands are left out.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def stack():
    """nginx, training-api (4 workers), the gateway and MongoDB, in a folder that is removed afterwards."""
    stack = Stack()
    try:
        stack.up("--port", stack.port, "--workers", 4)
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def client(stack):
    """An HTTP client with the stack's own key."""
    return Client(stack.url, stack.key)


@pytest.fixture(scope="session")
def browser():
    """Chromium, headless."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser, stack):
    """A page of a fresh profile, with this stack as its base URL; nothing may go wrong on its console."""
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))
    page.wrong = wrong
    yield page
    context.close()
    assert wrong == []
