"""
ETag, If-None-Match and 304 on reads (contract section 5, HTTP): who has the answer hears 304, which
costs one indexed read; every change of an answer changes its tag. And gzip, both ways.
"""

import gzip
import json
import time
import uuid
import zlib
from pathlib import Path

import pytest

from lone_api import children_of
from support import (
    DOCUMENTS,
    RUNS,
    V1,
    Client,
    new_id,
    ok,
    problem,
    raw_request,
    send_raw,
    wait_until,
)

MIB = 1024 * 1024
RUN_READS = [
    RUNS + "/{id}",
    RUNS + "/{id}/learning-curve",
    RUNS + "/{id}/learning-curve?metric=win&window=3&max_points=10",
    DOCUMENTS + "/{id}",
    DOCUMENTS + "/{id}?metrics=none",
    V1 + "/compare?run_ids={id},nobody",
]
LISTS = [
    RUNS,
    RUNS + "?limit=1",
    DOCUMENTS,
    DOCUMENTS + "?metrics=none",
    DOCUMENTS + "/agents/list",
    "/api/keys",
]


@pytest.fixture
def owner(stack, make_key):
    """A client with all scopes, of an account of its own."""
    return Client(stack.url, make_key(f"tags-{uuid.uuid4().hex[:8]}", "read,write,admin"))


@pytest.fixture
def run(owner):
    run_id = owner.create(config={"a": 1}, agent_id="first")
    owner.report_all(run_id, {n: {"roi_pct": n / 3, "win": n % 2} for n in range(1, 30)})
    return run_id


def tag_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "private, no-cache"
    return answer.headers["ETag"]


def conditional(client, path, tag, method="GET"):
    return client.request(method, path, headers={"If-None-Match": tag})


def not_modified(answer, tag):
    assert answer.status_code == 304, f"{answer.status_code}: {answer.text[:300]}"
    assert answer.content == b""
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("path", RUN_READS + LISTS)
def test_who_has_the_answer_hears_304(owner, run, path):
    path = path.format(id=run)
    tag = tag_of(owner, path)
    assert tag.startswith('W/"')
    strong = tag.removeprefix("W/")
    for named in (tag, strong, "*", f'"x", {tag}', f'W/"x",{strong} , "y"', f'{tag},"z"'):
        not_modified(conditional(owner, path, named), tag)
    not_modified(conditional(owner, path, tag, "HEAD"), tag)
    for other in ('"x"', 'W/""', tag[:-2] + '"', tag[2:].strip('"'), "W/", '"', "x" + tag):
        answer = conditional(owner, path, other)
        assert answer.status_code == 200 and answer.headers["ETag"] == tag, other


@pytest.mark.parametrize("path", RUN_READS)
def test_every_change_of_a_run_changes_its_tags(owner, run, path):
    path = path.format(id=run)
    seen = [tag_of(owner, path)]

    def changed(what):
        tag = tag_of(owner, path)
        assert tag not in seen, what
        assert conditional(owner, path, seen[-1]).status_code == 200
        seen.append(tag)

    owner.report(run, 30, roi_pct=1)
    changed("one report")
    owner.report(run, 30, roi_pct=2)
    changed("its replacement")
    owner.report(run, 3, roi_pct=2)
    changed("an older one's replacement")
    owner.report_all(run, {n: {"roi_pct": n} for n in range(31, 140)})
    changed("a batch")
    for n in range(200, 270):  # the header's tail fills and is emptied
        owner.report(run, n, roi_pct=n)
        changed(f"report {n}")
    owner.patch(f"{DOCUMENTS}/{run}", {"notes": "n"})
    changed("notes")
    owner.post(f"{DOCUMENTS}/{run}/checkpoints", {"episode": 1, "path": "p"})
    changed("a checkpoint")
    owner.complete(run)
    changed("the end")
    assert tag_of(owner, path) == seen[-1]


