"""
The rows of app/routes/routes.c, read from its text: what is tested for every route is tested for a
new one from the day it is added. Used by test_routes.py and test_caching.py.
"""

import re
from typing import NamedTuple

from stack import ROOT

ROW = re.compile(
    r"^\s*\{HTTP_(?P<method>[A-Z]+),\s*(?P<pattern>[^,]+),\s*SCOPE_(?P<scope>[A-Z]+),"
    r"\s*HTTP_BODY_(?P<body>[A-Z]+),",
    re.M,
)
PREFIX = re.compile(r'^#define (\w+) "([^"]*)"', re.M)


class Row(NamedTuple):
    method: str
    pattern: str  # "/api/training-runs/:run_id"
    scope: str  # READ, WRITE, ADMIN or NONE
    body: str  # JSON or IGNORED

    @property
    def name(self):
        return f"{self.method} {self.pattern}"

    def path(self, **params):
        """The pattern with its ":name" segments filled in; "x" where none is given."""
        return re.sub(r":(\w+)", lambda m: params.get(m.group(1), "x"), self.pattern)


def read_rows():
    text = (ROOT / "app" / "routes" / "routes.c").read_text()
    prefixes = dict(PREFIX.findall(text))
    rows = []
    for row in ROW.finditer(text):
        parts = re.findall(r'(\w+)|"([^"]*)"', row["pattern"])
        pattern = "".join(prefixes[word] if word else literal for word, literal in parts)
        rows.append(Row(row["method"], pattern, row["scope"], row["body"]))
    assert len(rows) == text.count("{HTTP_"), "a row of routes.c is not read"
    return rows


ROWS = read_rows()
PATTERNS = sorted({row.pattern for row in ROWS})


def methods_of(pattern):
    """What Allow names for a path: of all rows that it matches, those with a ":name" among them."""
    path = next(row for row in ROWS if row.pattern == pattern).path()
    found = {
        row.method for row in ROWS if re.fullmatch(re.sub(r":\w+", "[^/]+", row.pattern), path)
    }
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())
