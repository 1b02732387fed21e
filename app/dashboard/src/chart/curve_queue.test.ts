// curve_queue.test.ts - who is read first.
import assert from "node:assert/strict";
import test from "node:test";
import { inTurn } from "./curve_queue";

test("two at a time, lower ranks first, and one that is given up is never read", async () => {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const never = new AbortController();
  const ask = (name: string, rank: number, signal = new AbortController().signal) =>
    inTurn(rank, signal, () => {
      began.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const asked = [ask("third", 3), ask("second", 2), ask("first", 1)];
  const given = ask("given up", 0, never.signal);
  never.abort(new Error("gone"));
  await assert.rejects(given, /gone/);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(began, ["first", "second"]);
  ends.get("second")?.();
  await asked[1];
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(began, ["first", "second", "third"]);
  ends.get("first")?.();
  ends.get("third")?.();
  await Promise.all(asked);
});
