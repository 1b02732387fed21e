// trainings.ts - the calls about trainings that are started here (/api/training), and about the session.
import { ask } from "./http";
import type { Caller, NewTraining, Scenario, TrainingStarted, TrainingStatus, TrainingStopped } from "./types";

export async function readStatus(signal?: AbortSignal): Promise<TrainingStatus> {
  return (await ask<TrainingStatus>("GET", "/api/training/status", { signal })).data;
}

export async function listScenarios(signal?: AbortSignal): Promise<Scenario[]> {
  return (await ask<Scenario[]>("GET", "/api/training/scenarios", { signal })).data;
}

export async function startTraining(training: NewTraining): Promise<TrainingStarted> {
  return (await ask<TrainingStarted>("POST", "/api/training/start", { body: training })).data;
}

/** Answered once the trainer has saved and ended. */
export async function stopTraining(): Promise<TrainingStopped> {
  return (await ask<TrainingStopped>("POST", "/api/training/stop")).data;
}

/** Who asks, with which scopes. Errors: 401, a key is needed. */
export async function readSession(signal?: AbortSignal): Promise<Caller> {
  return (await ask<Caller>("GET", "/api/session", { signal })).data;
}

/** Exchange a key for a cookie that scripts cannot read. */
export async function signIn(apiKey: string): Promise<Caller> {
  return (await ask<Caller>("POST", "/api/session", { body: { api_key: apiKey } })).data;
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/api/session");
}
