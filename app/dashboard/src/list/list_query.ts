// list_query.ts - what the list shows, as it stands in the address. Pure. Next: use_run_list.ts.
import type { RunFilter } from "../api/runs";

export interface ListQuery {
  q: string;
  status: string;
  agent: string;
  label: string;
  tag: string;
  /** days where the reader is: "2026-03-19" or "" */
  since: string;
  until: string;
  sort: string;
  /** from 1 */
  page: number;
  size: number;
}

export const SORTS: readonly [string, string][] = [
  ["-start_time", "Newest first"],
  ["start_time", "Oldest first"],
  ["-episodes", "Most episodes"],
  ["episodes", "Fewest episodes"],
  ["-win_rate", "Highest win rate"],
  ["win_rate", "Lowest win rate"],
  ["-avg_reward", "Highest mean reward"],
  ["avg_reward", "Lowest mean reward"],
];
export const STATUSES = ["running", "completed", "stopped", "failed"] as const;
export const SIZES = [25, 50, 100, 200] as const;
const NEWEST = "-start_time";
const FILTERS = ["q", "status", "agent", "label", "tag", "since", "until"] as const;
const DAY = /^\d{4}-\d\d-\d\d$/;

export type FilterName = (typeof FILTERS)[number];

/** What an address says; what it says wrongly counts as not said. */
export function readListQuery(query: URLSearchParams): ListQuery {
  const text = (name: string) => query.get(name) ?? "";
  const one = (name: string, of: readonly string[], otherwise: string) =>
    of.includes(text(name)) ? text(name) : otherwise;
  const day = (name: string) => (DAY.test(text(name)) ? text(name) : "");
  const page = Number(text("page"));
  const size = Number(text("size"));
  return {
    q: text("q"),
    status: one("status", STATUSES, ""),
    agent: text("agent"),
    label: text("label"),
    tag: text("tag"),
    since: day("since"),
    until: day("until"),
    sort: one("sort", SORTS.map(([name]) => name), NEWEST),
    page: Number.isInteger(page) && page > 1 ? page : 1,
    size: (SIZES as readonly number[]).includes(size) ? size : 50,
  };
}

/** The members of an address that say a change; null takes one out, as what is the default is. */
export function listQueryChange(change: Partial<ListQuery>): Record<string, string | null> {
  const said: Record<string, string | null> = { page: null };
  for (const [name, value] of Object.entries(change)) said[name] = value === "" ? null : String(value);
  if (change.sort === NEWEST) said["sort"] = null;
  if (change.size === 50) said["size"] = null;
  if (change.page === 1) said["page"] = null;
  return said;
}

/** The filters that are set, in the order they are shown. */
export const filtersSet = (query: ListQuery): FilterName[] => FILTERS.filter((name) => query[name] !== "");

/** All filters taken out. */
export const NO_FILTERS: Partial<ListQuery> = Object.fromEntries(FILTERS.map((name) => [name, ""]));

/** What the API is asked. A day begins and ends where the reader is; the time of day is included. */
export function runFilterOf(query: ListQuery): RunFilter {
  return {
    q: query.q.trim(),
    status: query.status,
    agent_id: query.agent,
    strategy_label: query.label,
    tag: query.tag,
    since: query.since && timeOf(`${query.since}T00:00:00.000`),
    until: query.until && timeOf(`${query.until}T23:59:59.999`),
    sort: query.sort,
  };
}

function timeOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}
