// compare_view.ts - what the compare page shows, as its address has it: ?runs=a,b&metric=&group=&window=&x=&hide=.
// Used by the files beside it. Next: chart/use_stretch.ts.
import { type QueryChange, useQuery } from "../router";
import { type ChartView, useStretch } from "../chart/use_stretch";

export const COMPARED_MAX = 20;

export type Grouping = "none" | "agent" | "label";
export const GROUPINGS: readonly (readonly [Grouping, string])[] = [
  ["none", "nothing: each run"],
  ["agent", "agent"],
  ["label", "label"],
];

export interface CompareView extends ChartView {
  runIds: readonly string[];
  /** of the address, beyond what is compared at once */
  tooMany: number;
  /** null: the first there is */
  metric: string | null;
  group: Grouping;
  /** keys of series that are not drawn */
  hidden: ReadonlySet<string>;
  change: (change: QueryChange) => void;
  setRuns: (runIds: readonly string[]) => void;
  setHidden: (keys: ReadonlySet<string>) => void;
}

const listOf = (text: string | null): string[] => [...new Set((text ?? "").split(",").map((item) => item.trim()))].filter((item) => item !== "");

export function useCompare(): CompareView {
  const [query, change] = useQuery();
  const charts = useStretch();
  const all = listOf(query.get("runs"));
  const group = query.get("group");
  return {
    ...charts,
    runIds: all.slice(0, COMPARED_MAX),
    tooMany: Math.max(0, all.length - COMPARED_MAX),
    metric: query.get("metric"),
    group: group === "agent" || group === "label" ? group : "none",
    hidden: new Set(query.getAll("hide").flatMap((text) => readKeys(text))),
    change,
    setRuns: (runIds) => change({ runs: runIds.join(",") }, { push: true }),
    setHidden: (keys) => change({ hide: [...keys].map(encodeURIComponent).join(",") }),
  };
}

/** Labels may hold commas: keys are encoded within the list. */
function readKeys(text: string): string[] {
  return listOf(text).map((key) => {
    try {
      return decodeURIComponent(key);
    } catch {
      return key;
    }
  });
}
