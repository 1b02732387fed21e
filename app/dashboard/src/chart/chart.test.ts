// chart.test.ts - curves made ready for drawing, live episodes, axes, words.
import assert from "node:assert/strict";
import test from "node:test";
import type { Episode } from "../api/types";
import { countMissing, type CurveData, drawn, gapsInWords, withEpisode } from "./curve";
import { extend } from "./live_curve";
import { lonePoints } from "./lone_points";
import { inOrder, metricKind, metricsOf, metricsOfEpisodes } from "./metric";
import { chosenStretch, moved, readStretch, readWhole, xRange, yRange } from "./range";
import { inWords } from "./summary";

const curve = (episodes: number[], raw: (number | null)[], smoothed = raw): CurveData => ({
  episodes,
  raw,
  smoothed,
  total: episodes.length,
});
const episode = (number: number, metrics: Record<string, number | boolean | string | null>): Episode => ({
  episode: number,
  session_id: null,
  created_at: "2026-01-01T00:00:00.000Z",
  ...metrics,
});

test("a gap in the episode numbers breaks the line where it begins, once, and not before the first point", () => {
  const made = drawn(curve([3, 4, 9, 10], [1, 2, 3, 4]), [
    [1, 2],
    [5, 6],
    [8, 8],
    [20, 30],
  ]);
  assert.deepEqual(made.x, [3, 4, 5, 9, 10]);
  assert.deepEqual(made.raw, [1, 2, null, 3, 4]);
  assert.deepEqual(made.smoothed, [1, 2, null, 3, 4]);
  assert.deepEqual(made.nonfinite, []);
});

test("a value that is not finite is marked, and is no gap of the rolling mean", () => {
  const made = drawn(curve([1, 2, 3], [1, null, 3], [1, null, 2]), []);
  assert.deepEqual(made.nonfinite, [2]);
  assert.deepEqual(made.smoothed, [1, undefined, 2]);
  // Beside a gap it is a part of it: the line does not begin before its first value.
  assert.deepEqual(drawn(curve([1, 3, 4], [1, null, 4], [1, null, 2]), [[2, 2]]).smoothed, [1, null, null, 2]);
});

test("missing numbers are told, and follow what is reported live", () => {
  assert.equal(gapsInWords([[41, 60], [200, 200]]), "41–60, 200");
  assert.equal(gapsInWords([[1, 1], [3, 3], [5, 5]], 2), "1, 3 and 1 more");
  assert.equal(countMissing([[41, 60], [200, 200]]), 21);
  assert.deepEqual(withEpisode([], 4, 5), []);
  assert.deepEqual(withEpisode([], 4, 8), [[5, 7]]);
  assert.deepEqual(withEpisode([[5, 7]], 8, 6), [[5, 5], [7, 7]]);
  assert.deepEqual(withEpisode([[5, 7]], 8, 5), [[6, 7]]);
  assert.deepEqual(withEpisode([[6, 6]], 8, 6), []);
  assert.deepEqual(withEpisode([[6, 6]], 8, 2), [[6, 6]]);
});

