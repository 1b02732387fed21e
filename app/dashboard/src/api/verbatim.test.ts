// verbatim.test.ts - a configuration's numbers are shown as they were written.
import assert from "node:assert/strict";
import test from "node:test";
import { parseRuns, Verbatim } from "./verbatim";

// Node.js 20 gives revivers no source text, as old browsers do not: then numbers are doubles, and nothing else changes.
const reads = ((): boolean => {
  let seen = false;
  JSON.parse("1", ((_key: string, value: unknown, context?: { source?: string }) => {
    seen = context?.source === "1";
    return value;
  }) as Parameters<typeof JSON.parse>[1]);
  return seen;
})();

test("numbers of config and metadata keep their text, others are doubles", () => {
  const text =
    '{"runs":[{"config":{"seed":9007199254740993,"lr":1e-07,"one":1.0,"n":5,"__proto__":{"a":2.0}},"aggregate_stats":{"avg":0.75645050000000003}}],"missing":[]}';
  const { runs } = parseRuns<{ runs: { config: Record<string, unknown>; aggregate_stats: { avg: number } }[] }>(text);
  const run = runs[0];
  assert.equal(run?.aggregate_stats.avg, 0.7564505);
  assert.equal(run?.config["n"], 5);
  assert.equal(String(run?.config["seed"]), reads ? "9007199254740993" : "9007199254740992");
  assert.equal(run?.config["one"] instanceof Verbatim, reads);
});

test("a list of runs and a lone run are read the same", () => {
  assert.deepEqual(parseRuns('[{"config":null,"metadata":{}}]'), [{ config: null, metadata: {} }]);
  assert.deepEqual(parseRuns('{"config":{"a":[1,2]},"summary":{"episodes":3}}'), { config: { a: [1, 2] }, summary: { episodes: 3 } });
});
