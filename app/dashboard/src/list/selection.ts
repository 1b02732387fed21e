// selection.ts - the runs that are chosen for comparison; kept while one looks at a run and comes back.
import { makeStore } from "../store";
import { tell } from "../ui/toast";

export const COMPARED_MAX = 20;

/** In the order they were chosen, which is the order they are compared in. */
export const selection = makeStore<readonly string[]>([]);

export function toggleSelected(runId: string): void {
  const at = selection.get();
  if (at.includes(runId)) selection.set(at.filter((id) => id !== runId));
  else if (at.length < COMPARED_MAX) selection.set([...at, runId]);
  else tell(`At most ${COMPARED_MAX} runs are compared at once.`, "failed");
}

export const clearSelection = (): void => selection.set([]);
