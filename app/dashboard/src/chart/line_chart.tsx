// line_chart.tsx - lines over episodes on a canvas (uPlot): drag zooms, a double click resets, cursors of
// charts with one syncKey move together, keys move the cursor. Used by curve_panel.tsx and compare_chart.tsx.
// Next: chart_draw.ts (marks and gaps), range.ts.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatCount } from "../format/number";
import { strokeOf } from "../colour/run_colour";
import { drawGaps, drawMarks } from "./chart_draw";
import type { Stretch } from "./curve";
import { lonePoints } from "./lone_points";
import { chosenStretch, moved, type Range, xRange, yRange } from "./range";
import "./chart.css";

export interface Line {
  /** of CSS: "--run-0"; or "transparent" */
  variable: string;
  dash?: readonly number[];
  width?: number;
  /** 0 to 1 */
  alpha?: number;
  values: readonly (number | null | undefined)[];
}

export interface LineBand {
  /** places in lines */
  high: number;
  low: number;
  variable: string;
}

export interface LineChartProps {
  x: readonly number[];
  lines: readonly Line[];
  bands?: readonly LineBand[];
  /** episodes at which something is not finite */
  marks?: readonly number[];
  gaps?: readonly Stretch[];
  /** shown stretch; null: 1 to last */
  stretch: Stretch | null;
  /** last episode of what is charted */
  last: number;
  limits?: Range | undefined;
  /** lowest and highest value to be seen; undefined: those of the lines */
  span?: Range | undefined;
  ticks: (values: readonly number[]) => string[];
  height: number;
  syncKey: string;
  /** what it shows, for screen readers */
  label: string;
  /** id of the element that tells it in words */
  describedBy: string;
  /** null: back to the whole */
  onZoom: (stretch: Stretch | null) => void;
  /** the cursor is at this place of x, or nowhere */
  onCursor: (index: number | null) => void;
  /** a key has moved it: say what is there */
  onRead?: () => void;
}

const AXIS_FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

export function LineChart(props: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const current = useRef(props);
  current.current = props;
  // What uPlot takes only when it is made; data and ranges are given to the one that is there.
  const shape = JSON.stringify([
    props.lines.map(({ variable, dash, width, alpha }) => [variable, dash, width, alpha]),
    props.bands,
    props.height,
    props.syncKey,
  ]);

  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(options(current, element.clientWidth || 600), dataOf(current.current), element);
    chart.current = made;
    const resize = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== made.width) made.setSize({ width, height: current.current.height });
    });
    resize.observe(element);
    const theme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => made.redraw(false, false);
    theme.addEventListener("change", repaint);
    return () => {
      resize.disconnect();
      theme.removeEventListener("change", repaint);
      made.destroy();
      chart.current = null;
    };
  }, [shape]);

  useEffect(() => {
    chart.current?.setData(dataOf(props));
  }, [props.x, props.lines, props.stretch?.[0], props.stretch?.[1], props.last, props.marks, props.gaps]);

  return (
    <div
      class="chart-canvas"
      ref={place}
      style={{ height: `${props.height}px` }}
      tabIndex={0}
      role="application"
      aria-roledescription="chart"
      aria-label={`${props.label}. Arrow keys read values, plus and minus zoom, 0 shows all.`}
      aria-describedby={props.describedBy}
      onKeyDown={(event) => onKey(event, chart.current, current.current)}
      onBlur={() => chart.current?.setCursor({ left: -10, top: -10 })}
    />
  );
}

const colourOf = ({ variable }: Line): string => (variable === "transparent" ? variable : strokeOf(variable));

