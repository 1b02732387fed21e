// lone_points.ts - the points that a line alone does not show: those with a break on both sides, and all of
// them where there are few. Pure. Called by line_chart.tsx.

const FEW = 30;

/** Places from first to end, both included. undefined is passed over, null is a break. */
export function lonePoints(values: readonly (number | null | undefined)[], first: number, end: number): number[] {
  const all: number[] = [];
  const lone: number[] = [];
  let known = false; // the neighbour before is a value
  let candidate: number | null = null;
  for (let i = first; i <= end; i++) {
    const value = values[i];
    if (value === undefined) continue;
    if (value === null) {
      if (candidate !== null) lone.push(candidate);
      candidate = null;
      known = false;
      continue;
    }
    all.push(i);
    candidate = known ? null : i;
    known = true;
  }
  if (candidate !== null) lone.push(candidate);
  return all.length <= FEW ? all : lone;
}
