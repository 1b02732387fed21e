// verbatim.ts - numbers of a configuration as they were written: 64-bit seeds, 1.0, 1e-7. JSON.parse makes
// doubles of them; where the text differs, the text is kept. Called by http.ts. Pure.
import type { Json } from "./types";

/** A number that a double does not write the same way. */
export class Verbatim {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
  /** As written where the browser can (JSON.rawJSON), else as near as a double comes. */
  toJSON(): unknown {
    const raw = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;
    return raw ? raw(this.text) : Number(this.text);
  }
}

const OPAQUE = new Set(["config", "metadata"]);

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;
const keepText: Reviver = (_key, value, context) =>
  typeof value === "number" && context?.source !== undefined && context.source !== String(value)
    ? new Verbatim(context.source)
    : value;

/** An answer with runs in it: what stands under `config` and `metadata` keeps its numbers' text. */
export function parseRuns<T>(text: string): T {
  const plain: unknown = JSON.parse(text);
  const exact: unknown = JSON.parse(text, keepText as Parameters<typeof JSON.parse>[1]);
  return merged(plain, exact) as T;
}

/** Everything is plain but the opaque members; those lie at most in an object in an array in an object. */
function merged(plain: unknown, exact: unknown): unknown {
  if (Array.isArray(plain)) return plain.map((item, index) => merged(item, (exact as unknown[])[index]));
  if (typeof plain !== "object" || plain === null) return plain;
  const all = Object.entries(plain).map(([name, value]) => {
    const kept = (exact as Record<string, unknown>)[name];
    if (OPAQUE.has(name)) return [name, kept];
    return [name, name === "runs" ? merged(value, kept) : value];
  });
  return Object.fromEntries(all);
}

/** A JSON value's text, numbers as written. */
export const jsonText = (value: Json | undefined, indent?: number): string => JSON.stringify(value, null, indent) ?? "";
