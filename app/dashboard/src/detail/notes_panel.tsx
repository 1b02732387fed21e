// notes_panel.tsx - the run's notes: Markdown, shown as safe HTML, edited as text. Next: markdown.ts.
import { useEffect, useRef, useState } from "preact/hooks";
import { changeRun } from "../api/runs";
import type { RunDocument } from "../api/types";
import { tell } from "../ui/toast";

export function NotesPanel({ run, onChange }: { run: RunDocument; onChange: (run: RunDocument) => void }) {
  const [draft, setDraft] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const { notes } = await changeRun(run.run_id, { notes: draft === "" ? null : draft });
      onChange({ ...run, notes });
      setDraft(null);
    } catch (error) {
      tell(`The notes were not saved: ${(error as Error).message}`, "failed");
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel side-panel" aria-labelledby="notes-title">
      <div class="panel-head">
        <h2 id="notes-title">Notes</h2>
        {draft === null && (
          <button type="button" class="plain no-print" onClick={() => setDraft(run.notes ?? "")}>
            {run.notes ? "Edit" : "Write"}
          </button>
        )}
      </div>
      {draft !== null ? (
        <form class="notes-form" onSubmit={(event) => void save(event)}>
          <textarea
            aria-label="Notes, Markdown"
            rows={8}
            value={draft}
            autoFocus
            onInput={(event) => setDraft(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save(event);
              if (event.key === "Escape") setDraft(null);
            }}
          />
          <div class="actions">
            <button type="submit" class="primary" disabled={busy}>
              Save
            </button>
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
            <small class="faint">Markdown. Ctrl+Enter saves.</small>
          </div>
        </form>
      ) : run.notes ? (
        <Markdown text={run.notes} />
      ) : (
        <p class="faint">None yet.</p>
      )}
    </section>
  );
}

/** The text as it is until what makes HTML of it has been fetched; for good when it cannot be. */
function Markdown({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [plain, setPlain] = useState(true);
  useEffect(() => {
    let gone = false;
    import("./markdown").then(
      ({ safeMarkdown }) => {
        if (gone) return;
        place.current?.replaceChildren(safeMarkdown(text));
        setPlain(false);
      },
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [text]);
  return (
    <>
      {plain && <p class="notes-plain">{text}</p>}
      <div class="markdown" ref={place} />
    </>
  );
}
