// time.ts - moments: the reader's own time zone, UTC for the tooltip. Pure but for the time zone.

const two = (value: number): string => String(value).padStart(2, "0");

/** "2026-03-19 11:00:00" where the reader is. */
export function formatLocal(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** "2026-03-19 11:00": for columns; the tooltip has the rest. */
export const formatLocalMinute = (time: string): string => formatLocal(time).replace(/:\d\d$/, "");

/** "2026-03-19 10:00:00.000 UTC". */
export const formatUtc = (time: string): string => time.replace("T", " ").replace(/Z$/, " UTC");

/** "just now", "5 min ago", "3 h ago", "2 d ago"; by now, a Date.now(). */
export function formatAgo(time: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(time)) / 60_000);
  if (!(minutes >= 1)) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 60 * 48) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} d ago`;
}
