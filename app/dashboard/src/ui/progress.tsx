// progress.tsx - how much is done of how much.
import { formatCount } from "../format/number";

interface ProgressProps {
  done: number;
  /** null: not known */
  total: number | null;
  /** what is counted, for screen readers: "episodes of run-1" */
  label: string;
}

/** A bar. Nothing when the total is not known. */
export function Progress({ done, total, label }: ProgressProps) {
  if (total === null) return null;
  const share = Math.min(1, done / total);
  return (
    <span
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={Math.min(done, total)}
      aria-valuetext={`${formatCount(done)} of ${formatCount(total)}`}
    >
      <span style={{ width: `${(share * 100).toFixed(2)}%` }} />
    </span>
  );
}
