"""
Family /api/v1/training (contract section 2): create, complete, list, detail of a run, through
nginx. Episodes are in test_episode.py, curves in test_curve.py, refusals in test_bad_input.py.
"""

import datetime
import uuid

import pytest

from support import (
    DOCUMENTS,
    RUNS,
    TIME,
    V1,
    follow,
    literal_json,
    literal_member,
    new_id,
    ok,
    problem,
    strict_json,
    walk,
)

MEMBERS = {
    "run_id", "status", "config", "episodes_total", "episodes_completed", "started_at",
    "completed_at", "strategy_id", "strategy_label", "agent_id", "algorithm", "total_episodes",
    "avg_roi_pct", "avg_sharpe",
}  # fmt: skip


def test_create_answers_201_with_every_member_of_a_training_run(client):
    run_id, strategy_id = str(uuid.uuid4()), str(uuid.uuid4())
    config = {"algorithm": "PPO", "learning_rate": 0.0003, "pairs": ["BTCUSDT", "ETHUSDT"]}
    before = datetime.datetime.now(datetime.timezone.utc)
    run = client.write(RUNS, {"run_id": run_id, "config": config, "strategy_id": strategy_id}, 201)
    assert set(run) >= MEMBERS
    assert run["run_id"] == run_id
    assert run["status"] == "running"
    assert run["config"] == config
    assert run["strategy_id"] == strategy_id
    assert run["strategy_label"] is None
    assert run["agent_id"] == "unassigned"
    assert run["algorithm"] == "PPO"
    assert run["episodes_total"] is None
    assert run["episodes_completed"] == 0 and run["total_episodes"] == 0
    assert run["avg_roi_pct"] is None and run["avg_sharpe"] is None
    assert run["completed_at"] is None
    assert TIME.match(run["started_at"])
    started = datetime.datetime.fromisoformat(run["started_at"].replace("Z", "+00:00"))
    millisecond = datetime.timedelta(milliseconds=1)
    assert before - millisecond < started <= datetime.datetime.now(datetime.timezone.utc)


def test_a_run_without_config_has_config_null(client):
    run_id = client.create()
    assert client.detail(run_id)["config"] is None


@pytest.mark.parametrize(
    "given", ["run_abc123", "a", "7", "A" * 64, "9.x-_y", "Run.With-All_3", "a..b", "x-", "list"]
)
def test_a_run_id_of_letters_digits_dot_underscore_and_dash_is_kept_as_it_is(client, given):
    run_id = given if len(given) > 40 else f"{given}{uuid.uuid4().hex[:16]}"
    assert client.create(run_id) == run_id
    assert client.detail(run_id)["run_id"] == run_id


def test_run_ids_that_are_not_uuids_differ_by_case(client):
    run_id = new_id("case")
    client.create(run_id)
    problem(client.get(f"{RUNS}/{run_id.upper()}"), 404, "run_not_found")


