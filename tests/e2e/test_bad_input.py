"""
Bad input (contract sections 1 and 5): every limit and rule as a row of (request, status, code or
field), each a precise 4xx after which nothing was stored. Errors' shape is checked by
support.problem().
"""

import contextlib
import json
import socket
import time
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from expected import NAMED_METRICS
from strict_parser import is_strict_json, mutate
from support import (
    DOCUMENTS,
    RUNS,
    Client,
    literal_json,
    literal_member,
    new_id,
    ok,
    problem,
    raw_request,
    send_raw,
    stored,
)

MIB = 1024 * 1024

# Where JSON bodies go: each must refuse what is not JSON in the same way.
BODY_PATHS = {
    "create": ("POST", RUNS),
    "create document": ("POST", DOCUMENTS),
    "episode": ("POST", RUNS + "/{id}/episodes"),
    "batch": ("POST", RUNS + "/{id}/episodes/batch"),
    "episodes of the document": ("POST", DOCUMENTS + "/{id}/episodes"),
    "patch": ("PATCH", DOCUMENTS + "/{id}"),
    "checkpoint": ("POST", DOCUMENTS + "/{id}/checkpoints"),
}


@pytest.fixture(scope="module")
def run(module_client):
    """A run with one episode, which every refusal here must leave as it is."""
    run_id = module_client.create(config={"a": 1})
    module_client.report(run_id, 1, roi_pct=1, win=True)
    return run_id


@pytest.fixture
def refused(client, db, run):
    """refused(method, path, raw body, status, code, fields): also looks that nothing was stored."""
    before = stored(db)

    def check(method, path, raw, status, code=None, fields=(), **more):
        answer = client.request(method, path.format(id=run), raw=raw, **more)
        body = problem(answer, status, code, fields)
        assert stored(db) == before, "a refused request stored something"
        return body

    return check


# ---- 400: what is not JSON --------------------------------------------------------------------

