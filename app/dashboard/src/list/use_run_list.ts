// use_run_list.ts - the page of runs that is shown: read, kept up to date by events, and told when there
// are newer runs. Called by list_page.tsx.
import { useEffect, useRef, useState } from "preact/hooks";
import { listRuns, withUpdate } from "../api/runs";
import type { RunDocument } from "../api/types";
import { useRuns, useTrainings } from "../api/use_live";
import { type Loaded, useLoad } from "../api/use_load";
import { type ListQuery, runFilterOf } from "./list_query";

export interface RunPage {
  runs: RunDocument[];
  total: number;
}
export interface RunList extends Loaded<RunPage> {
  /** runs that match and came after the page was read */
  newRuns: number;
}

const FIGURES_EVERY_MS = 3000; // averages are not in run_updated: the page is read again for them
const LOOK_EVERY_MS = 10_000; // for new runs

export function useRunList(query: ListQuery): RunList {
  const filter = runFilterOf(query);
  const page = { limit: query.size, offset: (query.page - 1) * query.size };
  const key = JSON.stringify([filter, page]);
  const list = useLoad(async (signal): Promise<RunPage> => {
    const answer = await listRuns(filter, page, signal);
    return { runs: answer.data, total: answer.total ?? answer.data.length };
  }, [key]);
  const refresh = useFigures(list, () => listRuns(filter, page));
  const runs = list.data?.runs ?? [];
  useRuns(watchedOf(runs), {
    runUpdated: (update) => {
      list.replace((at) => ({
        ...at,
        runs: at.runs.map((run) => (run.run_id === update.run_id ? withUpdate(run, update) : run)),
      }));
      refresh();
    },
    readAgain: refresh,
    subscribed: refresh,
  });
  return { ...list, newRuns: useNewRuns(list, () => listRuns(filter, { limit: 1 }), key) };
}

/** Runs under way first: of those that have ended little is heard. */
const watchedOf = (runs: readonly RunDocument[]): string[] =>
  [...runs].sort((a, b) => Number(b.status === "running") - Number(a.status === "running")).map((run) => run.run_id);

/** An event may have overtaken the answer. */
const newer = (shown: RunDocument, read: RunDocument | undefined): RunDocument =>
  read && read.last_reported_at >= shown.last_reported_at ? read : shown;

/**
 * A function that soon reads the page again and puts the new figures into the rows that are shown.
 * Rows stay where they are: what somebody looks at does not jump.
 */
function useFigures(list: Loaded<RunPage>, read: () => Promise<{ data: RunDocument[] }>): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const current = useRef(read);
  current.current = read;
  const refresh = () => {
    timer.current ??= setTimeout(async () => {
      timer.current = undefined;
      if (document.hidden) return; // and again when it is seen
      try {
        const fresh = new Map((await current.current()).data.map((run) => [run.run_id, run]));
        list.replace((at) => ({ ...at, runs: at.runs.map((run) => newer(run, fresh.get(run.run_id))) }));
      } catch {
        // the next event, or the next look, tries again
      }
    }, FIGURES_EVERY_MS);
  };
  useEffect(() => {
    document.addEventListener("visibilitychange", refresh);
    return () => {
      document.removeEventListener("visibilitychange", refresh);
      clearTimeout(timer.current);
    };
  }, []);
  return refresh;
}

function useNewRuns(list: Loaded<RunPage>, look: () => Promise<{ total: number | null }>, key: string): number {
  const [total, setTotal] = useState<number | null>(null);
  const current = useRef(look);
  current.current = look;
  // Resolves to how long to wait before the next look: one that costs the server much is rarer.
  const lookNow = async (): Promise<number> => {
    if (document.hidden) return LOOK_EVERY_MS;
    const began = performance.now();
    try {
      setTotal((await current.current()).total);
    } catch {
      // the next look tries again; the list itself tells of failures
    }
    return Math.max(LOOK_EVERY_MS, 20 * (performance.now() - began));
  };
  useTrainings({ started: () => void lookNow() });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    const wait = (pause: number) => {
      clearTimeout(timer);
      if (gone) return;
      timer = setTimeout(() => void lookNow().then(wait), pause);
    };
    const seen = () => {
      if (!document.hidden) wait(0);
    };
    setTotal(null);
    wait(LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", seen);
    return () => {
      gone = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [key]);
  useEffect(() => setTotal(null), [list.data?.total]);
  return list.data && total !== null ? Math.max(0, total - list.data.total) : 0;
}
