// detail_page.tsx - one run's page: what it is, how it went, its curves, its episodes. It follows the run while
// it is open. A run of any length: its header, its newest episodes and thinned curves are read, never the whole.
// Called by app.tsx. Next: run_head.tsx, curve_section.tsx, episode_table.tsx.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { compareRuns, deleteRun, findRun, restoreRun, withUpdate } from "../api/runs";
import type { RunDocument } from "../api/types";
import { useRuns } from "../api/use_live";
import { useLoad } from "../api/use_load";
import { metricsOf, metricsOfEpisodes, inOrder } from "../chart/metric";
import { useReread } from "../chart/use_reread";
import { Link, listPath } from "../router";
import { Empty, Failed, Loading } from "../ui/state";
import { announce, tell } from "../ui/toast";
import { CheckpointPanel } from "./checkpoint_panel";
import { CurveSection } from "./curve_section";
import "../style/page.css";
import "./detail.css";
import { EpisodeTable } from "./episode_table";
import { EvaluationPanel } from "./evaluation_panel";
import { InfoPanel } from "./info_panel";
import { NotesPanel } from "./notes_panel";
import { RunHead } from "./run_head";
import { StatTable } from "./stat_table";
import { StatTiles } from "./stat_tiles";
import { TagPanel } from "./tag_panel";
import { TreePanel } from "./tree_panel";
import { useFeed } from "./use_feed";

const HEADER_MS = 1500;
const STATS_MS = 5000;

export function DetailPage({ runId }: { runId: string }) {
  const run = useLoad((signal) => findRun(runId, signal), [runId]);
  const [deleted, setDeleted] = useState(false);
  const restore = async (): Promise<void> => {
    try {
      await restoreRun(runId);
      setDeleted(false);
      run.reload();
      tell(`Restored ${runId}`);
    } catch (error) {
      tell(`Not restored: ${(error as Error).message}`, "failed");
    }
  };
  const remove = async (): Promise<void> => {
    try {
      await deleteRun(runId);
      setDeleted(true);
      tell(`Deleted ${runId}`, "done", { label: "Undo", act: () => void restore() });
    } catch (error) {
      tell(`Not deleted: ${(error as Error).message}`, "failed");
    }
  };
  if (deleted || (run.data === null && !run.loading && !run.error)) return <Gone runId={runId} deleted={deleted} onRestore={restore} />;
  if (run.data) return <Shown run={run.data} loaded={run} onDelete={remove} />;
  if (run.error) return <Failed error={run.error} retryAt={run.retryAt} onRetry={run.reload} />;
  return <Loading what="the run" />;
}

function Gone({ runId, deleted, onRestore }: { runId: string; deleted: boolean; onRestore: () => void }) {
  return (
    <Empty title={deleted ? "This run is deleted" : "There is no such run"}>
      <p>
        {deleted ? "It is kept for 30 days and can be restored until then: " : "It may have been deleted; for 30 days it can be restored: "}
        <code>{runId}</code>
      </p>
      <p class="actions">
        <button type="button" class="primary" onClick={onRestore}>
          Restore it
        </button>
        <Link to={listPath()}>All runs</Link>
      </p>
    </Empty>
  );
}

interface ShownProps {
  run: RunDocument;
  loaded: ReturnType<typeof useLoad<RunDocument | null>>;
  onDelete: () => void;
}

function Shown({ run, loaded, onDelete }: ShownProps) {
  const runId = run.run_id;
  const { feed, seed, take } = useFeed(runId);
  const stats = useLoad(
    async (signal) => (await compareRuns([runId], signal)).runs[0]?.aggregate_stats ?? null,
    [runId],
  );
  const [round, setRound] = useState(0);
  const readHeader = useReread(loaded.reload, loaded.loading, HEADER_MS);
  const readStats = useReread(stats.reload, stats.loading, STATS_MS);
  const readAgain = (): void => {
    loaded.reload();
    seed.reload();
    readStats();
    setRound((at) => at + 1);
  };
  useRuns([runId], {
    episodes: (event) => {
      take(event.episodes);
      readHeader();
      readStats();
    },
    runUpdated: (update) => loaded.replace((shown) => shown && withUpdate(shown, update)),
    readAgain,
    subscribed: useMissed(run, readAgain),
  });
  useEnding(run, () => {
    loaded.reload();
    readStats();
  });
  const metrics = useMemo(
    () => inOrder([...metricsOf(stats.data), ...metricsOfEpisodes(feed.recent)]),
    [stats.data, feed.recent],
  );
  const replace = (next: RunDocument): void => loaded.replace(() => next);
  return (
    <div class="detail">
      <RunHead run={run} onDelete={onDelete} />
      {loaded.error && <Failed strip error={loaded.error} retryAt={loaded.retryAt} onRetry={loaded.reload} />}
      <StatTiles run={run} />
      <div class="detail-columns">
        <div class="detail-main">
          <CurveSection runId={runId} metrics={metrics} feed={feed} round={round} stats={stats.data} known={seed.data !== null} />
          <StatTable stats={stats} metrics={metrics} />
        </div>
        <aside class="detail-side" aria-label="About the run">
          <InfoPanel run={run} />
          <TagPanel run={run} onChange={replace} />
          <NotesPanel run={run} onChange={replace} />
          <TreePanel title="Configuration" value={run.config} none="The run was opened without a configuration." />
          <TreePanel title="Metadata" value={run.metadata} none="No metadata." />
          <CheckpointPanel checkpoints={run.checkpoint_paths} />
          <EvaluationPanel runId={runId} round={round} />
        </aside>
      </div>
      <EpisodeTable runId={runId} metrics={metrics} feed={feed} round={round} />
    </div>
  );
}

/**
 * A function for when all is heard from now on: it reads again when there were reports since the page was read,
 * for those were not heard. What the page shows by then is no measure: events may have brought it later ones.
 */
function useMissed(run: RunDocument, readAgain: () => void): () => void {
  const read = useRef(run);
  const look = async (): Promise<void> => {
    const now = await findRun(run.run_id);
    const { last_reported_at, summary } = read.current;
    if (now?.last_reported_at === last_reported_at && now.summary.episodes === summary.episodes) return;
    if (now) read.current = now;
    readAgain();
  };
  return () => void look().catch(readAgain); // which tries until it succeeds
}

/** Tell, once, that the run has ended while its page is open. */
function useEnding(run: RunDocument, onEnd: () => void): void {
  const before = useRef(run.status);
  useEffect(() => {
    if (before.current === "running" && run.status !== "running") {
      announce(`The run has ended: ${run.status}`);
      onEnd();
    }
    before.current = run.status;
  }, [run.status]);
}
