// info_panel.tsx - what the run is: names and times. Next: tree_panel.tsx.
import type { ComponentChildren } from "preact";
import type { RunDocument } from "../api/types";
import { formatCount } from "../format/number";
import { CopyButton } from "../ui/copy_button";
import { Time } from "../ui/time";

export function InfoPanel({ run }: { run: RunDocument }) {
  const error = run.metadata["error_message"];
  return (
    <section class="panel side-panel" aria-labelledby="info-title">
      <h2 id="info-title">Information</h2>
      {typeof error === "string" && (
        <p class="run-error" role="note">
          <strong>Error</strong> {error}
        </p>
      )}
      <dl class="facts">
        <Fact title="Run">
          <code class="breakable">{run.run_id}</code> <CopyButton text={run.run_id} what="run id" />
        </Fact>
        <Fact title="Agent">{run.agent_id}</Fact>
        <Fact title="Algorithm">{run.algorithm}</Fact>
        <Fact title="Label">{run.strategy_label ?? "–"}</Fact>
        {run.strategy_id !== null && (
          <Fact title="Strategy">
            <code class="breakable">{run.strategy_id}</code>
          </Fact>
        )}
        <Fact title="Started">
          <Time value={run.start_time} />
        </Fact>
        <Fact title="Ended">{run.end_time === null ? "Running…" : <Time value={run.end_time} />}</Fact>
        <Fact title="Last report">
          <Time value={run.last_reported_at} />
        </Fact>
        <Fact title="Planned">{run.episodes_total === null ? "–" : `${formatCount(run.episodes_total)} episodes`}</Fact>
      </dl>
    </section>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}
