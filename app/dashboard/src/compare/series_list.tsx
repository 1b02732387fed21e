// series_list.tsx - the key of the chart: which line is which run or group, shown or hidden, taken out.
import { runPath, Link } from "../router";
import { Badge } from "../ui/badge";
import type { CompareView } from "./compare_view";
import type { Series } from "./series";

export function SeriesList({ series, view }: { series: readonly Series[]; view: CompareView }) {
  const toggle = (key: string): void => {
    const next = new Set(view.hidden);
    if (!next.delete(key)) next.add(key);
    view.setHidden(next);
  };
  return (
    <ul class="series panel" aria-label="Lines of the chart">
      {series.map((one) => (
        <li key={one.key}>
          <label class="series-line">
            <input type="checkbox" checked={!view.hidden.has(one.key)} onChange={() => toggle(one.key)} aria-label={`Show ${one.name}, ${one.style.name}`} />
            <Swatch series={one} />
          </label>
          <span class="series-name">
            {one.grouped ? (
              <>
                <strong>{one.name}</strong>{" "}
                <span class="faint">
                  {one.runs.length} {one.runs.length === 1 ? "run" : "runs"}
                </span>
              </>
            ) : (
              <Link to={runPath(one.key)}>{one.name}</Link>
            )}
            {!one.grouped && <small class="faint">{[one.runs[0]?.agent_id, one.runs[0]?.strategy_label].filter(Boolean).join(" · ")}</small>}
          </span>
          {!one.grouped && one.runs[0] && one.runs[0].status !== "completed" && <Badge status={one.runs[0].status} />}
          {!one.grouped && (
            <button type="button" class="plain no-print" aria-label={`Take out ${one.name}`} onClick={() => view.setRuns(view.runIds.filter((id) => id !== one.key))}>
              ✕
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Swatch({ series }: { series: Series }) {
  return (
    <svg class="line-swatch" viewBox="0 0 28 8" aria-hidden="true">
      <line x1="0" y1="4" x2="28" y2="4" style={{ stroke: series.style.css }} stroke-width="3" stroke-dasharray={series.style.dash.join(" ")} />
    </svg>
  );
}
