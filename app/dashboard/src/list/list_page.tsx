// list_page.tsx - all runs: filters, the trainings under way, the table, its pages. Called by app.tsx.
// Next: list_query.ts, use_run_list.ts, filter_bar.tsx, run_table.tsx.
import { useEffect, useState } from "preact/hooks";
import { ActiveTrainings } from "../active/active_trainings";
import { deleteRun, listAgents, restoreRun } from "../api/runs";
import type { RunDocument } from "../api/types";
import { useLoad } from "../api/use_load";
import { formatCount } from "../format/number";
import { useQuery } from "../router";
import { mayWrite, session } from "../session/session";
import { useStore } from "../store";
import { Confirm } from "../ui/dialog";
import { Empty, Failed, Loading } from "../ui/state";
import { announce, tell } from "../ui/toast";
import { FilterBar, FilterChips } from "./filter_bar";
import "./list.css";
import "./list_narrow.css";
import { filtersSet, type ListQuery, listQueryChange, NO_FILTERS, readListQuery } from "./list_query";
import { Pager } from "./pager";
import { RunTable } from "./run_table";
import { selection } from "./selection";
import { SelectionBar } from "./selection_bar";
import { useListKeys } from "./use_list_keys";
import { type RunList, useRunList } from "./use_run_list";

export function ListPage() {
  const [address, setAddress] = useQuery();
  const query = readListQuery(address);
  const change = (to: Partial<ListQuery>) => setAddress(listQueryChange(to));
  const list = useRunList(query);
  const agents = useLoad((signal) => listAgents(signal), []);
  useListKeys();
  useAnnouncedTotal(list);
  const runs = list.data?.runs ?? [];
  return (
    <>
      <h1 class="unseen">Training runs</h1>
      <ActiveTrainings />
      <section class="panel list" aria-labelledby="runs-title">
        <div class="list-head">
          <h2 id="runs-title">All runs</h2>
          {list.data && <span class="faint figure">{formatCount(list.data.total)}</span>}
          {list.newRuns > 0 && (
            <button type="button" class="new-runs" onClick={() => (query.page > 1 ? change({ page: 1 }) : list.reload())}>
              {list.newRuns === 1 ? "1 new run" : `${formatCount(list.newRuns)} new runs`}: show
            </button>
          )}
        </div>
        <FilterBar
          query={query}
          onChange={change}
          agents={agents.data ?? []}
          labels={distinct(runs.map((run) => run.strategy_label ?? ""))}
          tags={distinct(runs.flatMap((run) => run.tags))}
        />
        <FilterChips query={query} onChange={change} />
        <Runs list={list} query={query} change={change} />
      </section>
      <SelectionBar />
    </>
  );
}

const distinct = (words: readonly string[]): string[] => [...new Set(words.filter((word) => word !== ""))].sort();

function useAnnouncedTotal(list: RunList): void {
  const total = list.data?.total;
  useEffect(() => {
    if (total !== undefined) announce(`${total} runs`);
  }, [total]);
}

interface RunsProps {
  list: RunList;
  query: ListQuery;
  change: (to: Partial<ListQuery>) => void;
}

/** The table, or what stands in its place. */
function Runs({ list, query, change }: RunsProps) {
  const { data, error } = list;
  const remove = useDelete(list);
  if (!data) {
    if (error) return <Failed error={error} retryAt={list.retryAt} onRetry={list.reload} />;
    return <Loading what="runs" />;
  }
  return (
    <>
      {error && <Failed strip error={error} retryAt={list.retryAt} onRetry={list.reload} />}
      {data.runs.length === 0 ? (
        <NoRuns query={query} total={data.total} change={change} />
      ) : (
        <RunTable
          runs={data.runs}
          query={query}
          waiting={list.loading}
          onSort={(sort) => change({ sort })}
          onDelete={remove.ask}
          onFilter={(name, value) => change({ [name]: value })}
        />
      )}
      <Pager
        query={query}
        total={data.total}
        shown={data.runs.length}
        onPage={(page) => change({ page })}
        onSize={(size) => change({ size })}
      />
      {remove.dialog}
    </>
  );
}

function NoRuns({ query, total, change }: Pick<RunsProps, "query" | "change"> & { total: number }) {
  if (total > 0)
    return (
      <Empty title="This page is beyond the last run">
        <button type="button" onClick={() => change({ page: 1 })}>
          Go to the first page
        </button>
      </Empty>
    );
  if (filtersSet(query).length > 0)
    return (
      <Empty title="No run matches">
        <p>A label, a tag and an agent must match whole; the search finds parts.</p>
        <button type="button" onClick={() => change(NO_FILTERS)}>
          Clear the filters
        </button>
      </Empty>
    );
  return (
    <Empty title="No runs yet">
      <p>A run appears here with its first report. From Python:</p>
      <pre class="example">
        {'from training_client import TrainingRunLogger\n\nwith TrainingRunLogger() as logger:\n    logger.create_run(agent_id="my_agent", algorithm="DQN")\n    logger.log_episode(1, total_reward=10.5, steps=50)'}
      </pre>
      <p>
        <a href="/docs">The API</a> takes them from any language; a training can be started here, above.
      </p>
    </Empty>
  );
}

/** Deleting: asked first, told afterwards, and undone with a click. */
function useDelete(list: RunList) {
  const [asked, setAsked] = useState<RunDocument | null>(null);
  const allowed = mayWrite(useStore(session));
  const restore = async (run: RunDocument) => {
    try {
      await restoreRun(run.run_id);
      tell(`Restored ${run.run_id}.`);
      list.reload();
    } catch (error) {
      tell(`${run.run_id} was not restored: ${wordsOf(error)}`, "failed");
    }
  };
  const remove = async (run: RunDocument) => {
    try {
      await deleteRun(run.run_id);
      selection.set(selection.get().filter((id) => id !== run.run_id));
      tell(`Deleted ${run.run_id}.`, "done", { label: "Undo", act: () => void restore(run) });
      list.reload();
    } catch (error) {
      tell(`${run.run_id} was not deleted: ${wordsOf(error)}`, "failed");
    }
  };
  return {
    ask: allowed ? setAsked : undefined,
    dialog: asked && (
      <Confirm
        title="Delete this run?"
        text={`${asked.run_id} with its ${formatCount(asked.summary.episodes)} episodes disappears everywhere. It can be restored for 30 days.`}
        action="Delete"
        onConfirm={() => void remove(asked)}
        onClose={() => setAsked(null)}
      />
    ),
  };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
