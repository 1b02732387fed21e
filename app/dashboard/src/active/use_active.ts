// use_active.ts - the runs under way, and the training that was started here. Called by active_trainings.tsx.
import { useEffect, useRef } from "preact/hooks";
import { listRuns, withUpdate } from "../api/runs";
import { readStatus } from "../api/trainings";
import type { RunDocument, TrainingStatus } from "../api/types";
import { useRuns, useTrainings } from "../api/use_live";
import { type Loaded, useLoad } from "../api/use_load";
import { announce, tell } from "../ui/toast";

export const CARDS_MAX = 4;
const LOOK_EVERY_MS = 15_000; // a run that somebody else began is heard of by looking

export interface Active {
  /** the newest that are not stale, at most CARDS_MAX of them */
  runs: RunDocument[];
  /** all that are running, stale ones too */
  total: number;
  started: TrainingStatus;
}

export function useActive(): Loaded<Active> {
  const active = useLoad(async (signal): Promise<Active> => {
    const [running, started] = await Promise.all([
      listRuns({ status: "running" }, { limit: 50 }, signal),
      readStatus(signal),
    ]);
    const fresh = running.data.filter((run) => !run.stale || run.run_id === started.run_id);
    return { runs: fresh.slice(0, CARDS_MAX), total: running.total ?? running.data.length, started };
  }, []);
  useLooks(active.reload);
  useRuns(active.data?.runs.map((run) => run.run_id) ?? [], {
    runUpdated: (update) => {
      const ended = update.status !== "running";
      active.replace((at) => ({
        ...at,
        total: at.total - (ended && at.runs.some((run) => run.run_id === update.run_id) ? 1 : 0),
        runs: at.runs
          .map((run) => (run.run_id === update.run_id ? withUpdate(run, update) : run))
          .filter((run) => run.status === "running"),
      }));
      if (ended) announce(`${update.run_id} ${update.status === "failed" ? "has failed" : `is ${update.status}`}`);
    },
    subscribed: active.reload,
  });
  useTrainings({
    started: active.reload,
    progress: () => {
      // Its first episode: now there is a run of it.
      const at = active.data;
      if (at && !active.loading && !at.runs.some((run) => run.run_id === at.started.run_id)) active.reload();
    },
    completed: (event) => {
      tell(`${event.scenario_name} has completed its ${event.episodes_completed} episodes.`);
      active.reload();
    },
    stopped: (event) => {
      tell(`${event.scenario_name} was stopped after ${event.episodes_completed} episodes.`);
      active.reload();
    },
    failed: (event) => {
      tell(event.details ? `${event.message}: ${event.details}` : event.message, "failed");
      active.reload();
    },
    readAgain: active.reload,
  });
  return active;
}

function useLooks(look: () => void): void {
  const current = useRef(look);
  current.current = look;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) current.current();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
}
