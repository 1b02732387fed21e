// live_curve.ts - a curve on the page, extended by episodes as they are reported. Pure.
// Called by curve_panel.tsx; what it cannot do exactly it says, and the server is asked. Next: rolling.ts.
import type { Episode, Figure } from "../api/types";
import { type CurveData, isWhole } from "./curve";
import { rollingMean, tailOf, valueOf } from "./rolling";

export interface Extended {
  data: CurveData;
  /** the server must be asked: something earlier changed, or the window reaches beyond what is known here */
  inexact: boolean;
}

/**
 * recent: the newest episodes of the run without gaps in between, the reported ones among them,
 * ascending; complete: they are all that the run has.
 */
export function extend(
  data: CurveData,
  reported: readonly Episode[],
  recent: readonly Episode[],
  asked: { metric: string; window: number; complete: boolean },
): Extended {
  const { metric, window } = asked;
  const episodes = [...data.episodes];
  const raw: Figure[] = [...data.raw];
  const smoothed: Figure[] = [...data.smoothed];
  let { total } = data;
  let inexact = false;
  for (const episode of [...reported].sort((a, b) => a.episode - b.episode)) {
    const value = valueOf(episode, metric);
    const last = episodes.at(-1) ?? 0;
    if (episode.episode <= last) {
      inexact ||= isNews(episodes, raw, episode.episode, value, isWhole(data));
      continue;
    }
    if (value === undefined) continue;
    const known = tailOf(recent.filter((other) => other.episode <= episode.episode), metric);
    if (value !== null && known.length < window && !asked.complete) inexact = true;
    episodes.push(episode.episode);
    raw.push(value);
    smoothed.push(value === null ? null : rollingMean(known, window));
    total++;
  }
  return { data: { episodes, raw, smoothed, total }, inexact };
}

/** An earlier number was reported: is that other than what is drawn? A repeat that changes nothing is not. */
function isNews(
  episodes: readonly number[],
  raw: readonly Figure[],
  episode: number,
  value: Figure | undefined,
  whole: boolean,
): boolean {
  const at = episodes.lastIndexOf(episode);
  return at < 0 ? value !== undefined || !whole : raw[at] !== value;
}
