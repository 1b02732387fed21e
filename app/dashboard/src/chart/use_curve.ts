// use_curve.ts - one metric's curve of one run, thinned by the server, read again finer when it is zoomed, extended by
// what is reported meanwhile. Used by curve_panel.tsx. Next: curve_queue.ts, live_curve.ts.
import { useEffect, useRef, useState } from "preact/hooks";
import { readCurve } from "../api/runs";
import { useLoad } from "../api/use_load";
import { type CurveData, curveOf, type Stretch } from "./curve";
import { inTurn } from "./curve_queue";
import { extend } from "./live_curve";
import type { LiveFeed } from "./live_feed";
import { useReread } from "./use_reread";

const POINTS_MAX = 1000;
const LIVE_POINTS_MAX = 300; // drawn before the server is asked to thin the curve anew
const REREAD_MS = 4000;

export interface CurveAsked {
  runId: string;
  metric: string;
  window: number;
  stretch: Stretch | null;
  feed: LiveFeed;
  /** changes whenever all is to be read again */
  round: number;
  /** lower ones are read first */
  rank: number;
}

interface Read {
  data: CurveData;
  stretch: Stretch | null;
  window: number;
}

/** The curve as it is to be drawn now; `fits`: it is the one asked for, not one from before a zoom. */
export function useCurve({ runId, metric, window, stretch, feed, round, rank }: CurveAsked) {
  const query = { metric, window, max_points: POINTS_MAX, ...(stretch ? { from: stretch[0], to: stretch[1] } : {}) };
  const loaded = useLoad<Read>(
    (signal) =>
      inTurn(rank, signal, async () => ({ data: curveOf(await readCurve(runId, query, signal)), stretch, window })),
    [runId, metric, window, stretch?.[0], stretch?.[1], round],
  );
  const whole = useRef<Read | null>(null);
  const [current, setCurrent] = useState<Read | null>(null);
  const reread = useReread(loaded.reload, loaded.loading, REREAD_MS);
  const grown = useRef(0);

  const grow = (read: Read, reported: LiveFeed["recent"]): Read => {
    const end = read.stretch?.[1] ?? Number.POSITIVE_INFINITY;
    const within = reported.filter((episode) => episode.episode <= end);
    const before = read.data.total;
    const asked = { metric, window: read.window, complete: feed.complete };
    const { data, inexact } = extend(read.data, within, feed.recent, asked);
    grown.current += data.total - before;
    if (inexact || grown.current > LIVE_POINTS_MAX) reread();
    return { ...read, data };
  };
  // What was read, and on top of it what was reported since the server read it.
  useEffect(() => {
    const read = loaded.data;
    if (!read) return;
    grown.current = 0;
    const last = read.data.episodes.at(-1) ?? 0;
    const made = grow(read, feed.recent.filter((episode) => episode.episode > last));
    if (!made.stretch) whole.current = made;
    setCurrent(made);
  }, [loaded.data]);
  useEffect(
    () => feed.hear((reported) => setCurrent((read) => (read ? grow(read, reported) : read))),
    [feed, metric],
  );
  // Zooming out shows the whole at once, while it is read anew.
  const fits = current?.stretch?.[0] === stretch?.[0] && current?.stretch?.[1] === stretch?.[1];
  const shown = !fits && !stretch && whole.current?.window === window ? whole.current : current;
  return { loaded, shown, fits: fits && current?.window === window };
}
