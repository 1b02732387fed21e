// metric.ts - what a metric is called, which way is better, how its numbers are written. Pure.
// Used by the detail and compare pages. Next: curve.ts.
import type { Stats } from "../api/types";
import { formatCount, formatFigure, formatShare } from "../format/number";
import { tickDigits } from "./range";

export type Direction = "higher" | "lower" | "none";

export interface MetricKind {
  /** for people: "Reward" */
  title: string;
  /** what is better; none: neither */
  better: Direction;
  /** a value on an axis or in a table */
  format: (value: number | string | null | undefined) => string;
  /** the ticks of an axis, in as many digits as they need */
  ticks: (values: readonly number[]) => string[];
  /** fixed limits of the axis, where the metric has them */
  limits?: readonly [number, number];
}

/** A window that is not the reader's to choose: the rolling win rate's (contract, section 1). */
export const WIN_RATE_WINDOW = 100;

function plainTicks(values: readonly number[]): string[] {
  const digits = tickDigits(values);
  return values.map((value) => {
    const size = Math.abs(value);
    if (size >= 1e7 || digits > 5) return value === 0 ? "0" : value.toExponential(1).replace(/^-/, "−");
    const text = digits === 0 ? formatCount(Math.round(value)) : value.toFixed(digits);
    return text.replace(/^-/, "−");
  });
}

const shareTicks = (values: readonly number[]): string[] => values.map((value) => `${Math.round(value * 100)}\u202f%`);

const count = (value: number | string | null | undefined): string =>
  typeof value === "number" && Number.isInteger(value) ? formatCount(value).replace(/^-/, "−") : formatFigure(value);

const share = (value: number | string | null | undefined): string =>
  typeof value === "string" ? formatFigure(value) : formatShare(value);

const plain = (title: string, better: Direction): MetricKind => ({ title, better, format: formatFigure, ticks: plainTicks });
/** Whole in each episode; its means are not. */
const counted = (title: string, better: Direction): MetricKind => ({ ...plain(title, better), format: count });

const NAMED: Record<string, MetricKind> = {
  total_reward: plain("Reward", "higher"),
  win: { title: "Rolling win rate", better: "higher", format: share, ticks: shareTicks, limits: [0, 1] },
  roi_pct: plain("ROI, %", "higher"),
  sharpe_ratio: plain("Sharpe ratio", "higher"),
  max_drawdown_pct: plain("Maximum drawdown, %", "lower"),
  steps: counted("Steps", "none"),
  epsilon: plain("Epsilon", "none"),
  total_trades: counted("Trades", "none"),
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
  return KNOWN.get(name) ?? plain(name, directionOf(name));
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