NOT_JSON = {
    "empty": b"",
    "white space": b" \n\t",
    "a word": b"nope",
    "cut short": b'{"a":1',
    "cut in a string": b'{"a":"b',
    "after the end": b'{"a":1} x',
    "two values": b"{}{}",
    "a comma too many": b'{"a":1,}',
    "a comma too many in a list": b'{"a":[1,]}',
    "single quotes": b"{'a':1}",
    "bare name": b"{a:1}",
    "a comment": b'{"a":1 /* c */}',
    "a line comment": b'{"a":1}// c',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "minus Infinity": b'{"a":-Infinity}',
    "nan": b'{"a":nan}',
    "inf": b'{"a":inf}',
    "1e400": b'{"a":1e400}',
    "-1e400": b'{"a":-1e400}',
    "1e999999999999": b'{"a":1e999999999999}',
    "a plus sign": b'{"a":+1}',
    "a leading zero": b'{"a":01}',
    "minus zero one": b'{"a":-01}',
    "a bare point": b'{"a":.5}',
    "a point at the end": b'{"a":1.}',
    "an empty exponent": b'{"a":1e}',
    "a bare minus": b'{"a":-}',
    "hexadecimal": b'{"a":0x10}',
    "True": b'{"a":True}',
    "TRUE": b'{"a":TRUE}',
    "None": b'{"a":None}',
    "NULL": b'{"a":NULL}',
    "a member twice": b'{"a":1,"a":2}',
    "a member twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a member twice, deep": b'{"a":[{"b":{"c":1,"d":2,"c":1}}]}',
    "an empty member twice": b'{"":1,"":1}',
    "a pair of surrogates twice": b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    "65 levels of lists": b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
    "65 levels of objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "100000 levels": b"[" * 100000,
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a lone continuation byte": b'{"a":"\x80"}',
    "a cut sequence": b'{"a":"\xe2\x82"}',
    "an overlong slash": b'{"a":"\xc0\xaf"}',
    "an overlong NUL": b'{"a":"\xc0\x80"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "beyond the last character": b'{"a":"\xf4\x90\x80\x80"}',
    "five bytes": b'{"a":"\xf8\x88\x80\x80\x80"}',
    "0xff": b'{"a":"\xff"}',
    "bad UTF-8 in a name": b'{"\xff":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "Latin-1": '{"a":"é"}'.encode("latin-1"),
    "a lone high surrogate": b'{"a":"\\ud83d"}',
    "a lone low surrogate": b'{"a":"\\ude00"}',
    "surrogates the wrong way": b'{"a":"\\ude00\\ud83d"}',
    "a high surrogate and a letter": b'{"a":"\\ud83d\\u0041"}',
    "a lone surrogate in a name": b'{"\\ud800":1}',
    "a bad escape": b'{"a":"\\x41"}',
    "a short escape": b'{"a":"\\u12"}',
    "an escape that is not hexadecimal": b'{"a":"\\u12g4"}',
    "a raw line feed in a string": b'{"a":"b\nc"}',
    "a raw tab in a string": b'{"a":"b\tc"}',
    "a raw NUL in a string": b'{"a":"b\x00c"}',
    "a NUL after the end": b'{"a":1}\x00',
    "a NUL before": b'\x00{"a":1}',
    "a form feed": b'{"a":1}\x0c',
    "a non-breaking space": b'{"a":\xc2\xa01}',
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_400(refused, name):
    raw = NOT_JSON[name]
    code = "body_missing" if raw == b"" else None
    for method, path in (BODY_PATHS["create"], BODY_PATHS["episode"]):
        refused(method, path, raw, 400, code)


@pytest.mark.parametrize("seed", range(6))
def test_mutated_bodies_are_judged_as_an_independent_parser_judges_them(client, seed):
    rng = np.random.default_rng(seed)
    whole = [
        b'{"run_id":7,"config":{"a":[1,-2.5e3,"x\\n\\u00e9",true,null],"b":{"c":{},"d":""}}}',
        '{"é":"😀\\ud83d\\ude00","":[[],[{}]],"n":-0.0e-1,"t":"\\/\\b\\f"}'.encode(),
        b' [ 0 , 10 , 1.0 , 1e5 , "a" , { "a" : 1 , "b" : 2 } ] ',
    ]
    for _ in range(200):
        raw = mutate(rng, whole[int(rng.integers(len(whole)))])
        answer = client.post(RUNS, raw=raw)
        want = 422 if is_strict_json(raw) else 400
        assert answer.status_code == want, f"{raw!r}: {answer.text}"


@pytest.mark.parametrize("where", BODY_PATHS)
@pytest.mark.parametrize("name", ["empty", "NaN", "a member twice, once escaped", "0xff"])
def test_every_route_with_a_body_refuses_what_is_not_json(refused, where, name):
    refused(*BODY_PATHS[where], NOT_JSON[name], 400)


@pytest.mark.parametrize("where", BODY_PATHS)
def test_no_body_at_all_is_400(refused, where):
    refused(*BODY_PATHS[where], None, 400, "body_missing")


@pytest.mark.parametrize("raw", [b"[]", b'[{"run_id":"a"}]', b"1", b'"text"', b"null", b"true"])
@pytest.mark.parametrize("where", BODY_PATHS)
def test_json_that_is_no_object_is_422(refused, where, raw):
    refused(*BODY_PATHS[where], raw, 422, "validation_failed")


# ---- 422 wherever it stands in a body ---------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "18446744073709551616",
        "-9223372036854775809",
        "1" + "0" * 30,
        "-1" + "0" * 400,
        "[[18446744073709551616]]",
    ],
)
@pytest.mark.parametrize("where", BODY_PATHS)
def test_an_integer_beyond_64_bits_is_422_even_where_nobody_looks(refused, where, value):
    refused(*BODY_PATHS[where], f'{{"unknown":{value}}}'.encode(), 422, "validation_failed")


@pytest.mark.parametrize("key", ['"a\\u0000b"', '"\\u0000"'])
@pytest.mark.parametrize("where", BODY_PATHS)
def test_a_nul_in_a_member_name_is_422_even_where_nobody_looks(refused, where, key):
    refused(*BODY_PATHS[where], f'{{"x":[{{{key}:1}}]}}'.encode(), 422, "validation_failed")