def test_the_tag_is_the_questions_own(owner, run):
    """Another path, another query, another run: another tag."""
    paths = [path.format(id=run) for path in RUN_READS]
    paths += [path.format(id=owner.create()) for path in RUN_READS]
    paths += [f"{RUNS}/{run}/learning-curve?window={w}" for w in (1, 2)]
    tags = [tag_of(owner, path) for path in paths]
    assert len(set(tags)) == len(tags)


def test_a_run_of_the_same_id_made_anew_has_another_tag(owner, db):
    run_id = owner.create()
    tag = tag_of(owner, f"{RUNS}/{run_id}")
    db.runs.delete_one({"run_id": run_id})
    owner.create(run_id)
    assert conditional(owner, f"{RUNS}/{run_id}", tag).status_code == 200


def test_a_tag_is_no_answer_to_another_account(owner, run, stack, make_key):
    stranger = Client(stack.url, make_key(f"tags-{uuid.uuid4().hex[:8]}"))
    for tag in (tag_of(owner, f"{RUNS}/{run}"), "*"):
        problem(conditional(stranger, f"{RUNS}/{run}", tag), 404, "run_not_found")
    problem(conditional(Client(stack.url, "ak_x"), f"{RUNS}/{run}", "*"), 401, "key_wrong")
    answer = owner.request("GET", f"{RUNS}/{run}/learning-curve?window=0",
                           headers={"If-None-Match": "*"})  # fmt: skip
    problem(answer, 422)


def test_the_tag_turns_when_the_run_turns_stale(another_api, make_key):
    ask = another_api(TRAINING_STALE_AFTER_S="2")
    key = make_key(f"stale-{uuid.uuid4().hex[:8]}")
    run_id = new_id()
    ok(ask("POST", RUNS, {"run_id": run_id}, key), 201)
    fresh = ask("GET", f"{RUNS}/{run_id}", None, key)
    assert ok(fresh, 200)["stale"] is False

    def read_stale():
        answer = ask("GET", f"{RUNS}/{run_id}", None, key)
        return ok(answer, 200)["stale"] and answer

    stale = wait_until(read_stale, 30, "it is stale")
    assert stale.headers["ETag"] != fresh.headers["ETag"]


@pytest.mark.parametrize("path", LISTS)
def test_every_change_of_a_list_changes_its_tag(owner, run, path):
    tag = tag_of(owner, path)
    if path == "/api/keys":
        owner.write(path, {}, 201)
    else:
        owner.create(agent_id="second")
    assert conditional(owner, path, tag).status_code == 200
    assert tag_of(owner, path) != tag


def test_a_long_list_is_tagged_too(owner):
    """Longer than the reply's buffer of 64 KiB: the text waits in a spool, and is hashed there."""
    for _ in range(12):
        owner.create(config={"x": "y" * 20000})
    answer = owner.get(DOCUMENTS)
    assert len(answer.content) > 200000
    not_modified(conditional(owner, DOCUMENTS, answer.headers["ETag"]), answer.headers["ETag"])
    owner.create()
    assert conditional(owner, DOCUMENTS, answer.headers["ETag"]).status_code == 200


