// curve_panel.tsx - one metric's curve of one run: read when it comes into view, read finer when it is zoomed,
// extended by what is reported meanwhile. Used by detail/curve_section.tsx. Next: line_chart.tsx, live_curve.ts.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { readCurve } from "../api/runs";
import { useLoad } from "../api/use_load";
import { formatCount } from "../format/number";
import type { LiveFeed } from "./live_feed";
import { Failed } from "../ui/state";
import { announce } from "../ui/toast";
import { ChartTable } from "./chart_table";
import { type CurveData, curveOf, drawn, type Drawn, isWhole, type Stretch, wideGaps, within } from "./curve";
import { inTurn } from "./curve_queue";
import { type Line, LineChart } from "./line_chart";
import { extend } from "./live_curve";
import { metricKind, WIN_RATE_WINDOW } from "./metric";
import { inWords } from "./summary";
import { useReread } from "./use_reread";
import { useSeen } from "./use_seen";

const POINTS_MAX = 1000;
const LIVE_POINTS_MAX = 300; // drawn before the server is asked to thin the curve anew
const REREAD_MS = 4000;

export interface CurvePanelProps {
  runId: string;
  metric: string;
  window: number;
  stretch: Stretch | null;
  feed: LiveFeed;
  /** changes whenever all is to be read again */
  round: number;
  /** values that are not finite in the whole run; null: not known yet */
  nonfinite: number | null;
  syncKey: string;
  /** lower ones are read first */
  rank: number;
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

interface Read {
  data: CurveData;
  stretch: Stretch | null;
  window: number;
}

function useCurve({ runId, metric, window, stretch, feed, round, rank }: CurvePanelProps) {
  const query = { metric, window, max_points: POINTS_MAX, ...(stretch ? { from: stretch[0], to: stretch[1] } : {}) };
  const loaded = useLoad<Read>(
    (signal) =>
      inTurn(rank, signal, async () => ({ data: curveOf(await readCurve(runId, query, signal)), stretch, window })),
    [runId, metric, window, stretch?.[0], stretch?.[1], round],
  );
  const whole = useRef<Read | null>(null);
  const [current, setCurrent] = useState<Read | null>(null);
  const reread = useReread(loaded.reload, loaded.loading, REREAD_MS);
  const grown = useRef(0);

  const grow = (read: Read, reported: LiveFeed["recent"]): Read => {
    const end = read.stretch?.[1] ?? Number.POSITIVE_INFINITY;
    const within = reported.filter((episode) => episode.episode <= end);
    const before = read.data.total;
    const asked = { metric, window: read.window, complete: feed.complete };
    const { data, inexact } = extend(read.data, within, feed.recent, asked);
    grown.current += data.total - before;
    if (inexact || grown.current > LIVE_POINTS_MAX) reread();
    return { ...read, data };
  };
  // What was read, and on top of it what was reported since the server read it.
  useEffect(() => {
    const read = loaded.data;
    if (!read) return;
    grown.current = 0;
    const last = read.data.episodes.at(-1) ?? 0;
    const made = grow(read, feed.recent.filter((episode) => episode.episode > last));
    if (!made.stretch) whole.current = made;
    setCurrent(made);
  }, [loaded.data]);
  useEffect(
    () => feed.hear((reported) => setCurrent((read) => (read ? grow(read, reported) : read))),
    [feed, metric],
  );
  // Zooming out shows the whole at once, while it is read anew.
  const fits = current?.stretch?.[0] === stretch?.[0] && current?.stretch?.[1] === stretch?.[1];
  const shown = !fits && !stretch && whole.current?.window === window ? whole.current : current;
  return { loaded, shown, fits: fits && current?.window === window };
}

function SeenPanel(props: CurvePanelProps) {
  const { metric, stretch, feed, nonfinite } = props;
  const kind = metricKind(metric);
  const isRate = metric === "win";
  const window = isRate ? WIN_RATE_WINDOW : props.window;
  const { loaded, shown, fits } = useCurve({ ...props, window });
  const [table, setTable] = useState(false);
  const words = useId();
  const last = Math.max(feed.highest, shown?.data.episodes.at(-1) ?? 1);
  const data = useMemo(() => (shown ? drawn(shown.data, feed.missing) : null), [shown, feed.missing]);
  const lines = useMemo(() => (data ? linesOf(data, isRate) : []), [data]);
  const width = stretch ? stretch[1] - stretch[0] : last;
  const gaps = useMemo(
    () => within(wideGaps(feed.missing, width > 5000 ? width / 1000 : 1), stretch),
    [feed.missing, width, stretch?.[0]],
  );
  const readout = useRef<HTMLSpanElement>(null);
  const say = (index: number | null): void => {
    if (readout.current && data) readout.current.textContent = valuesInWords(data, index, kind.format, isRate);
  };
  useEffect(() => say(null), [data]);
  if (!shown || !data)
    return (
      <>
        <PanelHead title={kind.title} />
        {loaded.error ? (
          <Failed error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />
        ) : (
          <div class="chart-wait" role="status">
            <span class="spinner" aria-hidden="true" />
            <span class="unseen">Loading {kind.title}</span>
          </div>
        )}
      </>
    );
  const inWhole = nonfinite ?? 0;
  return (
    <>
      <div class="chart-head">
        <h3>{kind.title}</h3>
        <span class="chart-readout figure" ref={readout} />
      </div>
      {loaded.error && <Failed strip error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />}
      <p id={words} class="unseen">
        {inWords(shown.data, {
          title: kind.title,
          window,
          format: kind.format,
          nonfinite: stretch ? data.nonfinite.length : inWhole || data.nonfinite.length,
          gaps: gaps.length,
        })}
      </p>
      {shown.data.episodes.length === 0 ? (
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
          syncKey={props.syncKey}
          label={kind.title}
          describedBy={words}
          onZoom={props.onZoom}
          onCursor={say}
          onRead={() => announce(readout.current?.textContent ?? "")}
        />
      )}
      <div class="chart-foot">
        <span class="chart-key">
          {!isRate && <span class="key raw">raw</span>}
          <span class="key mean">mean of {window}</span>
          {gaps.length > 0 && <span class="key gap">not reported</span>}
          {(inWhole > 0 || data.nonfinite.length > 0) && (
            <span class="key nonfinite">{formatCount(Math.max(inWhole, data.nonfinite.length))} not finite</span>
          )}
        </span>
        <span class="faint figure" title={isWhole(shown.data) ? undefined : "first, last, minimum and maximum of each stretch: zoom in for all"} data-points={shown.data.episodes.length} data-total={shown.data.total}>
          {fits ? pointsInWords(shown.data) : "reading…"}
        </span>
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
