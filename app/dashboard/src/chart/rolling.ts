// rolling.ts - the rolling mean as the server computes it (contract, section 1), for episodes that come in
// live before the server is asked again. Pure. Next: live_curve.ts.
import type { Episode, Figure } from "../api/types";

/** The last values of a metric that are finite, oldest first. */
export type Tail = readonly number[];

/** A metric's value of an episode: undefined: it has none; null: it is not finite. `win` counts as 0 or 1. */
export function valueOf(episode: Episode, metric: string): Figure | undefined {
  const value = episode[metric];
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return null;
  return undefined;
}

/** The finite values of a metric in episodes, which stand in ascending order. */
export function tailOf(episodes: readonly Episode[], metric: string): number[] {
  return episodes.map((episode) => valueOf(episode, metric)).filter((value) => typeof value === "number");
}

/** Mean of the last min(n, window) values; null when there is none. */
export function rollingMean(values: Tail, window: number): Figure {
  const last = values.slice(-window);
  return last.length === 0 ? null : last.reduce((sum, value) => sum + value, 0) / last.length;
}
