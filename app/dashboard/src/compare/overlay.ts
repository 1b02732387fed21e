// overlay.ts - curves of several runs on one axis of episodes. Pure. Called by compare_chart.tsx. Next: group.ts.
import type { Figure } from "../api/types";
import { drawn, widenBreaks } from "../chart/curve";
import { groupCurve } from "./group";
import type { Series } from "./series";
import type { RunCurve } from "./use_curves";

/** One line, on its own episodes. */
export interface OverlayLine {
  series: Series;
  /** the mean is the line itself; low and high are the ends of its interval */
  part: "mean" | "low" | "high";
  values: (Figure | undefined)[];
  /** of an interval's end: how many runs it is of */
  runs?: readonly (number | undefined)[];
}

export interface Overlay {
  x: number[];
  lines: OverlayLine[];
}

interface Own {
  series: Series;
  part: OverlayLine["part"];
  episodes: readonly number[];
  values: readonly (Figure | undefined)[];
  runs?: readonly number[];
}

/** Every line's value at every episode: undefined where it has no point (the line goes on), null where it breaks. */
export function overlay(series: readonly Series[], curves: ReadonlyMap<string, RunCurve | null>): Overlay {
  const own = series.flatMap((one) => linesOf(one, curves));
  const x = [...new Set(own.flatMap((line) => line.episodes))].sort((a, b) => a - b);
  const place = new Map(x.map((episode, index) => [episode, index]));
  const spread = <T>(values: readonly T[], { episodes }: Own): (T | undefined)[] => {
    const all = new Array<T | undefined>(x.length).fill(undefined);
    for (let i = 0; i < episodes.length; i++) all[place.get(episodes[i] as number) as number] = values[i];
    return all;
  };
  const lines = own.map((line): OverlayLine => {
    const values = spread(line.values, line);
    if (!line.series.grouped) widenBreaks(values);
    return { series: line.series, part: line.part, values, ...(line.runs ? { runs: spread(line.runs, line) } : {}) };
  });
  return { x, lines };
}

function linesOf(series: Series, curves: ReadonlyMap<string, RunCurve | null>): Own[] {
  const found = series.runs.map((run) => curves.get(run.run_id)).filter((curve) => curve !== null && curve !== undefined);
  if (found.length === 0) return [];
  if (!series.grouped) {
    const [curve] = found as [RunCurve];
    const { x, smoothed } = drawn(curve.data, curve.missing);
    return [{ series, part: "mean", episodes: x, values: smoothed }];
  }
  const group = groupCurve(found.map(({ data }) => ({ episodes: data.episodes, values: data.smoothed })));
  return [
    { series, part: "high", episodes: group.episodes, values: group.high, runs: group.runs },
    { series, part: "low", episodes: group.episodes, values: group.low, runs: group.runs },
    { series, part: "mean", episodes: group.episodes, values: group.mean },
  ];
}
