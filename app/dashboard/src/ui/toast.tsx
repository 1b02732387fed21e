// toast.tsx - what happened, told once: shown in a corner and said by screen readers. app.tsx shows them.
import { makeStore, useStore } from "../store";

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
let last = 0;
const toasts = makeStore<readonly Toast[]>([]);
const announcement = makeStore("");

/** Tell that something was done or failed; with an action, such as undoing it. */
export function tell(text: string, kind: "done" | "failed" = "done", action: ToastAction | null = null): void {
  const id = ++last;
  toasts.set([...toasts.get(), { id, text, kind, action }].slice(-SHOWN_MAX));
  setTimeout(() => dismiss(id), action ? SHOWN_MS * 2 : SHOWN_MS);
}

const dismiss = (id: number): void => toasts.set(toasts.get().filter((toast) => toast.id !== id));

/** Say something to screen readers alone: what a change on the page means. */
export function announce(text: string): void {
  announcement.set(text);
}

export function Toasts() {
  const shown = useStore(toasts);
  const said = useStore(announcement);
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        {shown.map((toast) => (
          <div key={toast.id} class={`toast ${toast.kind}`}>
            <span>{toast.text}</span>
            {toast.action && (
              <button
                type="button"
                onClick={() => {
                  toast.action?.act();
                  dismiss(toast.id);
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button
              type="button"
              class="plain"
              aria-label="Dismiss"
              onClick={() => dismiss(toast.id)}
            >
              ✕
            </button>
          </div>
        ))}
      </div>
      <div class="unseen" role="status" aria-live="polite" data-announcement>
        {said}
      </div>
    </>
  );
}
