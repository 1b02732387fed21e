// compare_chart.tsx - the curves of all runs, or of groups with their interval, in one chart. Next: overlay.ts, chart/line_chart.tsx.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { ComparedRun } from "../api/types";
import { ChartTable } from "../chart/chart_table";
import { isWhole, type Stretch } from "../chart/curve";
import { type Line, LineChart, type LineBand } from "../chart/line_chart";
import { metricKind, WIN_RATE_WINDOW } from "../chart/metric";
import type { Range } from "../chart/range";
import { formatCount } from "../format/number";
import { Failed } from "../ui/state";
import { announce } from "../ui/toast";
import type { CompareView } from "./compare_view";
import { FORMULA } from "./group";
import { type Overlay, overlay } from "./overlay";
import type { Series } from "./series";
import { useCurves } from "./use_curves";

interface CompareChartProps {
  runs: readonly ComparedRun[];
  series: readonly Series[];
  metric: string;
  view: CompareView;
}

export function CompareChart({ runs, series, metric, view }: CompareChartProps) {
  const kind = metricKind(metric);
  const window = metric === "win" ? WIN_RATE_WINDOW : view.window;
  const curves = useCurves(runs, { metric, window, stretch: view.stretch });
  const [table, setTable] = useState(false);
  const words = useId();
  const readout = useRef<HTMLDivElement>(null);
  const hidden = [...view.hidden].sort().join(" ");
  const shown = useMemo(() => series.filter((one) => !view.hidden.has(one.key)), [series, hidden]);
  const found = curves.data?.metric === metric ? curves.data.curves : null;
  const over = useMemo(() => (found ? overlay(shown, found) : null), [shown, found]);
  const lines = useMemo(() => (over ? over.lines.map(lineOf) : []), [over]);
  const bands = useMemo(() => (over ? bandsOf(over) : []), [over]);
  const span = useMemo(() => (over ? spanOf(over, view.stretch) : undefined), [over, view.stretch?.join()]);
  const last = Math.max(2, over?.x.at(-1) ?? 0, ...runs.map((run) => run.episodes_completed));
  const grouped = view.group !== "none";
  const whole = [...(found?.values() ?? [])].every((curve) => curve === null || isWhole(curve.data));
  const say = (index: number | null): void => {
    if (readout.current && over) readout.current.textContent = readAt(over, index, kind.format);
  };
  useEffect(() => say(null), [over]);
  return (
    <figure class="panel chart-panel compare-chart" aria-label={`${kind.title} of ${series.length} ${grouped ? "groups" : "runs"}`}>
      {curves.error && <Failed strip={found !== null} error={curves.error} retryAt={curves.retryAt} onRetry={curves.reload} />}
      {!over && !curves.error && (
        <div class="chart-wait" role="status">
          <span class="spinner" aria-hidden="true" />
          <span class="unseen">Loading the curves</span>
        </div>
      )}
      {over && over.x.length === 0 && <p class="chart-none">{shown.length === 0 ? "All are hidden." : "None of them has this metric here."}</p>}
      {over && over.x.length > 0 && (
        <>
          <p id={words} class="unseen">
            {describe(over, kind.title, window, kind.format)}
          </p>
          <LineChart
            x={over.x}
            lines={lines}
            bands={bands}
            span={span}
            stretch={view.stretch}
            last={last}
            limits={kind.limits}
            ticks={kind.ticks}
            height={380}
            syncKey="compare"
            label={kind.title}
            describedBy={words}
            onZoom={view.setStretch}
            onCursor={say}
            onRead={() => announce(readout.current?.textContent ?? "")}
          />
          <div class="compare-readout figure" ref={readout} />
        </>
      )}
      <div class="chart-foot">
        <span class="faint">
          mean of {window} episodes{curves.fits ? (whole ? ", every episode" : ", thinned to extremes: zoom for every point") : ", reading…"}
          {" · drag to zoom, double-click to reset"}
        </span>
        <button type="button" class="plain no-print" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? "Hide table" : "Show as table"}
        </button>
      </div>
      {grouped && <p class="formula faint">{FORMULA}</p>}
      {table && over && (
        <ChartTable
          title={kind.title}
          x={over.x}
          columns={over.lines.map((line) => ({ title: titleOf(line), values: line.values }))}
          format={kind.format}
        />
      )}
    </figure>
  );
}

const titleOf = ({ series, part }: Overlay["lines"][number]): string =>
  part === "mean" ? series.name : `${series.name}, ${part === "low" ? "lower" : "upper"} end`;

function lineOf({ series, part, values }: Overlay["lines"][number]): Line {
  const { variable, dash } = series.style;
  if (part !== "mean") return { variable: "transparent", width: 1, values };
  return { variable, dash, width: 1.8, values };
}

/** linesOf of overlay.ts puts a group's high and low before its mean. */
function bandsOf({ lines }: Overlay): LineBand[] {
  return lines.flatMap((line, index) =>
    line.part === "high" ? [{ high: index, low: index + 1, variable: line.series.style.variable }] : [],
  );
}

/** From the lowest to the highest of what is to be seen whole: lines, and intervals of three runs and more. */
function spanOf({ x, lines }: Overlay, stretch: Stretch | null): Range | undefined {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { values, runs } of lines)
    for (let i = 0; i < x.length; i++) {
      const value = values[i];
      const episode = x[i] as number;
      if (typeof value !== "number" || (stretch && (episode < stretch[0] || episode > stretch[1]))) continue;
      if (runs && (runs[i] ?? 0) < 3) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  return min <= max ? [min, max] : undefined;
}

/** The nearest value at or before a place of x, for a line that has no point just there. */
function valueAt(values: readonly (number | null | undefined)[], index: number): number | null {
  for (let i = index; i >= 0 && i > index - 200; i--) {
    const value = values[i];
    if (value !== undefined) return value;
  }
  return null;
}

function readAt({ x, lines }: Overlay, index: number | null, format: (value: number) => string): string {
  if (index === null) return "";
  const values = lines
    .filter((line) => line.part === "mean")
    .map((line) => ({ name: line.series.name, value: valueAt(line.values, index) }))
    .filter((line): line is { name: string; value: number } => line.value !== null)
    .sort((a, b) => b.value - a.value);
  const shown = values.slice(0, 6).map(({ name, value }) => `${name.length > 14 ? `${name.slice(0, 12)}…` : name} ${format(value)}`);
  const rest = values.length - shown.length;
  return `episode ${formatCount(x[index] ?? 0)}: ${shown.join(" · ")}${rest > 0 ? ` · ${rest} more` : ""}`;
}

/** Where each line ends. */
function describe({ lines }: Overlay, title: string, window: number, format: (value: number) => string): string {
  const ends = lines
    .filter((line) => line.part === "mean")
    .map((line) => `${line.series.name} ends with ${format(line.values.findLast((value) => typeof value === "number") ?? Number.NaN)}`);
  return `${title}, rolling mean over ${window} episodes: ${ends.join("; ")}.`;
}
