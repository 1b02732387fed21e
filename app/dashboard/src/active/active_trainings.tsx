// active_trainings.tsx - what is being trained now, and starting and stopping it. Called by list/list_page.tsx.
// Next: use_active.ts, training_card.tsx, start_dialog.tsx.
import { useState } from "preact/hooks";
import { stopTraining } from "../api/trainings";
import type { TrainingStatus } from "../api/types";
import { formatCount } from "../format/number";
import { Link, listPath } from "../router";
import { mayWrite, session } from "../session/session";
import { useStore } from "../store";
import { Confirm } from "../ui/dialog";
import { tell } from "../ui/toast";
import "./active.css";
import { StartDialog } from "./start_dialog";
import { TrainingCard } from "./training_card";
import { useActive } from "./use_active";

export function ActiveTrainings() {
  const active = useActive();
  const [starting, setStarting] = useState(false);
  const stop = useStop(active.reload);
  const allowed = mayWrite(useStore(session));
  const runs = active.data?.runs ?? [];
  const started = active.data?.started ?? null;
  const awaited = started?.is_training && !runs.some((run) => run.run_id === started.run_id) ? started : null;
  const more = (active.data?.total ?? 0) - runs.length;
  return (
    <section class="active" aria-labelledby="active-title">
      <div class="active-head">
        <h2 id="active-title">Under way</h2>
        {active.data && runs.length === 0 && !awaited && <span class="faint">Nothing is being trained right now.</span>}
        {!active.data && active.error && <span class="faint">Not known: {active.error.message}</span>}
        {more > 0 && (
          <Link to={listPath("?status=running")} class="more">
            {formatCount(more)} {runs.length > 0 && "more "}running or stale
          </Link>
        )}
        {allowed && (
          <button type="button" class="start no-print" onClick={() => setStarting(true)}>
            Start a training…
          </button>
        )}
      </div>
      <div class="cards">
        {awaited && <Awaited status={awaited} onStop={allowed ? stop.ask : undefined} stopping={stop.busy} />}
        {runs.map((run) => (
          <TrainingCard
            key={run.run_id}
            run={run}
            onStop={allowed && started?.is_training && started.run_id === run.run_id ? stop.ask : undefined}
            stopping={stop.busy}
          />
        ))}
      </div>
      {starting && <StartDialog onStarted={active.reload} onClose={() => setStarting(false)} />}
      {stop.dialog}
    </section>
  );
}

interface AwaitedProps {
  status: TrainingStatus;
  onStop: (() => void) | undefined;
  stopping: boolean;
}

/** Started here, and no run of it is seen yet. */
function Awaited({ status, onStop, stopping }: AwaitedProps) {
  return (
    <article class="panel card" aria-label={`Training ${status.scenario_name}`}>
      <header>
        <span class="card-name">{status.scenario_name}</span>
      </header>
      <p class="faint card-line" role="status">
        Starting: its first episode is awaited…
      </p>
      {onStop && (
        <div class="actions">
          <button type="button" disabled={stopping} onClick={onStop}>
            {stopping ? "Stopping…" : "Stop"}
          </button>
        </div>
      )}
    </article>
  );
}

/** Stopping: asked first; answered when the trainer has saved and ended. */
function useStop(reload: () => void) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const stop = async () => {
    setBusy(true);
    try {
      await stopTraining(); // that it has stopped is told by its event
    } catch (error) {
      tell(`Not stopped: ${error instanceof Error ? error.message : String(error)}`, "failed");
    }
    setBusy(false);
    reload();
  };
  return {
    ask: () => setAsking(true),
    busy,
    dialog: asking && (
      <Confirm
        title="Stop this training?"
        text="The trainer saves its models first and then ends. What was learnt and logged stays."
        action="Stop it"
        onConfirm={() => void stop()}
        onClose={() => setAsking(false)}
      />
    ),
  };
}
