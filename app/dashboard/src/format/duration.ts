// duration.ts - spans of time. Pure. Next: time.ts.

/** "0.4 s", "42 s", "3 min 20 s", "2 h 05 min", "4 d 3 h". */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "–";
  const seconds = Math.floor(ms / 1000);
  if (seconds < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** ISO-8601 as <time datetime> wants it: "PT95S". */
export const machineDuration = (ms: number): string => `PT${Math.max(0, Math.round(ms / 1000))}S`;

const two = (value: number): string => String(value).padStart(2, "0");
