// group.ts - runs of one agent or label as one curve: mean and 95 % interval over its runs (seeds). Pure.
// A group is made of its own runs alone: what else is compared, shown or hidden does not move it. Next: compare_chart.tsx.
import type { Figure } from "../api/types";

/** One run's smoothed curve, ascending. */
export interface Member {
  episodes: readonly number[];
  values: readonly Figure[];
}

export interface GroupCurve {
  episodes: number[];
  mean: Figure[];
  /** mean ± t(0.975, n-1) · s / √n; null where fewer than two runs are */
  low: Figure[];
  high: Figure[];
  /** runs that the mean is of */
  runs: number[];
}

// Student's t, 97.5 %, by degrees of freedom 1 to 19: a comparison has at most 20 runs.
const T975 = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093,
];

export interface Interval {
  mean: number;
  low: number | null;
  high: number | null;
}

/** Mean of at least one value, and the 95 % interval of the mean. */
export function interval(values: readonly number[]): Interval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const t = T975[n - 2] ?? (n < 2 ? undefined : 1.96);
  if (t === undefined) return { mean, low: null, high: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = t * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}

/** The formula, for the page. */
export const FORMULA =
  "At each episode: the mean m of the rolling means of the group's runs that have begun and not ended there (n of them), and " +
  "m ± t(0.975, n−1) · s ∕ √n, the 95 % interval of that mean; s is their standard deviation (n−1). Between two points of a run " +
  "that was thinned for drawing its value is interpolated; zoom in for every point. Hiding runs does not change a group.";

/** The group's curve at every episode at which one of its runs has a point. */
export function groupCurve(members: readonly Member[]): GroupCurve {
  const episodes = [...new Set(members.flatMap((member) => member.episodes))].sort((a, b) => a - b);
  const readers = members.map(reader);
  const result: GroupCurve = { episodes, mean: [], low: [], high: [], runs: [] };
  for (const episode of episodes) {
    const values = readers.map((read) => read(episode)).filter((value) => value !== null);
    const at = values.length > 0 ? interval(values) : null;
    result.mean.push(at?.mean ?? null);
    result.low.push(at?.low ?? null);
    result.high.push(at?.high ?? null);
    result.runs.push(values.length);
  }
  return result;
}

/** Reads a curve at ascending episodes: its value there, between two points the line between them. */
function reader({ episodes, values }: Member): (episode: number) => number | null {
  const points: { episode: number; value: number }[] = [];
  for (let i = 0; i < episodes.length; i++) {
    const value = values[i];
    if (typeof value === "number") points.push({ episode: episodes[i] as number, value });
  }
  let at = 0;
  return (episode) => {
    while (at + 1 < points.length && (points[at + 1] as { episode: number }).episode <= episode) at++;
    const left = points[at];
    if (!left || episode < left.episode) return null;
    if (episode === left.episode) return left.value;
    const right = points[at + 1];
    if (!right) return null;
    return left.value + ((right.value - left.value) * (episode - left.episode)) / (right.episode - left.episode);
  };
}

/** Keys of groups, in order of first occurrence, with the places of their runs. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
