// time.tsx - a moment where the reader is, UTC in the tooltip.
import { formatAgo, formatLocal, formatUtc } from "../format/time";

export function Time({ value }: { value: string }) {
  return (
    <time dateTime={value} title={formatUtc(value)} class="figure">
      {formatLocal(value)}
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
