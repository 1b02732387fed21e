"""
The page at /docs: it and all that it loads come from here, under a policy that forbids anything
else; its renderer is the file that app/setup.sh expects, and without it the page still says
something.
"""

import hashlib
import json
import re
import shutil
import subprocess

import pytest
import requests

from stack import ROOT, set_up_in
from support import Client, problem

PAGE = ROOT / "nginx" / "docs"
OUTSIDE = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.I)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def reader(stack):
    """As a browser asks: without a key."""
    return Client(stack.url)


def policy(answer):
    rows = answer.headers["Content-Security-Policy"].split(";")
    return {words[0]: words[1:] for words in (row.split() for row in rows)}


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/index.html"])
def test_the_page_is_there(reader, path):
    answer = reader.get(path)
    if path == "/docs/":
        assert answer.status_code in (200, 301)
    else:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "/openapi.json" in answer.text


def test_it_may_load_nothing_from_elsewhere(reader):
    answer = reader.get("/docs")
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    allowed = {word for words in rules.values() for word in words}
    assert allowed <= {"'none'", "'self'", "data:"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"]


def test_all_that_it_names_is_served_from_here(reader):
    text = reader.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"]+)"', text)
    files = [name for name in named if not name.startswith("data:")]
    assert len(files) >= 4
    for name in files:
        assert name.startswith("/") and not name.startswith("//"), name
        answer = reader.get(name)
        assert answer.status_code == 200 and answer.content, name
        kind = {"css": "text/css", "js": "application/javascript", "json": "application/json"}
        assert answer.headers["Content-Type"].startswith(kind[name.rsplit(".", 1)[1]]), name


def test_our_own_part_of_it_names_no_other_host():
    for file in PAGE.iterdir():
        assert not OUTSIDE.search(file.read_text()), file.name
    text = (PAGE / "index.html").read_text()
    assert "<script>" not in text and "onload=" not in text and "style=" not in text


def test_the_page_asks_no_host_whether_the_description_is_valid():
    """Swagger UI would show a picture from validator.swagger.io."""
    assert "validatorUrl: null" in (PAGE / "docs.js").read_text()


def test_what_is_not_there_is_404(reader):
    problem(reader.get("/docs/nothing.js"), 404, "route_not_found")
    answer = requests.get(f"{reader.url}/docs/..%2f..%2fetc%2fpasswd", timeout=60)
    assert answer.status_code in (400, 404)


# ---- how it comes


def install(folder, find_node):
    """install_docs of setup.sh in a repository of its own; find_node is a shell function's body."""
    for name in ("nginx/docs", "schema/http"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    return set_up_in(folder, "install_docs", find_node)


def test_without_a_network_the_page_says_so(tmp_path):
    done = install(tmp_path, "return 1")
    assert done.returncode == 0 and "going on without" in done.stdout, done.stderr
    web = tmp_path / "build" / "web"
    assert "renderer is not installed" in (web / "docs" / "index.html").read_text()
    assert (web / "openapi.json").read_bytes() == (ROOT / "schema/http/openapi.json").read_bytes()


def test_another_file_than_the_one_expected_is_refused(tmp_path):
    fake = tmp_path / "npm"
    fake.write_text('while [ "$1" != --pack-destination ]; do shift; done; echo x >"$2/x.tgz"\n')
    done = install(tmp_path, f"NODE=sh NPM={fake}")
    assert done.returncode != 0 and "SHA-512" in done.stderr
    assert not (tmp_path / "build/web/docs/swagger-ui").exists()


def test_the_renderer_is_as_it_was_unpacked(stack):
    version = re.search(r"SWAGGER_UI_VERSION=(\S+)", (ROOT / "app/setup.sh").read_text())[1]
    unpacked = ROOT / "build" / "tools" / f"swagger-ui-{version}"
    served = ROOT / "build" / "web" / "docs" / "swagger-ui"
    if not unpacked.exists():
        pytest.skip("it could not be fetched here")
    for file in unpacked.iterdir():
        copy = served / file.name
        was = hashlib.sha256(file.read_bytes()).digest()
        assert hashlib.sha256(copy.read_bytes()).digest() == was
    assert {"LICENSE", "NOTICE"} <= {file.name for file in unpacked.iterdir()}


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_draws_every_operation_and_asks_nobody_else(stack, tmp_path):
    net_log = tmp_path / "net.json"
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--disable-background-networking", "--disable-component-update"),
            *(f"--user-data-dir={tmp_path}/profile", f"--log-net-log={net_log}"),
            *("--virtual-time-budget=20000", f"{stack.url}/docs"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for operation in ("createRun", "listDocuments", "showCurve"):
        assert operation in done.stdout
    # What Chromium asks for itself has no page as its initiator.
    asked = {
        request["url"]
        for event in json.loads(net_log.read_text())["events"]
        if "url" in (request := event.get("params", {}))
        and request.get("initiator", "").startswith("http")
    }
    assert f"{stack.url}/openapi.json" in asked
    assert {url for url in asked if not url.startswith(stack.url)} == set()
