// curve_section.tsx - the run's curves, one a metric, with one window, one stretch and one cursor. Next: chart/curve_panel.tsx.
import type { Stats } from "../api/types";
import { ChartTools } from "../chart/chart_tools";
import { countMissing, gapsInWords } from "../chart/curve";
import { CurvePanel } from "../chart/curve_panel";
import type { LiveFeed } from "../chart/live_feed";
import { useStretch } from "../chart/use_stretch";
import { formatCount } from "../format/number";

interface CurveSectionProps {
  runId: string;
  metrics: readonly string[];
  feed: LiveFeed;
  round: number;
  stats: Stats | null;
  /** the newest episodes were read: if they have no metric, there is none */
  known: boolean;
}

export function CurveSection({ runId, metrics, feed, round, stats, known }: CurveSectionProps) {
  const view = useStretch();
  const last = Math.max(1, feed.highest);
  return (
    <section aria-labelledby="curves-title">
      <div class="section-head">
        <h2 id="curves-title">Learning curves</h2>
        {metrics.length > 0 && <ChartTools view={view} last={last} />}
      </div>
      {feed.missing.length > 0 && (
        <p class="gap-note" role="note">
          {formatCount(countMissing(feed.missing))} episode numbers were not reported: {gapsInWords(feed.missing)}
        </p>
      )}
      {known && metrics.length === 0 && <p class="panel none">No episode yet. Curves appear here with the first one.</p>}
      {!known && metrics.length === 0 && <div class="panel none" aria-busy="true" />}
      <div class="charts">
        {metrics.map((metric, rank) => (
          <CurvePanel
            key={metric}
            runId={runId}
            metric={metric}
            window={view.window}
            stretch={view.stretch}
            feed={feed}
            round={round}
            nonfinite={stats ? ((Object.hasOwn(stats.nonfinite, metric) && stats.nonfinite[metric]) || 0) : null}
            rank={rank}
            syncKey={`run ${runId}`}
            onZoom={view.setStretch}
          />
        ))}
      </div>
    </section>
  );
}
