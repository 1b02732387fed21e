"""
What the end-to-end tests share: a client that speaks both route families and reads answers
strictly, requests of raw bytes, and checks of shapes. Used by test_*.py; the stack itself comes
from conftest.py.
"""

import contextlib
import http.client
import json
import re
import socket
import struct
import time
import urllib.parse
import uuid
from pathlib import Path

import requests

from description import check
from expected import (
    aggregate_stats,
    curve_answer,
    detail_episodes,
    differences,
    document_episodes,
    learning_curve,
    list_row,
    rolling_win_rate,
    summary,
)

V1 = "/api/v1/training"
RUNS = V1 + "/runs"
DOCUMENTS = "/api/training-runs"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: ("Content Too Large", "Request Entity Too Large", "Payload Too Large"),
    414: ("URI Too Long", "Request-URI Too Large", "Request-URI Too Long"),
    408: "Request Timeout",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: ("Unprocessable Content", "Unprocessable Entity"),
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: ("Service Unavailable", "Service Temporarily Unavailable"),
    504: ("Gateway Timeout", "Gateway Time-out"),
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}
LEAKS = re.compile(
    r"mongo|bson|libfcgi|0x[0-9a-f]{6,}|\.c:\d+|/usr/|/tmp/|/var/|127\.0\.0\.1|traceback|"
    + re.escape(str(Path(__file__).parents[2])),
    re.I,
)


def new_id(prefix="run"):
    """A run_id that nobody else uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def strict_json(text):
    """Parse an answer and accept nothing that JSON does not: NaN, Infinity, a member twice."""

    def members(pairs):
        seen = {}
        for name, value in pairs:
            assert name not in seen, f"member {name!r} occurs twice"
            seen[name] = value
        return seen

    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, object_pairs_hook=members, parse_constant=refuse)


def literal_json(text):
    """JSON with numbers as written and members in order, to compare what must not change."""
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)


def literal_member(text, *path):
    """One member of a JSON object (or of one within it), in literal_json's form."""
    value = literal_json(text)
    for name in path:
        value = dict(value)[name]
    return value


def wait_until(condition, seconds, what):
    """Ask again and again until condition() is true; returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.02)


class Client:
    """One API key (or none) at one server. Not for use by two threads: see another()."""

    def __init__(self, url, key=None, timeout=60):
        self.url = url.rstrip("/")
        self.key = key
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False
        if key:
            self.session.headers["X-API-Key"] = key

    def another(self):
        return Client(self.url, self.key, self.timeout)

    def request(self, method, path, body=None, raw=None, headers=None, **params):
        """
        Send a request; body is a Python value for JSON, raw is bytes as they are. A content type
        goes with either, unless headers name another (None for none). Whatever is answered must be
        as schema/http/openapi.json describes it.
        """
        sent = dict(headers or {})
        data = raw
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        if isinstance(data, str):
            data = data.encode()
        response = self.session.request(
            method,
            self.url + path,
            data=data,
            headers=sent,
            params=params or None,
            timeout=self.timeout,
            allow_redirects=False,
        )
        return check(response)

    def get(self, path, **params):
        return self.request("GET", path, **params)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body=body, **more)

    def patch(self, path, body=None, **more):
        return self.request("PATCH", path, body=body, **more)

    def read(self, path, **params):
        """The JSON of a GET that must succeed."""
        return ok(self.get(path, **params), 200)

    def write(self, path, body=None, status=200, **more):
        """The JSON of a POST that must succeed."""
        return ok(self.post(path, body, **more), status)

    def create(self, run_id=None, **members):
        """Create a run in family v1; returns its run_id."""
        run_id = run_id or new_id()
        return self.write(RUNS, {"run_id": run_id, **members}, 201)["run_id"]

    def report(self, run_id, number, **members):
        return self.write(f"{RUNS}/{run_id}/episodes", {"episode_number": number, **members})

    def report_all(self, run_id, reports):
        """Report {number: members} in batches, in the mapping's order; returns the last receipt."""
        items = [{"episode": n, **members} for n, members in reports.items()]
        receipt = None
        for i in range(0, len(items), 1000):
            body = {"episodes": items[i : i + 1000]}
            receipt = self.write(f"{DOCUMENTS}/{run_id}/episodes", body)
        return receipt

    def complete(self, run_id):
        return self.write(f"{RUNS}/{run_id}/complete")

    def end(self, run_id, status):
        return ok(self.patch(f"{DOCUMENTS}/{run_id}", {"status": status}), 200)

    def detail(self, run_id):
        return self.read(f"{RUNS}/{run_id}")

    def document(self, run_id):
        return self.read(f"{DOCUMENTS}/{run_id}")

    def curve(self, run_id, **params):
        return self.read(f"{RUNS}/{run_id}/learning-curve", **params)


