// runs.ts - the calls about runs. Each takes an AbortSignal last and throws ApiError. Next: use_load.ts.
import { ApiError } from "./api_error";
import { type Answer, ask } from "./http";
import type { Comparison, Curve, EpisodePage, Evaluation, Gaps, RunChange, RunDocument, TrainingRun } from "./types";
import { parseRuns } from "./verbatim";

const DOCUMENTS = "/api/training-runs";
const RUNS = "/api/v1/training";

const at = (runId: string): string => `${DOCUMENTS}/${encodeURIComponent(runId)}`;

export interface RunFilter {
  status?: string | null;
  agent_id?: string | null;
  strategy_label?: string | null;
  tag?: string | null;
  /** a part of run_id, label, agent, algorithm or tag */
  q?: string | null;
  since?: string | null;
  until?: string | null;
  /** -start_time start_time episodes avg_reward win_rate, `-` reverses */
  sort?: string | null;
}

/** A page of runs without their episodes. `next` of the answer is a path for listNextRuns. */
export function listRuns(
  filter: RunFilter,
  page: { limit: number; offset?: number },
  signal?: AbortSignal,
): Promise<Answer<RunDocument[]>> {
  return ask("GET", DOCUMENTS, { query: { ...filter, ...page, metrics: "none" }, signal });
}

/** The page that another one's `next` names: it neither repeats nor skips a run. */
export function listNextRuns(next: string, signal?: AbortSignal): Promise<Answer<RunDocument[]>> {
  return ask("GET", new URL(next, location.origin).pathname + new URL(next, location.origin).search, { signal });
}

export async function listAgents(signal?: AbortSignal): Promise<string[]> {
  return (await ask<{ agent_ids: string[] }>("GET", `${DOCUMENTS}/agents/list`, { signal })).data.agent_ids;
}

/** One run's header, without an episode. null: there is none. */
export async function findRun(runId: string, signal?: AbortSignal): Promise<RunDocument | null> {
  try {
    return (await ask<RunDocument>("GET", at(runId), { query: { metrics: "none" }, signal, parse: parseRuns })).data;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export async function changeRun(runId: string, change: RunChange, signal?: AbortSignal): Promise<RunDocument> {
  return (await ask<RunDocument>("PATCH", at(runId), { body: change, signal, parse: parseRuns })).data;
}

export async function deleteRun(runId: string, signal?: AbortSignal): Promise<void> {
  await ask("DELETE", at(runId), { signal });
}

export async function restoreRun(runId: string, signal?: AbortSignal): Promise<RunDocument> {
  return (await ask<RunDocument>("POST", `${at(runId)}/restore`, { signal })).data;
}

export interface EpisodeQuery {
  after?: number;
  limit?: number;
  /** names, separated by commas */
  metrics?: string;
  /** a metric or `episode`, `-` reverses */
  sort?: string;
  /** "steps>100,win=1": comparisons that must all hold */
  where?: string;
}

/** The episode numbers that are missing up to the highest reported one. */
export async function readGaps(runId: string, signal?: AbortSignal): Promise<Gaps> {
  return (await ask<Gaps>("GET", `${at(runId)}/gaps`, { signal })).data;
}

/** A page of episodes. `next` of the answer leads on when they are sorted by a metric. */
export function listEpisodes(runId: string, query: EpisodeQuery, signal?: AbortSignal): Promise<Answer<EpisodePage>> {
  return ask("GET", `${at(runId)}/episodes`, { query: { ...query }, signal });
}

/** Where a run is downloaded from: a link's address. */
export const exportPath = (runId: string, format: "csv" | "jsonl" | "json" | "tensorboard"): string =>
  `${at(runId)}/export?format=${format}`;

export async function listEvaluations(runId: string, signal?: AbortSignal): Promise<Evaluation[]> {
  return (await ask<Evaluation[]>("GET", `${at(runId)}/evaluations`, { signal })).data;
}

export interface CurveQuery {
  metric: string;
  /** 1 to 100 */
  window: number;
  max_points?: number;
  from?: number;
  to?: number;
}

export async function readCurve(runId: string, query: CurveQuery, signal?: AbortSignal): Promise<Curve> {
  const path = `${RUNS}/runs/${encodeURIComponent(runId)}/learning-curve`;
  return (await ask<Curve>("GET", path, { query: { ...query }, signal })).data;
}

/** Statistics and configurations of 1 to 50 runs, in the order asked. Of one run: its statistics without its episodes. */
export async function compareRuns(runIds: readonly string[], signal?: AbortSignal): Promise<Comparison> {
  return (await ask<Comparison>("GET", `${RUNS}/compare`, { query: { run_ids: runIds.join(",") }, signal, parse: parseRuns })).data;
}

/** The run as run_updated brings it, put into a document that is shown. */
export function withUpdate(run: RunDocument, update: TrainingRun): RunDocument {
  return {
    ...run,
    status: update.status,
    agent_id: update.agent_id,
    algorithm: update.algorithm,
    strategy_label: update.strategy_label,
    episodes_total: update.episodes_total,
    end_time: update.completed_at,
    last_reported_at: update.last_reported_at,
    stale: update.stale,
    summary: { ...run.summary, episodes: update.episodes_completed },
  };
}
