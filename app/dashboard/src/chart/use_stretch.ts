// use_stretch.ts - the window and the stretch of episodes that charts show, as the address has them.
// Used by the detail and compare pages. Next: range.ts.
import { useCallback } from "preact/hooks";
import { useQuery } from "../router";
import type { Stretch } from "./curve";
import { readStretch, readWhole } from "./range";

export const WINDOW_DEFAULT = 10;
export const WINDOW_MAX = 100;

export interface ChartView {
  window: number;
  /** null: the whole run */
  stretch: Stretch | null;
  setWindow: (window: number) => void;
  setStretch: (stretch: Stretch | null) => void;
}

export function useStretch(): ChartView {
  const [query, change] = useQuery();
  return {
    window: readWhole(query.get("window"), 1, WINDOW_MAX, WINDOW_DEFAULT),
    stretch: readStretch(query.get("x")),
    setWindow: useCallback((window) => change({ window: window === WINDOW_DEFAULT ? null : String(window) }), []),
    setStretch: useCallback((stretch) => change({ x: stretch ? `${stretch[0]}-${stretch[1]}` : null }), []),
  };
}
