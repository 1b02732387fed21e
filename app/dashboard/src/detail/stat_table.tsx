// stat_table.tsx - mean, minimum and maximum of every metric, over all episodes.
import type { Stats } from "../api/types";
import type { Loaded } from "../api/use_load";
import { figure, metricKind } from "../chart/metric";
import { exactFigure, formatCount } from "../format/number";
import { Failed } from "../ui/state";

export function StatTable({ stats, metrics }: { stats: Loaded<Stats | null>; metrics: readonly string[] }) {
  return (
    <section class="panel main-panel" aria-labelledby="stats-title">
      <div class="panel-head">
        <h2 id="stats-title">Statistics</h2>
        {stats.loading && !stats.data && <span class="faint" role="status">computing…</span>}
      </div>
      {stats.error && <Failed strip error={stats.error} retryAt={stats.retryAt} onRetry={stats.reload} />}
      {stats.data === null && !stats.loading && !stats.error && <p class="faint">No episode yet.</p>}
      {metrics.length > 0 && (stats.data || stats.loading) && (
        <div class="wide-table" tabIndex={0} role="region" aria-labelledby="stats-title">
          <table class="data stats">
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col" class="number">Mean</th>
                <th scope="col" class="number">Minimum</th>
                <th scope="col" class="number">Maximum</th>
                <th scope="col" class="number">Not finite</th>
              </tr>
            </thead>
            <tbody>
              {metrics.map((metric) => (
                <Row key={metric} stats={stats.data} metric={metric} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ stats, metric }: { stats: Stats | null; metric: string }) {
  const { title, format } = metricKind(metric);
  const nonfinite = (stats && Object.hasOwn(stats.nonfinite, metric) && stats.nonfinite[metric]) || 0;
  return (
    <tr data-metric={metric}>
      <th scope="row">{metric === "win" ? "Win" : title}</th>
      {(["avg", "min", "max"] as const).map((kind) => {
        const value = figure(stats, kind, metric);
        return (
          <td key={kind} class="number" title={exactFigure(value)}>
            {stats ? format(value) : "…"}
          </td>
        );
      })}
      <td class={nonfinite > 0 ? "number warn" : "number faint"}>{stats ? formatCount(nonfinite) : "…"}</td>
    </tr>
  );
}
