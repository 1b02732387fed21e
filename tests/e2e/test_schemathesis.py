"""
Schemathesis makes requests from schema/http/openapi.json, right and wrong ones, and finds answers
that it does not describe. The same requests each time; a longer search, against a running stack:

    build/venv/bin/schemathesis run schema/http/openapi.json -u http://127.0.0.1:8000 --max-time 600
"""

import subprocess
import sys
from pathlib import Path

from description import FILE
from support import Client

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
LIMIT_S = 1200


def test_no_request_is_answered_otherwise_than_described(stack, make_key, tmp_path):
    key = make_key("schemathesis", "read,write,admin")
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", FILE, "--url", stack.url),
            *("--header", f"X-API-Key: {key}", "--seed", "1", "--max-examples", "40"),
            *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
            *("--no-shrink", "--continue-on-failure", "--request-timeout", "60"),
            *("--exclude-path", "/api/training-runs/{run_id}/events"),  # it does not end
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    Client(stack.url, key, timeout=60).post("/api/training/stop")  # should it have left one
    assert done.returncode == 0, done.stdout[-6000:]