def test_64_levels_are_taken(client, run):
    for raw in ('{"x":' + "[" * 63 + "]" * 63 + "}", '{"a":' * 64 + "1" + "}" * 64):
        body = raw[:-1] + ',"run_id":"' + new_id("depth") + '"}'
        assert client.post(RUNS, raw=body).status_code == 201


# ---- creating a run ---------------------------------------------------------------------------

BAD_RUNS = [
    ('{"run_id":""}', "run_id"),
    ('{"run_id":"-a"}', "run_id"),
    ('{"run_id":".a"}', "run_id"),
    ('{"run_id":"_a"}', "run_id"),
    ('{"run_id":"a b"}', "run_id"),
    ('{"run_id":"a/b"}', "run_id"),
    ('{"run_id":"ä"}', "run_id"),
    ('{"run_id":"a\\u0000"}', "run_id"),
    ('{"run_id":"a\\n"}', "run_id"),
    ('{"run_id":"%s"}' % ("a" * 65), "run_id"),
    ('{"run_id":"$ne"}', "run_id"),
    ('{"run_id":{"$ne":null}}', "run_id"),
    ('{"run_id":{"$gt":""}}', "run_id"),
    ('{"run_id":["a"]}', "run_id"),
    ('{"run_id":5}', "run_id"),
    ('{"run_id":true}', "run_id"),
    ('{"run_id":"ID","config":[]}', "config"),
    ('{"run_id":"ID","config":"x"}', "config"),
    ('{"run_id":"ID","config":1}', "config"),
    ('{"run_id":"ID","config":false}', "config"),
    ('{"run_id":"ID","config":{"a":18446744073709551616}}', ""),
    ('{"run_id":"ID","config":{"a":[{"b":-9223372036854775809}]}}', ""),
    ('{"run_id":"ID","config":{"a\\u0000b":1}}', ""),
    ('{"run_id":"ID","config":{"a":{"\\u0000":1}}}', ""),
    ('{"run_id":"ID","strategy_id":"x"}', "strategy_id"),
    ('{"run_id":"ID","strategy_id":5}', "strategy_id"),
    ('{"run_id":"ID","strategy_id":"550e8400e29b41d4a716446655440000"}', "strategy_id"),
    ('{"run_id":"ID","strategy_id":"550e8400-e29b-41d4-a716-44665544000g"}', "strategy_id"),
    ('{"run_id":"ID","strategy_id":"{550e8400-e29b-41d4-a716-446655440000}"}', "strategy_id"),
    ('{"run_id":"ID","strategy_id":{"$exists":true}}', "strategy_id"),
    ('{"run_id":"ID","strategy_label":5}', "strategy_label"),
    ('{"run_id":"ID","strategy_label":{"$ne":""}}', "strategy_label"),
    ('{"run_id":"ID","agent_id":[]}', "agent_id"),
    ('{"run_id":"ID","agent_id":{"$regex":".*"}}', "agent_id"),
    ('{"run_id":"ID","algorithm":1.5}', "algorithm"),
    ('{"run_id":"ID","episodes_total":-1}', "episodes_total"),
    ('{"run_id":"ID","episodes_total":1.5}', "episodes_total"),
    ('{"run_id":"ID","episodes_total":"10"}', "episodes_total"),
    ('{"run_id":"ID","episodes_total":true}', "episodes_total"),
    ('{"run_id":"ID","tags":"x"}', "tags"),
    ('{"run_id":"ID","tags":[1]}', "tags"),
    ('{"run_id":"ID","tags":[{"$ne":1}]}', "tags"),
    ('{"run_id":"ID","tags":' + json.dumps(["t"] * 33) + "}", "tags"),
    ('{"run_id":"ID","notes":1}', "notes"),
    ('{"run_id":"ID","metadata":[]}', "metadata"),
    ('{"run_id":"ID","metadata":"x"}', "metadata"),
]


@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
@pytest.mark.parametrize("body, field", BAD_RUNS)
def test_a_run_that_is_wrong_is_422_and_not_created(refused, client, path, body, field):
    run_id = new_id("bad")
    code = "validation_failed"
    refused("POST", path, body.replace("ID", run_id).encode(), 422, code, [field])
    problem(client.get(f"{RUNS}/{run_id}"), 404, "run_not_found")


