"""
The description of the API (schema/http/openapi.json) as a judge: says what is wrong with an answer.
Used by support.py for every answer of every test, and by test_description.py.
"""

import functools
import json
import posixpath
import re
import urllib.parse
from pathlib import Path

import jsonschema_rs

FILE = Path(__file__).resolve().parents[2] / "schema" / "http" / "openapi.json"

# What nginx refuses by itself, whatever the path, and what a path without the method is told.
ANYWHERE = {400, 404, 405, 408, 413, 414, 421, 431, 501, 502, 504, 505}
PAGES = ("/docs", "/training")  # for people, and so not described
LONG = 200  # of a longer list the ends are looked at


class Description:
    """One openapi.json."""

    def __init__(self, document):
        self.document = document
        self.paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in document["paths"]
        ]
        self.validator_of = functools.cache(self.make_validator)
        self.find = functools.lru_cache(4096)(self.look_up)

    @classmethod
    def read(cls, file=FILE):
        return cls(json.loads(file.read_text()))

    def operations(self):
        """(method, path, operation) of each."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    yield method.upper(), path, operation

    def resolve(self, node):
        while "$ref" in node:
            name = node["$ref"]
            node = self.document
            for part in name.removeprefix("#/").split("/"):
                node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def validator(self, name):
        """For a schema of components."""
        return self.validator_of(json.dumps({"$ref": f"#/components/schemas/{name}"}))

    def make_validator(self, schema):
        """For a schema, given as JSON text; validator_of makes it once."""
        root = json.loads(schema) | {"components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(root)

    def look_up(self, path, method):
        """
        The path of the description that a request means, or None: one that has the method comes
        before one that has not, and a name before a {…}, as the server's table has them. find
        remembers the answers.
        """
        for form in (path, posixpath.normpath(urllib.parse.unquote(path))):
            form = form.rstrip("/") or "/"
            found = [name for pattern, name in self.paths if pattern.fullmatch(form)]
            if found:
                items = self.document["paths"]
                return min(found, key=lambda name: (method not in items[name], name.count("{")))
        return None

    def fault(self, method, path, status, headers, content):
        """What is wrong with an answer, as a sentence, or None. headers: of any case."""
        headers = {name.lower(): value for name, value in headers.items()}
        media = headers.get("content-type", "").split(";")[0].strip().lower()
        verb = "get" if method == "HEAD" else method.lower()
        operation = self.document["paths"].get(self.find(path, verb), {}).get(verb)
        if method == "OPTIONS" and operation is None and status in (200, 204):
            return None  # a preflight is answered by what CORS says, not by a route
        if operation is None or str(status) not in operation["responses"]:
            return self.fault_elsewhere(path, operation, status, media, method, content)
        return self.fault_of(
            self.resolve(operation["responses"][str(status)]), media, headers, method, content
        )

    def fault_elsewhere(self, path, operation, status, media, method, content):
        if operation is None and path.startswith(PAGES):
            return None
        if status not in ANYWHERE and (operation is not None or status < 400):
            return f"no route is described that answers {status}"
        if media != "application/problem+json":
            return f"an error of the type {media!r}"
        if method == "HEAD":
            return None
        return self.body_fault({"$ref": "#/components/schemas/Problem"}, content)

    def fault_of(self, response, media, headers, method, content):
        for header, row in response.get("headers", {}).items():
            if self.resolve(row).get("required") and header.lower() not in headers:
                return f"has no {header}"
        kinds = response.get("content", {})
        if not kinds:
            return f"has a body of {len(content)} bytes, none is described" if content else None
        if media not in kinds:
            return f"is {media!r}, described is {', '.join(kinds)}"
        if method == "HEAD":
            return "has a body, though it was asked by HEAD" if content else None
        if media != "application/json" and not media.endswith("+json"):
            return None
        return self.body_fault(kinds[media]["schema"], content)

    def body_fault(self, schema, content):
        try:
            body = json.loads(content)
        except ValueError as error:
            return f"is no JSON: {error}"
        validator = self.validator_of(json.dumps(schema))
        error = next(validator.iter_errors(shortened(body)), None)
        if error is None:
            return None
        where = "/".join(str(step) for step in error.instance_path)
        return f"at /{where}: {error.message[:300]}"


def shortened(value):
    """A value whose long lists have lost their middle: checking them whole would take too long."""
    if isinstance(value, list):
        if len(value) > LONG:
            value = value[: LONG // 2] + value[-LONG // 2 :]
        return [shortened(item) for item in value]
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return value


@functools.cache
def the_description():
    return Description.read()


def check(response):
    """Fail when an answer (of requests) is not as described."""
    request = response.request
    path = urllib.parse.urlsplit(request.path_url).path
    fault = the_description().fault(
        request.method, path, response.status_code, response.headers, response.content
    )
    assert fault is None, (
        f"{request.method} {path} -> {response.status_code} is not as schema/http/openapi.json "
        f"describes it: {fault}\n{response.text[:600]}"
    )
    return response
