// compare.test.ts - differences of configurations, groups with their interval, the best of a column.
import assert from "node:assert/strict";
import test from "node:test";
import { Verbatim } from "../api/verbatim";
import { bestOf } from "./best";
import { configDiff, valueInLine } from "./config_diff";
import { groupBy, groupCurve, interval } from "./group";

test("only the keys that differ are shown, nested ones folded into their key", () => {
  const nodes = configDiff([
    { same: 1, lr: 0.1, net: { layers: [64, 64], act: "relu" }, order: { a: 1, b: 2 } },
    { same: 1, lr: 0.2, net: { layers: [64, 32], act: "relu" }, order: { b: 2, a: 1 }, extra: null },
  ]);
  assert.deepEqual(
    nodes.map((node) => [node.path, node.count, node.children.map((child) => child.path)]),
    [
      ["/lr", 1, []],
      ["/net", 1, ["/net/layers"]],
      ["/extra", 1, []],
    ],
  );
  assert.deepEqual(nodes[2]?.values, [undefined, null]);
});

test("a key that holds an object here and a number there is one difference", () => {
  const nodes = configDiff([{ net: { a: 1 } }, { net: 4 }, null]);
  assert.deepEqual(nodes.map((node) => [node.name, node.count, node.children.length]), [["net", 1, 0]]);
});

test("keys with a slash, a tilde or the name of a prototype are keys like others", () => {
  const nodes = configDiff([JSON.parse('{"__proto__": 1, "a/b~c": 1, "toString": 1}'), { "a/b~c": 2 }]);
  assert.deepEqual(nodes.map((node) => node.path), ["/__proto__", "/a~1b~0c", "/toString"]);
});

test("whole numbers beyond 53 bits are told apart, 1 and 1.0 are not", () => {
  const seeds = ["9007199254740993", "9007199254740992", "1.0"].map((text) => new Verbatim(text));
  assert.equal(configDiff([{ seed: seeds[0] as Verbatim }, { seed: seeds[1] as Verbatim }]).length, 1);
  assert.equal(configDiff([{ seed: seeds[1] as Verbatim }, { seed: 9007199254740992 }]).length, 0);
  assert.equal(configDiff([{ seed: seeds[2] as Verbatim }, { seed: 1 }]).length, 0);
  assert.equal(valueInLine(seeds[0]), "9007199254740993");
});

test("values stand in one line", () => {
  assert.equal(valueInLine("text"), "text");
  assert.equal(valueInLine([1, "2"]), '[1,"2"]');
  assert.equal(valueInLine(undefined), "–");
  assert.equal(valueInLine(null), "null");
});

test("the interval is Student's", () => {
  // scipy.stats.t.interval(0.95, 4, loc=3, scale=sem([1, 2, 3, 4, 5])) = (1.036757, 4.963243)
  const five = interval([1, 2, 3, 4, 5]);
  assert.equal(five.mean, 3);
  assert.ok(Math.abs((five.low ?? 0) - 1.036757) < 1e-4);
  assert.ok(Math.abs((five.high ?? 0) - 4.963243) < 1e-4);
  assert.deepEqual(interval([4]), { mean: 4, low: null, high: null });
});

test("a group's mean is over the runs that are there, and between two points of one is interpolated", () => {
  const group = groupCurve([
    { episodes: [1, 3, 5], values: [0, 2, 4] },
    { episodes: [1, 2, 3, 4], values: [10, 10, null, 10] },
  ]);
  assert.deepEqual(group.episodes, [1, 2, 3, 4, 5]);
  assert.deepEqual(group.mean, [5, 5.5, 6, 6.5, 4]);
  assert.deepEqual(group.runs, [2, 2, 2, 2, 1]);
  assert.equal(group.low[4], null);
});

test("runs are grouped in the order in which their groups first occur", () => {
  assert.deepEqual([...groupBy(["b1", "a1", "b2"], (id) => id[0] ?? "")], [
    ["b", ["b1", "b2"]],
    ["a", ["a1"]],
  ]);
});

test("the best is the highest or the lowest, as the metric wants it; ties share, sameness marks nothing", () => {
  assert.deepEqual([...bestOf([1, 3, null, 3], "higher")], [1, 3]);
  assert.deepEqual([...bestOf([1, 3, null], "lower")], [0]);
  assert.deepEqual([...bestOf([1, 3], "none")], []);
  assert.deepEqual([...bestOf([2, 2], "higher")], []);
  assert.deepEqual([...bestOf([2, null], "higher")], []);
});
