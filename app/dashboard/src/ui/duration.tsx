// duration.tsx - how long something took, or that it still goes on.
import { formatDuration, machineDuration } from "../format/duration";
import { formatLocal } from "../format/time";

/** to null: "Running…", with how long already in the tooltip. */
export function Duration({ from, to }: { from: string; to: string | null }) {
  if (to === null) return <span title={`Running since ${formatLocal(from)}`}>Running…</span>;
  const ms = Date.parse(to) - Date.parse(from);
  return (
    <time dateTime={machineDuration(ms)} class="figure">
      {formatDuration(ms)}
    </time>
  );
}
