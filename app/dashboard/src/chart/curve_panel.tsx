// curve_panel.tsx - one metric's curve of one run in a panel: read when it comes into view. Used by
// detail/curve_section.tsx. Next: use_curve.ts (what is read, and when), line_chart.tsx.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { formatCount } from "../format/number";
import { Failed } from "../ui/state";
import { announce } from "../ui/toast";
import { ChartTable } from "./chart_table";
import { type CurveData, drawn, type Drawn, isWhole, type Stretch, wideGaps, within } from "./curve";
import { type Line, LineChart } from "./line_chart";
import { metricKind, WIN_RATE_WINDOW } from "./metric";
import { inWords } from "./summary";
import { type CurveAsked, useCurve } from "./use_curve";
import { useSeen } from "./use_seen";

export interface CurvePanelProps extends CurveAsked {
  /** values that are not finite in the whole run; null: not known yet */
  nonfinite: number | null;
  syncKey: string;
  onZoom: (stretch: Stretch | null) => void;
}

export function CurvePanel(props: CurvePanelProps) {
  const box = useRef<HTMLElement>(null);
  const seen = useSeen(box);
  const { title } = metricKind(props.metric);
  return (
    <figure class="panel chart-panel" ref={box} data-metric={props.metric} aria-label={title}>
      {seen ? <SeenPanel {...props} /> : <PanelHead title={title} />}
    </figure>
  );
}

function PanelHead({ title }: { title: string }) {
  return (
    <div class="chart-head">
      <h3>{title}</h3>
    </div>
  );
}

function SeenPanel(props: CurvePanelProps) {
  const { metric, stretch, feed } = props;
  const kind = metricKind(metric);
  const window = metric === "win" ? WIN_RATE_WINDOW : props.window;
  const { loaded, shown, fits } = useCurve({ ...props, window });
  const [table, setTable] = useState(false);
  const last = Math.max(feed.highest, shown?.data.episodes.at(-1) ?? 1);
  const data = useMemo(() => (shown ? drawn(shown.data, feed.missing) : null), [shown, feed.missing]);
  const width = stretch ? stretch[1] - stretch[0] : last;
  const gaps = useMemo(
    () => within(wideGaps(feed.missing, width > 5000 ? width / 1000 : 1), stretch),
    [feed.missing, width, stretch?.[0]],
  );
  if (!shown || !data)
    return (
      <>
        <PanelHead title={kind.title} />
        {loaded.error ? (
          <Failed error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />
        ) : (
          <Waiting title={kind.title} />
        )}
      </>
    );
  const marks = data.nonfinite.length;
  const nonfinite = stretch ? marks : Math.max(props.nonfinite ?? 0, marks);
  return (
    <>
      {loaded.error && <Failed strip error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />}
      <Drawing {...props} window={window} curve={shown.data} data={data} gaps={gaps} last={last} nonfinite={nonfinite} />
      <div class="chart-foot">
        <span class="chart-key">
          {metric !== "win" && <span class="key raw">raw</span>}
          <span class="key mean">mean of {window}</span>
          {gaps.length > 0 && <span class="key gap">not reported</span>}
          {nonfinite > 0 && <span class="key nonfinite">{formatCount(nonfinite)} not finite</span>}
        </span>
        <PointCount data={shown.data} fits={fits} />
        <button type="button" class="plain no-print" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? "Hide table" : "Show as table"}
        </button>
      </div>
      {table && (
        <ChartTable
          title={kind.title}
          x={shown.data.episodes}
          columns={[
            { title: "Value", values: shown.data.raw, none: "not finite" },
            { title: `Mean of ${window}`, values: shown.data.smoothed },
          ]}
          format={kind.format}
        />
      )}
    </>
  );
}

function Waiting({ title }: { title: string }) {
  return (
    <div class="chart-wait" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="unseen">Loading {title}</span>
    </div>
  );
}

interface DrawingProps extends CurvePanelProps {
  curve: CurveData;
  data: Drawn;
  gaps: readonly Stretch[];
  last: number;
}

/** Title, the values under the cursor, the chart, and the chart in words. */
function Drawing({ metric, window, curve, data, gaps, last, stretch, nonfinite, syncKey, onZoom }: DrawingProps) {
  const kind = metricKind(metric);
  const words = useId();
  const readout = useRef<HTMLSpanElement>(null);
  const lines = useMemo(() => linesOf(data, metric === "win"), [data]);
  const say = (index: number | null): void => {
    if (readout.current) readout.current.textContent = valuesInWords(data, index, kind.format, metric === "win");
  };
  useEffect(() => say(null), [data]);
  return (
    <>
      <div class="chart-head">
        <h3>{kind.title}</h3>
        <span class="chart-readout figure" ref={readout} />
      </div>
      <p id={words} class="unseen">
        {inWords(curve, { title: kind.title, window, format: kind.format, nonfinite, gaps: gaps.length })}
      </p>
      {curve.episodes.length === 0 ? (
        <p class="chart-none">No episode {stretch ? "here" : "yet"} has this metric.</p>
      ) : (
        <LineChart
          x={data.x}
          lines={lines}
          marks={data.nonfinite}
          gaps={gaps}
          stretch={stretch}
          last={last}
          limits={kind.limits}
          ticks={kind.ticks}
          height={210}
          syncKey={syncKey}
          label={kind.title}
          describedBy={words}
          onZoom={onZoom}
          onCursor={say}
          onRead={() => announce(readout.current?.textContent ?? "")}
        />
      )}
    </>
  );
}

/** How many of the stretch's points are drawn; data-… for whoever counts. */
function PointCount({ data, fits }: { data: CurveData; fits: boolean }) {
  const title = isWhole(data) ? undefined : "first, last, minimum and maximum of each part: zoom in for all";
  return (
    <span class="faint figure" title={title} data-points={data.episodes.length} data-total={data.total}>
      {fits ? pointsInWords(data) : "reading…"}
    </span>
  );
}

/** Faint raw values under their rolling mean; single wins and losses would only be a bar of ink. */
function linesOf(data: Drawn, isRate: boolean): Line[] {
  const mean: Line = { variable: "--run-0", width: 1.8, values: data.smoothed };
  return isRate ? [mean] : [{ variable: "--chart-raw", width: 1, values: data.raw }, mean];
}

const pointsInWords = (data: CurveData): string =>
  isWhole(data)
    ? `${formatCount(data.total)} ${data.total === 1 ? "value" : "values"}`
    : `${formatCount(data.episodes.length)} of ${formatCount(data.total)}`;

/** The values at a place of x, or at the end. */
function valuesInWords(data: Drawn, index: number | null, format: (value: number) => string, isRate: boolean): string {
  let at = index ?? data.x.length - 1;
  while (at > 0 && data.raw[at] === null && index === null) at--;
  const episode = data.x[at];
  if (episode === undefined) return "";
  const raw = data.raw[at] ?? null;
  const mean = data.smoothed[at] ?? null;
  const marked = data.nonfinite.includes(episode);
  const value = marked ? "not finite" : raw === null ? "not reported" : isRate ? { 0: "lost", 1: "won" }[raw] ?? String(raw) : format(raw);
  return `episode ${formatCount(episode)}: ${value}${mean === null ? "" : `, mean ${format(mean)}`}`;
}