def test_errors_and_writes_have_no_tag(owner, run):
    assert "ETag" not in owner.get(f"{RUNS}/nobody").headers
    assert "ETag" not in owner.post(RUNS, {"run_id": run}).headers
    for path in ("/healthz", "/readyz", "/api/session"):
        answer = conditional(owner, path, "*")
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", RUN_READS[:4])
def test_a_304_costs_one_indexed_read(owner, run, stack, db, path):
    """What the database was asked, from its own profiler; every worker knows the key already."""
    path = path.format(id=run)
    tag = tag_of(owner, path)
    for _ in range(40):
        not_modified(conditional(owner, path, tag), tag)
    db.command("profile", 0)
    db.system.profile.drop()
    db.command("profile", 2)
    start = time.monotonic()
    try:
        for _ in range(20):
            not_modified(conditional(owner, path, tag), tag)
    finally:
        db.command("profile", 0)
    took = time.monotonic() - start
    names = (run, str(db.runs.find_one({"run_id": run})["_id"]))

    def is_idle_work(op):
        """A supervisor and idle workers look for work, whatever is asked of the API."""
        about = op["ns"].rsplit(".", 1)[1]
        if about in ("runs", "episodes"):  # other runs are packed and purged
            return not any(name in str(op.get("command")) for name in names)
        return about in ("jobs", "supervisors", "purges", "blocks")

    asked = db.system.profile.find({"appName": "training"})
    asked = [op for op in asked if not is_idle_work(op)]
    keys = [op for op in asked if op["ns"].endswith(".api_keys")]
    reads = [op for op in asked if op not in keys]
    assert len(keys) <= 4 * (1 + took // 2), "a worker asks for a key once in 2 s"
    assert [op["ns"].rsplit(".", 1)[1] for op in reads] == ["runs"] * 20
    for op in reads:
        assert op["op"] == "query" and op["planSummary"].startswith("IXSCAN")
        assert op["docsExamined"] == op["keysExamined"] == op["nreturned"] == 1


# ---- gzip, out --------------------------------------------------------------------------------


def zipped(client, path, coding="gzip", **headers):
    headers = [("X-API-Key", client.key), ("Accept-Encoding", coding), *headers.items()]
    return send_raw(client.url, raw_request("GET", path, headers))


@pytest.mark.parametrize("path", [RUNS + "/{id}", DOCUMENTS + "/{id}", DOCUMENTS])
def test_answers_are_compressed_for_who_wants_it(owner, run, path):
    path = path.format(id=run)
    plain = owner.request("GET", path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers and len(plain.content) > 1024
    answer = zipped(owner, path)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == plain.content
    assert len(answer.content) < len(plain.content) / 2
    assert answer.headers["ETag"] == plain.headers["ETag"]
    tag = answer.headers["ETag"]
    again = zipped(owner, path, **{"If-None-Match": tag})
    assert again.status_code == 304 and again.content == b"" and again.headers["ETag"] == tag


def test_small_answers_are_not_compressed(owner):
    answer = zipped(owner, "/healthz")
    assert answer.status_code == 200 and "Content-Encoding" not in answer.headers


def test_vary_names_what_the_answer_depends_on(owner, run):
    data = raw_request("GET", f"{RUNS}/{run}", [("X-API-Key", owner.key)])
    answer = owner.get(f"{RUNS}/{run}")
    named = {v.strip().lower() for v in answer.headers["Vary"].split(",")}
    assert named >= {"accept-encoding", "x-api-key", "cookie"}, data


# ---- gzip, in ---------------------------------------------------------------------------------


def send_zipped(client, path, raw, method="POST", **headers):
    return client.request(method, path, raw=raw, headers={"Content-Encoding": "gzip", **headers})


def pack(value):
    return gzip.compress(value if isinstance(value, bytes) else json.dumps(value).encode())


def padded(value, size):
    """The JSON of value with white space behind it, size bytes long."""
    text = json.dumps(value).encode()
    return text + b" " * (size - len(text))


def test_compressed_bodies_are_taken(owner):
    run_id = new_id()
    ok(send_zipped(owner, RUNS, pack({"run_id": run_id, "config": {"é": 1}})), 201)
    batch = {"episodes": [{"episode": n, "total_reward": n / 7} for n in range(1, 1001)]}
    receipt = ok(send_zipped(owner, f"{DOCUMENTS}/{run_id}/episodes", pack(batch)), 200)
    assert receipt["inserted"] == 1000
    ok(send_zipped(owner, f"{DOCUMENTS}/{run_id}", pack({"notes": "n"}), "PATCH"), 200)
    told = owner.document(run_id)
    assert told["config"] == {"é": 1} and told["notes"] == "n"
    rewards = [e["total_reward"] for e in told["metrics"]["episodes"]]
    assert rewards == [n / 7 for n in range(1, 1001)]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_the_codings_names_for_gzip(owner, coding):
    body = pack({"run_id": new_id()})
    ok(owner.post(RUNS, raw=body, headers={"Content-Encoding": coding}), 201)


def test_identity_is_no_coding(owner):
    ok(owner.post(RUNS, {"run_id": new_id()}, headers={"Content-Encoding": "identity"}), 201)


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "gzip;q=1", "x"])
def test_another_coding_is_415_and_hears_which_is_taken(owner, coding):
    answer = owner.post(RUNS, {"run_id": new_id()}, headers={"Content-Encoding": coding})
    problem(answer, 415, "unsupported_content_encoding")
    assert answer.headers["Accept-Encoding"] == "gzip"


