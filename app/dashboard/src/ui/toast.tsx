// toast.tsx - what happened, told once: shown in a corner and said by screen readers. app.tsx shows them.
import { useEffect, useState } from "preact/hooks";

export interface ToastAction {
  label: string;
  act: () => void;
}
interface Toast {
  id: number;
  text: string;
  kind: "done" | "failed";
  action: ToastAction | null;
}

const SHOWN_MS = 8000;
const SHOWN_MAX = 4;
let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function put(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Tell that something was done or failed; with an action, such as undoing it. */
export function tell(text: string, kind: "done" | "failed" = "done", action: ToastAction | null = null): void {
  const id = ++last;
  put([...toasts, { id, text, kind, action }].slice(-SHOWN_MAX));
  setTimeout(() => put(toasts.filter((toast) => toast.id !== id)), action ? SHOWN_MS * 2 : SHOWN_MS);
}

let announcement = "";

/** Say something to screen readers alone: what a change on the page means. */
export function announce(text: string): void {
  announcement = text;
  put(toasts);
}

export function Toasts() {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((at) => at + 1);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} class={`toast ${toast.kind}`}>
            <span>{toast.text}</span>
            {toast.action && (
              <button
                type="button"
                onClick={() => {
                  toast.action?.act();
                  put(toasts.filter((other) => other.id !== toast.id));
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button
              type="button"
              class="plain"
              aria-label="Dismiss"
              onClick={() => put(toasts.filter((other) => other.id !== toast.id))}
            >
              ✕
            </button>
          </div>
        ))}
      </div>
      <div class="unseen" role="status" aria-live="polite" data-announcement>
        {announcement}
      </div>
    </>
  );
}
