// key_dialog.tsx - asks for an API key once; the server keeps it as a cookie that no script can read.
import { useState } from "preact/hooks";
import { ApiError } from "../api/api_error";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { dismissKey, enter } from "./session";

export function KeyDialog() {
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("api_key") as HTMLInputElement;
    setBusy(true);
    try {
      await enter(field.value.trim());
    } catch (error) {
      setBusy(false);
      setWrong(wordsFor(error));
      field.select();
    }
  };
  return (
    <Dialog title="Enter an API key" onClose={dismissKey}>
      <form onSubmit={submit}>
        <p class="soft">
          This server shows runs to those who have a key. It is sent once, and kept in a cookie that pages cannot read.
        </p>
        <Field label="API key" fault={wrong ?? undefined}>
          {(id, told) => (
            <input
              id={id}
              name="api_key"
              type="password"
              required
              autoFocus
              autocomplete="current-password"
              spellcheck={false}
              placeholder="ak_…"
              aria-invalid={wrong !== null}
              aria-describedby={told}
            />
          )}
        </Field>
        <p class="unseen" role="alert">
          {wrong}
        </p>
        <p class="faint small">
          An admin makes one with <code>training-admin key create</code>; under app/up it stands in <code>var/run.env</code>.
        </p>
        <div class="actions">
          <button type="submit" class="primary" disabled={busy}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function wordsFor(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  return error.status === 401 || error.status === 422 ? "That is not a key of this server." : error.message;
}
