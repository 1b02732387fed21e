// run_row.tsx - one run in the list. Called by run_table.tsx.
import type { RunDocument } from "../api/types";
import type { RunStyle } from "../colour/run_colour";
import { exactFigure, formatCount, formatFigure, formatShare } from "../format/number";
import { shortId } from "../format/run_id";
import { Link, runPath } from "../router";
import { Badge } from "../ui/badge";
import { CopyButton } from "../ui/copy_button";
import { Duration } from "../ui/duration";
import { Menu, type MenuItem } from "../ui/menu";
import { Progress } from "../ui/progress";
import { Time } from "../ui/time";
import type { FilterName } from "./list_query";
import { toggleSelected } from "./selection";

export interface RunRowProps {
  run: RunDocument;
  /** null: it is not selected */
  style: RunStyle | null;
  /** undefined: the caller may not */
  onDelete: ((run: RunDocument) => void) | undefined;
  onFilter: (name: FilterName, value: string) => void;
}

export function RunRow({ run, style, onDelete, onFilter }: RunRowProps) {
  const items: MenuItem[] = [
    { label: "Open", href: runPath(run.run_id) },
    { label: `Runs of ${run.agent_id}`, act: () => onFilter("agent", run.agent_id) },
  ];
  if (onDelete) items.push({ label: "Delete…", act: () => onDelete(run), danger: true });
  return (
    <tr role="row" data-run={run.run_id} aria-selected={style !== null} class={style ? "selected" : ""}>
      <td role="cell" class="cell-select">
        <input
          type="checkbox"
          checked={style !== null}
          aria-label={`Select ${run.run_id} for comparison`}
          onChange={() => toggleSelected(run.run_id)}
        />
        {style && <Swatch style={style} />}
      </td>
      <td role="cell" class="cell-run">
        <span class="run-name">
          <Link to={runPath(run.run_id)} class="run-link" title={run.run_id}>
            {shortId(run.run_id)}
          </Link>
          <CopyButton text={run.run_id} what="run id" />
        </span>
      </td>
      <td role="cell" class="cell-agent" title={`${run.agent_id} · ${run.algorithm}`}>
        <span class="agent">{run.agent_id}</span> <span class="algorithm">{run.algorithm}</span>
      </td>
      <td role="cell" class="cell-label" title={run.strategy_label ?? ""}>
        {run.strategy_label ?? <span class="faint">–</span>}
      </td>
      <td role="cell" class="cell-start">
        <Time value={run.start_time} short />
      </td>
      <td role="cell" class="cell-duration number">
        <Duration from={run.start_time} to={run.end_time} />
      </td>
      <td role="cell" class="cell-episodes">
        <Episodes run={run} />
      </td>
      <td role="cell" class="cell-metric number">
        <FinalMetric run={run} />
      </td>
      <td role="cell" class="cell-status">
        <Badge status={run.status} stale={run.stale} />
      </td>
      <td role="cell" class="cell-tags">
        <Tags run={run} onFilter={onFilter} />
      </td>
      <td role="cell" class="cell-menu">
        <Menu label={`Actions for ${run.run_id}`} items={items}>
          <span aria-hidden="true">⋯</span>
        </Menu>
      </td>
    </tr>
  );
}

/** The line that the run has in charts. */
function Swatch({ style }: { style: RunStyle }) {
  return (
    <svg class="swatch" viewBox="0 0 18 6" role="img" aria-label={`drawn ${style.name}`}>
      <path d="M0 3h18" style={{ stroke: style.css, strokeDasharray: style.dash.map((length) => length / 2).join(" ") }} />
    </svg>
  );
}

function Episodes({ run }: { run: RunDocument }) {
  const done = run.summary.episodes;
  return (
    <>
      <span class="figure">
        {formatCount(done)}
        {run.episodes_total !== null && <span class="faint"> / {formatCount(run.episodes_total)}</span>}
        <span class="faint episodes-unit"> episodes</span>
      </span>
      <Progress done={done} total={run.episodes_total} label={`Episodes of ${run.run_id}`} />
    </>
  );
}

/** The win rate over the last 100 episodes that have one, else the mean reward. */
function FinalMetric({ run }: { run: RunDocument }) {
  const { final_win_rate: wins, avg_reward: reward } = run.summary;
  if (wins !== null)
    return (
      <span title={`Win rate over the last 100 episodes: ${exactFigure(wins)}`}>
        {formatShare(wins)} <span class="unit">win</span>
      </span>
    );
  if (reward === null) return <span class="faint">–</span>;
  return (
    <span title={`Mean reward over all episodes: ${exactFigure(reward)}`}>
      {formatFigure(reward)} <span class="unit">reward</span>
    </span>
  );
}

const TAGS_SHOWN = 2;

function Tags({ run, onFilter }: { run: RunDocument; onFilter: RunRowProps["onFilter"] }) {
  const more = run.tags.slice(TAGS_SHOWN);
  return (
    <span class="tags">
      {run.tags.slice(0, TAGS_SHOWN).map((tag) => (
        <button key={tag} type="button" class="tag" title={`Only runs with the tag ${tag}`} onClick={() => onFilter("tag", tag)}>
          {tag}
        </button>
      ))}
      {more.length > 0 && (
        <span class="faint" title={more.join(", ")}>
          +{more.length}
        </span>
      )}
    </span>
  );
}
