// use_reread.ts - reading again because of what came in live, but not more often than the server likes.
// Used by the detail page's parts.
import { useCallback, useEffect, useRef } from "preact/hooks";

const COST_FACTOR = 20; // reading takes at most a twentieth of the time

/**
 * A function that asks for `reload`: it is called now, or when `leastMs` and twenty times what the last read
 * took have gone by since the last call. `loading` is its state.
 */
export function useReread(reload: () => void, loading: boolean, leastMs: number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const began = useRef(Date.now());
  const took = useRef(0);
  const now = useRef({ reload, loading });
  now.current = { reload, loading };
  useEffect(() => {
    if (loading) began.current = Date.now();
    else took.current = Date.now() - began.current;
  }, [loading]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) return;
    const due = began.current + Math.max(leastMs, took.current * COST_FACTOR);
    const act = () => {
      timer.current = undefined;
      // A read that is under way may have begun before the event: it is not the answer.
      if (now.current.loading) timer.current = setTimeout(act, leastMs);
      else now.current.reload();
    };
    timer.current = setTimeout(act, Math.max(0, due - Date.now()));
  }, [leastMs]);
}
