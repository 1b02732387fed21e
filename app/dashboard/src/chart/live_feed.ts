// live_feed.ts - what is reported of a run while its page is open: the newest episodes, gaps, and who wants
// to hear of them. Made by detail/use_feed.ts. Next: live_curve.ts.
import type { Episode, Gaps } from "../api/types";
import { type Stretch, withEpisode } from "./curve";

/** Enough for the longest window of a metric that not every episode has. */
export const RECENT_MAX = 400;

export type Hears = (reported: readonly Episode[]) => void;

export class LiveFeed {
  /** newest episodes, ascending, none left out in between */
  recent: readonly Episode[] = [];
  /** recent is all that the run has */
  complete = false;
  missing: readonly Stretch[] = [];
  highest = 0;
  /** what was read before anything came in is here */
  private seeded = false;
  private early: Episode[] = [];
  private readonly listeners = new Set<Hears>();

  hear(listener: Hears): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The newest episodes as read from the server (ascending) and the gaps; what came in meanwhile goes on top. */
  seed(newest: readonly Episode[], gaps: Gaps, complete: boolean): void {
    this.recent = newest;
    this.complete = complete;
    this.missing = gaps.missing;
    this.highest = gaps.highest;
    for (const { episode } of newest) this.count(episode); // reported since the gaps were read
    this.seeded = true;
    const early = this.early;
    this.early = [];
    if (early.length > 0) this.take(early);
  }

  /** Episodes as an event brought them. */
  take(reported: readonly Episode[]): void {
    if (!this.seeded) {
      this.early = [...this.early, ...reported].slice(-RECENT_MAX * 10);
      return;
    }
    const sorted = [...reported].sort((a, b) => a.episode - b.episode);
    for (const { episode } of sorted) this.count(episode);
    this.keep(sorted);
    for (const listener of this.listeners) listener(sorted);
  }

  private count(episode: number): void {
    this.missing = withEpisode(this.missing, this.highest, episode);
    this.highest = Math.max(this.highest, episode);
  }

  private keep(sorted: readonly Episode[]): void {
    const oldest = this.complete ? 0 : (this.recent[0]?.episode ?? 0);
    const byNumber = new Map(this.recent.map((episode) => [episode.episode, episode]));
    for (const episode of sorted) if (episode.episode >= oldest) byNumber.set(episode.episode, episode);
    const all = [...byNumber.values()].sort((a, b) => a.episode - b.episode);
    if (all.length > RECENT_MAX) this.complete = false;
    this.recent = all.slice(-RECENT_MAX);
  }
}
