// use_curves.ts - one metric's curves of several runs: what is read stays while others are added, zoomed or read
// again. Used by compare_chart.tsx. Next: chart/curve_queue.ts.
import { useRef } from "preact/hooks";
import { ApiError } from "../api/api_error";
import { readCurve, readGaps } from "../api/runs";
import type { ComparedRun } from "../api/types";
import { useLoad } from "../api/use_load";
import { type CurveData, curveOf, type Stretch } from "../chart/curve";
import { inTurn } from "../chart/curve_queue";

export interface RunCurve {
  data: CurveData;
  missing: readonly Stretch[];
}

/** Enough to draw, and every episode of most runs: then group means are exact. */
const POINTS_MAX = 2000;

export interface CurvesAsked {
  metric: string;
  window: number;
  stretch: Stretch | null;
}

/** null for a run that has no such metric. */
export function useCurves(runs: readonly ComparedRun[], asked: CurvesAsked) {
  const { metric, window, stretch } = asked;
  const kept = useRef(new Map<string, RunCurve | null>());
  const base = [metric, window, stretch?.join("-") ?? ""].join(" ");
  const version = (run: ComparedRun): string => `${run.run_id} ${run.episodes_completed} ${run.completed_at} ${base}`;
  const loaded = useLoad(
    async (signal) => {
      const result = new Map<string, RunCurve | null>();
      await Promise.all(
        runs.map(async (run) => {
          const key = version(run);
          const known = kept.current.get(key);
          const curve = known === undefined ? await inTurn(0, signal, () => read(run, asked, signal)) : known;
          result.set(run.run_id, curve);
          kept.current.set(key, curve);
        }),
      );
      const current = new Set(runs.map(version));
      for (const key of kept.current.keys()) if (!current.has(key)) kept.current.delete(key);
      return { curves: result, metric, window, stretch };
    },
    [base, runs.map(version).join("|")],
  );
  const fits = loaded.data?.metric === metric && loaded.data.window === window && sameStretch(loaded.data.stretch, stretch);
  return { ...loaded, fits };
}

const sameStretch = (a: Stretch | null, b: Stretch | null): boolean => a?.[0] === b?.[0] && a?.[1] === b?.[1];

async function read(run: ComparedRun, asked: CurvesAsked, signal: AbortSignal): Promise<RunCurve | null> {
  const { metric, window, stretch } = asked;
  if (run.episodes_completed === 0) return null;
  const query = { metric, window, max_points: POINTS_MAX, ...(stretch ? { from: stretch[0], to: stretch[1] } : {}) };
  try {
    const [curve, gaps] = await Promise.all([readCurve(run.run_id, query, signal), readGaps(run.run_id, signal)]);
    return { data: curveOf(curve), missing: gaps.missing };
  } catch (error) {
    // 422: the run has no such metric; 404: deleted meanwhile.
    if (error instanceof ApiError && (error.status === 422 || error.status === 404)) return null;
    throw error;
  }
}
