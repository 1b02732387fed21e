"""What the trackers read out of infos, in the layouts of all Gymnasiums from 0.28 on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from training_client.episode_info import Account, Reader
from training_client.vector_info import info_of, last_info_of, was_reset_in_the_same_step


def objects(*values: Any) -> Any:
    array = np.full(len(values), None, dtype=object)
    array[:] = values
    return array


YES_NO = np.array([True, False])
STATS = {"r": 7.5, "l": 3, "t": 99.0}

# What Gymnasium gives when the first of two environments ends an episode with a roi_pct of 2.
LAYOUTS = {
    "arrays with one mask (vector.RecordEpisodeStatistics)": {
        "episode": {"r": np.array([7.5, 0.0]), "l": np.array([3, 0]), "t": np.array([99.0, 0.0])},
        "_episode": YES_NO,
        "roi_pct": np.array([2.0, 0.0]),
        "_roi_pct": YES_NO,
    },
    "nested masks (RecordEpisodeStatistics inside)": {
        "episode": {
            "r": np.array([7.5, 0.0]), "_r": YES_NO, "l": np.array([3, 0]), "_l": YES_NO,
            "t": np.array([99.0, 0.0]), "_t": YES_NO,
        },
        "_episode": YES_NO,
        "roi_pct": np.array([2.0, 0.0]),
        "_roi_pct": YES_NO,
    },
    "final_info of arrays (1.x, reset in the same step)": {
        "final_info": {
            "episode": {
                "r": np.array([7.5, 0.0]), "_r": YES_NO, "l": np.array([3, 0]), "_l": YES_NO,
            },
            "_episode": YES_NO,
            "roi_pct": np.array([2.0, 0.0]),
            "_roi_pct": YES_NO,
        },
        "_final_info": YES_NO,
        "final_obs": objects(np.zeros(2), None),
        "_final_obs": YES_NO,
        "roi_pct": np.array([-5.0, 8.0]),  # of the episodes that go on
        "_roi_pct": np.array([True, True]),
    },
    "final_info of dicts (0.28, statistics inside)": {
        "final_info": objects(
            {"episode": {"r": np.array([7.5], dtype=np.float32), "l": np.array([3], dtype=np.int32),
                         "t": np.array([99.0], dtype=np.float32)}, "roi_pct": 2.0},
            None,
        ),
        "_final_info": YES_NO,
        "final_observation": objects(np.zeros(2), None),
        "_final_observation": YES_NO,
        "roi_pct": np.array([-5.0, 8.0]),
        "_roi_pct": np.array([True, True]),
    },
    "final_info and statistics beside it (0.28, statistics outside)": {
        "final_info": objects({"roi_pct": 2.0}, None),
        "_final_info": YES_NO,
        "episode": {"r": np.array([7.5, 0.0]), "l": np.array([3, 0]), "t": np.array([99.0, 0.0])},
        "_episode": YES_NO,
    },
    "a list of dicts": [{"episode": STATS, "roi_pct": 2.0}, {}],
    "a list of dicts with final_info": [
        {"final_info": {"episode": STATS, "roi_pct": 2.0}, "roi_pct": -5.0}, {"roi_pct": 8.0},
    ],
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_figures_of_an_ended_episode_are_found_in_every_layout(layout: str) -> None:
    infos = LAYOUTS[layout]
    episode = Reader().episode(last_info_of(infos, 0, "episode"), 1.0, 1, None)
    assert (episode.total_reward, episode.steps) == (7.5, 3)
    assert episode.metrics == {"roi_pct": 2.0}
    assert was_reset_in_the_same_step(infos, 0) == ("final_info" in layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_environment_whose_episode_goes_on_has_no_statistics(layout: str) -> None:
    info = info_of(LAYOUTS[layout], 1)
    assert "episode" not in info
    assert info.get("final_info") is None
    assert info.get("roi_pct") in (None, 8.0)


def test_values_for_all_environments_and_texts_are_taken_as_they_are() -> None:
    infos = {"lr": 0.5, "phase": "warm up", "names": ["a", "b"]}
    assert info_of(infos, 1) == {"lr": 0.5, "phase": "warm up", "names": "b"}
    assert info_of([{}], 3) == info_of(None, 0) == {}


def test_what_is_counted_stands_where_the_info_has_no_statistics() -> None:
    episode = Reader().episode({}, 4.5, 9, Account())
    assert (episode.total_reward, episode.steps, episode.win, episode.metrics) == (4.5, 9, None, {})
    other = Reader(stats_key="stats").episode({"stats": {"r": 1}, "episode": STATS}, 4.5, 9, None)
    assert (other.total_reward, other.steps) == (1.0, 9)


def test_statistics_of_fewer_steps_than_were_taken_are_not_believed() -> None:
    episode = Reader().episode({"episode": STATS}, 4.5, 4, None)
    assert (episode.total_reward, episode.steps) == (4.5, 4)
    more = Reader().episode({"episode": STATS}, 4.5, 2, None)  # frames are skipped outside of them
    assert (more.total_reward, more.steps) == (7.5, 3)


def test_figures_of_the_info_win_over_those_computed_from_equity() -> None:
    account = Account()
    for equity, orders in ((100.0, []), (110.0, [1]), (99.0, [1, 2])):
        account.follow({"equity": equity, "filled_orders": orders})
    computed = Reader().episode({}, 0.0, 2, account).metrics
    assert computed == pytest.approx(
        {"roi_pct": -1.0, "max_drawdown_pct": 10.0, "sharpe_ratio": 0.0, "total_trades": 3},
        abs=1e-12,
    )
    info = {"roi_pct": np.float32(3.5), "sharpe": 1.25, "num_trades": np.int64(18)}
    assert Reader().episode(info, 0.0, 2, account).metrics == pytest.approx(
        {"roi_pct": 3.5, "max_drawdown_pct": 10.0, "sharpe_ratio": 1.25, "total_trades": 18}
    )


@pytest.mark.parametrize("equity", [0.0, -5.0, math.nan, math.inf])
def test_an_equity_of_which_no_ratio_can_be_made_gives_no_figures(equity: float) -> None:
    account = Account()
    for value in (100.0, equity, 50.0):
        account.follow({"equity": value})
    assert account.figures() == {}


def test_what_the_api_would_refuse_is_left_out() -> None:
    # A refused metric would take its whole episode with it.
    info = {"total_trades": 1.5, "win": 2, "roi_pct": "high", "sharpe_ratio": [1, 2], "pnl": None}
    episode = Reader(more=("pnl", "absent")).episode({**info, "hit": True}, 0.0, 1, None)
    assert (episode.win, episode.metrics) == (None, {})
    hit = Reader(more=("hit",)).episode({"hit": True}, 0.0, 1, None).metrics["hit"]
    assert (hit, type(hit)) == (1, int)


@pytest.mark.parametrize(("info", "win"), [({"is_success": True}, True), ({"win": 0.5}, 0.5)])
def test_success_is_a_win(info: dict[str, Any], win: float) -> None:
    assert Reader().episode(info, 0.0, 1, None).win == win


def test_further_members_are_metrics_when_they_are_named() -> None:
    info = {"pnl": np.array([2.5]), "lives": 3, "name": "x"}
    assert Reader(more=("pnl", "lives")).episode(info, 0, 1, None).metrics == {
        "pnl": 2.5,
        "lives": 3,
    }
