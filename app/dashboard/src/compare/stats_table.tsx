// stats_table.tsx - the figures of the compared runs, the best of each column marked. Next: best.ts.
import { Fragment } from "preact";
import type { ComparedRun } from "../api/types";
import { figure, metricKind } from "../chart/metric";
import { exactFigure, formatCount } from "../format/number";
import { Link, runPath } from "../router";
import { bestOf } from "./best";
import { interval } from "./group";
import type { Series } from "./series";
import { Swatch } from "./series_list";

interface StatsTableProps {
  runs: readonly ComparedRun[];
  series: readonly Series[];
  metrics: readonly string[];
}

const KINDS = [
  ["avg", "mean"],
  ["min", "min"],
  ["max", "max"],
] as const;

const WORDS = { higher: "higher is better", lower: "lower is better", none: "" };

/** A group's runs together: the mean of their means with its 95 % interval, their lowest and their highest. */
function GroupRow({ series, metrics }: { series: Series; metrics: readonly string[] }) {
  const known = (kind: "avg" | "min" | "max", metric: string): number[] =>
    series.runs.map((run) => figure(run.aggregate_stats, kind, metric)).filter((value) => value !== null);
  const cell = (kind: "avg" | "min" | "max", metric: string): string => {
    const values = known(kind, metric);
    const { format } = metricKind(metric);
    if (values.length === 0) return "–";
    if (kind !== "avg") return format(kind === "min" ? Math.min(...values) : Math.max(...values));
    const { mean, high } = interval(values);
    return high === null ? format(mean) : `${format(mean)} ± ${format(high - mean)}`;
  };
  return (
    <tr class="group-row" data-group={series.key}>
      <th scope="row" class="pinned">
        <Swatch series={series} /> {series.name}{" "}
        <small class="faint">
          {series.runs.length} {series.runs.length === 1 ? "run" : "runs"}
        </small>
      </th>
      <td class="number">{formatCount(series.runs.reduce((sum, run) => sum + run.episodes_completed, 0))}</td>
      {metrics.flatMap((metric) =>
        KINDS.map(([kind]) => (
          <td key={`${metric} ${kind}`} class={kind === "avg" ? "number first" : "number"} data-figure={`group_${kind}_${metric}`}>
            {cell(kind, metric)}
          </td>
        )),
      )}
    </tr>
  );
}

export function StatsTable({ runs, series, metrics }: StatsTableProps) {
  const ordered = series.flatMap((one) => one.runs.map((run) => ({ run, series: one })));
  const columns = metrics.flatMap((metric) =>
    KINDS.map(([kind]) => {
      const values = ordered.map(({ run }) => figure(run.aggregate_stats, kind, metric));
      // Every run of wins and losses has both: only their mean says anything.
      const better = metric === "win" && kind !== "avg" ? "none" : metricKind(metric).better;
      return { metric, kind, values, best: bestOf(values, better) };
    }),
  );
  if (metrics.length === 0) return null;
  return (
    <section class="panel main-panel" aria-labelledby="figures-title">
      <div class="panel-head">
        <h2 id="figures-title">Statistics</h2>
        <span class="faint">
          over all episodes of each run; the best of a column is marked ★
          {series.some((one) => one.grouped) && "; of a group: mean of its runs' means ± 95 % interval, lowest, highest"}
        </span>
      </div>
      <div class="wide-table" tabIndex={0} role="region" aria-labelledby="figures-title">
        <table class="data figures">
          <thead>
            <tr>
              <th scope="col" rowSpan={2} class="pinned">
                Run
              </th>
              <th scope="col" rowSpan={2} class="number">
                Episodes
              </th>
              {metrics.map((metric) => (
                <th key={metric} scope="colgroup" colSpan={3} class="over" title={WORDS[metricKind(metric).better]}>
                  {metric === "win" ? "Win" : metricKind(metric).title}
                  {metricKind(metric).better !== "none" && (
                    <>
                      <span aria-hidden="true">{metricKind(metric).better === "higher" ? " ↑" : " ↓"}</span>
                      <span class="unseen">, {WORDS[metricKind(metric).better]}</span>
                    </>
                  )}
                </th>
              ))}
            </tr>
            <tr>
              {metrics.map((metric) => (
                <Fragment key={metric}>
                  {KINDS.map(([kind, title]) => (
                    <th key={kind} scope="col" class={kind === "avg" ? "number first" : "number"}>
                      {title}
                    </th>
                  ))}
                </Fragment>
              ))}
            </tr>
          </thead>
          <tbody>
            {ordered.map(({ run, series: own }, row) => (
              <Fragment key={run.run_id}>
                {own.grouped && own.runs[0] === run && <GroupRow series={own} metrics={metrics} />}
              <tr>
                <th scope="row" class="pinned">
                  <Swatch series={own} /> <Link to={runPath(run.run_id)}>{run.run_id}</Link>
                </th>
                <td class="number">{formatCount(run.episodes_completed)}</td>
                {columns.map(({ metric, kind, values, best }) => (
                  <td
                    key={`${metric} ${kind}`}
                    data-figure={`${kind}_${metric}`}
                    class={`number${best.has(row) ? " best" : ""}${kind === "avg" ? " first" : ""}`}
                    title={exactFigure(values[row])}
                  >
                    {best.has(row) && (
                      <>
                        <span aria-hidden="true">★ </span>
                        <span class="unseen">best: </span>
                      </>
                    )}
                    {metricKind(metric).format(values[row] ?? null)}
                  </td>
                ))}
              </tr>
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {runs.length === 1 && <p class="faint">Add a second run to see which is better.</p>}
    </section>
  );
}
