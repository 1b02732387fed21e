"""
The description of the gateway's events (schema/socketio) as a judge: says what is wrong with one.
Used by all clients of the gateway in the tests, for everything that they hear.
"""

import copy
import functools
import json
from pathlib import Path

import jsonschema_rs

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "socketio"

# What clients tell of themselves beside the gateway's events: the libraries' own, and a test's.
OWN = {
    *("connect", "disconnect", "connect_error", "upgrade", "ack", "open", "error", "comment"),
    "refusal",
}

taken = []  # what was heard since the last judgement(): clients lose no time with it


def names(folder=FOLDER):
    """Of all events that are described."""
    return {file.stem for file in folder.glob("*.json")}


@functools.cache
def validator(name, folder=FOLDER):
    file = folder / f"{name}.json"
    return jsonschema_rs.Draft202012Validator(
        json.loads(file.read_text()), base_uri=file.as_uri()
    )


def fault(name, payload):
    """What is wrong with an event, as a sentence, or None."""
    if name not in names():
        return f"{name}: there is no such event"
    error = next(validator(name).iter_errors(payload), None)
    if error is None:
        return None
    where = "/".join(str(step) for step in error.instance_path)
    return f"{name} at /{where}: {error.message[:300]}"


def take(name, payload):
    """An event that a client heard; what is wrong with it is told by judgement()."""
    if name not in OWN:
        taken.append((name, copy.deepcopy(payload)))


def judgement():
    """Fail when anything that was heard since the last time is not as described."""
    events = list(taken)
    taken.clear()
    found = [sentence for event in events if (sentence := fault(*event))]
    assert not found, "not as schema/socketio describes it:\n" + "\n".join(found[:20])
