"""
What was committed, read from MongoDB's own log (local.oplog.rs) after the fact: the independent
record that the event gateway's stream is compared with. Used by test_watch.py.
"""

from bson import ObjectId, Timestamp


def seq_of(timestamp):
    """An event's seq, as the contract's clients see it."""
    return timestamp.time * 2**22 + timestamp.inc


def operations(entry):
    """An entry's operations: itself, or those of its transaction."""
    if entry["op"] == "c" and "applyOps" in entry["o"]:
        return entry["o"]["applyOps"], True
    return [entry], False


def told_by_tail(diff, in_transaction):
    """Numbers that an update of a header stores in its tail."""
    whole = diff.get("u", {}).get("tail", diff.get("i", {}).get("tail"))
    if whole is not None:
        new = [e for e in whole if e.get("new")] if in_transaction else whole[-1:]
        return [e["n"] for e in new]
    pushed = diff.get("stail", {})
    return [value["n"] for name, value in pushed.items() if name[0] == "u" and name != "u"]


def told_by(op, run, in_transaction):
    """Numbers that one operation stores for the first time."""
    if op["ns"].endswith(".episodes") and op["op"] in "iu":
        key = op["o"]["_id"]
        return [key["n"]] if key["run"] == run and not op["o"].get("waited") else []
    if op["ns"].endswith(".runs") and op["op"] == "u" and op["o2"]["_id"] == run:
        return told_by_tail(op["o"].get("diff", {}), in_transaction)
    return []


def since_it_was_made(run):
    """The log's part that can speak of a run: what is before it may be long."""
    made = int(ObjectId(run).generation_time.timestamp()) - 2
    return {"ts": {"$gte": Timestamp(made, 0)}}


def reports_of(mongo, run):
    """Every report of a run as (seq, number), in the order of the commits."""
    run = ObjectId(run)
    found, pending = [], {}
    for entry in mongo.local["oplog.rs"].find(since_it_was_made(run)).sort("$natural", 1):
        parts, in_transaction = operations(entry)
        numbers = [n for op in parts if op["op"] in "iu" for n in told_by(op, run, in_transaction)]
        if in_transaction and (entry["o"].get("partialTxn") or entry["o"].get("prepare")):
            pending.setdefault(entry["txnNumber"], []).extend(numbers)
            continue
        if in_transaction:
            numbers = pending.pop(entry.get("txnNumber"), []) + numbers
        found += [(seq_of(entry["ts"]), n) for n in numbers]
    return found


def walls(mongo, run):
    """seq: when (seconds since 1970) the entry was written."""
    cursor = mongo.local["oplog.rs"].find(since_it_was_made(run), {"ts": 1, "wall": 1})
    return {seq_of(entry["ts"]): entry["wall"].timestamp() for entry in cursor}
