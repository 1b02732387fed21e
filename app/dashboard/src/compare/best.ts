// best.ts - which of the figures in a column is the best. Pure. Next: stats_table.tsx.
import type { Direction } from "../chart/metric";

/** Places of the best value; none when nothing is better, fewer than two have a value, or all are the same. */
export function bestOf(values: readonly (number | null)[], better: Direction): Set<number> {
  const known = values.filter((value) => value !== null);
  if (better === "none" || known.length < 2) return new Set();
  const best = better === "higher" ? Math.max(...known) : Math.min(...known);
  if (known.every((value) => value === best)) return new Set();
  return new Set(values.flatMap((value, index) => (value === best ? [index] : [])));
}
