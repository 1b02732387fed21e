// api_error.ts - what may go wrong with a request, and what a person can do about it. Next: http.ts.
import type { Fault, Problem } from "./types";

/** A request that failed: refused by the API (status 400 and more), or never answered (status 0). */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    /** 0: there was no answer */
    readonly status: number,
    /** for programs: schema/http/openapi.json, ErrorCode; "no_answer" or "timeout" with status 0 */
    readonly code: string,
    /** a sentence for a person */
    message: string,
    readonly faults: readonly Fault[] = [],
    readonly requestId: string | null = null,
    /** seconds, as the server asks; null: it says nothing */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** The same request may succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** The error that an answer tells. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const after = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  const problem = (await answer.json().catch(() => null)) as Partial<Problem> | null;
  return new ApiError(
    answer.status,
    problem?.code ?? "unreadable",
    problem?.detail ?? `The server answered ${answer.status} without a reason.`,
    problem?.errors ?? [],
    problem?.request_id ?? answer.headers.get("X-Request-Id"),
    Number.isFinite(after) ? after : null,
  );
}

export interface Advice {
  title: string;
  todo: string;
}

/** What to tell a person about a failure, and what to do. */
export function adviceFor(error: ApiError): Advice {
  if (error.status === 0)
    return {
      title: error.code === "timeout" ? "The server takes too long" : "The server cannot be reached",
      todo: "It is tried again by itself. If it stays so: is the network up, and the server (./app/up)?",
    };
  if (error.code === "store_unavailable" || error.code === "store_busy")
    return {
      title: "The database is away",
      todo: "Nothing acknowledged is lost, trainers keep their episodes until it is back. It is tried again by itself.",
    };
  if (error.code === "store_full")
    return { title: "The database's disk is full", todo: "Make room on the server: training-admin purge --due." };
  if (error.status === 401)
    return { title: "A key is needed", todo: "Enter an API key. An admin makes one: training-admin key create." };
  if (error.status === 403)
    return { title: "This key may not do that", todo: "Enter one with the scope it needs, or ask an admin." };
  if (error.status === 404)
    return { title: "Not found", todo: "It may have been deleted: a deleted run can be restored for 30 days." };
  if (error.status === 429) return { title: "Too many requests", todo: "It is tried again by itself in a moment." };
  if (error.status >= 502)
    return { title: "The API is away", todo: "It is tried again by itself. If it stays so, start it again: ./app/up." };
  if (error.status >= 500)
    return { title: "The server failed", todo: "Its log knows why, under the request id shown here." };
  return { title: "The request was refused", todo: "See what it says." };
}
