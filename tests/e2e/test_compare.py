"""GET /api/v1/training/compare (contract section 2): runs side by side, in the order asked."""

import uuid

import pytest

from expected import Book, aggregate_stats, differences
from support import V1, literal_json, literal_member, new_id, problem

COMPARE = V1 + "/compare"


def filled(client, **members):
    run_id, book = client.create(**members), Book()
    for number in range(1, 6):
        report = {"roi_pct": number * 1.5, "sharpe_ratio": -number, "metrics": {"loss": 1 / number}}
        client.report(run_id, number, **report)
        book.report(number, report)
    return run_id, book


def test_runs_come_in_the_order_asked_with_their_figures(client):
    first, book = filled(client, strategy_label="a", config={"algorithm": "PPO"})
    second = client.create(agent_id="me")
    client.complete(second)
    third, _ = filled(client)
    answer = client.read(COMPARE, run_ids=f"{third},{first},{second}")
    assert [r["run_id"] for r in answer["runs"]] == [third, first, second]
    assert answer["missing"] == []
    for row in answer["runs"]:
        detail = client.detail(row["run_id"])
        assert set(row) >= {
            "run_id", "status", "strategy_label", "agent_id", "algorithm", "config",
            "episodes_completed", "aggregate_stats", "started_at", "completed_at",
        }  # fmt: skip
        for name in set(row) & set(detail):
            assert row[name] == detail[name], name
    assert answer["runs"][2]["aggregate_stats"] is None
    assert not differences(answer["runs"][1]["aggregate_stats"], aggregate_stats(book))


def test_ids_that_are_not_found_are_listed_as_missing(client):
    run_id = client.create()
    strange = ["nobody", "$ne", '{"$gt":""}', str(uuid.uuid4())]
    answer = client.read(COMPARE, run_ids=",".join([strange[0], run_id, *strange[1:]]))
    assert [r["run_id"] for r in answer["runs"]] == [run_id]
    assert answer["missing"] == strange


def test_nothing_found_is_an_empty_list(client):
    assert client.read(COMPARE, run_ids="nobody") == {"runs": [], "missing": ["nobody"]}


def test_uuids_are_found_in_any_case(client):
    run_id = client.create(str(uuid.uuid4()))
    answer = client.read(COMPARE, run_ids=run_id.upper())
    assert [r["run_id"] for r in answer["runs"]] == [run_id]


def test_50_ids_are_compared_and_51_are_refused(client):
    runs = [client.create() for _ in range(3)] + [new_id("none") for _ in range(47)]
    answer = client.read(COMPARE, run_ids=",".join(runs))
    assert [r["run_id"] for r in answer["runs"]] == runs[:3]
    assert answer["missing"] == runs[3:]
    problem(
        client.get(COMPARE, run_ids=",".join([*runs, "x"])), 422, "validation_failed", ["run_ids"]
    )


@pytest.mark.parametrize(
    "query", ["", "?run_ids=", "?run_ids=,", "?run_ids=%20", "?other=1", "?run_ids[]=a"]
)
def test_none_given_is_422(client, query):
    problem(client.get(COMPARE + query), 422, "validation_failed", ["run_ids"])


def test_config_is_shown_unchanged(client):
    text = '{"b":1.0,"a":1e-7,"big":9007199254740993}'
    run_id = new_id()
    client.post(f"{V1}/runs", raw=f'{{"run_id":"{run_id}","config":{text}}}')
    shown = client.get(COMPARE, run_ids=run_id).text
    assert literal_member(shown, "runs")[0][0] is not None
    assert dict(literal_member(shown, "runs")[0])["config"] == literal_json(text)
