// run_head.tsx - the head of a run's page: which run, its state, what can be done with it. Next: stat_tiles.tsx.
import { exportPath } from "../api/runs";
import type { RunDocument } from "../api/types";
import { formatCount } from "../format/number";
import { comparePath, Link, listPath } from "../router";
import { Badge } from "../ui/badge";
import { CopyButton } from "../ui/copy_button";
import { Menu } from "../ui/menu";
import { Progress } from "../ui/progress";

const FORMATS = [
  ["csv", "CSV, a row an episode"],
  ["jsonl", "JSON lines, an object an episode"],
  ["json", "JSON, the whole run"],
  ["tensorboard", "TensorBoard event file"],
] as const;

export function RunHead({ run, onDelete }: { run: RunDocument; onDelete: () => void }) {
  const { episodes } = run.summary;
  return (
    <header class="run-head">
      <nav aria-label="Breadcrumb" class="crumbs no-print">
        <Link to={listPath()}>‹ Runs</Link>
      </nav>
      <div class="run-title">
        <h1 class="run-id">{run.run_id}</h1>
        <CopyButton text={run.run_id} what="run id" />
        <Badge status={run.status} stale={run.stale} />
        {run.strategy_label !== null && <span class="run-label">{run.strategy_label}</span>}
        {run.status === "running" && run.episodes_total !== null && (
          <span class="run-progress">
            <Progress done={episodes} total={run.episodes_total} label={`Episodes of ${run.run_id}`} />
            <span class="figure faint">
              {formatCount(episodes)} of {formatCount(run.episodes_total)}
            </span>
          </span>
        )}
      </div>
      <div class="actions no-print">
        <Link to={comparePath([run.run_id])} class="button">
          Compare
        </Link>
        <Menu
          label="Export"
          items={FORMATS.map(([format, label]) => ({ label, href: exportPath(run.run_id, format), download: true }))}
        >
          Export ▾
        </Menu>
        <button type="button" class="danger" onClick={onDelete}>
          Delete
        </button>
      </div>
    </header>
  );
}
