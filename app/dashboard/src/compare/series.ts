// series.ts - what is drawn as one line: a run, or a group of runs. Pure but for the colours, which a run
// keeps on every page. Next: group.ts.
import type { ComparedRun } from "../api/types";
import { type RunStyle, runStyles, styleOfSlot } from "../colour/run_colour";
import type { Grouping } from "./compare_view";
import { groupBy } from "./group";

export interface Series {
  /** a run's id; of a group: its agent or label */
  key: string;
  name: string;
  runs: readonly ComparedRun[];
  style: RunStyle;
  grouped: boolean;
}

const keyOf = (run: ComparedRun, group: Grouping): string =>
  group === "agent" ? run.agent_id : group === "label" ? (run.strategy_label ?? "no label") : run.run_id;

export function seriesOf(runs: readonly ComparedRun[], group: Grouping): Series[] {
  if (group === "none") {
    const styles = runStyles(runs.map((run) => run.run_id));
    return runs.map((run) => ({
      key: run.run_id,
      name: run.run_id,
      runs: [run],
      style: styles.get(run.run_id) ?? styleOfSlot(0),
      grouped: false,
    }));
  }
  const groups = groupBy(runs, (run) => keyOf(run, group));
  // In the order of names: a group's colour does not depend on which run stands first.
  const order = [...groups.keys()].sort();
  return order.map((key, slot) => ({
    key,
    name: key,
    runs: groups.get(key) ?? [],
    style: styleOfSlot(slot),
    grouped: true,
  }));
}
