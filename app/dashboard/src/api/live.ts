// live.ts - what happens to runs, as it happens: one Socket.IO connection for the whole page. Each user
// says which runs it watches; after a break or a `reset` it is told to read again. Next: use_live.ts.
import { io, type Socket } from "socket.io-client";
import type { Episode, TrainingProgress, TrainingRun } from "./types";

export type LiveState = "connecting" | "live" | "away" | "refused";

export interface RunUpdated extends TrainingRun {
  seq: number;
}
export interface EpisodesReported {
  run_id: string;
  seq: number;
  episodes: Episode[];
}

/** What a user of watchRuns hears. */
export interface RunWatcher {
  episodes?: (event: EpisodesReported) => void;
  runUpdated?: (run: RunUpdated) => void;
  /** events may have been missed (a break, a reset): read again what is shown */
  readAgain?: () => void;
  /** from now on all is heard; what happened between the first read and now was not */
  subscribed?: () => void;
}

/** What a user of watchTrainings hears: the trainings that are started here. */
export interface TrainingWatcher {
  started?: (event: { scenario_name: string; num_episodes: number; start_time: string }) => void;
  progress?: (event: TrainingProgress) => void;
  completed?: (event: { scenario_name: string; episodes_completed: number }) => void;
  stopped?: (event: { scenario_name: string; episodes_completed: number }) => void;
  failed?: (event: { message: string; details: string | null }) => void;
  readAgain?: () => void;
}

/** So many runs may be watched at once: TRAINING_LIVE_RUNS_MAX, less a few. */
export const WATCHED_MAX = 190;
const FORGET_AFTER_MS = 1000;

let socket: Socket | null = null;
let state: LiveState = "connecting";
let wasLive = false;
const stateListeners = new Set<(state: LiveState) => void>();
const trainingWatchers = new Set<TrainingWatcher>();
const runWatchers = new Map<RunWatcher, readonly string[]>();
const watched = new Map<string, number>(); // run_id → how many watch it

export const liveState = (): LiveState => state;

export function onLiveState(listener: (state: LiveState) => void): () => void {
  stateListeners.add(listener);
  return () => stateListeners.delete(listener);
}

/** Watch runs until the returned function is called. */
export function watchRuns(runIds: readonly string[], watcher: RunWatcher): () => void {
  const ids = [...new Set(runIds)].slice(0, WATCHED_MAX);
  const fresh = ids.filter((id) => !watched.has(id));
  for (const id of ids) watched.set(id, (watched.get(id) ?? 0) + 1);
  runWatchers.set(watcher, ids);
  const connection = connect();
  if (connection.connected) subscribe(connection, fresh);
  return () => {
    runWatchers.delete(watcher);
    for (const id of ids) watched.set(id, (watched.get(id) ?? 1) - 1);
    // A moment later: who draws anew watches the same runs at once, and nothing is to be missed.
    setTimeout(forget, FORGET_AFTER_MS, ids);
  };
}

function subscribe(connection: Socket, ids: readonly string[]): void {
  if (ids.length === 0) return;
  connection.emit("subscribe_training", { run_ids: ids }, () => {
    for (const [watcher, of] of runWatchers) if (of.some((id) => ids.includes(id))) watcher.subscribed?.();
  });
}

/** Hear of the trainings that are started here, until the returned function is called. */
export function watchTrainings(watcher: TrainingWatcher): () => void {
  trainingWatchers.add(watcher);
  connect();
  return () => trainingWatchers.delete(watcher);
}

/** Connect anew: the session is another one now. */
export function reconnectLive(): void {
  if (!socket) return;
  socket.disconnect();
  setState("connecting");
  socket.connect();
}

function forget(ids: readonly string[]): void {
  const gone = ids.filter((id) => watched.get(id) === 0);
  for (const id of gone) watched.delete(id);
  if (gone.length > 0 && socket?.connected) socket.emit("unsubscribe_training", { run_ids: gone });
}

function setState(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of stateListeners) listener(next);
}

function connect(): Socket {
  if (socket) return socket;
  // A WebSocket first: one connection instead of several. Polling is the way through old proxies.
  socket = io({ path: "/socket.io", transports: ["websocket", "polling"], tryAllTransports: true });
  socket.on("connect", () => {
    if (socket) subscribe(socket, [...watched.keys()]);
    setState("live");
    if (wasLive) readAgain();
    wasLive = true;
  });
  socket.on("disconnect", () => setState("away"));
  // A refusal of the gateway is final until there is another session; else the client tries by itself.
  socket.on("connect_error", () => setState(socket?.active ? "away" : "refused"));
  socket.on("reset", readAgain);
  socket.on("episodes", (event: EpisodesReported) => {
    for (const [watcher, ids] of runWatchers) if (ids.includes(event.run_id)) watcher.episodes?.(event);
  });
  socket.on("run_updated", (run: RunUpdated) => {
    for (const [watcher, ids] of runWatchers) if (ids.includes(run.run_id)) watcher.runUpdated?.(run);
  });
  hear("training_started", (watcher, event) => watcher.started?.(event));
  hear("training_progress", (watcher, event) => watcher.progress?.(event));
  hear("training_completed", (watcher, event) => watcher.completed?.(event));
  hear("training_stopped", (watcher, event) => watcher.stopped?.(event));
  hear("training_error", (watcher, event) => watcher.failed?.(event));
  return socket;
}

function hear(name: string, tell: (watcher: TrainingWatcher, event: never) => void): void {
  socket?.on(name, (event: unknown) => {
    for (const watcher of trainingWatchers) tell(watcher, event as never);
  });
}

function readAgain(): void {
  for (const watcher of runWatchers.keys()) watcher.readAgain?.();
  for (const watcher of trainingWatchers) watcher.readAgain?.();
}
