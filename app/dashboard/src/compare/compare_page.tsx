// compare_page.tsx - up to twenty runs side by side: their curves in one chart, alone or in groups, their figures,
// in what their configurations differ. What is shown stands in the address.
// Called by app.tsx. Next: compare_view.ts (the address), compare_chart.tsx, stats_table.tsx, config_table.tsx.
import { useMemo } from "preact/hooks";
import { compareRuns } from "../api/runs";
import { useLoad } from "../api/use_load";
import { useRuns } from "../api/use_live";
import { ChartTools } from "../chart/chart_tools";
import { inOrder, metricKind, metricsOf } from "../chart/metric";
import { useReread } from "../chart/use_reread";
import { Link, listPath } from "../router";
import { Empty, Failed, Loading } from "../ui/state";
import { AddRun } from "./add_run";
import { CompareChart } from "./compare_chart";
import "../style/page.css";
import "./compare.css";
import { COMPARED_MAX, type CompareView, GROUPINGS, useCompare } from "./compare_view";
import { ConfigTable } from "./config_table";
import { seriesOf } from "./series";
import { SeriesList } from "./series_list";
import { StatsTable } from "./stats_table";

const REREAD_MS = 5000;

export function ComparePage() {
  const view = useCompare();
  if (view.runIds.length === 0)
    return (
      <Empty title="No run to compare yet">
        <p>
          Mark runs in the list with <kbd>x</kbd>, then press <kbd>c</kbd>. Or enter a run's id:
        </p>
        <AddRun view={view} />
        <Link to={listPath()}>All runs</Link>
      </Empty>
    );
  return <Compared key="compared" view={view} />;
}

function Compared({ view }: { view: CompareView }) {
  const { runIds } = view;
  const loaded = useLoad((signal) => compareRuns(runIds, signal), [runIds.join(",")]);
  const reread = useReread(loaded.reload, loaded.loading, REREAD_MS);
  useRuns(runIds, { episodes: reread, runUpdated: reread, readAgain: reread, subscribed: reread });
  const runs = useMemo(
    () => (loaded.data?.runs ?? []).filter((run) => runIds.includes(run.run_id)),
    [loaded.data, runIds.join(",")],
  );
  const metrics = useMemo(() => inOrder(runs.flatMap((run) => metricsOf(run.aggregate_stats))), [runs]);
  const metric = view.metric !== null && metrics.includes(view.metric) ? view.metric : (metrics[0] ?? null);
  const series = useMemo(() => seriesOf(runs, view.group), [runs, view.group]);
  const last = Math.max(1, ...runs.map((run) => run.episodes_completed));
  if (!loaded.data) {
    if (loaded.error) return <Failed error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />;
    return <Loading what="the runs" />;
  }
  return (
    <div class="compare">
      <header class="compare-head">
        <nav aria-label="Breadcrumb" class="crumbs no-print">
          <Link to={listPath()}>‹ Runs</Link>
        </nav>
        <h1>Compare {runs.length === 1 ? "1 run" : `${runs.length} runs`}</h1>
        {runIds.length < COMPARED_MAX && <AddRun view={view} />}
      </header>
      {loaded.error && <Failed strip error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />}
      <Problems missing={loaded.data.missing} tooMany={view.tooMany} view={view} />
      {metric === null ? (
        <p class="panel none">None of these runs has an episode yet.</p>
      ) : (
        <section aria-labelledby="overlay-title">
          <div class="section-head">
            <h2 id="overlay-title">{metricKind(metric).title}</h2>
            <ChartTools view={view} last={last}>
              <Choice title="Metric" value={metric} options={metrics.map((name) => [name, metricKind(name).title])} onChange={(name) => view.change({ metric: name })} />
              <Choice title="Group by" value={view.group} options={GROUPINGS} onChange={(group) => view.change({ group: group === "none" ? null : group })} />
            </ChartTools>
          </div>
          <div class="overlay">
            <CompareChart runs={runs} series={series} metric={metric} view={view} />
            <SeriesList series={series} view={view} />
          </div>
        </section>
      )}
      <StatsTable runs={runs} series={series} metrics={metrics} />
      <ConfigTable runs={runs} />
    </div>
  );
}

interface ChoiceProps {
  title: string;
  value: string;
  options: readonly (readonly [value: string, title: string])[];
  onChange: (value: string) => void;
}

function Choice({ title, value, options, onChange }: ChoiceProps) {
  return (
    <label class="tool">
      {title}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([name, text]) => (
          <option key={name} value={name} selected={name === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Problems({ missing, tooMany, view }: { missing: readonly string[]; tooMany: number; view: CompareView }) {
  return (
    <>
      {missing.length > 0 && (
        <div class="strip" role="alert">
          <span>
            Not found, or deleted: <code>{missing.join(", ")}</code>
          </span>
          <button type="button" onClick={() => view.setRuns(view.runIds.filter((id) => !missing.includes(id)))}>
            Leave out
          </button>
        </div>
      )}
      {tooMany > 0 && (
        <div class="strip" role="alert">
          At most {COMPARED_MAX} runs are compared at once: the last {tooMany} of the address are left out.
        </div>
      )}
    </>
  );
}