def test_v1_needs_a_run_id(refused):
    refused("POST", RUNS, b"{}", 422, "validation_failed", ["run_id"])
    refused("POST", RUNS, b'{"run_id":null}', 422, "validation_failed", ["run_id"])


@pytest.mark.parametrize(
    "text",
    ["x$ne", "{'$gt':''}", "$where", "a.b.c", "'; drop", "../../etc", "<script>", "😀"],
)
def test_odd_text_in_names_is_text(client, text):
    run_id = client.create(
        agent_id=f"{text}-{uuid.uuid4()}", strategy_label=text, tags=[text], notes=text
    )
    document = client.document(run_id)
    assert document["strategy_label"] == text and document["tags"] == [text]
    assert [r["run_id"] for r in client.read(RUNS, agent_id=document["agent_id"])] == [run_id]


# ---- an episode -------------------------------------------------------------------------------

BAD_EPISODES = [
    ('{"NUMBER":0}', "NUMBER"),
    ('{"NUMBER":-1}', "NUMBER"),
    ('{"NUMBER":42.5}', "NUMBER"),
    ('{"NUMBER":"1"}', "NUMBER"),
    ('{"NUMBER":true}', "NUMBER"),
    ('{"NUMBER":[1]}', "NUMBER"),
    ('{"NUMBER":{"$gt":0}}', "NUMBER"),
    ('{"NUMBER":9007199254740992}', "NUMBER"),
    ('{"NUMBER":9223372036854775807}', "NUMBER"),
    ('{"NUMBER":1e300}', "NUMBER"),
    ('{"NUMBER":null}', "NUMBER"),
    ('{"roi_pct":1}', "NUMBER"),
    ('{"NUMBER":2,"roi_pct":"1.5"}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":"nan"}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":"Inf"}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":"+Infinity"}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":""}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":true}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":[1]}', "roi_pct"),
    ('{"NUMBER":2,"roi_pct":{"$inc":1}}', "roi_pct"),
    ('{"NUMBER":2,"sharpe_ratio":"high"}', "sharpe_ratio"),
    ('{"NUMBER":2,"max_drawdown_pct":{}}', "max_drawdown_pct"),
    ('{"NUMBER":2,"total_trades":1.5}', "total_trades"),
    ('{"NUMBER":2,"total_trades":-1}', "total_trades"),
    ('{"NUMBER":2,"total_trades":"5"}', "total_trades"),
    ('{"NUMBER":2,"steps":0.1}', "steps"),
    ('{"NUMBER":2,"steps":-1}', "steps"),
    ('{"NUMBER":2,"steps":false}', "steps"),
    ('{"NUMBER":2,"reward_sum":"x"}', "reward_sum"),
    ('{"NUMBER":2,"total_reward":[]}', "total_reward"),
    ('{"NUMBER":2,"reward_sum":1,"total_reward":2}', "reward"),
    ('{"NUMBER":2,"reward_sum":1,"total_reward":1.0000000000000002}', "reward"),
    ('{"NUMBER":2,"reward_sum":"NaN","total_reward":1}', "reward"),
    ('{"NUMBER":2,"reward_sum":"Infinity","total_reward":"-Infinity"}', "reward"),
    ('{"NUMBER":2,"win":-0.1}', "win"),
    ('{"NUMBER":2,"win":1.1}', "win"),
    ('{"NUMBER":2,"win":2}', "win"),
    ('{"NUMBER":2,"win":"true"}', "win"),
    ('{"NUMBER":2,"win":"NaN"}', "win"),
    ('{"NUMBER":2,"win":[true]}', "win"),
    ('{"NUMBER":2,"epsilon":"x"}', "epsilon"),
    ('{"NUMBER":2,"session_id":"x"}', "session_id"),
    ('{"NUMBER":2,"session_id":""}', "session_id"),
    ('{"NUMBER":2,"session_id":7}', "session_id"),
    ('{"NUMBER":2,"session_id":{"$ne":1}}', "session_id"),
    ('{"NUMBER":2,"metrics":[]}', "metrics"),
    ('{"NUMBER":2,"metrics":"x"}', "metrics"),
    ('{"NUMBER":2,"metrics":5}', "metrics"),
    ('{"NUMBER":2,"metrics":{"":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"a b":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"$set":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"a:b":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"ä":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"a\\\\b":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"a\\u0000":1}}', ""),
    ('{"NUMBER":2,"metrics":{"' + "x" * 65 + '":1}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"loss":"low"}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"loss":true}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"loss":[1]}}', "metrics"),
    ('{"NUMBER":2,"metrics":{"loss":{"a":1}}}', "metrics"),
    ('{"NUMBER":2,"metrics":' + json.dumps({f"m{i}": i for i in range(65)}) + "}", "metrics"),
] + [
    ('{"NUMBER":2,"metrics":{"' + name + '":1}}', "metrics")
    for name in (
        *NAMED_METRICS, "episode", "episode_number", "session_id", "created_at", "metrics",
    )
]  # fmt: skip