test("live episodes extend a curve by the rolling mean that the server will give", () => {
  const values = [5, 1, Number.NaN, 4, 8, 2];
  const recent = values.map((value, i) => episode(i + 1, { total_reward: Number.isNaN(value) ? "NaN" : value }));
  const { data, inexact } = extend(curve([1, 2], [5, 1], [5, 3]), recent.slice(2), recent, {
    metric: "total_reward",
    window: 3,
    complete: true,
  });
  assert.equal(inexact, false);
  assert.deepEqual(data.episodes, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(data.raw, [5, 1, null, 4, 8, 2]);
  assert.deepEqual(data.smoothed, [5, 3, null, 10 / 3, 13 / 3, 14 / 3]);
  assert.equal(data.total, 6);
});

test("what cannot be extended exactly says so", () => {
  const base = curve([1, 2], [5, 1], [5, 3]);
  const asked = { metric: "loss", window: 3, complete: true };
  const all = (...reported: Episode[]) => extend(base, reported, reported, asked).inexact;
  assert.equal(all(episode(2, { loss: 1 })), false, "a repeat of what is drawn");
  assert.equal(all(episode(2, { loss: 7 })), true, "a replacement");
  assert.equal(all(episode(2, {})), true, "a value taken away");
  assert.equal(extend(base, [episode(3, { loss: 1 })], [episode(3, { loss: 1 })], { ...asked, complete: false }).inexact, true);
  assert.equal(extend(base, [episode(3, { win: true })], [], asked).data.episodes.length, 2, "another metric");
});

test("a win counts as one, a draw as a half", () => {
  const recent = [episode(1, { win: true }), episode(2, { win: 0.5 }), episode(3, { win: false })];
  const { data } = extend(curve([], []), recent, recent, { metric: "win", window: 100, complete: true });
  assert.deepEqual(data.smoothed, [1, 0.75, 0.5]);
});

test("axes have air, are never empty, and stay within a share's limits", () => {
  assert.deepEqual(yRange(0, 100), [-6, 106]);
  assert.deepEqual(yRange(5, 5), [4.5, 5.5]);
  assert.deepEqual(yRange(0, 0), [-1, 1]);
  assert.deepEqual(yRange(null, null), [0, 1]);
  assert.deepEqual(yRange(0.4, 0.6, [0, 1]), [-0.02, 1.02]);
  assert.deepEqual(xRange(7, 7), [6.5, 7.5]);
});

test("a stretch is whole episode numbers within the run", () => {
  assert.deepEqual(chosenStretch(10.6, 2.2, 100), [2, 11]);
  assert.deepEqual(chosenStretch(-5, 500, 100), [1, 100]);
  assert.equal(chosenStretch(3, 3, 100), null);
  assert.deepEqual(readStretch("400-900"), [400, 900]);
  for (const wrong of [null, "", "9-4", "0-4", "a-b", "1-2-3", "5"]) assert.equal(readStretch(wrong), null);
  assert.equal(readWhole("100", 1, 100, 10), 100);
  for (const wrong of [null, "0", "101", "1.5", "x"]) assert.equal(readWhole(wrong, 1, 100, 10), 10);
  assert.deepEqual(moved([1, 1000], 1000, { zoom: 0.5 }), [251, 750]);
  assert.deepEqual(moved([251, 750], 1000, { pan: 1 }), [501, 1000]);
  assert.deepEqual(moved([251, 750], 1000, { zoom: 8 }), [1, 1000]);
});

test("metrics stand in one order, under one name each, whatever they are called", () => {
  assert.deepEqual(inOrder(["loss", "win", "reward_sum", "total_reward", "constructor"]), [
    "total_reward",
    "win",
    "constructor",
    "loss",
  ]);
  assert.deepEqual(
    metricsOf({ total_episodes: 1, avg_sharpe: 1, avg_sharpe_ratio: 1, min_sharpe_ratio: 1, max_sharpe_ratio: 1, nonfinite: { q: 2 } }),
    ["sharpe_ratio", "q"],
  );
  assert.deepEqual(metricsOfEpisodes([episode(1, { win: null, "a/b": 1 }), episode(2, { steps: 3 })]), ["steps", "a/b"]);
  assert.equal(metricKind("max_drawdown_pct").better, "lower");
  assert.equal(metricKind("train/value_loss").better, "lower");
  assert.equal(metricKind("floss_count").better, "none");
  assert.equal(metricKind("constructor").title, "constructor");
});

test("a value between two breaks is a point, and few values are all points", () => {
  assert.deepEqual(lonePoints([5], 0, 0), [0]);
  assert.deepEqual(lonePoints([1, undefined, 2, null, 3], 0, 4), [0, 2, 4]);
  const many = Array.from({ length: 50 }, (_, i) => (i === 20 || i === 22 ? null : i));
  assert.deepEqual(lonePoints(many, 0, 49), [21]);
  assert.deepEqual(lonePoints([...many, null, undefined, 7, undefined], 0, 53), [21, 52]);
});

test("a chart is told in words", () => {
  const told = { title: "Reward", window: 10, format: String, nonfinite: 2, gaps: 1 };
  assert.equal(
    inWords(curve([1, 2, 3], [4, 9, 2]), told),
    "Reward, rolling mean over 10 episodes, 3 values; it begins with 4 at episode 1 and ends with 2 at episode 3; " +
      "lowest 2 at episode 3, highest 9 at episode 2; 2 values are not finite; 1 gap in the episode numbers.",
  );
  assert.equal(inWords(curve([], []), told), "Reward: no value.");
});
