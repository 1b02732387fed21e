"""socket.io-client and EventSource in node, unmodified, against the gateway."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

import node_packages
from live_clients import PATIENCE_S, LineClient, until
from node_packages import FOLDER
from stack import Stack
from support import Client
from test_socketio import make_key, new_id


@pytest.fixture(scope="session")
def node() -> str:
    """A Node.js, with the packages of socketio/package-lock.json beside the scripts."""
    return node_packages.install()


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
    until(lambda: len(client.episodes(run_id)) >= 20, PATIENCE_S, "20 reports")
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
        until(lambda c=client, n=first + 29: n in c.episodes(run_id), PATIENCE_S, "30 reports")
        assert client.episodes(run_id) == list(range(first, first + 30))


def test_a_wrong_key_is_a_connect_error(stack, clients, node):
    client = LineClient(
        node, str(FOLDER / "client.mjs"), stack.url, "default", "x", "ak_" + "A" * 43
    )
    clients.append(client)
    assert "not valid" in client.wait("connect_error")["message"]


@pytest.mark.parametrize("transports", ["default", "websocket", "polling"])
def test_a_revoked_key_is_told_and_not_tried_again(stack, clients, node, transports):
    key, key_id = make_key(stack, "revoked-js")
    client = LineClient(node, str(FOLDER / "client.mjs"), stack.url, transports, "x", key)
    clients.append(client)
    client.wait("subscription_confirmed")
    stack.admin("key", "revoke", key_id)
    assert client.wait("disconnect", 5)["reason"] == "io server disconnect"
    time.sleep(0.5)
    tries = [name for name in client.names() if name in ("connect", "disconnect", "connect_error")]
    assert tries == ["connect", "disconnect"]


def test_who_comes_while_the_database_is_away_is_let_in_when_it_is_back(stack, clients, node):
    """A refusal would be for good: socket.io-client does not come back after one."""
    key, _ = make_key(stack, "patient")
    stack.kill("mongod", signal.SIGKILL)
    client = LineClient(node, str(FOLDER / "client.mjs"), stack.url, "default", "x", key)
    clients.append(client)
    time.sleep(1.5)
    assert not {"connect", "connect_error"} & set(client.names())
    stack.up("--port", stack.port, "--workers", 4)
    client.wait("subscription_confirmed")
    assert not client.all("connect_error")


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
        until(lambda ear=ear: ear.episodes(run_id) == [1, 2, 3, 4, 5], PATIENCE_S, "five reports")
    stack.kill("live", number)
    for n in range(6, 11):
        api.report(run_id, n, roi_pct=n)
    stack.up("--port", stack.port, "--workers", 4)
    for ear in ears:
        ear.wait("subscription_confirmed", count=2)
    api.report(run_id, 11, roi_pct=11)
    for ear in [*ears, source]:
        until(lambda ear=ear: ear.episodes(run_id)[-1:] == [11], PATIENCE_S, "the newest report")
        assert ear.episodes(run_id) == list(range(1, 12))
