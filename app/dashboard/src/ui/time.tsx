// time.tsx - a moment where the reader is, UTC in the tooltip.
import { formatAgo, formatLocal, formatLocalMinute, formatUtc } from "../format/time";

/** short: without the seconds. */
export function Time({ value, short = false }: { value: string; short?: boolean }) {
  const title = short ? `${formatLocal(value)} · ${formatUtc(value)}` : formatUtc(value);
  return (
    <time dateTime={value} title={title} class="figure">
      {short ? formatLocalMinute(value) : formatLocal(value)}
    </time>
  );
}

/** "5 min ago"; now: a Date.now(). */
export function Ago({ value, now }: { value: string; now: number }) {
  return (
    <time dateTime={value} title={`${formatLocal(value)} · ${formatUtc(value)}`}>
      {formatAgo(value, now)}
    </time>
  );
}
