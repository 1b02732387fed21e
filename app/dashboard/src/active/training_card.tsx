// training_card.tsx - one run under way: how far it is, how quick, how well it does. Called by active_trainings.tsx.
import { useEffect, useState } from "preact/hooks";
import { listEpisodes } from "../api/runs";
import type { Episode, RunDocument } from "../api/types";
import { useRuns } from "../api/use_live";
import { formatDuration } from "../format/duration";
import { exactFigure, formatCount, formatFigure, formatRate, formatShare } from "../format/number";
import { shortId } from "../format/run_id";
import { Link, runPath } from "../router";
import { Badge } from "../ui/badge";
import { Progress } from "../ui/progress";
import { averagesOf, LAST_EPISODES, newestOf } from "./averages";
import { rateOf, type Sample, timeLeft, withSample } from "./rate";

interface TrainingCardProps {
  run: RunDocument;
  /** undefined: it was not started here, or the caller may not stop it */
  onStop: (() => void) | undefined;
  stopping: boolean;
}

export function TrainingCard({ run, onStop, stopping }: TrainingCardProps) {
  const done = run.summary.episodes;
  const rate = useRate(run);
  const left = timeLeft(done, run.episodes_total, rate);
  const newest = useNewest(run.run_id);
  return (
    <article class="panel card" aria-label={`Run ${run.run_id}`}>
      <header>
        <Link to={runPath(run.run_id)} class="card-name" title={run.run_id}>
          {run.strategy_label ?? run.agent_id}
        </Link>
        <Badge status={run.status} stale={run.stale} />
      </header>
      <p class="faint card-line" title={`${run.agent_id} · ${run.algorithm} · ${run.run_id}`}>
        {run.agent_id} · {run.algorithm} · {shortId(run.run_id)}
      </p>
      <p class="card-count">
        <strong class="figure">{formatCount(done)}</strong>{" "}
        {run.episodes_total === null ? "episodes" : <span class="figure">/ {formatCount(run.episodes_total)} episodes</span>}
        {run.episodes_total !== null && <span class="share figure">{formatShare(Math.min(1, done / run.episodes_total))}</span>}
      </p>
      <Progress done={done} total={run.episodes_total} label={`Episodes of ${run.run_id}`} />
      <p class="card-line card-rate figure">
        <span>{rate === null ? "rate not known yet" : <>{formatRate(rate)} <span class="unseen">episodes</span></>}</span>
        {left !== null && <span>{left === 0 ? "about done" : `${formatDuration(left)} left`}</span>}
      </p>
      <Averages episodes={newest} />
      {onStop && (
        <div class="actions no-print">
          <button type="button" disabled={stopping} onClick={onStop}>
            {stopping ? "Stopping: it saves first…" : "Stop"}
          </button>
        </div>
      )}
    </article>
  );
}

function Averages({ episodes }: { episodes: readonly Episode[] }) {
  const averages = averagesOf(episodes);
  if (averages.length === 0) return <p class="faint card-line">No episode yet</p>;
  return (
    <dl class="averages" title={`Means over the last ${LAST_EPISODES} episodes`}>
      {averages.map(({ metric, mean }) => (
        <div key={metric}>
          <dt title={metric}>{metric.replaceAll("_", " ")}</dt>
          <dd class="figure" title={exactFigure(mean)}>
            {metric === "win" ? formatShare(mean) : formatFigure(mean)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function useRate(run: RunDocument): number | null {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    const sample = { at: Date.parse(run.last_reported_at), episodes: run.summary.episodes };
    setSamples((at) => withSample(at, sample));
  }, [run.last_reported_at, run.summary.episodes]);
  return rateOf(samples, Date.parse(run.start_time));
}

/** The last few episodes: read once, then as they are reported. */
function useNewest(runId: string): readonly Episode[] {
  const [newest, setNewest] = useState<readonly Episode[]>([]);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    listEpisodes(runId, { sort: "-episode", limit: LAST_EPISODES }, stop.signal).then(
      (page) => setNewest((at) => newestOf(page.data.episodes, at)),
      () => undefined, // the list above tells of failures; events bring the rest
    );
    return () => stop.abort();
  }, [runId, round]);
  useRuns([runId], {
    episodes: (event) => setNewest((at) => newestOf(at, event.episodes)),
    readAgain: () => setRound((at) => at + 1),
    subscribed: () => setRound((at) => at + 1),
  });
  return newest;
}
