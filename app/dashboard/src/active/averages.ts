// averages.ts - the means of the last episodes' metrics. Pure.
import type { Episode } from "../api/types";

/** As many episodes as GET /api/training/status averages over. */
export const LAST_EPISODES = 10;
const SHOWN_MAX = 6;
const FIRST = ["total_reward", "win", "steps", "roi_pct", "sharpe_ratio", "max_drawdown_pct"];
const NO_METRIC: ReadonlySet<string> = new Set(["episode", "session_id", "created_at", "reward_sum"]);

export interface Average {
  metric: string;
  mean: number;
}

/** The newest episodes of both, by number, the later report of a number standing. */
export function newestOf(known: readonly Episode[], reported: readonly Episode[]): Episode[] {
  const all = new Map(known.map((episode) => [episode.episode, episode]));
  for (const episode of reported) all.set(episode.episode, episode);
  return [...all.values()].sort((a, b) => b.episode - a.episode).slice(0, LAST_EPISODES);
}

/** The mean of each metric over the episodes that have it, the well-known ones first. */
export function averagesOf(episodes: readonly Episode[]): Average[] {
  const values = new Map<string, number[]>();
  for (const episode of episodes)
    for (const [metric, value] of Object.entries(episode)) {
      const number = typeof value === "boolean" ? Number(value) : value;
      if (NO_METRIC.has(metric) || typeof number !== "number") continue;
      values.set(metric, [...(values.get(metric) ?? []), number]);
    }
  const rank = (metric: string) => (FIRST.includes(metric) ? FIRST.indexOf(metric) : FIRST.length);
  return [...values]
    .map(([metric, of]) => ({ metric, mean: of.reduce((sum, value) => sum + value, 0) / of.length }))
    .sort((a, b) => rank(a.metric) - rank(b.metric) || (a.metric < b.metric ? -1 : 1))
    .slice(0, SHOWN_MAX);
}