def ok(response, status):
    """The strict JSON of an answer that must have this status."""
    assert response.status_code == status, (
        f"{response.request.method} {response.request.path_url} -> {response.status_code}: "
        f"{response.text[:600]}"
    )
    assert response.headers["Content-Type"].startswith("application/json"), response.headers
    return strict_json(response.content.decode("utf-8"))


def problem(response, status, code=None, fields=()):
    """
    The body of an error, after checking every part of its shape; fields are member names (or parts
    of them, such as "episodes[3]") of which each must be named by a fault.
    """
    text = response.content.decode("utf-8")
    assert response.status_code == status, f"{response.status_code}: {text[:600]}"
    return problem_body(text, dict(response.headers), status, code, fields)


def problem_body(text, headers, status, code=None, fields=()):
    """problem() for an answer that was read by hand."""
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["content-type"].split(";")[0] == "application/problem+json", headers
    body = strict_json(text)
    assert body["status"] == status
    titles = TITLES[status]
    assert body["title"] in (titles if isinstance(titles, tuple) else (titles,)), body
    assert body["type"] == "about:blank"
    assert isinstance(body["detail"], str) and body["detail"].strip(), body
    assert re.fullmatch(r"[a-z][a-z0-9_]*", body["code"]), body
    assert isinstance(body["request_id"], str) and body["request_id"], body
    if "x-request-id" in headers:
        assert headers["x-request-id"] == body["request_id"]
    assert set(body["error"]) == {"code", "message", "details"}, body
    assert body["error"]["code"] == body["code"]
    assert isinstance(body["error"]["message"], str) and body["error"]["message"]
    if code is not None:
        assert body["code"] == code, body
    if "errors" in body:
        assert isinstance(body["errors"], list) and body["errors"], body
        for fault in body["errors"]:
            assert set(fault) >= {"field", "message"}, fault
            assert all(isinstance(fault[m], str) for m in ("field", "message")), fault
    if status == 422 and code in (None, "validation_failed"):
        assert body.get("errors"), f"a 422 lists its faults: {body}"
    named = [fault["field"] for fault in body.get("errors", [])]
    for field in fields:
        assert any(field in name for name in named), f"{field} is not among {named}"
    if status in (429, 503):
        assert int(headers["retry-after"]) >= 0, headers
    if status == 405:
        assert headers["allow"], headers
    known = {"type", "title", "status", "detail", "code", "request_id", "errors", "error"}
    assert set(body) <= known | {"errors_total"}, body
    assert body.get("errors_total", len(named)) >= len(named), body
    assert not LEAKS.search(text), f"an error tells too much: {text}"
    return body


class RawAnswer:
    """An answer read from a socket by hand."""

    def __init__(self, status, headers, body):
        self.status_code = status
        self.headers = headers
        self.content = body

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")


def send_raw(url, data, timeout=60):
    """Send these very bytes to the server and read one answer; None when it only hangs up."""
    where = urllib.parse.urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=timeout) as sock:
        with contextlib.suppress(ConnectionError):  # it may refuse before it has read all of it
            sock.sendall(data)
        answer = http.client.HTTPResponse(sock)
        try:
            answer.begin()
        except (http.client.HTTPException, ConnectionError):
            return None
        return RawAnswer(answer.status, dict(answer.getheaders()), answer.read())


def raw_request(method, path, headers, body=b"", host="localhost"):
    """The bytes of a request whose headers are a list of (name, value) and may repeat."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def follow(client, response):
    """The answer that an answer's Link: next leads to; None when there is none."""
    link = response.links.get("next")
    if link is None:
        return None
    target = urllib.parse.urljoin(response.url, link["url"])
    where = urllib.parse.urlsplit(target)
    return client.get(where.path + ("?" + where.query if where.query else ""))


def walk(client, path, **params):
    """Every item of a list, page by page along Link: next."""
    response = client.get(path, **params)
    items = []
    while response is not None:
        page = ok(response, 200)
        items += page
        assert page or "next" not in response.links, "an empty page promises a next one"
        response = follow(client, response)
    return items


def find_row(client, path, run_id, **params):
    """A run's row of a list, which must be there once."""
    rows = [r for r in client.read(path, q=run_id, **params) if r["run_id"] == run_id]
    assert len(rows) == 1, f"{run_id} is {len(rows)} times in {path}"
    return rows[0]


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


def list_faults(client, run_id, book):
    """Where the rows of both lists differ from what was acknowledged."""
    row = find_row(client, RUNS, run_id)
    want = list_row(book)
    found = differences({k: row[k] for k in want}, want, "v1 list")
    for metrics in ("full", "none"):
        row = find_row(client, DOCUMENTS, run_id, metrics=metrics)
        found += differences(row["summary"], summary(book), f"list {metrics}")
        if metrics == "full":
            found += document_faults(row, book, "list full")
    return found


