// chart_tools.tsx - what is chosen for all charts of a page: window, stretch of episodes. Next: use_stretch.ts.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Stretch } from "./curve";
import { chosenStretch } from "./range";
import { type ChartView, WINDOW_MAX } from "./use_stretch";

const PAUSE_MS = 150;

interface ChartToolsProps {
  view: ChartView;
  /** last episode of what is charted */
  last: number;
  children?: ComponentChildren;
}

export function ChartTools({ view, last, children }: ChartToolsProps) {
  return (
    <div class="chart-tools no-print" role="group" aria-label="Charts">
      {children}
      <WindowSlider window={view.window} onChange={view.setWindow} />
      <StretchFields key={view.stretch?.join() ?? ""} stretch={view.stretch} last={last} onChange={view.setStretch} />
      <span class="faint chart-hint">Drag in a chart to zoom, double-click to reset</span>
    </div>
  );
}

/** Follows the thumb at once; the curves are read when it rests. */
function WindowSlider({ window, onChange }: { window: number; onChange: (window: number) => void }) {
  const [shown, setShown] = useState(window);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setShown(window), [window]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <label class="tool">
      Window
      <input
        type="range"
        min={1}
        max={WINDOW_MAX}
        value={shown}
        aria-valuetext={`${shown} episodes`}
        onInput={(event) => {
          const next = Number(event.currentTarget.value);
          setShown(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onChange(next), PAUSE_MS);
        }}
      />
      <output class="figure">{shown}</output>
    </label>
  );
}

interface StretchFieldsProps {
  stretch: Stretch | null;
  last: number;
  onChange: (stretch: Stretch | null) => void;
}

function StretchFields({ stretch, last, onChange }: StretchFieldsProps) {
  const from = useRef<HTMLInputElement>(null);
  const to = useRef<HTMLInputElement>(null);
  const apply = (event: Event) => {
    event.preventDefault();
    const low = Number(from.current?.value || 1);
    const high = Number(to.current?.value || last);
    const chosen = chosenStretch(low, high, last);
    onChange(chosen && chosen[0] <= 1 && chosen[1] >= last ? null : chosen);
  };
  return (
    <form class="tool" onSubmit={apply}>
      Episodes
      <input ref={from} type="number" min={1} max={last} placeholder="1" defaultValue={stretch ? String(stretch[0]) : ""} aria-label="From episode" onChange={apply} />
      –
      <input ref={to} type="number" min={1} max={last} placeholder={String(last)} defaultValue={stretch ? String(stretch[1]) : ""} aria-label="To episode" onChange={apply} />
      <button type="button" disabled={!stretch} onClick={() => onChange(null)}>
        Reset zoom
      </button>
    </form>
  );
}
