// format.test.ts - what numbers and durations look like.
import assert from "node:assert/strict";
import test from "node:test";
import { formatDuration } from "./duration";
import { formatFigure, formatRate, formatShare } from "./number";

test("a figure has about four digits, and one that is not finite says so", () => {
  const cases: [number | string | null, string][] = [
    [0, "0.000"],
    [0.12345, "0.123"],
    [-12.346, "−12.35"],
    [123.45, "123.5"],
    [1234.5, "1\u202f235"],
    [1.2344e-7, "1.234e-7"],
    [3e12, "3.000e+12"],
    [null, "–"],
    ["NaN", "NaN"],
    ["-Infinity", "−∞"],
  ];
  for (const [value, text] of cases) assert.equal(formatFigure(value), text);
});

test("a share is a percentage", () => {
  assert.equal(formatShare(0.4176), "41.8\u202f%");
  assert.equal(formatShare(null), "–");
});

test("a duration has its two largest units", () => {
  const cases: [number, string][] = [
    [420, "0.4 s"],
    [42_900, "42 s"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 05 min"],
    [356_400_000, "4 d 3 h"],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test("a rate is told by the second, the minute or the hour", () => {
  assert.equal(formatRate(1234), "1\u202f234\u202f/s");
  assert.equal(formatRate(0.5), "30.0\u202f/min");
  assert.equal(formatRate(0.001), "3.6\u202f/h");
});
