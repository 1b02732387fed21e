// list_query.test.ts - the address says what the list shows, and nothing else.
import assert from "node:assert/strict";
import test from "node:test";
import { filtersSet, listQueryChange, readListQuery, runFilterOf } from "./list_query";

const read = (text: string) => readListQuery(new URLSearchParams(text));

test("an empty address is the newest 50 of all runs", () => {
  const query = read("");
  assert.equal(query.sort, "-start_time");
  assert.deepEqual([query.page, query.size], [1, 50]);
  assert.deepEqual(filtersSet(query), []);
});

test("what an address says wrongly counts as not said", () => {
  assert.deepEqual(read("status=eaten&sort=colour&page=-3&size=7&since=yesterday"), read(""));
});

test("a change of a filter goes back to the first page, and a default is not said", () => {
  assert.deepEqual(listQueryChange({ tag: "btc" }), { page: null, tag: "btc" });
  assert.deepEqual(listQueryChange({ tag: "", sort: "-start_time", size: 50 }), {
    page: null,
    tag: null,
    sort: null,
    size: null,
  });
  assert.deepEqual(listQueryChange({ page: 3 }), { page: "3" });
});

test("a day is whole where the reader is", () => {
  const filter = runFilterOf(read("since=2026-03-19&until=2026-03-19"));
  assert.equal(filter.since, new Date(2026, 2, 19, 0, 0, 0, 0).toISOString());
  assert.equal(filter.until, new Date(2026, 2, 19, 23, 59, 59, 999).toISOString());
});
