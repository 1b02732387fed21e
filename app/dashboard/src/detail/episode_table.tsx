// episode_table.tsx - the run's episodes: pages of fifty, sorted by any metric, chosen by comparisons.
// The server sorts and chooses; what is here is one page. Next: api/runs.ts (listEpisodes).
import { useEffect, useState } from "preact/hooks";
import { listEpisodes } from "../api/runs";
import type { Episode, Real } from "../api/types";
import { useLoad } from "../api/use_load";
import type { LiveFeed } from "../chart/live_feed";
import { metricKind } from "../chart/metric";
import { useReread } from "../chart/use_reread";
import { exactFigure, formatCount, formatFigure } from "../format/number";
import { useQuery } from "../router";
import { Failed } from "../ui/state";
import { Time } from "../ui/time";

const ROWS = 50;
const REREAD_MS = 2000;

interface EpisodeTableProps {
  runId: string;
  metrics: readonly string[];
  feed: LiveFeed;
  round: number;
}

export function EpisodeTable({ runId, metrics, feed, round }: EpisodeTableProps) {
  const [query, change] = useQuery();
  const sort = query.get("sort") ?? "-episode";
  const where = query.get("where") ?? "";
  const [pages, setPages] = useState<readonly number[]>([]); // the `after` of each page up to this one
  const after = pages.at(-1);
  const page = useLoad(
    async (signal) => {
      const ask = { sort, limit: ROWS, ...(where ? { where } : {}), ...(after === undefined ? {} : { after }) };
      return (await listEpisodes(runId, ask, signal)).data;
    },
    [runId, sort, where, after, round],
  );
  const reread = useReread(page.reload, page.loading, REREAD_MS);
  useEffect(() => feed.hear(() => reread()), [feed]);
  const turn = (next: Record<string, string | null>): void => {
    setPages([]);
    change(next);
  };
  const episodes = page.data?.episodes ?? [];
  const next = page.data?.next_after ?? null;
  return (
    <section class="panel main-panel" aria-labelledby="episodes-title" aria-busy={page.loading}>
      <div class="panel-head">
        <h2 id="episodes-title">Episodes</h2>
        <WhereForm key={where} where={where} onChange={(text) => turn({ where: text })} />
      </div>
      {page.error && <Failed strip error={page.error} retryAt={page.retryAt} onRetry={page.reload} />}
      <div class="wide-table" tabIndex={0} role="region" aria-labelledby="episodes-title">
        <table class="data episodes">
          <thead>
            <tr>
              <SortHead name="episode" title="Episode" sort={sort} onSort={(to) => turn({ sort: to === "-episode" ? null : to })} />
              <th scope="col">Reported</th>
              {metrics.map((metric) => (
                <SortHead key={metric} name={metric} title={headOf(metric)} sort={sort} onSort={(to) => turn({ sort: to })} />
              ))}
            </tr>
          </thead>
          <tbody>
            {episodes.map((episode) => (
              <Row key={episode.episode} episode={episode} metrics={metrics} />
            ))}
          </tbody>
        </table>
      </div>
      {page.data && episodes.length === 0 && <p class="faint none">{where ? "No episode is like that." : "No episode yet."}</p>}
      <div class="pager no-print">
        <button type="button" disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
          Previous
        </button>
        <span class="faint figure">Page {formatCount(pages.length + 1)}</span>
        <button type="button" disabled={next === null} onClick={() => next !== null && setPages([...pages, next])}>
          Next
        </button>
        {page.loading && <span class="faint">reading…</span>}
      </div>
    </section>
  );
}

const headOf = (metric: string): string => (metric === "win" ? "Win" : metricKind(metric).title);

interface SortHeadProps {
  name: string;
  title: string;
  sort: string;
  onSort: (sort: string) => void;
}

/** Sorts downwards first, then upwards. */
function SortHead({ name, title, sort, onSort }: SortHeadProps) {
  const down = sort === `-${name}`;
  const up = sort === name;
  return (
    <th scope="col" class="number" aria-sort={down ? "descending" : up ? "ascending" : "none"}>
      <button type="button" class="plain sort" onClick={() => onSort(down ? name : `-${name}`)}>
        {title}
        <span aria-hidden="true">{down ? " ↓" : up ? " ↑" : ""}</span>
      </button>
    </th>
  );
}

function Row({ episode, metrics }: { episode: Episode; metrics: readonly string[] }) {
  return (
    <tr>
      <td class="number">{formatCount(episode.episode)}</td>
      <td class="nowrap" title={episode.session_id === null ? undefined : `session ${episode.session_id}`}>
        <Time value={episode.created_at} />
      </td>
      {metrics.map((metric) => (
        <Cell key={metric} metric={metric} value={Object.hasOwn(episode, metric) ? (episode[metric] ?? null) : null} />
      ))}
    </tr>
  );
}

function Cell({ metric, value }: { metric: string; value: Real | boolean | string | null }) {
  if (typeof value === "boolean" || (metric === "win" && value === 0.5))
    return <td class="number">{value === true ? "won" : value === false ? "lost" : "draw"}</td>;
  const text = typeof value === "string";
  return (
    <td class={text ? "number warn" : "number"} title={value === null ? undefined : exactFigure(value)}>
      {formatFigure(value)}
    </td>
  );
}

function WhereForm({ where, onChange }: { where: string; onChange: (where: string) => void }) {
  const [text, setText] = useState(where);
  return (
    <form
      class="where no-print"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <input
        type="search"
        aria-label="Only episodes where"
        placeholder="only where, such as steps>100,win=1"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          if (event.currentTarget.value === "" && where !== "") onChange("");
        }}
      />
      <button type="submit" disabled={text.trim() === where}>
        Apply
      </button>
    </form>
  );
}
