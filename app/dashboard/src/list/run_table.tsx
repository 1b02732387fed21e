// run_table.tsx - the runs of a page as a table; on narrow screens each row is a card (list_narrow.css), and the
// roles that are written out keep it a table for screen readers. Called by list_page.tsx. Next: run_row.tsx.
import type { RunDocument } from "../api/types";
import { runStyles } from "../colour/run_colour";
import { useStore } from "../store";
import type { ListQuery } from "./list_query";
import { RunRow, type RunRowProps } from "./run_row";
import { selection } from "./selection";

interface RunTableProps {
  runs: readonly RunDocument[];
  query: ListQuery;
  /** what is shown is of another address than the one that is being read */
  waiting: boolean;
  onSort: (sort: string) => void;
  onDelete: RunRowProps["onDelete"];
  onFilter: RunRowProps["onFilter"];
}

export function RunTable({ runs, query, waiting, onSort, onDelete, onFilter }: RunTableProps) {
  const selected = useStore(selection);
  const styles = runStyles(selected);
  return (
    <table role="table" class={waiting ? "runs waiting" : "runs"} aria-label="Training runs" aria-busy={waiting}>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" class="cell-select">
            <span class="unseen">Selected</span>
          </th>
          <th role="columnheader" scope="col" class="cell-run">Run</th>
          <th role="columnheader" scope="col">Agent / algorithm</th>
          <th role="columnheader" scope="col" class="cell-label">Label</th>
          <SortHead name="start_time" look="cell-start" sort={query.sort} onSort={onSort}>
            Start
          </SortHead>
          <th role="columnheader" scope="col" class="number cell-duration">Duration</th>
          <SortHead name="episodes" look="cell-episodes" sort={query.sort} onSort={onSort}>
            Episodes
          </SortHead>
          <th
            role="columnheader"
            scope="col"
            class="number cell-metric"
            title="The win rate over the last 100 episodes, else the mean reward; sort by either above"
          >
            Final metric
          </th>
          <th role="columnheader" scope="col" class="cell-status">Status</th>
          <th role="columnheader" scope="col" class="cell-tags">Tags</th>
          <th role="columnheader" scope="col" class="cell-menu">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {runs.map((run) => (
          <RunRow
            key={run.run_id}
            run={run}
            style={styles.get(run.run_id) ?? null}
            onDelete={onDelete}
            onFilter={onFilter}
          />
        ))}
      </tbody>
    </table>
  );
}

interface SortHeadProps {
  name: string;
  look: string;
  sort: string;
  onSort: (sort: string) => void;
  children: string;
}

function SortHead({ name, look, sort, onSort, children }: SortHeadProps) {
  const down = sort === `-${name}`;
  const order = down ? "descending" : sort === name ? "ascending" : "none";
  return (
    <th role="columnheader" scope="col" class={look} aria-sort={order}>
      <button type="button" class="sort" onClick={() => onSort(down ? name : `-${name}`)}>
        {children}
        <span aria-hidden="true" class="arrow">
          {order === "none" ? "↕" : down ? "↓" : "↑"}
        </span>
      </button>
    </th>
  );
}
