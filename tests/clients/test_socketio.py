"""python-socketio, unmodified, and curl, against the gateway: each road, break and refusal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
import requests
import socketio
import websocket

from live_clients import PATIENCE_S, CurlEvents, PythonClient, until
from stack import Stack
from support import Client

ROADS = [(), ("websocket",), ("polling",)]
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture
def api(stack: Stack) -> Client:
    return Client(stack.url, stack.key)


@pytest.fixture
def clients() -> Iterator[list]:
    """Clients put in here are closed at the end."""
    opened: list = []
    yield opened
    for client in opened:
        client.close()


def new_id() -> str:
    return f"live-{uuid.uuid4().hex[:12]}"


def make_key(stack: Stack, account: str, *more: str) -> tuple[str, str]:
    """A new key of an account, and its id."""
    key = stack.admin("key", "create", "--account", account, *more).stdout.split()[0]
    listed = stack.admin("key", "list", "--account", account).stdout
    return key, listed.splitlines()[-1].split()[0]


def metric(stack: Stack, name: str) -> float:
    text = requests.get(stack.url + "/metrics/live", timeout=PATIENCE_S).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


# ---- events ----


@pytest.mark.parametrize("transports", ROADS, ids=["default", "websocket", "polling"])
def test_a_client_hears_of_its_run_on_every_road(stack, api, clients, transports):
    run_id = new_id()
    client = PythonClient(stack.url, *transports)
    clients.append(client)
    hello = client.wait("connection_established")
    assert hello == {"message": "Connected to training updates", "sid": client.sio.get_sid()}

    answer = client.subscribe(run_id=run_id)
    assert answer["run_ids"] == [run_id]
    assert client.wait("subscription_confirmed")["message"] == answer["message"]
    api.create(run_id, config={"name": "ünïcode ☃ \U0001f600"})
    for number in range(1, 21):
        api.report(run_id, number, roi_pct=number / 4)
    api.complete(run_id)

    until(lambda: len(client.episodes(run_id)) == 20, PATIENCE_S, "20 reports")
    until(
        lambda: [data["status"] for data in client.all("run_updated")[-1:]] == ["completed"],
        PATIENCE_S,
        "the end",
    )
    assert client.episodes(run_id) == list(range(1, 21))
    told = [episode for data in client.all("episodes") for episode in data["episodes"]]
    assert [episode["roi_pct"] for episode in told] == [n / 4 for n in range(1, 21)]
    last = client.all("run_updated")[-1]
    assert last["episodes_completed"] == 20 and last["run_id"] == run_id
    assert last["config"] == {"name": "ünïcode ☃ \U0001f600"}
    seqs = [data["seq"] for name, data in client.heard if name in ("episodes", "run_updated")]
    assert seqs == sorted(seqs)
    expected = "polling" if transports == ("polling",) else "websocket"
    assert client.sio.transport() == expected


def test_the_code_that_the_document_prints(stack):
    """Seed 003's Python client, as it stands there but for the library's second of patience."""
    sio = socketio.Client()
    heard = []

    @sio.on("training_progress")
    def on_progress(data):
        heard.append(data)

    @sio.on("connection_established")
    def on_hello(data):
        heard.append(data)

    sio.connect(stack.url, socketio_path="/socket.io", wait_timeout=PATIENCE_S)
    sio.emit("subscribe_training", {})
    until(lambda: heard, PATIENCE_S, "connection_established")
    sio.disconnect()


def test_unsubscribed_runs_are_silent(stack, api, clients):
    one, other = new_id(), new_id()
    client = PythonClient(stack.url)
    clients.append(client)
    assert client.subscribe(run_ids=[one, other])["run_ids"] == [one, other]
    client.sio.call("unsubscribe_training", {"run_id": one})
    for run_id in (one, other):
        api.create(run_id)
        api.report(run_id, 1, roi_pct=1)
    client.wait("episodes")
    assert client.episodes(one) == [] and client.episodes(other) == [1]
    client.sio.call("unsubscribe_training", {})
    api.report(other, 2, roi_pct=1)
    time.sleep(0.5)
    assert client.episodes(other) == [1]


@pytest.mark.parametrize(
    "wish",
    [
        {"run_id": 5},
        {"run_id": ".hidden"},
        {"run_id": "x" * 65},
        {"run_ids": "one"},
        {"run_ids": ["a"] * 201},
        {"run_ids": [None]},
        {"run_id": "a", "after": -1},
        {"run_id": "a", "after": "5"},
    ],
)
def test_a_wrong_subscription_is_told_and_nothing_else_happens(stack, clients, wish):
    client = PythonClient(stack.url, "websocket")
    clients.append(client)
    assert "error" in client.subscribe(**wish)
    assert client.wait("subscription_error")["error"]
    assert "error" in client.sio.call("no_such_event", {"a": 1})
    assert client.sio.connected


# ---- who may ----


def test_accounts_never_hear_of_each_other(stack, clients):
    run_id = new_id()
    mine, _ = make_key(stack, "mine")
    yours, _ = make_key(stack, "yours")
    ears = {
        key: PythonClient(stack.url, auth={"api_key": key}, headers={}) for key in (mine, yours)
    }
    clients.extend(ears.values())
    for ear in ears.values():
        ear.subscribe(run_id=run_id)
    stream = CurlEvents(f"{stack.url}/api/training-runs/{run_id}/events", f"X-API-Key: {yours}")
    clients.append(stream)
    api = Client(stack.url, mine)
    api.create(run_id)
    api.report(run_id, 1, roi_pct=1)
    ears[mine].wait("episodes")
    time.sleep(0.3)
    assert not ears[yours].all("episodes") and not ears[yours].all("run_updated")
    until(lambda: stream.head, PATIENCE_S, "an answer")
    assert " 404 " in stream.head[0] + " "


@pytest.mark.parametrize("how", ["header", "auth", "cookie"])
def test_a_key_comes_in_three_ways(stack, clients, how):
    key, _ = make_key(stack, "ways")
    options = {"auth": {"auth": {"api_key": key}}, "header": {"headers": {"X-API-Key": key}}}
    if how == "cookie":
        made = requests.post(stack.url + "/api/session", json={"api_key": key}, timeout=PATIENCE_S)
        cookie = made.headers["Set-Cookie"].split(";")[0]
        options["cookie"] = {"headers": {"Cookie": cookie}}
    client = PythonClient(stack.url, **options[how])
    clients.append(client)
    run_id = new_id()
    client.subscribe(run_id=run_id)
    Client(stack.url, key).create(run_id)
    assert client.wait("run_updated")["run_id"] == run_id


@pytest.mark.parametrize("transports", ROADS, ids=["default", "websocket", "polling"])
@pytest.mark.parametrize(
    "options",
    [
        {"auth": {"api_key": "ak_" + "A" * 43}},
        {"auth": {"api_key": 5}},
        {"headers": {"X-API-Key": "wrong"}},
        {"headers": {"X-API-Key": "x" * 300}},
        {"headers": {"X-API-Key": "ak_" + "A" * 43}, "auth": {"api_key": "ak_" + "B" * 43}},
    ],
)
def test_a_wrong_key_is_a_connect_error(stack, transports, options):
    client = PythonClient(stack.url, *transports, connect=False, **options)
    assert "API key is not valid" in client.refusal()


def test_a_key_that_may_not_read_is_refused(stack):
    key, _ = make_key(stack, "writers", "--scopes", "write")
    client = PythonClient(stack.url, connect=False, auth={"api_key": key})
    assert "does not allow" in client.refusal()
    answer = requests.get(
        f"{stack.url}/api/training-runs/x/events", headers={"X-API-Key": key}, timeout=PATIENCE_S
    )
    assert answer.status_code == 403


def test_other_namespaces_are_refused_politely(stack):
    client = PythonClient(stack.url, connect=False, namespaces=["/admin"])
    client.sio.on(
        "connect_error", lambda why: client.heard.append(("connect_error", why)), namespace="/admin"
    )
    assert "Invalid namespace" in client.refusal()


def test_a_revoked_key_ends_sockets_and_streams_within_5_s(stack, clients):
    key, key_id = make_key(stack, "revoked")
    run_id = new_id()
    Client(stack.url, key).create(run_id)
    ears = [PythonClient(stack.url, *road, auth={"api_key": key}) for road in ROADS]
    stream = CurlEvents(f"{stack.url}/api/training-runs/{run_id}/events", f"X-API-Key: {key}")
    clients.extend([*ears, stream])
    stream.wait_open()
    for ear in ears:
        ear.wait("connection_established")
    stack.admin("key", "revoke", key_id)
    for ear in ears:
        ear.wait("disconnect", 5)
    until(lambda: stream.process.poll() is not None, 5, "the stream's end")


# ---- event streams ----


def test_an_event_stream_goes_on_where_it_broke_off(stack, api, clients):
    run_id = new_id()
    url = f"{stack.url}/api/training-runs/{run_id}/events"
    api.create(run_id)
    first = CurlEvents(url)
    clients.append(first)
    first.wait_open()
    assert any("text/event-stream" in line for line in first.head)
    for number in range(1, 6):
        api.report(run_id, number, roi_pct=number)
    until(lambda: first.episodes(run_id) == [1, 2, 3, 4, 5], PATIENCE_S, "five reports")
    until(
        lambda: [run["episodes_completed"] for run in first.all("run_updated")[-1:]] == [5],
        PATIENCE_S,
        "the run",
    )
    first.close()
    for number in range(6, 11):
        api.report(run_id, number, roi_pct=number)
    second = CurlEvents(url, f"Last-Event-ID: {first.ids[-1]}")
    clients.append(second)
    second.wait_open()
    api.report(run_id, 11, roi_pct=11)
    until(lambda: second.episodes(run_id)[-1:] == [11], PATIENCE_S, "the newest report")
    assert second.episodes(run_id) == [6, 7, 8, 9, 10, 11]


def test_whose_place_is_none_is_told_to_read_again(stack, api, clients):
    """
    Of another database; of this one's log, once it begins later (test_watch.py rolls a log over).
    Each goes on behind the reset.
    """
    run_id = new_id()
    api.create(run_id)
    api.report(run_id, 1, roi_pct=1)
    ear = PythonClient(stack.url)
    url = f"{stack.url}/api/training-runs/{run_id}/events"
    stream = CurlEvents(url, f"Last-Event-ID: {2**53 - 1}")
    clients.extend([ear, stream])
    assert "error" not in ear.subscribe(run_id=run_id, after=2**53 - 1)
    for client in (ear, stream):
        reset = client.wait("reset")
        assert reset["run_id"] == run_id
        assert not client.episodes(run_id)
    assert stream.ids == [stream.all("reset")[0]["seq"]]
    api.report(run_id, 2, roi_pct=2)
    for client in (ear, stream):
        until(lambda client=client: client.episodes(run_id) == [2], PATIENCE_S, "the newest report")
        assert client.all("episodes")[0]["seq"] > client.all("reset")[0]["seq"]
    again = PythonClient(stack.url)
    clients.append(again)
    again.subscribe(run_id=run_id, after=ear.all("reset")[0]["seq"])
    until(lambda: again.episodes(run_id) == [2], PATIENCE_S, "what came after the reset")
    assert not again.all("reset")


def test_a_stream_that_is_refused_says_why(stack):
    def ask(method, run_id, **headers):
        url = f"{stack.url}/api/training-runs/{run_id}/events"
        return requests.request(method, url, headers=headers, timeout=PATIENCE_S)

    assert ask("GET", "nothing-here").json()["code"] == "run_not_found"
    assert ask("GET", ".not-an-id").json()["code"] == "run_not_found"
    assert ask("GET", "x", **{"X-API-Key": "ak_wrong"}).status_code == 401
    refused = ask("POST", "x")
    assert refused.status_code == 405 and "GET" in refused.headers["Allow"]
    assert ask("HEAD", "nothing-here").status_code == 404


# ---- web pages ----


def test_pages_from_elsewhere_do_not_come_in(stack):
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}):
        answer = requests.get(stack.url + POLLING, headers=headers, timeout=PATIENCE_S)
        assert answer.status_code == 403 and answer.json()["code"] == 4
        assert "Access-Control-Allow-Origin" not in answer.headers
    own = requests.get(stack.url + POLLING, headers={"Origin": stack.url}, timeout=PATIENCE_S)
    assert own.status_code == 200
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(
            stack.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
            origin="http://evil.example",
        )


# ---- nonsense ----


def open_polling(stack: Stack) -> str:
    """A session, not connected to a namespace; its URL."""
    opened = requests.get(stack.url + POLLING, timeout=PATIENCE_S)
    return f"{stack.url}{POLLING}&sid={json.loads(opened.text[1:])['sid']}"


@pytest.mark.parametrize(
    "body", [b"", b"9", b"b4AA", b"2", b"4", b"47", b"451-[]", b"4\xff", b"0{}"]
)
def test_what_is_not_the_protocol_ends_the_session(stack, body):
    url = open_polling(stack)
    requests.post(url, data=body, timeout=PATIENCE_S)
    until(lambda: requests.get(url, timeout=PATIENCE_S).status_code == 400, PATIENCE_S, "the end")


def test_a_message_that_is_too_large_is_413(stack):
    url = open_polling(stack)
    assert requests.post(url, data=b"4" + b"x" * 65535, timeout=PATIENCE_S).status_code in (
        200,
        400,
    )
    url = open_polling(stack)
    assert requests.post(url, data=b"4" + b"x" * 65536, timeout=PATIENCE_S).status_code == 413


def test_handshakes_that_are_none(stack):
    def code(query, method="GET"):
        answer = requests.request(method, f"{stack.url}/socket.io/?{query}", timeout=PATIENCE_S)
        assert answer.status_code == 400, answer.text
        return answer.json()["code"]

    assert code("EIO=4&transport=carrier-pigeon") == 0
    assert code("EIO=4&transport=polling&sid=none") == 1
    assert code("EIO=4&transport=polling&sid=00000000AAAAAAAAAAAAAAAA") == 1
    assert code("EIO=4&transport=polling", "POST") == 2
    assert code("EIO=3&transport=polling") == 5
    assert code("transport=polling") == 5


def open_websocket(stack: Stack) -> websocket.WebSocket:
    ws = websocket.create_connection(
        stack.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
        timeout=PATIENCE_S,
    )
    assert ws.recv().startswith("0{")
    return ws


def hear(ws: websocket.WebSocket) -> str:
    """The next message that is no ping; those are answered."""
    while (text := ws.recv()) == "2":
        ws.send("3")
    return text


def test_binary_frames_and_events_end_the_socket(stack):
    for send in (
        lambda ws: ws.send_binary(b"42[]"),
        lambda ws: ws.send('451-["subscribe_training",{"_placeholder":true,"num":0}]'),
    ):
        ws = open_websocket(stack)
        ws.send("40")
        assert ws.recv().startswith("40{")
        assert "connection_established" in ws.recv()
        send(ws)
        opcode, data = ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE and data[:2] == (1002).to_bytes(2, "big")


# ---- many, slow, dead ----


def open_lazily(stack: Stack, run_id: str) -> list[socket.socket]:
    """An event stream and a WebSocket, neither of which will be read once it is told of the run."""
    narrow = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    stream = socket.socket()
    stream.settimeout(PATIENCE_S)
    stream.setsockopt(*narrow[0])
    stream.connect(("127.0.0.1", stack.port))
    stream.sendall(
        f"GET /api/training-runs/{run_id}/events HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{stack.port}\r\n\r\n".encode()
    )
    head = b""
    while b"\n:" not in head:  # the comment that says that the stream is open
        head += stream.recv(1024)
    ws = websocket.create_connection(
        stack.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
        timeout=PATIENCE_S,
        sockopt=narrow,
    )
    ws.send("40")
    ws.send(f'42["subscribe_training",{{"run_id":"{run_id}"}}]')
    while "subscription_confirmed" not in ws.recv():
        pass
    return [stream, ws]


def test_clients_that_never_read_are_dropped_and_disturb_nobody(stack, api, clients):
    run_id = new_id()
    api.create(run_id)
    good = PythonClient(stack.url, "websocket")
    clients.append(good)
    good.subscribe(run_id=run_id)
    before = metric(stack, 'training_live_ended_total{why="slow"}')
    lazy = open_lazily(stack, run_id)
    batch = [
        {"episode": n, "metrics": {f"m{i}": n + i / 7 for i in range(40)}} for n in range(1, 1001)
    ]
    for first in range(0, 8):
        items = [{**item, "episode": item["episode"] + first * 1000} for item in batch]
        api.write(f"/api/training-runs/{run_id}/episodes", {"episodes": items})
    until(
        lambda: metric(stack, 'training_live_ended_total{why="slow"}') >= before + 2,
        PATIENCE_S,
        "they are dropped",
    )
    for sock in lazy:
        sock.close()
    until(lambda: len(good.episodes(run_id)) == 8000, PATIENCE_S, "all reports at the other client")
    assert good.episodes(run_id) == list(range(1, 8001))


@pytest.fixture
def hurried(stack: Stack) -> Iterator[None]:
    """A gateway that pings all the time."""
    stack.kill("live", signal.SIGTERM)
    hurry = {"TRAINING_LIVE_PING_MS": "300", "TRAINING_LIVE_PONG_MS": "3000"}
    stack.up("--port", stack.port, "--workers", 4, **hurry)
    yield
    stack.kill("live", signal.SIGTERM)
    stack.up("--port", stack.port, "--workers", 4)


def test_who_answers_pings_stays_and_who_does_not_is_dropped(stack, hurried, clients):
    ears = [PythonClient(stack.url, *road) for road in ROADS]
    clients.extend(ears)
    dead = open_websocket(stack)
    dead.send("40")
    silent = 'training_live_ended_total{why="silent"}'
    until(lambda: metric(stack, silent) == 1, PATIENCE_S, "it is dropped")
    while dead.recv():  # up to the close frame
        pass
    assert [ear.names() for ear in ears] == [["connection_established"]] * 3
    assert "error" not in ears[2].subscribe(run_id="still-here")


def test_500_clients(stack, api, clients):
    run_id = new_id()
    api.create(run_id)
    sockets = [open_websocket(stack) for _ in range(500)]
    for ws in sockets:
        ws.send("40")
        ws.send(f'42["subscribe_training",{{"run_id":"{run_id}"}}]')
    for ws in sockets:
        while "subscription_confirmed" not in hear(ws):
            pass
    assert metric(stack, 'training_live_clients{kind="socketio"}') >= 500
    for number in range(1, 11):
        api.report(run_id, number, roi_pct=number)
    for ws in sockets:
        numbers = []
        while len(numbers) < 10:
            text = hear(ws)
            if text.startswith('42["episodes",'):
                numbers += [e["episode"] for e in json.loads(text[2:])[1]["episodes"]]
        assert numbers == list(range(1, 11))
    for ws in sockets:
        ws.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_clients_come_back_to_a_new_gateway_and_miss_nothing(stack, api, clients, number):
    run_id = new_id()
    api.create(run_id)
    ears = [PythonClient(stack.url, *road) for road in ROADS]
    stream = CurlEvents(f"{stack.url}/api/training-runs/{run_id}/events")
    clients.extend([*ears, stream])
    stream.wait_open()

    def go_on(ear):
        seqs = [data["seq"] for name, data in ear.heard if name in ("episodes", "run_updated")]
        return ear.subscribe(run_id=run_id, **({"after": max(seqs)} if seqs else {}))

    for ear in ears:
        go_on(ear)
    for n in range(1, 6):
        api.report(run_id, n, roi_pct=n)
    for ear in ears:
        until(lambda ear=ear: ear.episodes(run_id) == [1, 2, 3, 4, 5], PATIENCE_S, "five reports")
    stack.kill("live", number)
    for n in range(6, 11):
        api.report(run_id, n, roi_pct=n)
    stack.up("--port", stack.port, "--workers", 4)
    for ear in ears:
        ear.wait("connection_established", count=2)
        go_on(ear)
    api.report(run_id, 11, roi_pct=11)
    for ear in ears:
        until(lambda ear=ear: ear.episodes(run_id)[-1:] == [11], PATIENCE_S, "the newest report")
        assert ear.episodes(run_id) == list(range(1, 12))


class Writer(threading.Thread):
    """Reports 1, 2, 3 … of a run until it is stopped."""

    def __init__(self, api: Client, run_id: str) -> None:
        super().__init__(daemon=True)
        self.api, self.run_id, self.asked, self.stopping = api, run_id, 0, threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.002):
            self.asked += 1
            self.api.report(self.run_id, self.asked, roi_pct=self.asked)

    def stop(self) -> None:
        self.stopping.set()
        self.join()


def streams_read(stack: Stack) -> int:
    """Change streams that were read lately (of a gateway that was killed one stays, unread)."""
    with pymongo.MongoClient(stack.mongodb_uri) as client:
        cursors = client.admin.aggregate([{"$currentOp": {"idleCursors": True, "allUsers": True}}])
        return sum(
            "$changeStream" in str(one["cursor"]["originatingCommand"])
            and datetime.now(UTC).replace(tzinfo=None) - one["cursor"]["lastAccessDate"]
            < timedelta(seconds=2)
            for one in cursors
            if "cursor" in one
        )


def test_while_nobody_is_there_the_stream_rests_and_who_comes_misses_nothing(stack, api, clients):
    run_id = new_id()
    api.create(run_id)
    breaks = metric(stack, "training_live_reconnects_total")
    writer = Writer(api, run_id)
    writer.start()
    try:
        for road in ("socket", "events", "anonymous"):
            until(lambda: metric(stack, "training_live_resting") == 1, PATIENCE_S, "it rests")
            until(lambda: streams_read(stack) == 0, PATIENCE_S, "no stream is read")
            key = {} if road == "anonymous" else {"X-API-Key": stack.key}
            if road == "events":
                url = f"{stack.url}/api/training-runs/{run_id}/events"
                client = CurlEvents(url, f"X-API-Key: {stack.key}")
                client.wait_open()
            else:
                client = PythonClient(stack.url, "websocket", headers=key)
                client.subscribe(run_id=run_id)
            promised = writer.asked + 1
            clients.append(client)
            assert metric(stack, "training_live_resting") == 0
            until(
                lambda client=client, promised=promised: (
                    client.episodes(run_id)[-1:] > [promised + 20]
                ),
                PATIENCE_S,
                "reports",
            )
            told = client.episodes(run_id)
            assert told[0] <= promised
            assert told == list(range(told[0], told[0] + len(told)))
            clients.pop().close()
    finally:
        writer.stop()
    assert metric(stack, "training_live_reconnects_total") == breaks


def test_down_and_up_again(stack):
    assert stack.is_alive("live")
    assert requests.get(stack.url + "/metrics/live", timeout=PATIENCE_S).status_code == 200
    began = time.monotonic()
    os.kill(stack.pid("live"), signal.SIGTERM)
    until(lambda: not stack.is_alive("live"), 10, "the gateway's end")
    assert time.monotonic() - began < 10
    answer = requests.get(stack.url + POLLING, timeout=PATIENCE_S)
    assert answer.status_code == 502
    stack.up("--port", stack.port, "--workers", 4)
    assert requests.get(stack.url + POLLING, timeout=PATIENCE_S).status_code == 200


def test_its_words_on_the_command_line(stack):
    program = str(stack.build / "training-live")

    def run(*words, **settings):
        return subprocess.run(
            [program, *words], env={**os.environ, **settings}, capture_output=True, text=True
        )

    assert run("--version").stdout.startswith("training-live ")
    help_page = run("--help")
    assert help_page.returncode == 0 and "TRAINING_LIVE_SOCKET" in help_page.stdout
    assert run("--check").returncode == 0
    assert run("--nonsense").returncode == 2
    bad = run("--check", TRAINING_LIVE_OUTBOX_MAX="5")
    assert bad.returncode == 2 and "TRAINING_LIVE_OUTBOX_MAX" in bad.stderr
