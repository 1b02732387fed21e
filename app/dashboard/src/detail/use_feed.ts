// use_feed.ts - the live feed of the run whose page is open. Used by detail_page.tsx. Next: chart/live_feed.ts.
import { useEffect, useRef, useState } from "preact/hooks";
import { listEpisodes, readGaps } from "../api/runs";
import type { Episode } from "../api/types";
import { useLoad, type Loaded } from "../api/use_load";
import { LiveFeed, RECENT_MAX } from "../chart/live_feed";

const TOGETHER_MS = 80; // what comes in within this time is drawn together

interface Seed {
  newest: Episode[];
  highest: number;
}

export interface Feed {
  feed: LiveFeed;
  /** the newest episodes were read; its data changes with each read */
  seed: Loaded<Seed>;
  /** for the watcher of live.ts */
  take: (episodes: readonly Episode[]) => void;
}

export function useFeed(runId: string): Feed {
  const [feed] = useState(() => new LiveFeed());
  const [, draw] = useState(0);
  const held = useRef<Episode[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const seed = useLoad(
    async (signal) => {
      // The gaps first: what is reported between the two reads is then among the newest, or an event.
      const gaps = await readGaps(runId, signal);
      const page = await listEpisodes(runId, { sort: "-episode", limit: RECENT_MAX }, signal);
      const newest = page.data.episodes.reverse();
      feed.seed(newest, gaps, newest.length < RECENT_MAX);
      return { newest, highest: gaps.highest };
    },
    [runId],
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  const [take] = useState(() => (episodes: readonly Episode[]) => {
    held.current.push(...episodes);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const together = held.current;
      held.current = [];
      feed.take(together);
      draw((at) => at + 1);
    }, TOGETHER_MS);
  });
  return { feed, seed, take };
}