def test_a_uuid_is_kept_in_lower_case_and_found_in_any(client):
    lower = str(uuid.uuid4())
    assert client.create(lower.upper()) == lower
    assert client.detail(lower)["run_id"] == lower
    assert client.detail(lower.upper())["run_id"] == lower
    assert client.report(lower.upper(), 1, roi_pct=1)["run_id"] == lower
    assert client.write(RUNS, {"run_id": lower.title()}, 201)["episodes_completed"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"z":1,"a":2,"m":{"z":[],"b":{},"a":null}}',
        '{"rate":1e-7,"small":5e-324,"large":1.7976931348623157e308,"e":1E5,"p":1e+2}',
        '{"one":1.0,"many":0.10,"zero":0.0,"minus_real":-0.0}',
        '{"max":9223372036854775807,"min":-9223372036854775808,"odd":9007199254740993}',
        '{"":1,"a":{"":{"":2}}}',
        '{"a.b":1,"$set":{"$gt":""},"$":2,".":3,"a.":4,".$x":5}',
        '{"_id":1,"run_id":"other","status":"failed","account":"x"}',
        '{"ünï":"çödé","日本":"語","emoji":"😀👩‍🚀","rtl":"שלום","nul":"a\\u0000b"}',
        '{"escaped":"\\u00e9\\n\\t\\"\\\\\\/\\ud83d\\ude00","\\u0041":1}',
        '{"list":[1,"1",true,null,[[[]]],{"a":[{"b":1.50}]}],"t":true,"f":false,"n":null}',
        '{"line":"\\u2028\\u2029","control":"\\u0001\\u001f\\u007f","html":"<script>&amp;</script>"}',
    ],
)
def test_config_comes_back_unchanged_from_every_read(client, text):
    run_id = new_id("config")
    body = f'{{"run_id":"{run_id}","config":{text}}}'
    created = client.post(RUNS, raw=body)
    assert created.status_code == 201, created.text
    want = literal_json(text)
    for answer in (
        created,
        client.get(f"{RUNS}/{run_id}"),
        client.get(f"{DOCUMENTS}/{run_id}"),
    ):
        strict_json(answer.content.decode())
        assert literal_member(answer.content.decode(), "config") == want
    rows = literal_json(client.get(RUNS, q=run_id).content.decode())
    assert dict(rows[0])["config"] == want


def test_config_at_the_limit_of_64_levels_comes_back(client):
    # The body is level 1 and config level 2: 64 levels in all.
    run_id, text = new_id("deep"), '{"a":' + "[" * 62 + "]" * 62 + "}"
    answer = client.post(RUNS, raw=f'{{"run_id":"{run_id}","config":{text}}}')
    assert answer.status_code == 201, answer.text
    got = literal_member(client.get(f"{RUNS}/{run_id}").text, "config")
    assert got == literal_json(text)


def names(label=None, agent="unassigned", algorithm="unknown", planned=None):
    return {
        "strategy_label": label,
        "agent_id": agent,
        "algorithm": algorithm,
        "episodes_total": planned,
    }


def planned(num_episodes, total_episodes, episodes_total):
    """A config that says three times how many episodes there will be."""
    return {
        "num_episodes": num_episodes,
        "total_episodes": total_episodes,
        "episodes_total": episodes_total,
    }


OF_CONFIG = {"strategy_label": "cfg"}


@pytest.mark.parametrize(
    "members, want",
    [
        ({}, names()),
        ({"strategy_label": "ppo_v1"}, names("ppo_v1", "ppo_v1")),
        ({"config": OF_CONFIG}, names("cfg", "cfg")),
        ({"strategy_label": "top", "config": OF_CONFIG}, names("top", "top")),
        ({"strategy_label": "", "config": OF_CONFIG}, names("cfg", "cfg")),
        ({"strategy_label": None, "config": OF_CONFIG}, names("cfg", "cfg")),
        ({"config": {"strategy_label": 5, "agent_id": [], "algorithm": {}}}, names()),
        ({"config": {"strategy_label": "", "agent_id": "", "algorithm": ""}}, names()),
        ({"agent_id": "a1", "strategy_label": "l", "config": {"agent_id": "a2"}}, names("l", "a1")),
        ({"strategy_label": "l", "config": {"agent_id": "a2"}}, names("l", "a2")),
        ({"agent_id": "", "config": {"agent_id": "a2"}}, names(agent="a2")),
        ({"algorithm": "DQN", "config": {"algorithm": "PPO"}}, names(algorithm="DQN")),
        ({"config": {"algorithm": "PPO"}}, names(algorithm="PPO")),
        ({"algorithm": "", "config": {"algorithm": "PPO"}}, names(algorithm="PPO")),
        ({"episodes_total": 10, "config": {"episodes_total": 20}}, names(planned=10)),
        ({"episodes_total": 10.0}, names(planned=10)),
        ({"config": {"num_episodes": 3, "total_episodes": 2}}, names(planned=2)),
        ({"config": planned(3, 2, 1)}, names(planned=1)),
        ({"config": planned(3, -2, 0)}, names(planned=3)),
        ({"config": planned(3, 2.5, "7")}, names(planned=3)),
        ({"config": planned({}, None, True)}, names()),
    ],
)  # fmt: skip
def test_names_and_plan_come_from_the_body_then_from_config(client, members, want):
    run_id = new_id("names")
    answers = [client.write(RUNS, {"run_id": run_id, **members}, 201)]
    answers += [client.detail(run_id), client.document(run_id)]
    for answer in answers:
        assert {name: answer[name] for name in want} == want


