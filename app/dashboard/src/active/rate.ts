// rate.ts - how quickly episodes come, and how long the rest will take. Pure.

/** How many episodes had been reported at a moment, in milliseconds. */
export interface Sample {
  at: number;
  episodes: number;
}

const WINDOW_MS = 60_000;
const SPAN_MIN_MS = 2000; // over less than this a rate says nothing

/** A sample added; those older than a minute go, but for one that the window begins with. */
export function withSample(samples: readonly Sample[], next: Sample): Sample[] {
  const last = samples.at(-1);
  if (last && (next.at <= last.at || next.episodes < last.episodes)) return [...samples];
  const all = [...samples, next];
  const begin = all.findLastIndex((sample) => sample.at <= next.at - WINDOW_MS);
  return all.slice(Math.max(0, begin));
}

/** Episodes a second over the last minute, else since the start; null: it cannot be told yet. */
export function rateOf(samples: readonly Sample[], startedAt: number): number | null {
  const last = samples.at(-1);
  const first = samples[0];
  if (!last || !first) return null;
  if (last.at - first.at >= SPAN_MIN_MS) return ((last.episodes - first.episodes) * 1000) / (last.at - first.at);
  const span = last.at - startedAt;
  return span >= SPAN_MIN_MS && last.episodes > 0 ? (last.episodes * 1000) / span : null;
}

/** Milliseconds until all planned episodes are there; null: it cannot be told. */
export function timeLeft(done: number, total: number | null, rate: number | null): number | null {
  if (total === null || rate === null || rate <= 0) return null;
  return Math.max(0, ((total - done) / rate) * 1000);
}
