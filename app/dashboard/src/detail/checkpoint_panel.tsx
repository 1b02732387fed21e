// checkpoint_panel.tsx - the models that the run saved, in the order logged.
import { useState } from "preact/hooks";
import type { Checkpoint } from "../api/types";
import { formatCount } from "../format/number";
import { CopyButton } from "../ui/copy_button";

const SHOWN = 8;

export function CheckpointPanel({ checkpoints }: { checkpoints: readonly Checkpoint[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? checkpoints : checkpoints.slice(-SHOWN);
  return (
    <section class="panel side-panel" aria-labelledby="checkpoints-title">
      <div class="panel-head">
        <h2 id="checkpoints-title">Checkpoints</h2>
        <span class="faint figure">{formatCount(checkpoints.length)}</span>
      </div>
      {checkpoints.length === 0 ? (
        <p class="faint">None saved.</p>
      ) : (
        <div class="side-table">
          <table class="data">
            <thead>
              <tr>
                <th scope="col" class="number">
                  Episode
                </th>
                <th scope="col">Path</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ episode, path }) => (
                <tr key={`${episode} ${path}`}>
                  <td class="number">{formatCount(episode)}</td>
                  <td>
                    <code class="breakable">{path}</code> <CopyButton text={path} what="path" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!all && checkpoints.length > SHOWN && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          {formatCount(checkpoints.length - SHOWN)} earlier ones
        </button>
      )}
    </section>
  );
}
