"""schema/socketio describes the events that the gateway sends, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import event_judge

ROOT = Path(__file__).resolve().parents[2]
LIVE = ROOT / "app" / "live"
NAME = re.compile(r'^#define (LIVE_NAME_\w+) "(\w+)"$', re.M)
SENT = re.compile(r'^    \{"(\w+)", \w+\},$', re.M)
SEQ = 1 << 40


def code() -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(LIVE.glob("*.[ch]"))}


def named_in_code() -> dict[str, str]:
    """The constants of live_name.h and what is sent under them."""
    return dict(NAME.findall((LIVE / "live_name.h").read_text()))


def test_each_event_that_is_sent_has_its_file_and_no_other_has() -> None:
    assert set(named_in_code().values()) == event_judge.names()


def test_the_code_sends_every_name_and_writes_none_out() -> None:
    named = named_in_code()
    texts = {file: text for file, text in code().items() if file != "live_name.h"}
    for constant, name in named.items():
        assert any(re.search(rf"\b{constant}\b", text) for text in texts.values()), constant
        literal = re.compile(rf'^(?!.*json_out_).*"{name}\\?"', re.M)  # a member may have the name
        written = [file for file, text in texts.items() if literal.search(text)]
        assert written == [], f"{name} is written out"
    for file, text in texts.items():
        made = re.findall(r"\b(?:socketio_event|live_event_new)\((.{0,60})", text)
        assert not [call for call in made if re.search(r'"\w+\\?"', call)], f"{file}: {made}"
        assert not re.search(r'"42\[\\"\w', text), f"{file} sends an event that has no name"


def test_the_events_that_clients_send_have_their_files_too() -> None:
    taken = set(SENT.findall((LIVE / "live_session.c").read_text()))
    assert taken == event_judge.names(event_judge.FOLDER / "client")


def test_the_readme_tells_of_each() -> None:
    text = (event_judge.FOLDER / "README.md").read_text()
    assert [name for name in sorted(event_judge.names()) if f"`{name}`" not in text] == []


def test_each_is_a_json_schema_named_after_its_event() -> None:
    for file in sorted(event_judge.FOLDER.rglob("*.json")):
        schema = json.loads(file.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"] == file.stem and schema["description"]
        event_judge.validator(file.stem, file.parent)


PROGRESS = {
    "episode": 450, "total_episodes": 1000, "avg_reward": 168.5, "avg_duration": 118.2,
    "avg_cash": 5234.67, "avg_invested": 12500.0, "stability": 0.985, "goal_adherence": 0.0234,
    "elapsed_time": 323.45,
}  # fmt: skip
EPISODE = {"episode": 1, "session_id": None, "created_at": "2026-03-19T10:00:00.000Z", "steps": 3}


@pytest.mark.parametrize(
    ("name", "payload"),
    [  # as the documents print them; a time here ends in Z
        ("connection_established", {"message": "Connected to training updates", "sid": "A" * 24}),
        ("training_started", {"scenario_name": "bologna_coppia", "num_episodes": 1000,
                              "start_time": "2025-11-06T10:30:00Z"}),
        ("training_progress", PROGRESS),
        ("training_completed", {"scenario_name": "bologna_coppia", "episodes_completed": 1000,
                                "final_metrics": {"avg_reward": 175.3, "avg_duration": 120.5,
                                                  "stability": 0.992}}),
        ("training_stopped", {"scenario_name": "bologna_coppia", "episodes_completed": 450}),
        ("training_error", {"message": "Training failed", "details": "Error details here"}),
        ("episodes", {"run_id": "a", "seq": SEQ, "episodes": [EPISODE]}),
        ("reset", {"run_id": None, "seq": SEQ}),
    ],
)  # fmt: skip
def test_an_event_as_it_should_be_passes_and_one_that_lacks_a_member_does_not(
    name: str, payload: dict[str, Any]
) -> None:
    assert event_judge.fault(name, payload) is None
    for member in payload:
        poorer = {key: value for key, value in payload.items() if key != member}
        assert event_judge.fault(name, poorer), f"{name} without {member}"
        assert event_judge.fault(name, payload | {member: []}), f"{name} with another {member}"
    assert event_judge.fault(name, payload | {"more": 1}), "a member that is not described"


def test_an_event_that_is_not_described_is_a_fault() -> None:
    assert event_judge.fault("training_paused", {})
    assert event_judge.fault("episodes", {"run_id": "a", "seq": SEQ, "episodes": []})
    assert event_judge.fault(
        "episodes", {"run_id": "a", "seq": SEQ, "episodes": [EPISODE | {"steps": "three"}]}
    )