const dataOf = ({ x, lines }: LineChartProps): uPlot.AlignedData =>
  [x, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData;

function shownRange({ stretch, last }: LineChartProps): Range {
  return stretch ?? xRange(1, Math.max(1, last));
}

function options(current: { current: LineChartProps }, width: number): uPlot.Options {
  const { lines, bands = [], height, syncKey } = current.current;
  const now = () => current.current;
  const axis = () => strokeOf("--chart-axis");
  const grid = { stroke: () => strokeOf("--chart-grid"), width: 1 };
  return {
    width,
    height,
    legend: { show: false },
    padding: [10, () => Math.max(14, formatCount(now().last).length * 3.6), 0, 0],
    scales: {
      x: { time: false, range: () => [...shownRange(now())] },
      y: { range: (_chart, min, max) => [...yRange(...(now().span ?? ([min, max] as const)), now().limits)] },
    },
    axes: [
      {
        stroke: axis,
        grid: { ...grid, show: false },
        ticks: { ...grid, size: 4 },
        border: { show: true, ...grid },
        font: AXIS_FONT,
        size: 26,
        space: 70,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1e8],
        values: (_chart, splits) => splits.map((value) => (Number.isInteger(value) ? formatCount(value) : "")),
      },
      {
        stroke: axis,
        grid,
        ticks: { show: false },
        font: AXIS_FONT,
        size: 54,
        gap: 6,
        space: 34,
        values: (_chart, splits) => now().ticks(splits),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        stroke: () => colourOf(line),
        width: line.width ?? 1.5,
        alpha: line.alpha ?? 1,
        points: {
          show: false,
          size: 5,
          width: 0,
          fill: () => colourOf(line),
          filter: (chart: uPlot, place: number) => {
            const [first, end] = chart.series[0]?.idxs ?? [0, 0];
            return line.variable === "transparent" ? [] : lonePoints(now().lines[place - 1]?.values ?? [], first, end);
          },
        },
        ...(line.dash && line.dash.length > 0 ? { dash: [...line.dash] } : {}),
      })),
    ],
    bands: bands.map((band) => ({
      series: [band.high + 1, band.low + 1] as [number, number],
      fill: () => `color-mix(in srgb, ${strokeOf(band.variable)} 18%, transparent)`,
    })),
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      // A chart's zoom is the page's: each takes it from its props, so only the cursor is passed on.
      sync: {
        key: syncKey,
        scales: ["x", null],
        filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave" },
      },
      bind: {
        dblclick: () => () => {
          now().onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      drawClear: [(chart: uPlot) => drawGaps(chart, now().gaps ?? [])],
      draw: [(chart: uPlot) => drawMarks(chart, now().marks ?? [])],
      setCursor: [(chart: uPlot) => now().onCursor(chart.cursor.idx ?? null)],
      setSelect: [
        (chart: uPlot) => {
          const { left, width: chosen } = chart.select;
          if (chosen <= 0) return;
          const stretch = chosenStretch(chart.posToVal(left, "x"), chart.posToVal(left + chosen, "x"), now().last);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (stretch) now().onZoom(stretch);
        },
      ],
    },
  };
}

/** Arrows move the cursor from point to point, with Shift by a tenth; + and - zoom about it; 0 resets. */
function onKey(event: KeyboardEvent, chart: uPlot | null, props: LineChartProps): void {
  if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
  const range = shownRange(props);
  const step = event.shiftKey ? Math.max(1, Math.round(props.x.length / 10)) : 1;
  const first = props.x.findIndex((value) => value >= range[0]);
  const end = props.x.findLastIndex((value) => value <= range[1]);
  const at = chart.cursor.idx ?? null;
  const to = {
    ArrowRight: at === null ? first : at + step,
    ArrowLeft: at === null ? end : at - step,
    Home: first,
    End: end,
  }[event.key];
  if (to !== undefined) {
    const episode = props.x[Math.max(first, Math.min(end, to))];
    if (episode === undefined) return;
    chart.setCursor({ left: chart.valToPos(episode, "x"), top: 10 });
    props.onRead?.();
  } else if (event.key === "+" || event.key === "=") props.onZoom(moved(range, props.last, { zoom: 0.5 }));
  else if (event.key === "-") {
    const wider = moved(range, props.last, { zoom: 2 });
    props.onZoom(wider[0] <= 1 && wider[1] >= props.last ? null : wider);
  } else if (event.key === "0" || event.key === "Escape") props.onZoom(null);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
