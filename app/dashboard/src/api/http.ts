// http.ts - one request to the API: JSON in, JSON or an ApiError out, never later than its time limit.
// Used by the files beside it. Next: runs.ts.
import { ApiError, errorOf } from "./api_error";

const TIME_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 90_000; // a trainer saves before it ends

export type Query = Record<string, string | number | null | undefined>;

export interface Asked {
  query?: Query;
  /** sent as JSON */
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** how the answer's text is read, when JSON.parse is not enough */
  parse?: (text: string) => unknown;
}

export interface Answer<T> {
  data: T;
  /** X-Total-Count: how many there are on all pages; null: not told */
  total: number | null;
  /** Link: the next page's path with its query string; null: this is the last */
  next: string | null;
}

/** A query string with its "?", or ""; members that are null, undefined or "" are left out. */
export function queryString(query: Query = {}): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") text.append(name, String(value));
  return text.size > 0 ? `?${text}` : "";
}

const listeners = new Set<() => void>();

/** Be told when an answer says that a key is needed. Returns how to stop that. */
export function onKeyNeeded(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Errors: ApiError; an AbortError when the signal was used. */
export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<Answer<T>> {
  const answer = await send(method, path + queryString(asked.query), asked);
  if (!answer.ok) {
    const error = await errorOf(answer);
    if (error.status === 401 && path !== "/api/session") for (const listener of listeners) listener();
    throw error;
  }
  return {
    data: answer.status === 204 ? (undefined as T) : await readJson<T>(answer, asked.parse),
    total: wholeNumber(answer.headers.get("X-Total-Count")),
    next: nextOf(answer.headers.get("Link")),
  };
}

async function send(method: string, path: string, asked: Asked): Promise<Response> {
  const limit = AbortSignal.timeout(path === "/api/training/stop" ? STOP_LIMIT_MS : TIME_LIMIT_MS);
  const init: RequestInit = {
    method,
    signal: asked.signal ? AbortSignal.any([asked.signal, limit]) : limit,
    headers: asked.body === undefined ? {} : { "Content-Type": "application/json" },
  };
  if (asked.body !== undefined) init.body = JSON.stringify(asked.body);
  try {
    return await fetch(path, init);
  } catch (error) {
    throw unanswered(error, asked.signal);
  }
}

async function readJson<T>(answer: Response, parse: Asked["parse"]): Promise<T> {
  try {
    return (parse ? parse(await answer.text()) : await answer.json()) as T;
  } catch (error) {
    throw unanswered(error, undefined);
  }
}

function unanswered(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || (error instanceof DOMException && error.name === "AbortError")) return error;
  if (error instanceof DOMException && error.name === "TimeoutError")
    return new ApiError(0, "timeout", "The server did not answer in time.");
  return new ApiError(0, "no_answer", "No answer came from the server.");
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

function nextOf(link: string | null): string | null {
  return link === null ? null : (/<([^>]*)>;\s*rel="?next"?/.exec(link)?.[1] ?? null);
}