def document_faults(document, book, where):
    """Where a RunDocument's metrics differ from what was acknowledged."""
    episodes = [without(e, "session_id", "created_at") for e in document["metrics"]["episodes"]]
    found = differences(episodes, document_episodes(book), f"{where} episodes")
    rates = document["metrics"]["rolling_win_rate"]
    return found + differences(rates, rolling_win_rate(book), f"{where} rolling_win_rate")


def detail_faults(client, run_id, book):
    """Where v1's detail differs from what was acknowledged."""
    detail = client.detail(run_id)
    episodes = [without(e, "session_id", "created_at") for e in detail["episodes"]]
    found = differences(episodes, detail_episodes(book), "detail episodes")
    want = aggregate_stats(book)
    found += differences(detail["aggregate_stats"], want, "detail aggregate_stats")
    found += differences(detail["learning_curve"], learning_curve(book), "detail learning_curve")
    for name in ("episodes_completed", "total_episodes"):
        found += differences(detail[name], len(book), f"detail {name}")
    return found


def reads_disagreeing(client, run_id, book, windows=(1, 10, 100)):
    """
    Every place where a read of the run differs from the independent computation over what was
    acknowledged: both lists (first, before a detail could mend them), compare, details, curves.
    """
    found = list_faults(client, run_id, book)
    compared = client.read(f"{V1}/compare", run_ids=run_id)["runs"][0]
    found += differences(compared["aggregate_stats"], aggregate_stats(book), "compare")
    found += differences(compared["episodes_completed"], len(book), "compare episodes_completed")
    found += detail_faults(client, run_id, book)
    document = client.document(run_id)
    found += document_faults(document, book, "document")
    found += differences(document["summary"], summary(book), "document summary")
    for metric in book.metrics():
        for name in ("total_reward", "reward_sum") if metric == "total_reward" else (metric,):
            for window in windows:
                got = client.curve(run_id, metric=name, window=window)
                want = curve_answer(book, run_id, name, window)
                found += differences(got, want, f"curve {name}/{window}")
    return found


def agree(client, run_id, book, windows=(1, 10, 100)):
    """Fail with the first differences when reads_disagreeing finds any."""
    found = reads_disagreeing(client, run_id, book, windows)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:12])


def stored(db):
    """
    What the database holds of runs and episodes, to see that a refusal stored nothing: how many
    there are, how often they were written, and when last.
    """
    sums = {name: {"$sum": f"${name}"} for name in ("revision", "edits", "episodes")}
    group = {"_id": None, "runs": {"$sum": 1}, "last": {"$max": "$last_reported_at"}, **sums}
    return list(db.runs.aggregate([{"$group": group}])), db.episodes.estimated_document_count()


def fastcgi(unix_socket, method, path, body, arrived_s, key):
    """
    Ask a worker directly, as nginx would for a request that it got at arrived_s (seconds): what a
    request is after it waited in the queue of the socket. body is a Python value, or None.
    """
    path, _, query = path.partition("?")
    body = b"" if body is None else json.dumps(body).encode()
    params = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": path,
        "DOCUMENT_URI": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_SCHEME": "http",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "REQUEST_ID": uuid.uuid4().hex,
        "REQUEST_MSEC": f"{arrived_s:.3f}",
    }
    if key:
        params["HTTP_X_API_KEY"] = key
    pairs = b"".join(
        fastcgi_length(name) + fastcgi_length(value) + name.encode() + value.encode()
        for name, value in params.items()
    )
    data = fastcgi_record(1, struct.pack(">HB5x", 1, 0))
    data += fastcgi_record(4, pairs) + fastcgi_record(4, b"")
    data += fastcgi_record(5, body) if body else b""
    data += fastcgi_record(5, b"")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(unix_socket))
        sock.sendall(data)
        out = b""
        while chunk := sock.recv(65536):
            out += chunk
    return fastcgi_answer(out)


def fastcgi_length(text):
    size = len(text.encode())
    return struct.pack(">I", size | 0x80000000) if size > 127 else bytes([size])


def fastcgi_record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def fastcgi_answer(data):
    """The answer within the records that a worker wrote."""
    out, at = b"", 0
    while at + 8 <= len(data):
        _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", data[at : at + 8])
        if kind == 6:
            out += data[at + 8 : at + 8 + size]
        at += 8 + size + padding
    head, _, body = out.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    answer = RawAnswer(int(headers.get("Status", "200").split()[0]), headers, body)
    answer.request = requests.Request("POST", "http://worker/").prepare()
    return answer
