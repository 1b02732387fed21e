// use_live.ts - live.ts for components: what is watched is watched no more when they are gone.
import { useEffect, useRef, useState } from "preact/hooks";
import { type LiveState, liveState, onLiveState, type RunWatcher, type TrainingWatcher, watchRuns, watchTrainings } from "./live";

/** "live", or why not. */
export function useLiveState(): LiveState {
  const [state, setState] = useState(liveState);
  useEffect(() => onLiveState(setState), []);
  return state;
}

/** Watch these runs; the newest watcher hears, whichever runs they are. */
export function useRuns(runIds: readonly string[], watcher: RunWatcher): void {
  const current = useRef(watcher);
  current.current = watcher;
  useEffect(
    () =>
      watchRuns(runIds, {
        episodes: (event) => current.current.episodes?.(event),
        runUpdated: (run) => current.current.runUpdated?.(run),
        readAgain: () => current.current.readAgain?.(),
        subscribed: () => current.current.subscribed?.(),
      }),
    [runIds.join(",")],
  );
}

export function useTrainings(watcher: TrainingWatcher): void {
  const current = useRef(watcher);
  current.current = watcher;
  useEffect(
    () =>
      watchTrainings({
        started: (event) => current.current.started?.(event),
        progress: (event) => current.current.progress?.(event),
        completed: (event) => current.current.completed?.(event),
        stopped: (event) => current.current.stopped?.(event),
        failed: (event) => current.current.failed?.(event),
        readAgain: () => current.current.readAgain?.(),
      }),
    [],
  );
}