@pytest.mark.parametrize("family", [RUNS, DOCUMENTS])
@pytest.mark.parametrize("body, field", BAD_EPISODES)
def test_an_episode_that_is_wrong_is_422_and_not_stored(refused, family, body, field):
    number = "episode_number" if family == RUNS else "episode"
    field = "episode" if field == "NUMBER" else field
    raw = body.replace("NUMBER", number).encode()
    refused("POST", family + "/{id}/episodes", raw, 422, "validation_failed", [field])


@pytest.mark.parametrize("body, field", BAD_EPISODES[:14])
def test_an_item_of_a_batch_is_judged_like_an_episode(refused, body, field):
    field = "episodes[1]" + ("" if field == "NUMBER" else "." + field)
    item = body.replace("NUMBER", "episode_number")
    raw = f'{{"episodes":[{{"episode_number":9}},{item}]}}'.encode()
    refused("POST", RUNS + "/{id}/episodes/batch", raw, 422, "validation_failed", [field])


@pytest.mark.parametrize(
    "raw",
    ["{}", '{"episodes":null}', '{"episodes":[]}', '{"episodes":{}}', '{"episodes":"x"}',
     '{"episodes":[[]]}', '{"episodes":[null]}', '{"episodes":[1]}', '{"episodes":{"$each":[]}}'],
)  # fmt: skip
def test_a_batch_that_is_none_is_422(refused, raw):
    path = RUNS + "/{id}/episodes/batch"
    refused("POST", path, raw.encode(), 422, "validation_failed", ["episode"])


@pytest.mark.parametrize("path", [RUNS + "/{id}/episodes/batch", DOCUMENTS + "/{id}/episodes"])
def test_1001_episodes_are_422_and_1000_are_taken(refused, client, path):
    items = [{"episode_number": n, "episode": n} for n in range(1, 1002)]
    raw = json.dumps({"episodes": items}).encode()
    refused("POST", path, raw, 422, "validation_failed", ["episodes"])
    target = client.create()
    client.write(path.format(id=target), {"episodes": items[:1000]})
    assert client.detail(target)["episodes_completed"] == 1000


# ---- sizes ------------------------------------------------------------------------------------


def padded(head, tail, size):
    """head, then as much white space as makes it size bytes with tail."""
    return head + b" " * (size - len(head) - len(tail)) + tail


@pytest.mark.parametrize(
    "where", [w for w in BODY_PATHS if w not in ("batch", "episodes of the document")]
)
def test_a_body_of_1_mib_is_read_and_one_byte_more_is_413(refused, client, where):
    method, path = BODY_PATHS[where]
    refused(method, path, padded(b'{"run_id":', b"7}", MIB + 1), 413, "body_too_large")
    refused(method, path, padded(b'{"x":18446744073709551616', b"}", MIB), 422, "validation_failed")


@pytest.mark.parametrize("path", [RUNS + "/{id}/episodes/batch", DOCUMENTS + "/{id}/episodes"])
def test_a_batch_of_8_mib_is_read_and_one_byte_more_is_413(refused, client, path):
    head, tail = b'{"episodes":[{"episode":5,"episode_number":5}', b"]}"
    refused("POST", path, padded(head, tail, 8 * MIB + 1), 413, "body_too_large")
    target = client.create()
    ok(client.post(path.format(id=target), raw=padded(head, tail, 8 * MIB)), 200)


