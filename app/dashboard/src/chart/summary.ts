// summary.ts - a chart in words, for those who do not see it. Pure. Next: chart_table.tsx.
import type { Figure } from "../api/types";
import { formatCount } from "../format/number";
import type { CurveData } from "./curve";

export interface Told {
  title: string;
  window: number;
  format: (value: Figure) => string;
  /** in this stretch of the run; null: not counted */
  nonfinite: number | null;
  gaps: number;
}

/** Where the curve begins and ends, its lowest and highest, what is missing. */
export function inWords(data: CurveData, told: Told): string {
  const { episodes, smoothed } = data;
  const at = (index: number): string => `${told.format(smoothed[index] ?? null)} at episode ${formatCount(episodes[index] ?? 0)}`;
  const known = smoothed.map((value, index) => ({ value, index })).filter((point) => point.value !== null);
  const first = known[0];
  const last = known.at(-1);
  if (!first || !last) return `${told.title}: no value.`;
  let low = first;
  let high = first;
  for (const point of known) {
    if ((point.value as number) < (low.value as number)) low = point;
    if ((point.value as number) > (high.value as number)) high = point;
  }
  const sentences = [
    `${told.title}, rolling mean over ${told.window} episodes, ${formatCount(data.total)} values`,
    `it begins with ${at(first.index)} and ends with ${at(last.index)}`,
    `lowest ${at(low.index)}, highest ${at(high.index)}`,
  ];
  if (told.nonfinite) sentences.push(`${formatCount(told.nonfinite)} ${told.nonfinite === 1 ? "value is" : "values are"} not finite`);
  if (told.gaps > 0) sentences.push(`${formatCount(told.gaps)} ${told.gaps === 1 ? "gap" : "gaps"} in the episode numbers`);
  return `${sentences.join("; ")}.`;
}