def test_create_again_answers_201_with_the_stored_run(client):
    body = {
        "run_id": new_id(),
        "config": {"a": 1, "b": [1, {"c": None}]},
        "strategy_id": str(uuid.uuid4()),
        "strategy_label": "first",
    }
    first = client.write(RUNS, body, 201)
    client.report(first["run_id"], 1, roi_pct=2.5)
    again = client.write(RUNS, body, 201)
    assert again["started_at"] == first["started_at"]
    assert again["episodes_completed"] == 1
    client.complete(first["run_id"])
    again = client.write(RUNS, body, 201)
    assert again["status"] == "completed"


STORED = '{"b":[1,{"c":null}],"a":1.0,"big":9007199254740993,"s":"\u00e9"}'


@pytest.mark.parametrize(
    "members",
    [
        "",
        '"config":null',
        '"strategy_id":null',
        '"config":' + STORED,
        '"config":{"s":"\\u00e9","big":9007199254740993,"a":1,"b":[1,{"c":null}]}',
        '"config":{"a":1e0,"b":[1.0,{"c":null}],"big":9007199254740993,"s":"\u00e9"}',
        '"strategy_label":"another","agent_id":"another","tags":["x"]',
    ],
)
def test_a_repeat_that_says_the_same_or_nothing_is_201_and_changes_nothing(client, members):
    run_id = new_id("repeat")
    client.post(RUNS, raw=f'{{"run_id":"{run_id}","config":{STORED},"strategy_label":"first"}}')
    before = client.get(f"{DOCUMENTS}/{run_id}").content
    repeat = client.post(RUNS, raw=f'{{"run_id":"{run_id}"{"," if members else ""}{members}}}')
    assert repeat.status_code == 201, repeat.text
    assert literal_member(repeat.content.decode(), "config") == literal_json(STORED)
    assert strict_json(repeat.content.decode())["strategy_label"] == "first"
    assert client.get(f"{DOCUMENTS}/{run_id}").content == before


@pytest.mark.parametrize(
    "members",
    [
        '"config":{}',
        '"config":{"b":[1,{"c":null}],"a":1.0,"big":9007199254740992,"s":"\u00e9"}',
        '"config":{"b":[1,{"c":null}],"a":true,"big":9007199254740993,"s":"\u00e9"}',
        '"config":{"b":[1,{"c":0}],"a":1.0,"big":9007199254740993,"s":"\u00e9"}',
        '"config":{"b":[{"c":null},1],"a":1.0,"big":9007199254740993,"s":"\u00e9"}',
        '"config":{"b":[1,{"c":null}],"a":1.0,"big":9007199254740993,"s":"e\u0301"}',
        '"config":{"b":[1,{"c":null}],"a":"1.0","big":9007199254740993,"s":"\u00e9"}',
        '"config":{"b":[1,{"c":null}],"a":1.0000000000000002,"big":9007199254740993,"s":"\u00e9"}',
        '"config":{"b":[1,{"c":null}],"a":1.0,"big":9007199254740993,"s":"\u00e9","more":null}',
        '"strategy_id":"00000000-0000-4000-8000-000000000001"',
    ],
)
@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
def test_a_repeat_with_another_config_or_strategy_id_is_409_and_stores_nothing(
    client, path, members
):
    run_id = new_id("differs")
    strategy = '"strategy_id":"00000000-0000-4000-8000-000000000000"'
    client.post(RUNS, raw=f'{{"run_id":"{run_id}","config":{STORED},{strategy}}}')
    before = client.get(f"{DOCUMENTS}/{run_id}").content
    problem(client.post(path, raw=f'{{"run_id":"{run_id}",{members}}}'), 409, "run_differs")
    assert client.get(f"{DOCUMENTS}/{run_id}").content == before