def config_of(size):
    """A config whose JSON text is size bytes."""
    text = '{"a":"","b":1.0}'
    return '{"a":"' + "x" * (size - len(text)) + '","b":1.0}'


@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
def test_a_config_of_256_kib_is_kept_and_one_byte_more_is_422(refused, client, path):
    run_id = new_id("config")
    too_large = f'{{"run_id":"{run_id}","config":{config_of(256 * 1024 + 1)}}}'.encode()
    refused("POST", path, too_large, 422, "validation_failed", ["config"])
    text = config_of(256 * 1024)
    answer = client.post(path, raw=f'{{"run_id":"{run_id}","config":{text}}}')
    assert answer.status_code == 201
    assert literal_member(client.get(f"{RUNS}/{run_id}").text, "config") == literal_json(text)


@pytest.fixture(scope="module")
def small_api(another_api):
    """A training-api with small limits."""
    return another_api(
        TRAINING_ANONYMOUS_ACCOUNT="local",
        TRAINING_BODY_MAX="1024",
        TRAINING_BATCH_BODY_MAX="2048",
        TRAINING_CONFIG_MAX="64",
        TRAINING_BATCH_EPISODES_MAX="3",
    )


def test_every_limit_is_what_the_settings_say(small_api, client):
    run_id = client.create()
    path = f"{DOCUMENTS}/{run_id}/episodes"
    batch = {"episodes": [{"episode": n} for n in (1, 2, 3)]}
    ok(small_api("POST", path, batch), 200)
    batch["episodes"].append({"episode": 4})
    problem(small_api("POST", path, batch), 422, "validation_failed", ["episodes"])
    problem(small_api("POST", path, {"x": "y" * 2048}), 413, "body_too_large")
    config = {"a": "x" * (64 - len('{"a":""}'))}
    ok(small_api("POST", RUNS, {"run_id": new_id(), "config": config}), 201)
    config["a"] += "x"
    refusal = small_api("POST", RUNS, {"run_id": new_id(), "config": config})
    problem(refusal, 422, "validation_failed", ["config"])
    problem(small_api("POST", RUNS, {"run_id": new_id(), "x": "y" * 1024}), 413, "body_too_large")


# ---- what comes too slowly --------------------------------------------------------------------


def seconds_until_cut(url, data, slowly=b""):
    """Send data, then the bytes of slowly one by one; how long until the server cuts it off."""
    where = urllib.parse.urlsplit(url)
    start = time.monotonic()
    with socket.create_connection((where.hostname, where.port), timeout=30) as sock:
        sock.sendall(data)
        sock.settimeout(3 if slowly else 30)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # cut as well
            for byte in slowly:
                try:
                    if sock.recv(65536) == b"":
                        break
                except TimeoutError:
                    sock.sendall(bytes([byte]))
            sock.settimeout(30)
            while sock.recv(65536):
                pass
    return time.monotonic() - start


def test_headers_or_a_body_that_stall_for_10_s_are_cut(client, run):
    body = [("X-API-Key", client.key), ("Content-Length", "1000")]
    chunked = [("X-API-Key", client.key), ("Transfer-Encoding", "chunked")]
    path = f"{RUNS}/{run}/episodes"
    stalled = [
        (b"POST " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nX-A", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-B: ", b"slow and slow"),
        (raw_request("POST", path, body) + b'{"episode_number":2', b""),
        (raw_request("POST", path, chunked) + b"10\r\n{", b""),
    ]
    with ThreadPoolExecutor(len(stalled)) as pool:
        times = list(pool.map(lambda s: seconds_until_cut(client.url, *s), stalled))
    assert all(9 <= t <= 14 for t in times), times
    assert client.detail(run)["episodes_completed"] == 1


# ---- numbers as written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1.0", "-0.0", "1e-7", "100000000000000000000.0", "9223372036854775807", "0.10"]
)
def test_a_number_of_config_stays_as_it_was_written(client, text):
    run_id = new_id("number")
    client.post(RUNS, raw=f'{{"run_id":"{run_id}","config":{{"n":{text}}}}}')
    for path in (RUNS, DOCUMENTS):
        shown = client.get(f"{path}/{run_id}").text
        assert literal_member(shown, "config", "n") == text


