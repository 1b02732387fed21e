// evaluation_panel.tsx - games that a checkpoint played against others, newest first.
import { listEvaluations } from "../api/runs";
import { useLoad } from "../api/use_load";
import { formatCount, formatFigure, formatShare } from "../format/number";
import { Failed } from "../ui/state";
import { Time } from "../ui/time";

const PAGE = 50; // what the API answers unless asked for more

export function EvaluationPanel({ runId, round }: { runId: string; round: number }) {
  const { data, error, retryAt, reload } = useLoad((signal) => listEvaluations(runId, signal), [runId, round]);
  return (
    <section class="panel side-panel" aria-labelledby="evaluations-title">
      <div class="panel-head">
        <h2 id="evaluations-title">Evaluations</h2>
        {data && <span class="faint figure">{data.length === PAGE ? `newest ${PAGE}` : formatCount(data.length)}</span>}
      </div>
      {error && <Failed strip error={error} retryAt={retryAt} onRetry={reload} />}
      {data?.length === 0 && <p class="faint">None reported.</p>}
      {data && data.length > 0 && (
        <div class="side-table" tabIndex={0} role="region" aria-labelledby="evaluations-title">
          <table class="data">
            <thead>
              <tr>
                <th scope="col">Against</th>
                <th scope="col" class="number">Games</th>
                <th scope="col" class="number">Won</th>
                <th scope="col" class="number">Reward</th>
                <th scope="col" class="number">Length</th>
              </tr>
            </thead>
            {data.map((row) => (
              <tbody key={row.id}>
                <tr>
                  <td>{row.opponent_type}</td>
                  <td class="number">{formatCount(row.games_played)}</td>
                  <td class="number">{formatShare(row.win_rate)}</td>
                  <td class="number">{formatFigure(row.avg_reward)}</td>
                  <td class="number">{formatFigure(row.avg_game_length)}</td>
                </tr>
                <tr class="row-note">
                  <td colSpan={5}>
                    <Time value={row.created_at} /> · <code class="breakable">{row.checkpoint_path}</code>
                  </td>
                </tr>
              </tbody>
            ))}
          </table>
        </div>
      )}
    </section>
  );
}