def test_a_config_given_later_to_a_run_without_one_is_409(client):
    run_id = client.create()
    problem(client.post(RUNS, {"run_id": run_id, "config": {"a": 1}}), 409, "run_differs")
    assert client.detail(run_id)["config"] is None


def test_a_strategy_id_in_another_case_is_the_same_one(client):
    strategy_id = str(uuid.uuid4())
    run_id = client.create(strategy_id=strategy_id.upper())
    assert client.detail(run_id)["strategy_id"] == strategy_id
    assert client.create(run_id, strategy_id=strategy_id) == run_id


@pytest.mark.parametrize("body", [None, "{}", '{"anything":[1]}', "not JSON \xff", "\x00\x01"])
def test_complete_takes_any_body_or_none(client, body):
    run_id = client.create()
    raw = None if body is None else body.encode("latin-1")
    headers = {} if body is None else {"Content-Type": "text/plain"}
    run = ok(client.post(f"{RUNS}/{run_id}/complete", raw=raw, headers=headers), 200)
    assert run["status"] == "completed"
    assert TIME.match(run["completed_at"])
    assert run["completed_at"] >= run["started_at"]


def test_complete_again_is_200_with_the_same_completed_at(client):
    run_id = client.create()
    first = client.complete(run_id)
    again = client.complete(run_id)
    assert again["completed_at"] == first["completed_at"]
    assert again["status"] == "completed"
    assert client.document(run_id)["end_time"] == first["completed_at"]


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_complete_on_a_run_that_ended_otherwise_is_409(client, status):
    run_id = client.create()
    ended = client.end(run_id, status)
    problem(client.post(f"{RUNS}/{run_id}/complete"), 409, "run_ended")
    detail = client.detail(run_id)
    assert detail["status"] == status
    assert detail["completed_at"] == ended["end_time"]


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "{runs}/{id}"),
        ("GET", "{runs}/{id}/learning-curve"),
        ("POST", "{runs}/{id}/complete"),
        ("POST", "{runs}/{id}/episodes"),
        ("POST", "{runs}/{id}/episodes/batch"),
        ("GET", "{documents}/{id}"),
        ("PATCH", "{documents}/{id}"),
        ("POST", "{documents}/{id}/episodes"),
        ("POST", "{documents}/{id}/checkpoints"),
    ],
)
@pytest.mark.parametrize(
    "run_id",
    ["nobody", "00000000-0000-4000-8000-00000000dead", "a" * 65, "-x", "%24ne", "a%20b", "%7B%7D",
     "é", "a%2Fb%00"],
)  # fmt: skip
def test_a_run_that_is_not_there_is_404_before_its_body_is_judged(client, method, path, run_id):
    url = path.format(runs=RUNS, documents=DOCUMENTS, id=run_id)
    body = None if method == "GET" or path.endswith("complete") else {}
    answer = client.request(method, url, body=body)
    if "%00" in run_id:
        assert answer.status_code in (400, 404)
        problem(answer, answer.status_code)
    elif "%2F" in run_id:
        problem(answer, 404)
    else:
        problem(answer, 404, "run_not_found")


@pytest.fixture
def family(client):
    """Seven runs of one agent: [(run_id, status)], oldest first."""
    agent = new_id("agent")
    runs = []
    for i, status in enumerate(
        ["completed", "running", "failed", "stopped", "running", "completed", "running"]
    ):
        run_id = client.create(
            f"{new_id('fam')}-{i}",
            agent_id=agent,
            strategy_label=f"label{i % 2}-{agent}",
            algorithm="MaskablePPO",
            tags=["Nightly", f"tag{i}"],
        )
        if status != "running":
            client.end(run_id, status)
        runs.append((run_id, status))
    return agent, runs


