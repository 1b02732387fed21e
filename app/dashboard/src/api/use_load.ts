// use_load.ts - data that a component reads: loading, there, failed; read again when asked, and by itself
// while the failure is a passing one. Used by every page. Next: live.ts.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api_error";

export interface Loaded<T> {
  /** what was read last; stays while it is read again, and when that fails */
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  /** when a failed read is tried again by itself, by Date.now(); null: it is not */
  retryAt: number | null;
  /** read again now */
  reload: () => void;
  /** put something else in its place: what an event brought */
  replace: (change: (data: T) => T) => void;
}

const RETRIES_MAX = 30;
const PAUSE_MAX_S = 30;

/** How long to wait before a try, in seconds: longer each time, never less than the server asks. */
export function pauseBefore(attempt: number, retryAfter: number | null): number {
  return Math.max(Math.min(2 ** attempt, PAUSE_MAX_S), retryAfter ?? 0);
}

/**
 * load is called when the component appears and whenever a member of deps changes; what it returned
 * for older deps is then thrown away.
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload" | "replace">>({
    data: null,
    error: null,
    loading: true,
    retryAt: null,
  });
  const [round, setRound] = useState(0);
  const attempt = useRef(0);
  const reload = useCallback(() => {
    attempt.current = 0;
    setRound((at) => at + 1);
  }, []);
  const replace = useCallback((change: (data: T) => T) => {
    setState((at) => (at.data === null ? at : { ...at, data: change(at.data) }));
  }, []);
  const known = useRef(deps);
  const same = known.current.length === deps.length && known.current.every((dep, i) => Object.is(dep, deps[i]));
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (!same) attempt.current = 0;
    known.current = deps;
    setState((at) => ({ ...at, loading: true, retryAt: null }));
    load(stop.signal).then(
      (data) => {
        if (stop.signal.aborted) return;
        attempt.current = 0;
        setState({ data, error: null, loading: false, retryAt: null });
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, "unexpected", String(error));
        let retryAt: number | null = null;
        if (known.passing && attempt.current < RETRIES_MAX) {
          const pause = pauseBefore(attempt.current++, known.retryAfter) * 1000;
          retryAt = Date.now() + pause;
          timer = setTimeout(() => setRound((at) => at + 1), pause);
        }
        setState((at) => ({ ...at, error: known, loading: false, retryAt }));
      },
    );
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [...deps, round]);
  // What is there while deps are already others is theirs no more, though the effect has not run yet.
  return { ...state, loading: state.loading || !same, reload, replace };
}
