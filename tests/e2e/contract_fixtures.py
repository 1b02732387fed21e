"""
Fixtures of the contract's tests, on top of the stack that conftest.py starts: clients, the
database, keys, a second API without anonymous account, faults.
"""

import contextlib
import os
import subprocess
import time

import pymongo
import pytest

from faults import Faults
from support import Client, fastcgi, wait_until


@pytest.fixture(scope="module")
def module_client(stack):
    """A client that a module's fixtures may keep."""
    return Client(stack.url, stack.key)


@pytest.fixture
def db(stack):
    """The database, to see what is stored."""
    with pymongo.MongoClient(stack.mongodb_uri) as mongo:
        yield mongo[stack.mongodb_name]


@pytest.fixture(scope="session")
def admin_tool(admin):
    """admin_tool(words…) runs training-admin, which must succeed; returns what it printed."""

    def run(*words):
        done = admin(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def make_key(admin_tool):
    """make_key(account, scopes, name) is a new API key."""

    def make(account, scopes=None, name=None):
        words = ["key", "create", "--account", account]
        words += ["--scopes", scopes] if scopes else []
        words += ["--name", name] if name else []
        return admin_tool(*words).strip()

    return make


@contextlib.contextmanager
def api_beside(stack, folder, **settings):
    """
    A training-api with other settings at the database of a stack, while the context lasts; gives
    ask(method, path, body, key), which asks it as nginx would.
    """
    environment = {
        **os.environ,
        "MONGODB_URI": stack.mongodb_uri,
        "MONGODB_DB_NAME": stack.mongodb_name,
        "TRAINING_API_SOCKET": str(folder / "api.sock"),
        "TRAINING_API_WORKERS": "1",
        **settings,
    }

    def ask(method, path, body=None, key=None):
        return fastcgi(folder / "api.sock", method, path, body, time.time(), key)

    def answers():
        with contextlib.suppress(OSError):  # its socket is there before it listens
            return ask("GET", "/healthz").status_code == 200
        return False

    with (folder / "api.log").open("wb") as log:
        program = subprocess.Popen([stack.build / "training-api"], env=environment, stderr=log)
    try:
        wait_until(answers, 60, "another training-api")
        yield ask
    finally:
        program.terminate()
        program.wait(60)


@pytest.fixture(scope="module")
def another_api(stack, tmp_path_factory):
    """another_api(NAME=value…) starts an api_beside the stack, which stays for the module."""
    with contextlib.ExitStack() as started:
        yield lambda **settings: started.enter_context(
            api_beside(stack, tmp_path_factory.mktemp("api"), **settings)
        )


@pytest.fixture(scope="session")
def all_faults(stack):
    faults = Faults(stack.run_folder, stack.url, stack.mongodb_uri)
    yield faults
    faults.mend()


@pytest.fixture
def faults(all_faults):
    """What can be broken; whole before and after the test."""
    all_faults.mend()
    yield all_faults
    all_faults.mend()


@pytest.fixture(scope="module")
def module_faults(all_faults):
    """The same for a module's fixtures; whole after the module."""
    yield all_faults
    all_faults.mend()
