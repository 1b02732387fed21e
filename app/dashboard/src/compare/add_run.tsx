// add_run.tsx - a field that adds a run to the comparison by its id.
import { useState } from "preact/hooks";
import type { CompareView } from "./compare_view";

export function AddRun({ view }: { view: CompareView }) {
  const [text, setText] = useState("");
  const add = (event: Event): void => {
    event.preventDefault();
    const ids = text.split(/[\s,]+/).filter((id) => id !== "");
    setText("");
    if (ids.length > 0) view.setRuns([...new Set([...view.runIds, ...ids])]);
  };
  return (
    <form class="add-run no-print" onSubmit={add}>
      <input aria-label="Run to add, by its id" placeholder="run id to add" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit" disabled={text.trim() === ""}>
        Add
      </button>
    </form>
  );
}
