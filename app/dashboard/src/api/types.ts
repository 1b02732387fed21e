// types.ts - what the API answers, as schema/http/openapi.json describes it, names and all. Next: http.ts.
import type { Verbatim } from "./verbatim";

/** UTC, ISO-8601, milliseconds, "Z". */
export type Time = string;
export type Status = "running" | "completed" | "stopped" | "failed";
/** A number; one that is not finite is a string. */
export type Real = number | "NaN" | "Infinity" | "-Infinity";
/** null: there is no such value, or it is not finite. */
export type Figure = number | null;
export type Json = null | boolean | number | string | Verbatim | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Fault {
  /** such as `episodes[3].roi_pct` */
  field: string;
  message: string;
}

/** The one body of every error (RFC 9457). */
export interface Problem {
  type: "about:blank";
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: Fault[];
  errors_total?: number;
}

/** A run as /api/v1/training shows it. */
export interface TrainingRun {
  run_id: string;
  status: Status;
  config: JsonObject | null;
  strategy_id: string | null;
  strategy_label: string | null;
  agent_id: string;
  algorithm: string;
  /** planned */
  episodes_total: number | null;
  started_at: Time;
  completed_at: Time | null;
  last_reported_at: Time;
  /** running, but unheard of for five minutes */
  stale: boolean;
  /** reported so far */
  episodes_completed: number;
  total_episodes: number;
  avg_roi_pct: Figure;
  avg_sharpe: Figure;
}

export interface Summary {
  episodes: number;
  avg_reward: Figure;
  max_reward: Figure;
  min_reward: Figure;
  /** over the last 100 episodes that have `win`, 0 to 1 */
  final_win_rate: Figure;
}

export interface Checkpoint {
  episode: number;
  path: string;
}

/** A run as /api/training-runs shows it. `metrics` is absent with metrics=none. */
export interface RunDocument {
  id: string;
  run_id: string;
  agent_id: string;
  algorithm: string;
  status: Status;
  start_time: Time;
  end_time: Time | null;
  config: JsonObject | null;
  metadata: JsonObject;
  checkpoint_paths: Checkpoint[];
  strategy_id: string | null;
  strategy_label: string | null;
  tags: string[];
  /** Markdown */
  notes: string | null;
  episodes_total: number | null;
  last_reported_at: Time;
  stale: boolean;
  metrics?: { episodes: Episode[]; rolling_win_rate: { episode: number; win_rate: Figure }[] };
  metrics_truncated?: true;
  summary: Summary;
}

/** An episode with its metrics beside its number. */
export interface Episode {
  episode: number;
  session_id: string | null;
  created_at: Time;
  [metric: string]: Real | boolean | string | null;
}

export interface EpisodePage {
  episodes: Episode[];
  /** the next page's `after`; null: this is the last */
  next_after: number | null;
}

export interface Gaps {
  /** [first, last] of each stretch, ascending */
  missing: [number, number][];
  /** 0: there is no episode */
  highest: number;
}

/** Over all episodes: `avg_`, `min_`, `max_` of each metric, and how many values were not finite. */
export interface Stats {
  total_episodes: number;
  nonfinite: Record<string, number>;
  [figure: string]: Figure | Record<string, number>;
}

export interface Curve {
  run_id: string;
  metric: string;
  window: number;
  episode_numbers: number[];
  raw_values: Figure[];
  /** null for the first window - 1 points */
  smoothed_values: Figure[];
  curve: { episode: number; value: Figure; smoothed: Figure }[];
  points_total: number;
  points_returned: number;
}

export interface ComparedRun {
  run_id: string;
  status: Status;
  strategy_label: string | null;
  agent_id: string;
  algorithm: string;
  config: JsonObject | null;
  episodes_completed: number;
  aggregate_stats: Stats | null;
  started_at: Time;
  completed_at: Time | null;
}

export interface Comparison {
  runs: ComparedRun[];
  /** ids that were not found */
  missing: string[];
}

export interface Evaluation {
  id: string;
  run_id: string;
  checkpoint_path: string;
  opponent_type: string;
  games_played: number;
  win_rate: number;
  avg_reward: Real;
  avg_game_length: number;
  created_at: Time;
}

/** What PATCH changes; tags, notes and episodes_total are cleared by null. */
export interface RunChange {
  status?: Status;
  error_message?: string;
  metadata?: JsonObject;
  tags?: string[] | null;
  notes?: string | null;
  episodes_total?: number | null;
}

export interface Caller {
  account: string;
  scopes: ("read" | "write" | "admin")[];
  /** no key was needed */
  anonymous: boolean;
}

export interface Scenario {
  name: string;
  description: string | null;
}

/** Rolling means over the last 10 episodes; elapsed_time in seconds. */
export interface TrainingProgress {
  episode: number;
  total_episodes: number;
  avg_reward: Figure;
  avg_duration: Figure;
  avg_cash: Figure;
  avg_invested: Figure;
  stability: Figure;
  goal_adherence: Figure;
  elapsed_time: Figure;
}

export interface TrainingStatus {
  is_training: boolean;
  scenario_name: string | null;
  current_episode: number | null;
  total_episodes: number | null;
  start_time: Time | null;
  latest_progress: TrainingProgress | null;
  run_id: string | null;
}

export interface NewTraining {
  scenario_name: string;
  num_episodes?: number;
  save_interval?: number;
  eval_episodes?: number;
  seed?: number;
}

export interface TrainingStarted {
  message: string;
  data: { status: "started"; scenario_name: string; num_episodes: number; start_time: Time; run_id: string };
}

export interface TrainingStopped {
  message: string;
  data: {
    status: "stopped" | "completed";
    scenario_name: string;
    episodes_completed: number;
    total_episodes: number;
    run_id: string;
  };
}