# ---- operators in paths and queries -----------------------------------------------------------


@pytest.mark.parametrize(
    "segment",
    [
        "$ne",
        "%7B%22$ne%22:null%7D",
        "[$ne]",
        "{id}%00",
        "{id}'",
        "{id}%0a",
        "{id}.",
        "%24where",
        "*",
    ],
)
@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
def test_an_operator_in_a_path_is_text_that_names_no_run(client, run, path, segment):
    url = f"{path}/" + segment.replace("{id}", run)
    answer = send_raw(client.url, raw_request("GET", url, [("X-API-Key", client.key)]))
    assert answer.status_code in (400, 404), answer.text
    problem(answer, answer.status_code)


# ---- the order of the checks ------------------------------------------------------------------

WRONG_KEY = "ak_wrong_key_that_nobody_made"


def faulty(*faults):
    """
    A request with these faults: (method, path, headers, body). Without a fault it would report an
    episode; "422" and "run" are wrong in what it says.
    """
    method, path = "POST", RUNS + ("/nobody" if "run" in faults else "/{id}") + "/episodes"
    headers, body = {}, b'{"episode_number":5}'
    if "404" in faults:
        path += "/nowhere"
    if "405" in faults:
        method = "PUT"
    if "401" in faults:
        headers["X-API-Key"] = WRONG_KEY
    if "415" in faults:
        headers["Content-Type"] = "text/plain"
    if "403" in faults:
        headers["Sec-Fetch-Site"] = "cross-site"
    if "422" in faults:
        body = b'{"episode_number":-5}'
    if "400" in faults:
        body = b'{"episode_number":'
    if "413" in faults:
        body = body + b" " * MIB
    return method, path, headers, body


@pytest.mark.parametrize(
    "status, code, faults",
    [
        (404, "route_not_found", "404 405 401 413 415 400 403 run 422"),
        (404, "route_not_found", "404 401"),
        (405, "method_not_allowed", "405 401 413 415 400 403 run 422"),
        (405, "method_not_allowed", "405 401"),
        (401, "key_wrong", "401 413 415 400 403 run 422"),
        (401, "key_wrong", "401 403"),
        (413, "body_too_large", "413 415 400 403 run 422"),
        (413, "body_too_large", "413 415"),
        (415, "unsupported_media_type", "415 400 403 run 422"),
        (415, "unsupported_media_type", "415 400"),
        (400, None, "400 403 run 422"),
        (400, None, "400 403"),
        (403, "cross_site", "403 run 422"),
        (403, "cross_site", "403 422"),
        (404, "run_not_found", "run 422"),
        (422, "validation_failed", "422"),
    ],
)
def test_of_several_faults_the_first_in_the_contracts_order_is_told(refused, status, code, faults):
    method, path, headers, body = faulty(*faults.split())
    refused(method, path, body, status, code, headers=headers)


def test_a_wrong_ending_is_told_before_the_conflict(client, db):
    run_id = client.create()
    client.end(run_id, "failed")
    body = {"status": "completed", "tags": 5}
    problem(client.patch(f"{DOCUMENTS}/{run_id}", body), 422, "validation_failed", ["tags"])


def test_a_wrong_run_is_told_before_the_conflict(client):
    run_id = client.create(config={"a": 1})
    answer = client.post(RUNS, {"run_id": run_id, "config": {"a": 2}, "tags": 5})
    problem(answer, 422, "validation_failed", ["tags"])


def test_without_a_key_the_401_comes_before_the_body_is_looked_at(client):
    answer = Client(client.url, WRONG_KEY).post(RUNS, raw=b"{", headers={"Content-Type": "x/y"})
    problem(answer, 401, "key_wrong")


def test_after_a_refusal_the_next_request_of_the_connection_is_answered(client, run):
    for raw in (b"{", b" " * (MIB + 1), b'{"run_id":5}'):
        assert client.post(RUNS, raw=raw).status_code in (400, 413, 422)
        assert client.detail(run)["episodes_completed"] == 1