def ids(rows):
    return [row["run_id"] for row in rows]


def in_list_order(client, run_ids):
    """Newest start first, ties by run_id."""
    rows = sorted((client.detail(r) for r in run_ids), key=lambda r: r["run_id"])
    return ids(sorted(rows, key=lambda r: r["started_at"], reverse=True))


def test_the_list_is_newest_first_and_says_how_many_there_are(client, family):
    agent, runs = family
    answer = client.get(RUNS, agent_id=agent)
    assert ids(ok(answer, 200)) == in_list_order(client, [r for r, _ in runs])
    assert answer.headers["X-Total-Count"] == "7"
    assert "next" not in answer.links and "prev" not in answer.links
    assert all(set(row) >= MEMBERS for row in answer.json())


@pytest.mark.parametrize("status", ["running", "completed", "stopped", "failed"])
def test_status_picks_runs_of_that_status(client, family, status):
    agent, runs = family
    rows = client.read(RUNS, agent_id=agent, status=status)
    assert set(ids(rows)) == {r for r, s in runs if s == status}
    assert {row["status"] for row in rows} == {status}


def test_empty_parameters_count_as_absent(client, family):
    agent, _ = family
    rows = client.read(f"{RUNS}?status=&strategy_label=&q=&limit=&offset=&cursor=", agent_id=agent)
    assert len(rows) == 7


def test_strategy_label_picks_that_label_only(client, family):
    agent, runs = family
    rows = client.read(RUNS, strategy_label=f"label1-{agent}")
    assert set(ids(rows)) == {runs[i][0] for i in (1, 3, 5)}
    assert client.read(RUNS, strategy_label=f"label1-{agent[:-1]}") == []


def test_filters_join(client, family):
    agent, runs = family
    rows = client.read(RUNS, agent_id=agent, status="completed", strategy_label=f"label0-{agent}")
    assert ids(rows) == [runs[0][0]]


@pytest.mark.parametrize(
    "text, how_many",
    [("maskedppo", 0), ("MASKABLEppo", 7), ("nightly", 7), ("TAG3", 1), ("label0", 4), ("fam-", 7)],
)
def test_q_is_a_substring_of_id_label_agent_algorithm_or_tag_in_any_case(
    client, family, text, how_many
):
    agent, _ = family
    rows = client.read(RUNS, agent_id=agent, q=text)
    assert len(rows) == how_many
    assert len(client.read(RUNS, q=agent.upper())) == 7


@pytest.mark.parametrize("text", [".*", "^fam", "fam.", "$", "(", "[", "\\", "{$ne:null}", "*"])
def test_q_is_text_and_no_pattern(client, family, text):
    agent, _ = family
    assert client.read(RUNS, agent_id=agent, q=text) == []


def test_q_finds_text_with_pattern_signs_and_accents(client):
    label = f"a.b*(c)[d]$^|?+\\ Ünï {new_id()}"
    run_id = client.create(strategy_label=label)
    for part in ("b*(C)[d]$^|?+\\ ", label, "ünÏ " + label[-16:]):
        assert run_id in ids(client.read(RUNS, q=part)), part


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
def test_limit_and_offset_cut_the_list_without_overlap(client, family, limit):
    agent, runs = family
    got = []
    for offset in range(0, 7, limit):
        answer = client.get(RUNS, agent_id=agent, limit=limit, offset=offset)
        assert answer.headers["X-Total-Count"] == "7"
        assert ("next" in answer.links) == (offset + limit < 7)
        assert ("prev" in answer.links) == (offset > 0)
        got += ids(ok(answer, 200))
    assert got == in_list_order(client, [r for r, _ in runs])


