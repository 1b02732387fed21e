// selection_bar.tsx - how many runs are selected, and what to do with them.
import { comparePath, Link } from "../router";
import { useStore } from "../store";
import { clearSelection, COMPARED_MAX, selection } from "./selection";

export function SelectionBar() {
  const selected = useStore(selection);
  if (selected.length === 0) return null;
  return (
    <div class="selection no-print" role="region" aria-label="Selected runs">
      <span role="status">
        {selected.length} of at most {COMPARED_MAX} selected
      </span>
      <Link to={comparePath(selected)} class="button primary">
        Compare
      </Link>
      <button type="button" class="plain" onClick={clearSelection}>
        Clear
      </button>
    </div>
  );
}
