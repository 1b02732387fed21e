"""
The stack that all end-to-end tests share, started by app/up as a user starts it; and its client.
"""

import pytest

from contract_fixtures import *  # noqa: F403 - their fixtures
from stack import Stack
from support import Client


@pytest.fixture(scope="session")
def stack():
    """nginx, training-api (4 workers) and MongoDB in a folder that is removed afterwards."""
    stack = Stack()
    try:
        # A busy machine launches a trainer slowly.
        stack.up("--port", stack.port, "--workers", 4, TRAINING_START_WAIT_MS="10000")
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def client(stack):
    """A client with the stack's own key."""
    return Client(stack.url, stack.key)


@pytest.fixture(scope="session")
def admin(stack):
    """admin(words…, NAME=value…) runs training-admin with the stack's database."""
    return stack.admin