def test_beyond_the_end_the_list_is_empty_and_still_counts(client, family):
    agent, _ = family
    answer = client.get(RUNS, agent_id=agent, offset=100)
    assert ok(answer, 200) == []
    assert answer.headers["X-Total-Count"] == "7"
    assert "next" not in answer.links


def test_following_link_next_walks_the_whole_list(client, family):
    agent, runs = family
    rows = walk(client, RUNS, agent_id=agent, limit=2)
    assert ids(rows) == in_list_order(client, [r for r, _ in runs])


def test_link_keeps_the_filters(client, family):
    agent, runs = family
    rows = walk(client, RUNS, q=agent, status="running", limit=1)
    assert set(ids(rows)) == {r for r, s in runs if s == "running"}


def test_link_next_neither_repeats_nor_skips_while_runs_are_added(client, family):
    agent, runs = family
    page = client.get(RUNS, agent_id=agent, limit=2)
    seen = []
    while page is not None:
        seen += ids(ok(page, 200))
        client.create(agent_id=agent)
        client.create(agent_id=agent)
        page = follow(client, page)
    assert seen == in_list_order(client, [r for r, _ in runs])


def test_link_prev_leads_back(client, family):
    agent, _ = family
    second = client.get(RUNS, agent_id=agent, limit=3, offset=3)
    first = client.get(RUNS, agent_id=agent, limit=3)
    where = second.links["prev"]["url"].split("?", 1)[1]
    assert ids(ok(client.get(f"{RUNS}?{where}"), 200)) == ids(ok(first, 200))


def test_runs_that_started_in_one_millisecond_are_told_apart_by_run_id(client, db, family):
    agent, runs = family
    started = db.runs.find_one({"run_id": runs[0][0]})["started_at"]
    db.runs.update_many({"agent_id": agent}, {"$set": {"started_at": started}})
    want = sorted(r for r, _ in runs)
    assert ids(client.read(RUNS, agent_id=agent)) == want
    assert ids(walk(client, RUNS, agent_id=agent, limit=1)) == want
    by_offset = [client.read(RUNS, agent_id=agent, limit=1, offset=i)[0] for i in range(7)]
    assert ids(by_offset) == want


@pytest.mark.parametrize(
    "query, field",
    [
        ("status=unknown", "status"),
        ("status=RUNNING", "status"),
        ("status[$ne]=running&status=x", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("offset=18446744073709551616", "offset"),
        ("cursor=%24ne", "cursor"),
        ("cursor=AAAA", "cursor"),
    ],
)
def test_a_wrong_parameter_of_the_list_is_422_that_names_it(client, query, field):
    problem(client.get(f"{RUNS}?{query}"), 422, "validation_failed", [field])


@pytest.mark.parametrize(
    "query",
    ["agent_id[$ne]=x", "agent_id=%7B%22%24ne%22%3Anull%7D", "strategy_label=%24gt"],
)
def test_an_operator_in_a_filter_is_text(client, family, query):
    rows = client.read(f"{RUNS}?{query}")
    if query.startswith("agent_id[$ne]"):
        assert rows, "a parameter that no one knows is ignored"
    else:
        assert rows == []


def test_a_percent_encoded_filter_is_decoded_once(client):
    agent = f"a+b %41&c={new_id()}"
    run_id = client.create(agent_id=agent)
    assert ids(client.read(RUNS, agent_id=agent)) == [run_id]


def test_detail_of_a_run_without_episodes_has_null_statistics(client):
    run_id = client.create()
    detail = client.detail(run_id)
    assert set(detail) >= MEMBERS | {"learning_curve", "aggregate_stats", "episodes"}
    assert detail["learning_curve"] is None
    assert detail["aggregate_stats"] is None
    assert detail["episodes"] == []


def test_detail_shows_episodes_as_the_seed_does(client):
    run_id = client.create()
    session = str(uuid.uuid4())
    client.report(
        run_id, 1, roi_pct=1.2, sharpe_ratio=0.4, total_trades=12, reward_sum=45.2,
        session_id=session, metrics={"policy/loss": 0.25},
    )  # fmt: skip
    client.report(run_id, 2, roi_pct=1.8)
    detail = client.detail(run_id)
    first, second = detail["episodes"]
    assert set(first) == {"episode_number", "metrics", "session_id", "created_at"}
    assert first["episode_number"] == 1
    assert first["session_id"] == session
    assert TIME.match(first["created_at"])
    assert first["metrics"] == {
        "roi_pct": 1.2, "sharpe_ratio": 0.4, "total_trades": 12, "reward_sum": 45.2,
        "total_reward": 45.2, "policy/loss": 0.25,
    }  # fmt: skip
    assert second["metrics"] == {"roi_pct": 1.8} and second["session_id"] is None
    assert detail["learning_curve"]["roi_pct"] == [1.2, 1.5]


@pytest.mark.parametrize("path", [RUNS, DOCUMENTS])
def test_a_running_run_unheard_of_for_five_minutes_is_stale(client, db, path):
    run_id, ended = client.create(), client.create()
    client.complete(ended)
    assert client.read(f"{path}/{run_id}").get("stale", False) is False
    long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=6)
    for each in (run_id, ended):
        db.runs.update_one({"run_id": each}, {"$set": {"last_reported_at": long_ago}})
    assert client.read(f"{path}/{run_id}")["stale"] is True
    assert client.read(f"{path}/{ended}").get("stale", False) is False
    client.report(run_id, 1)
    assert client.read(f"{path}/{run_id}").get("stale", False) is False


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/learning-curve"])
def test_head_is_get_without_a_body(client, path):
    run_id = client.create()
    client.report(run_id, 1, roi_pct=1)
    url = RUNS + path.format(id=run_id)
    answer = client.request("HEAD", url)
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["Content-Type"] == client.get(url).headers["Content-Type"]


