// state.tsx - what stands where data would: it is loading, there is none, it failed. Each says what to do.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { askForKey } from "../session/session";
import { adviceFor, type ApiError } from "../api/api_error";

export function Loading({ what }: { what: string }) {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      <p>Loading {what}…</p>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface FailedProps {
  error: ApiError;
  retryAt: number | null;
  onRetry: () => void;
  /** a strip above data that is still shown, instead of a page of its own */
  strip?: boolean;
}

/** A failure, what to do, when it is tried again, and a button that tries now. */
export function Failed({ error, retryAt, onRetry, strip = false }: FailedProps) {
  const advice = adviceFor(error);
  return (
    <div class={strip ? "strip" : "state failed"} role="alert">
      <h2>{advice.title}</h2>
      <p>{error.message}</p>
      {error.faults.length > 0 && (
        <ul>
          {error.faults.map((fault) => (
            <li key={fault.field + fault.message}>
              <code>{fault.field}</code> {fault.message}
            </li>
          ))}
        </ul>
      )}
      <p class="todo">{advice.todo}</p>
      <p class="actions">
        {error.status === 401 && (
          <button type="button" class="primary" onClick={askForKey}>
            Enter a key
          </button>
        )}
        <button type="button" onClick={onRetry}>
          Try again now
        </button>
        {retryAt !== null && <Countdown until={retryAt} />}
        {error.requestId && <small class="faint">request {error.requestId}</small>}
      </p>
    </div>
  );
}

function Countdown({ until }: { until: number }) {
  const now = useNow(1000);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <span class="faint" aria-live="off">{seconds > 0 ? `again in ${seconds} s` : "trying…"}</span>;
}

/** Date.now(), drawn anew every so many milliseconds while the page is seen. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
