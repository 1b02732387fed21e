"""README.md's map from the contract to the tests: every test that it names exists."""

import re
from pathlib import Path

HERE = Path(__file__).parent
NAMED = re.compile(r"`(?P<file>(?:\.\./)?[\w/]+\.py)(?:::(?P<test>\w+))?`")


def test_every_test_that_the_map_names_exists():
    named = list(NAMED.finditer((HERE / "README.md").read_text()))
    assert len(named) > 50
    wrong = []
    for match in named:
        file = HERE / match["file"]
        text = file.read_text() if file.exists() else ""
        if not text or (match["test"] and f"def {match['test']}(" not in text):
            wrong.append(match[0])
    assert wrong == []


def test_every_file_of_tests_is_in_the_map():
    text = (HERE / "README.md").read_text()
    assert [f.name for f in sorted(HERE.glob("test_*.py")) if f.name not in text] == []