def test_several_members_are_one_body(owner):
    text = json.dumps({"run_id": new_id()}).encode()
    ok(send_zipped(owner, RUNS, pack(text[:5]) + pack(b"") + pack(text[5:])), 201)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda z: z[:-1],
        lambda z: z[: len(z) // 2],
        lambda z: z[:3],
        lambda z: z + b"x",
        lambda z: z + b"\0" * 100,
        lambda z: z[:-5] + bytes([z[-5] ^ 1]) + z[-4:],
        lambda z: z[:-1] + bytes([z[-1] ^ 1]),
        lambda z: b"\x1f\x8b" + b"\xff" * 40,
        lambda z: gzip.decompress(z),
        lambda z: zlib.compress(gzip.decompress(z)),
    ],
)
def test_what_gzip_does_not_make_is_400(owner, spoil):
    run_id = new_id()
    answer = send_zipped(owner, RUNS, spoil(pack({"run_id": run_id})))
    problem(answer, 400, "body_not_gzip")
    problem(owner.get(f"{RUNS}/{run_id}"), 404)


def test_nothing_is_no_body(owner):
    problem(send_zipped(owner, RUNS, b""), 400, "body_missing")
    problem(send_zipped(owner, RUNS, pack(b"")), 400, "body_missing")
    problem(send_zipped(owner, RUNS, pack(b"{nope")), 400, "body_not_json")


def test_the_limit_is_of_the_inflated_body(owner, run):
    """1 MiB and 8 MiB, at and above; a bomb of 1 GiB in 1 MiB is refused as quickly."""
    for path, limit, value in (
        (RUNS, MIB, {"run_id": new_id()}),
        (f"{DOCUMENTS}/{run}/episodes", 8 * MIB, {"episodes": [{"episode": 1}]}),
    ):
        answer = send_zipped(owner, path, pack(padded(value, limit)))
        assert answer.status_code in (200, 201), answer.text
        problem(send_zipped(owner, path, pack(padded(value, limit + 1))), 413, "body_too_large")
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b" " * (16 * MIB)
    data = b"".join(bomb.compress(zeros) for _ in range(64)) + bomb.flush()
    took = []
    for _ in range(3):
        start = time.monotonic()
        problem(send_zipped(owner, RUNS, data), 413, "body_too_large")
        took.append(time.monotonic() - start)
    assert min(took) < 2, took


def test_a_bomb_costs_a_worker_no_memory(another_api, owner, stack):
    """Each worker's largest memory so far, while bombs of 512 MiB go off at them."""
    if b"__asan_init" in (stack.build / "training-api").read_bytes():
        pytest.skip("AddressSanitizer keeps what is freed: its figures say nothing")
    bomb = gzip.compress(b" " * (512 * MIB), 9)
    for _ in range(12):
        problem(send_zipped(owner, RUNS, bomb), 413, "body_too_large")
    for pid in children_of(stack.pid("api")):
        with Path(f"/proc/{pid}/status").open(encoding="ascii") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        assert peak < 300 * 1024, f"{peak} KiB"


def test_415_for_the_type_comes_before_what_is_wrong_in_the_bytes(owner):
    answer = send_zipped(owner, RUNS, b"x", **{"Content-Type": "text/plain"})
    problem(answer, 415, "unsupported_media_type")
    large = pack(b" " * (2 * MIB))
    answer = send_zipped(owner, RUNS, large, **{"Content-Type": "text/plain"})
    problem(answer, 413, "body_too_large")
