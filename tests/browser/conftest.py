"""
A stack of app/up, and Debian's Chromium driven by Playwright, which downloads no browser of its
own.
"""

import contextlib
import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e")]

from stack import Stack  # noqa: E402 - tests/e2e/stack.py
from support import Client  # noqa: E402

PATIENCE_MS = 60_000  # as long as a busy machine needs
expect.set_options(timeout=PATIENCE_MS)

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
def stack(tmp_path_factory):
    """
    nginx, training-api (4 workers), the gateway, the supervisor and MongoDB, in a folder that is
    removed afterwards. Its trainer is tests/e2e/stand_in_trainer.py.
    """
    folder = tmp_path_factory.mktemp("trainings")
    for name in ("bologna_coppia", "breaks"):
        (folder / f"{name}.yaml").write_text(f"description: It is called {name}\n")
    python = ROOT / "build" / "venv" / "bin" / "python"
    trainer = {
        "TRAINING_TRAINER": f"'{python}' '{ROOT}/tests/e2e/stand_in_trainer.py'",
        "TRAINING_SCENARIOS": str(folder),
        "TRAINING_MODELS": str(folder / "models"),
        "TRAINING_SUPERVISOR_POLL_MS": "50",
        "TRAINING_START_WAIT_MS": "10000",  # a slow machine launches it later, and it is no fault
    }
    stack = Stack()
    try:
        stack.up("--port", stack.port, "--workers", 4, **trainer)
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
    """
    A page of a fresh profile, with this stack as its base URL; nothing may go wrong on its
    console.
    """
    with watched_page(browser, stack.url) as page:
        yield page


@contextlib.contextmanager
def watched_page(browser, url, **options):
    """
    A page of a fresh profile at this stack. When it is closed, it must have run no script that
    failed, tried nothing that the Content-Security-Policy forbids, and the dashboard asked no other
    server.
    """
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))
    page.on("console", lambda message: note_violation(message, wrong))
    page.on("request", lambda request: note_foreigner(request, url, wrong))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.wrong = wrong
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def note_violation(message, wrong):
    if "Content Security Policy" in message.text:
        wrong.append(message.text)


def note_foreigner(request, url, wrong):
    """The dashboard asks its own server alone; where a test itself goes is its own affair."""
    if request.is_navigation_request() or not request.frame.url.startswith(f"{url}/training"):
        return
    if not request.url.startswith((url, url.replace("http", "ws", 1), "data:", "blob:")):
        wrong.append(f"asked {request.url}")
