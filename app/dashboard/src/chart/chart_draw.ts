// chart_draw.ts - what a chart shows beside its lines: where episodes are missing, where a value is not finite.
// Called by line_chart.tsx.
import type uPlot from "uplot";
import { strokeOf } from "../colour/run_colour";
import type { Stretch } from "./curve";

const MARKS_MAX = 400; // more would be one red line

/** A soft ground where numbers are missing, behind the lines; at least one pixel wide. */
export function drawGaps(chart: uPlot, gaps: readonly Stretch[]): void {
  const { ctx, bbox } = chart;
  const [min, max] = [chart.scales["x"]?.min ?? 0, chart.scales["x"]?.max ?? 0];
  ctx.save();
  ctx.fillStyle = strokeOf("--chart-gap");
  let drawnTo = -1;
  for (const [from, to] of gaps) {
    if (to < min || from > max) continue;
    const left = Math.max(chart.valToPos(from - 0.5, "x", true), bbox.left, drawnTo);
    const right = Math.min(chart.valToPos(to + 0.5, "x", true), bbox.left + bbox.width);
    const width = Math.max(right - left, devicePixelRatio);
    if (left + width <= drawnTo) continue;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    drawnTo = left + width;
  }
  ctx.restore();
}

/** A small triangle on the upper edge for each value that is not finite. */
export function drawMarks(chart: uPlot, marks: readonly number[]): void {
  const { ctx, bbox } = chart;
  const [min, max] = [chart.scales["x"]?.min ?? 0, chart.scales["x"]?.max ?? 0];
  const size = 5 * devicePixelRatio;
  const shown = marks.filter((episode) => episode >= min && episode <= max);
  const step = Math.max(1, Math.ceil(shown.length / MARKS_MAX));
  ctx.save();
  ctx.fillStyle = strokeOf("--failed");
  ctx.beginPath();
  for (let i = 0; i < shown.length; i += step) {
    const x = chart.valToPos(shown[i] as number, "x", true);
    ctx.moveTo(x - size * 0.8, bbox.top - size);
    ctx.lineTo(x + size * 0.8, bbox.top - size);
    ctx.lineTo(x, bbox.top + size * 0.6);
    ctx.closePath();
  }
  ctx.fill();
  ctx.restore();
}
