// tag_panel.tsx - the run's tags: added and taken away here.
import { useState } from "preact/hooks";
import { changeRun } from "../api/runs";
import type { RunDocument } from "../api/types";
import { Link, listPath } from "../router";
import { tell } from "../ui/toast";

const TAGS_MAX = 32;

export function TagPanel({ run, onChange }: { run: RunDocument; onChange: (run: RunDocument) => void }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const save = async (tags: string[]): Promise<void> => {
    setBusy(true);
    try {
      const { tags: saved } = await changeRun(run.run_id, { tags });
      onChange({ ...run, tags: saved });
      setText("");
    } catch (error) {
      tell(`The tags were not changed: ${(error as Error).message}`, "failed");
    } finally {
      setBusy(false);
    }
  };
  const add = (event: Event): void => {
    event.preventDefault();
    const tag = text.trim();
    if (tag === "" || run.tags.includes(tag)) setText("");
    else void save([...run.tags, tag]);
  };
  return (
    <section class="panel side-panel" aria-labelledby="tags-title">
      <h2 id="tags-title">Tags</h2>
      <ul class="tags">
        {run.tags.map((tag) => (
          <li key={tag} class="tag-edit">
            <Link to={listPath(`?tag=${encodeURIComponent(tag)}`)} title={`Runs tagged ${tag}`}>
              {tag}
            </Link>
            <button
              type="button"
              class="plain no-print"
              aria-label={`Remove the tag ${tag}`}
              disabled={busy}
              onClick={() => void save(run.tags.filter((other) => other !== tag))}
            >
              ✕
            </button>
          </li>
        ))}
        {run.tags.length === 0 && <li class="faint">None yet.</li>}
      </ul>
      {run.tags.length < TAGS_MAX && (
        <form class="tag-form no-print" onSubmit={add}>
          <input aria-label="New tag" placeholder="new tag" value={text} maxLength={64} onInput={(event) => setText(event.currentTarget.value)} />
          <button type="submit" disabled={busy || text.trim() === ""}>
            Add
          </button>
        </form>
      )}
    </section>
  );
}
