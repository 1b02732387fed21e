"""socket.io-client and EventSource in node, unmodified, against the gateway."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_clients import ROOT, LineClient, until
from stack import Stack
from support import Client
from test_socketio import make_key, new_id

SOURCE = Path(__file__).parent / "socketio"
FOLDER = ROOT / "build" / "tools" / "socketio-client"
INSTALL = """
set -euo pipefail
. "$1/app/setup.sh"
DIR=$2
mkdir -p "$DIR/log" "$TOOLS"
trust_system_certificates
find_node
cd "$2"
if ! cmp -s package-lock.json installed.lock; then
    logged timeout 120 "$NODE" "$NPM" ci --no-audit --no-fund --ignore-scripts --prefix "$2"
    cp package-lock.json installed.lock
fi
printf %s "$NODE"
"""


@pytest.fixture(scope="session")
def node() -> str:
    """A Node.js, with the packages of socketio/package-lock.json beside the scripts."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCE.iterdir():
        if source.is_file():
            (FOLDER / source.name).write_bytes(source.read_bytes())
    done = subprocess.run(
        ["bash", "-c", INSTALL, "install", str(ROOT), str(FOLDER)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clients() -> Iterator[list]:
    """Clients put in here are closed at the end."""
    opened: list = []
    yield opened
    for client in opened:
        client.close()


@pytest.fixture
def api(stack: Stack) -> Client:
    return Client(stack.url, stack.key)


@pytest.mark.parametrize("transports", ["default", "websocket", "polling"])
def test_a_client_hears_of_its_run_on_every_road(stack, api, clients, node, transports):
    run_id = new_id()
    client = LineClient(node, str(FOLDER / "client.mjs"), stack.url, transports, run_id)
    clients.append(client)
    hello = client.wait("connection_established")
    assert hello["sid"] == client.wait("connect")["sid"]
    assert client.wait("ack")["run_ids"] == [run_id]
    client.wait("subscription_confirmed")
    if transports == "default":
        assert client.wait("upgrade")["transport"] == "websocket"
    api.create(run_id)
    for number in range(1, 21):
        api.report(run_id, number, roi_pct=number)
    until(lambda: len(client.episodes(run_id)) >= 20, 10, "20 reports")
    assert client.episodes(run_id) == list(range(1, 21))


@pytest.mark.parametrize("transports", ["default", "polling"])
def test_reports_during_the_upgrade_come_once_and_in_order(stack, api, clients, node, transports):
    run_id = new_id()
    api.create(run_id)
    for _ in range(3):
        client = LineClient(node, str(FOLDER / "client.mjs"), stack.url, transports, run_id)
        clients.append(client)
        client.wait("subscription_confirmed")
        first = api.detail(run_id)["episodes_completed"] + 1
        for number in range(first, first + 30):
            api.report(run_id, number, roi_pct=number)
        until(lambda c=client, n=first + 29: n in c.episodes(run_id), 10, "30 reports")
        assert client.episodes(run_id) == list(range(first, first + 30))


def test_a_wrong_key_is_a_connect_error(stack, clients, node):
    client = LineClient(
        node, str(FOLDER / "client.mjs"), stack.url, "default", "x", "ak_" + "A" * 43
    )
    clients.append(client)
    assert "not valid" in client.wait("connect_error")["message"]


def test_a_revoked_key_is_told_and_not_tried_again(stack, clients, node):
    key, key_id = make_key(stack, "revoked-js")
    client = LineClient(node, str(FOLDER / "client.mjs"), stack.url, "default", "x", key)
    clients.append(client)
    client.wait("subscription_confirmed")
    stack.admin("key", "revoke", key_id)
    assert client.wait("disconnect", 5)["reason"] == "io server disconnect"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_clients_come_back_to_a_new_gateway_and_miss_nothing(stack, api, clients, node, number):
    run_id = new_id()
    api.create(run_id)
    ears = [
        LineClient(node, str(FOLDER / "client.mjs"), stack.url, road, run_id)
        for road in ("default", "websocket", "polling")
    ]
    source = LineClient(
        node, str(FOLDER / "events.mjs"), f"{stack.url}/api/training-runs/{run_id}/events"
    )
    clients.extend([*ears, source])
    source.wait("open")
    for ear in ears:
        ear.wait("subscription_confirmed")
    time.sleep(0.5)
    for n in range(1, 6):
        api.report(run_id, n, roi_pct=n)
    for ear in [*ears, source]:
        until(lambda ear=ear: ear.episodes(run_id) == [1, 2, 3, 4, 5], 10, "five reports")
    stack.kill("live", number)
    for n in range(6, 11):
        api.report(run_id, n, roi_pct=n)
    stack.up("--port", stack.port, "--workers", 4)
    for ear in ears:
        ear.wait("subscription_confirmed", 20, count=2)
    api.report(run_id, 11, roi_pct=11)
    for ear in [*ears, source]:
        until(lambda ear=ear: ear.episodes(run_id)[-1:] == [11], 20, "the newest report")
        assert ear.episodes(run_id) == list(range(1, 12))
