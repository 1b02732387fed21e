// metric.ts - what a metric is called, which way is better, how its numbers are written. Pure.
// Used by the detail and compare pages. Next: curve.ts.
import type { Stats } from "../api/types";
import { formatFigure, formatShare } from "../format/number";

export type Direction = "higher" | "lower" | "none";

export interface MetricKind {
  /** for people: "Reward" */
  title: string;
  /** what is better; none: neither */
  better: Direction;
  /** a value on an axis or in a table */
  format: (value: number | string | null | undefined) => string;
  /** fixed limits of the axis, where the metric has them */
  limits?: readonly [number, number];
}

/** A window that is not the reader's to choose: the rolling win rate's (contract, section 1). */
export const WIN_RATE_WINDOW = 100;

const share = (value: number | string | null | undefined): string =>
  typeof value === "string" ? formatFigure(value) : formatShare(value);

const NAMED: Record<string, MetricKind> = {
  total_reward: { title: "Reward", better: "higher", format: formatFigure },
  win: { title: "Rolling win rate", better: "higher", format: share, limits: [0, 1] },
  roi_pct: { title: "ROI, %", better: "higher", format: formatFigure },
  sharpe_ratio: { title: "Sharpe ratio", better: "higher", format: formatFigure },
  max_drawdown_pct: { title: "Maximum drawdown, %", better: "lower", format: formatFigure },
  steps: { title: "Steps", better: "none", format: formatFigure },
  epsilon: { title: "Epsilon", better: "none", format: formatFigure },
  total_trades: { title: "Trades", better: "none", format: formatFigure },
};
// A map: a custom metric may be called "constructor".
const KNOWN = new Map(Object.entries(NAMED));
const FIRST = Object.keys(NAMED);

/** Of a custom metric the name says which way is better, where it says anything. */
function directionOf(name: string): Direction {
  const word = name.toLowerCase();
  if (/(^|[^a-z])(loss|error|regret|drawdown|penalty|collisions?|failures?)([^a-z]|$)|_loss$|_error$/.test(word))
    return "lower";
  if (/(reward|return|score|success|accuracy|win_?rate|profit|adherence)/.test(word)) return "higher";
  return "none";
}

export function metricKind(name: string): MetricKind {
  return KNOWN.get(name) ?? { title: name, better: directionOf(name), format: formatFigure };
}

/** reward_sum and total_reward are one metric under two names. */
export const metricName = (name: string): string => (name === "reward_sum" ? "total_reward" : name);

/** Reward, win rate, ROI, Sharpe, drawdown, the other named ones, then custom ones by name. */
export function inOrder(names: Iterable<string>): string[] {
  const rank = (name: string): number => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  return [...new Set([...names].map(metricName))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** The metrics that statistics tell of; their other names for the same figure are left out. */
export function metricsOf(stats: Stats | null): string[] {
  if (!stats) return [];
  const names = Object.keys(stats)
    .filter((key) => key.startsWith("avg_"))
    .map((key) => key.slice("avg_".length))
    .filter((name) => `min_${name}` in stats && `max_${name}` in stats);
  return inOrder([...names, ...Object.keys(stats.nonfinite)]);
}

const BESIDE_METRICS = new Set(["episode", "session_id", "created_at"]);

/** The metrics that any of these episodes has. */
export function metricsOfEpisodes(episodes: readonly Record<string, unknown>[]): string[] {
  const names = new Set<string>();
  for (const episode of episodes)
    for (const [name, value] of Object.entries(episode))
      if (value !== null && !BESIDE_METRICS.has(name)) names.add(name);
  return inOrder(names);
}

/** A figure of the statistics; null when there is none. */
export function figure(stats: Stats | null, kind: "avg" | "min" | "max", metric: string): number | null {
  const value = stats?.[`${kind}_${metric}`];
  return typeof value === "number" ? value : null;
}
