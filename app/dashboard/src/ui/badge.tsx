// badge.tsx - a run's status: colour, shape and word, so that no one of them is needed alone.
import type { Status } from "../api/types";

const SHAPES: Record<Status | "stale", string> = {
  running: "M4 2.5v7l5.5-3.5z",
  completed: "M2 6.5 5 9.5 10 3",
  stopped: "M3 3h6v6H3z",
  failed: "M3 3l6 6M9 3 3 9",
  stale: "M6 2v4.5M6 9v.6",
};
const STROKED: ReadonlySet<string> = new Set(["completed", "failed", "stale"]);
const WORDS: Record<Status | "stale", string> = {
  running: "Running",
  completed: "Completed",
  stopped: "Stopped",
  failed: "Failed",
  stale: "Stale",
};

/** stale: running, but unheard of for minutes. */
export function Badge({ status, stale = false }: { status: Status; stale?: boolean }) {
  const kind = stale && status === "running" ? "stale" : status;
  const title = kind === "stale" ? "Running, but nothing has been heard of it for five minutes" : undefined;
  return (
    <span class={`badge badge-${kind}`} title={title}>
      <svg viewBox="0 0 12 12" aria-hidden="true" class={STROKED.has(kind) ? "stroked" : "filled"}>
        <path d={SHAPES[kind]} />
      </svg>
      {WORDS[kind]}
    </span>
  );
}
