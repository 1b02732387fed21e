// stat_tiles.tsx - the run in six figures, from its header: there at once, however long it is. Next: info_panel.tsx.
import type { RunDocument } from "../api/types";
import { formatDuration } from "../format/duration";
import { exactFigure, formatCount, formatFigure, formatShare } from "../format/number";
import { useNow } from "../ui/state";

export function StatTiles({ run }: { run: RunDocument }) {
  const { episodes, avg_reward, max_reward, min_reward, final_win_rate } = run.summary;
  const rows: [name: string, title: string, shown: string, exact: string][] = [
    ["episodes", "Episodes", formatCount(episodes), String(episodes)],
    ["avg_reward", "Mean reward", formatFigure(avg_reward), exactFigure(avg_reward)],
    ["max_reward", "Maximum reward", formatFigure(max_reward), exactFigure(max_reward)],
    ["min_reward", "Minimum reward", formatFigure(min_reward), exactFigure(min_reward)],
    ["final_win_rate", "Final win rate", formatShare(final_win_rate), exactFigure(final_win_rate)],
  ];
  return (
    <dl class="tiles panel">
      {rows.map(([name, title, shown, exact]) => (
        <div key={name} class="tile" data-stat={name}>
          <dt>{title}</dt>
          <dd class="figure" title={exact}>
            {shown}
          </dd>
        </div>
      ))}
      <div class="tile" data-stat="duration">
        <dt>Duration</dt>
        <dd class="figure">
          <Duration run={run} />
        </dd>
      </div>
    </dl>
  );
}

function Duration({ run }: { run: RunDocument }) {
  const now = useNow(1000);
  const end = run.end_time === null ? now : Date.parse(run.end_time);
  return <>{formatDuration(Math.max(0, end - Date.parse(run.start_time)))}</>;
}
