// range.ts - how far the axes reach, and how their ends are written. Pure. Next: line_chart.tsx.

export type Range = readonly [min: number, max: number];

const PADDING = 0.06;

/** Limits of a y axis around values from min to max, with some air; never empty. */
export function yRange(min: number | null, max: number | null, limits?: Range): Range {
  if (limits) {
    const air = (limits[1] - limits[0]) * 0.02;
    return [limits[0] - air, limits[1] + air];
  }
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  if (min === max) {
    const air = min === 0 ? 1 : Math.abs(min) * 0.1;
    return [min - air, max + air];
  }
  const air = (max - min) * PADDING;
  return [min - air, max + air];
}

/** Limits of the episodes' axis: never narrower than one episode. */
export function xRange(first: number, last: number): Range {
  return last > first ? [first, last] : [first - 0.5, first + 0.5];
}

/** How many digits after the point the ticks of an axis need to differ: 0 for 50, 100; 2 for 0.25, 0.5. */
export function tickDigits(ticks: readonly number[]): number {
  const step = ticks.length > 1 ? Math.abs((ticks[1] as number) - (ticks[0] as number)) : 1;
  if (!(step > 0)) return 0;
  for (let digits = 0; digits < 8; digits++) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 8;
}

/** What a drag chose, as whole episode numbers within the run; null: it was no stretch. */
export function chosenStretch(from: number, to: number, last: number): readonly [number, number] | null {
  const low = Math.max(1, Math.floor(Math.min(from, to)));
  const high = Math.min(last, Math.ceil(Math.max(from, to)));
  return high - low >= 1 ? [low, high] : null;
}

/** "400-900" as it stands in an address; null when it is no stretch. */
export function readStretch(text: string | null): readonly [number, number] | null {
  const found = /^(\d{1,10})-(\d{1,10})$/.exec(text ?? "");
  if (!found) return null;
  const [from, to] = [Number(found[1]), Number(found[2])];
  return from >= 1 && to > from ? [from, to] : null;
}

/** A whole number within limits, or the fallback. */
export function readWhole(text: string | null, min: number, max: number, fallback: number): number {
  const value = text !== null && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : fallback;
}

/** A stretch zoomed about its middle (factor < 1: closer) or moved by a part of its width; within 1..last. */
export function moved(range: Range, last: number, change: { zoom?: number; pan?: number }): readonly [number, number] {
  const width = range[1] - range[0];
  const middle = (range[0] + range[1]) / 2 + width * (change.pan ?? 0);
  const half = Math.max(1, Math.min(width * (change.zoom ?? 1), Math.max(1, last - 1)) / 2);
  let from = Math.round(middle - half);
  let to = Math.round(middle + half);
  if (from < 1) [from, to] = [1, to + 1 - from];
  if (to > last) [from, to] = [Math.max(1, from - (to - last)), last];
  return [from, Math.max(to, from + 1)];
}
