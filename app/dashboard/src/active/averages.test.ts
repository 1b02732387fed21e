// averages.test.ts - means of the last episodes.
import assert from "node:assert/strict";
import test from "node:test";
import type { Episode } from "../api/types";
import { averagesOf, newestOf } from "./averages";

const episode = (number: number, metrics: Record<string, number | string | boolean>): Episode => ({
  episode: number,
  session_id: null,
  created_at: "2026-03-19T10:00:00.000Z",
  ...metrics,
});

test("the newest ten stay, and a later report of a number stands", () => {
  const known = Array.from({ length: 10 }, (_, i) => episode(i + 1, { total_reward: 0 }));
  const newest = newestOf(known, [episode(12, { total_reward: 5 }), episode(10, { total_reward: 7 })]);
  assert.deepEqual(newest.map((at) => at.episode), [12, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
  assert.equal(newest[1]?.["total_reward"], 7);
});

test("a mean is over the episodes that have the metric as a number", () => {
  const means = averagesOf([
    episode(1, { total_reward: 2, reward_sum: 2, win: true, cash: 10 }),
    episode(2, { total_reward: 4, reward_sum: 4, win: false }),
    episode(3, { total_reward: "NaN", win: 0.5 }),
  ]);
  assert.deepEqual(means, [
    { metric: "total_reward", mean: 3 },
    { metric: "win", mean: 0.5 },
    { metric: "cash", mean: 10 },
  ]);
});
