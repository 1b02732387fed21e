"""
schema/http/openapi.json: it is OpenAPI 3.1, it describes the routes that there are and no others,
its examples keep to it, it is served, and the judge that it makes of every test's answers
(description.py) finds what is wrong.
"""

import copy
import json
import re
import subprocess

import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31  # the OpenAPI Initiative's own

from description import FILE, Description
from stack import ROOT
from support import DOCUMENTS, RUNS, problem, wait_until

DESCRIPTION = Description.read()
DOCUMENT = DESCRIPTION.document
# Described, and no row of training-api's route table: nginx's own, and training-live's.
OF_OTHERS = {"/openapi.json", "/api/training-runs/{run_id}/events"}


def every(node, key):
    """Every value that stands under key anywhere in a JSON value."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    for item in node if isinstance(node, list) else ():
        yield from every(item, key)


# ---- the document


def test_it_is_openapi_3_1():
    faults = jsonschema.Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)
    assert [f"{list(fault.path)}: {fault.message[:200]}" for fault in faults] == []
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        DESCRIPTION.validator(name)


def test_every_reference_leads_somewhere_and_nothing_is_left_over():
    refs = set(every(DOCUMENT, "$ref"))
    for name in refs:
        DESCRIPTION.resolve({"$ref": name})
    parts = DOCUMENT["components"]
    there = {f"#/components/{k}/{n}" for k in parts if k != "securitySchemes" for n in parts[k]}
    assert there == refs


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for _, _, operation in DESCRIPTION.operations()]
    assert len(set(names)) == len(names)


def test_it_describes_the_route_table_and_nothing_else(stack):
    done = subprocess.run(
        [stack.build / "training-api", "--routes"], capture_output=True, text=True, check=True
    )
    table = set()
    for line in done.stdout.splitlines():
        method, pattern, scope = line.split()
        table.add((method, re.sub(r":(\w+)", r"{\1}", pattern), scope))
    described = {
        (method, path, operation["x-scope"])
        for method, path, operation in DESCRIPTION.operations()
        if path not in OF_OTHERS
    }
    assert described - table == set(), "described, but not served"
    assert table - described == set(), "served, but not described"


def test_what_has_a_scope_may_be_refused():
    for method, path, operation in DESCRIPTION.operations():
        needs_key = operation.get("security") != []
        assert ("401" in operation["responses"]) == needs_key, f"{method} {path}"
        if operation.get("x-scope", "-") != "-":
            assert needs_key and "403" in operation["responses"], f"{method} {path}"


def test_it_names_every_error_code_and_no_other():
    rows = (ROOT / "include/base/api_error.h").read_text()
    pages = (ROOT / "nginx/errors.conf").read_text()
    codes = set(re.findall(r'X\(\w+,\s+\d+, "(\w+)"', rows))
    codes |= set(re.findall(r"set \$training_code (\w+);", pages))
    assert set(DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]) == codes


def examples():
    """(where, schema, example) of every body."""
    for method, path, operation in DESCRIPTION.operations():
        bodies = {"body": operation.get("requestBody", {})}
        bodies |= {s: DESCRIPTION.resolve(r) for s, r in operation["responses"].items()}
        for where, body in bodies.items():
            for media in body.get("content", {}).values():
                if "example" in media:
                    yield pytest.param(
                        media["schema"], media["example"], id=f"{method} {path} {where}"
                    )


@pytest.mark.parametrize(("schema", "example"), examples())
def test_examples_keep_to_their_schemas(schema, example):
    DESCRIPTION.validator_of(json.dumps(schema)).validate(example)


# ---- served


def test_it_is_served_as_it_is(client):
    answer = client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == FILE.read_bytes()
    etag = {"If-None-Match": answer.headers["ETag"]}
    again = client.get("/openapi.json", headers=etag)
    assert (again.status_code, again.content) == (304, b"")
    head = client.request("HEAD", "/openapi.json")
    assert (head.status_code, head.content) == (200, b"")
    packed = client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.content == FILE.read_bytes()
    refused = client.post("/openapi.json", {})
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET, HEAD"


# ---- the judge

RUN = {
    "run_id": "r1",
    **dict.fromkeys(("config", "strategy_id", "strategy_label", "episodes_total", "completed_at")),
    **dict.fromkeys(("avg_roi_pct", "avg_sharpe")),
    **dict.fromkeys(("started_at", "last_reported_at"), "2026-03-19T10:00:00.000Z"),
    **{"status": "running", "agent_id": "a", "algorithm": "b", "stale": False},
    **{"episodes_completed": 0, "total_episodes": 0},
}
PROBLEM = {
    **{"type": "about:blank", "title": "Not Found", "status": 404},
    **{"detail": "No.", "request_id": "r"},
    "code": "run_not_found",
    "error": {"code": "run_not_found", "message": "No.", "details": []},
}
JSON = {"Content-Type": "application/json", "X-Request-Id": "r"}
ERROR = {"Content-Type": "application/problem+json", "X-Request-Id": "r"}


def judge(status, body, headers=None, method="GET", path=RUNS):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = headers or (JSON if status < 400 else ERROR)
    return DESCRIPTION.fault(method, path, status, headers, content)


def changed(value, **members):
    return {**copy.deepcopy(value), **members}


@pytest.mark.parametrize(
    "good",
    [
        (200, []),
        (200, [RUN]),
        (200, [changed(RUN, config={"a": [1, None]})]),
        (200, RUN, None, "POST", f"{RUNS}/r1/complete"),
        (200, b"", JSON, "HEAD", RUNS),
        (304, b"", JSON),
        (404, PROBLEM, None, "GET", f"{RUNS}/r1"),
        (404, PROBLEM, None, "GET", "/nowhere"),
        (405, PROBLEM, None, "PATCH", RUNS),
        (502, PROBLEM),
        (204, b"", {}, "OPTIONS", RUNS),
        (200, [RUN], None, "GET", RUNS + "/"),
    ],
)
def test_what_is_described_passes(good):
    assert judge(*good) is None


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ((200, [changed(RUN, surprise=1)]), "surprise"),
        ((200, [{k: v for k, v in RUN.items() if k != "stale"}]), "stale"),
        ((200, [changed(RUN, status="paused")]), "paused"),
        ((200, [changed(RUN, started_at="2026-03-19T10:00:00Z")]), "started_at"),
        ((200, [changed(RUN, avg_roi_pct="1.5")]), "avg_roi_pct"),
        ((200, RUN), "at /"),
        ((200, b'{"a"'), "no JSON"),
        ((202, [RUN]), "no route is described that answers 202"),
        ((418, PROBLEM), "418"),
        ((200, [], {**JSON, "Content-Type": "text/html"}), "text/html"),
        ((200, [], {"Content-Type": "application/json"}), "X-Request-Id"),
        ((200, b"x", JSON, "HEAD"), "HEAD"),
        ((304, b"x"), "none is described"),
        ((401, changed(PROBLEM, stack=["at main.c:12"])), "stack"),
        ((401, changed(PROBLEM, code="made_up")), "made_up"),
        ((404, PROBLEM, JSON, "GET", "/nowhere"), "type"),
        ((200, {}, None, "GET", "/nowhere"), "no route is described"),
        ((200, {}, None, "DELETE", RUNS), "no route is described"),
    ],
)
def test_what_is_not_described_is_found(bad, says):
    assert says in judge(*bad)


def test_the_middle_of_a_long_list_is_skipped_and_its_ends_are_not():
    path = f"{DOCUMENTS}/agents/list"
    agents = ["a"] * 10000
    for wrong, place in ((0, "/0"), (5000, None), (10000, "/199")):
        body = {"agent_ids": [*agents[:wrong], 1, *agents[wrong:]]}
        fault = judge(200, body, None, "GET", path)
        assert (fault is None) if place is None else f"agent_ids{place}:" in fault


def test_every_answer_of_a_client_is_judged(client, monkeypatch):
    looked = []
    monkeypatch.setattr("support.check", lambda response: looked.append(response) or response)
    client.get(RUNS)
    client.post(RUNS, {})
    wait_until(lambda: len(looked) == 2, 30, "two answers judged")
