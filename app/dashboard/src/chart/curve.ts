// curve.ts - a curve as the API gives it, made ready for drawing: gaps break the line, values that are not
// finite are marked, episodes that come in live extend it. Pure. Next: range.ts, rolling.ts.
import type { Curve, Figure } from "../api/types";

/** First and last episode number of a stretch, both included. */
export type Stretch = readonly [from: number, to: number];

export interface CurveData {
  episodes: readonly number[];
  raw: readonly Figure[];
  /** rolling mean, from the first point on; null where the value is not finite */
  smoothed: readonly Figure[];
  /** points in this stretch of the run, of which those here may be a part */
  total: number;
}

/** What a chart draws. null breaks a line, undefined is passed over: the mean goes on where a value is not finite. */
export interface Drawn {
  x: number[];
  raw: Figure[];
  smoothed: (Figure | undefined)[];
  /** episodes whose value is not finite */
  nonfinite: number[];
}

export function curveOf(curve: Curve): CurveData {
  return {
    episodes: curve.episode_numbers,
    raw: curve.raw_values,
    smoothed: curve.curve.map((point) => point.smoothed),
    total: curve.points_total,
  };
}

/** Every point of the stretch is here. */
export const isWhole = (data: CurveData): boolean => data.episodes.length >= data.total;

/** The lines are broken where episode numbers are missing between two points. missing: ascending. */
export function drawn(data: CurveData, missing: readonly Stretch[]): Drawn {
  const { episodes } = data;
  const result: Drawn = { x: [], raw: [], smoothed: [], nonfinite: [] };
  let gap = 0;
  for (let i = 0; i < episodes.length; i++) {
    const episode = episodes[i] as number;
    let from: number | null = null;
    for (let next = missing[gap]; next !== undefined && next[0] < episode; next = missing[++gap]) from ??= next[0];
    if (from !== null && i > 0) {
      result.x.push(from);
      result.raw.push(null);
      result.smoothed.push(null);
    }
    const value = data.raw[i] ?? null;
    result.x.push(episode);
    result.raw.push(value);
    result.smoothed.push(data.smoothed[i] ?? undefined);
    if (value === null) result.nonfinite.push(episode);
  }
  widenBreaks(result.smoothed);
  return result;
}

/** A break reaches from the last value before it to the first behind it, over places without a value. */
export function widenBreaks(values: (Figure | undefined)[]): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null) continue;
    for (let before = i - 1; before >= 0 && values[before] === undefined; before--) values[before] = null;
    while (i + 1 < values.length && (values[i + 1] === undefined || values[i + 1] === null)) values[++i] = null;
  }
}

/**
 * The gaps worth drawing: of a run with very many only those as wide as `least` episodes. A gap of one
 * episode breaks the line all the same when its neighbours are both drawn.
 */
export function wideGaps(missing: readonly Stretch[], least: number): Stretch[] {
  return missing.filter(([from, to]) => to - from + 1 >= least);
}

/** Those that reach into a stretch. */
export function within(missing: readonly Stretch[], stretch: Stretch | null): Stretch[] {
  return missing.filter(([from, to]) => !stretch || (to >= stretch[0] && from <= stretch[1]));
}

/** "41–60, 200 and 3 more": which numbers are missing. */
export function gapsInWords(missing: readonly Stretch[], shown = 6): string {
  const words = missing.slice(0, shown).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  const rest = missing.length - words.length;
  return words.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

export const countMissing = (missing: readonly Stretch[]): number =>
  missing.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** Missing numbers once `episode` was reported, by live events: it fills a gap, or leaves one before it. */
export function withEpisode(missing: readonly Stretch[], highest: number, episode: number): readonly Stretch[] {
  if (episode > highest) return episode === highest + 1 ? missing : [...missing, [highest + 1, episode - 1]];
  const at = missing.findIndex(([from, to]) => from <= episode && episode <= to);
  if (at < 0) return missing;
  const [from, to] = missing[at] as Stretch;
  const left: Stretch[] = [];
  if (from < episode) left.push([from, episode - 1]);
  if (episode < to) left.push([episode + 1, to]);
  return [...missing.slice(0, at), ...left, ...missing.slice(at + 1)];
}
