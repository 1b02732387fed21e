// start_dialog.tsx - starts a training on the server. Called by active_trainings.tsx.
import { useState } from "preact/hooks";
import { ApiError } from "../api/api_error";
import { listScenarios, startTraining } from "../api/trainings";
import type { NewTraining } from "../api/types";
import { useLoad } from "../api/use_load";
import { formatCount } from "../format/number";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Failed, Loading } from "../ui/state";
import { tell } from "../ui/toast";

type NumberName = "num_episodes" | "save_interval" | "eval_episodes" | "seed";

interface NumberField {
  name: NumberName;
  label: string;
  min: number;
  max: number;
  /** "": may stay empty */
  value: string;
  hint?: string;
}

const NUMBERS: readonly NumberField[] = [
  { name: "num_episodes", label: "Episodes", min: 1, max: 1_000_000, value: "1000" },
  { name: "save_interval", label: "Save every … episodes", min: 1, max: 1_000_000, value: "100" },
  { name: "eval_episodes", label: "Evaluation episodes", min: 1, max: 10_000, value: "10" },
  { name: "seed", label: "Seed", min: 0, max: 4_294_967_295, value: "", hint: "empty: a different one each time" },
];

interface StartDialogProps {
  onStarted: () => void;
  onClose: () => void;
}

export function StartDialog({ onStarted, onClose }: StartDialogProps) {
  const scenarios = useLoad((signal) => listScenarios(signal), []);
  return (
    <Dialog title="Start a training" onClose={onClose}>
      {scenarios.data ? (
        <StartForm scenarios={scenarios.data} onStarted={onStarted} onClose={onClose} />
      ) : scenarios.error ? (
        <Failed error={scenarios.error} retryAt={scenarios.retryAt} onRetry={scenarios.reload} />
      ) : (
        <Loading what="scenarios" />
      )}
    </Dialog>
  );
}

type FormProps = StartDialogProps & { scenarios: readonly { name: string; description: string | null }[] };

function StartForm({ scenarios, onStarted, onClose }: FormProps) {
  const [scenario, setScenario] = useState(scenarios[0]?.name ?? "");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setBusy(true);
    setError(null);
    try {
      const { data } = await startTraining(asked(scenario, form));
      tell(`Started ${data.scenario_name}: ${data.num_episodes} episodes.`);
      onStarted();
      onClose();
    } catch (failure) {
      setError(failure instanceof ApiError ? failure : new ApiError(0, "unexpected", String(failure)));
      setBusy(false);
    }
  };
  const faultOf = (name: string) => error?.faults.find((fault) => fault.field === name)?.message;
  return (
    <form onSubmit={submit} noValidate>
      <Field label="Scenario" hint={scenarios.find(({ name }) => name === scenario)?.description ?? ""}>
        {(id, told) => (
          <select id={id} aria-describedby={told} value={scenario} onChange={(event) => setScenario(event.currentTarget.value)}>
            {scenarios.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <div class="form-grid">
        {NUMBERS.map((field) => (
          <NumberInput key={field.name} field={field} fault={faultOf(field.name)} />
        ))}
      </div>
      <div role="alert">{error && <StartFailure error={error} />}</div>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={busy || scenario === ""}>
          {busy ? "Starting…" : "Start"}
        </button>
      </div>
    </form>
  );
}

function NumberInput({ field, fault }: { field: NumberField; fault: string | undefined }) {
  return (
    <Field label={field.label} hint={field.hint ?? `${formatCount(field.min)} to ${formatCount(field.max)}`} fault={fault}>
      {(id, told) => (
        <input
          id={id}
          name={field.name}
          inputMode="numeric"
          defaultValue={field.value}
          aria-invalid={fault !== undefined}
          aria-describedby={told}
          autocomplete="off"
        />
      )}
    </Field>
  );
}

/** What the API says is said; only what it cannot know is said here. */
function StartFailure({ error }: { error: ApiError }) {
  const others = error.faults.filter((fault) => !NUMBERS.some((field) => field.name === fault.field));
  return (
    <div class="form-failure">
      <p class="wrong">{error.faults.length > 0 ? "Not started: something is wrong in the form." : error.message}</p>
      {others.map((fault) => (
        <p key={fault.field} class="wrong">
          {fault.field}: {fault.message}
        </p>
      ))}
      {error.code === "training_in_progress" && <p class="faint">Stop it first, or wait until it has ended.</p>}
    </div>
  );
}

/** The form as the API takes it. What is no number goes as it was written: the API says what is wrong. */
function asked(scenario: string, form: HTMLFormElement): NewTraining {
  const training: Record<string, unknown> = { scenario_name: scenario };
  for (const { name } of NUMBERS) {
    const text = (form.elements.namedItem(name) as HTMLInputElement).value.trim();
    if (text === "") continue;
    const number = Number(text);
    training[name] = Number.isFinite(number) ? number : text;
  }
  return training as unknown as NewTraining;
}
