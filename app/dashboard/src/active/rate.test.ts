// rate.test.ts - rates over the last minute, and what is left.
import assert from "node:assert/strict";
import test from "node:test";
import { rateOf, type Sample, timeLeft, withSample } from "./rate";

const sampled = (...pairs: [number, number][]): Sample[] =>
  pairs.reduce<Sample[]>((at, [second, episodes]) => withSample(at, { at: second * 1000, episodes }), []);

test("the rate is that of the last minute", () => {
  const samples = sampled([0, 0], [50, 500], [100, 600], [110, 620]);
  assert.equal(samples[0]?.at, 50_000);
  assert.equal(rateOf(samples, 0), 2);
});

test("one report is judged by the time since the start", () => {
  assert.equal(rateOf(sampled([10, 50]), 0), 5);
  assert.equal(rateOf(sampled([1, 50]), 0), null);
  assert.equal(rateOf([], 0), null);
});

test("what comes late or twice changes nothing", () => {
  assert.deepEqual(sampled([10, 50], [10, 50], [9, 60], [12, 40]), sampled([10, 50]));
});

test("time left is what the rest takes at this rate", () => {
  assert.equal(timeLeft(450, 1000, 5), 110_000);
  assert.equal(timeLeft(1200, 1000, 5), 0);
  assert.equal(timeLeft(450, null, 5), null);
  assert.equal(timeLeft(450, 1000, 0), null);
});