@pytest.mark.parametrize("path", ["{runs}", "{runs}/{id}", "{documents}", "{documents}/{id}"])
def test_a_trailing_slash_is_accepted(client, path):
    run_id = client.create()
    client.read(path.format(runs=RUNS, documents=DOCUMENTS, id=run_id) + "/")


def test_posts_with_a_trailing_slash_are_accepted(client):
    run_id = client.write(RUNS + "/", {"run_id": new_id()}, 201)["run_id"]
    client.write(f"{RUNS}/{run_id}/episodes/", {"episode_number": 1})
    client.write(f"{RUNS}/{run_id}/complete/")
    assert client.detail(run_id)["episodes_completed"] == 1


def test_members_that_the_request_does_not_know_are_ignored(client):
    run_id = client.create(project="x", started_at="yesterday", status="failed", account="other")
    client.report(run_id, 1, roi_pct=1.5, duration=3, note="x", extra={"deep": [1]})
    detail = client.detail(run_id)
    assert detail["status"] == "running"
    assert detail["episodes"][0]["metrics"] == {"roi_pct": 1.5}


def test_two_clients_that_create_one_run_at_once_both_get_201(client):
    from concurrent.futures import ThreadPoolExecutor

    body = {"run_id": new_id("race"), "config": {"a": 1}}
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(client.another().post, RUNS, body) for _ in range(24)]
        runs = [ok(f.result(), 201) for f in futures]
    assert len({r["started_at"] for r in runs}) == 1
    assert len(client.read(RUNS, q=body["run_id"])) == 1


def test_the_other_family_reads_the_same_run(client):
    run_id = client.create(config={"algorithm": "PPO"}, strategy_label="both", tags=["t"])
    client.report(run_id, 1, roi_pct=2, reward_sum=5, win=True)
    run, document = client.detail(run_id), client.document(run_id)
    for name in ("run_id", "status", "config", "strategy_id", "strategy_label", "agent_id",
                 "algorithm", "episodes_total"):  # fmt: skip
        assert run[name] == document[name]
    assert document["start_time"] == run["started_at"]
    assert V1 in RUNS and document["metrics"]["episodes"][0]["reward_sum"] == 5
