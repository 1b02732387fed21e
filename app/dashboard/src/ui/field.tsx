// field.tsx - a control with its name above and, perhaps, a hint or a fault below. The name alone is its
// label: options and hints are not read out as part of it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  /** the control, given the id that it must have and that of what describes it */
  children: (id: string, told: string | undefined) => ComponentChildren;
  hint?: ComponentChildren;
  fault?: string | undefined;
  class?: string;
}

export function Field({ label, children, hint, fault, class: look = "" }: FieldProps) {
  const id = useId();
  const told = hint !== undefined || fault !== undefined ? `${id}-told` : undefined;
  return (
    <div class={`field ${look}`}>
      <label for={id}>{label}</label>
      {children(id, told)}
      {told && (
        <small id={told} class={fault ? "wrong" : "faint"}>
          {fault ?? hint}
        </small>
      )}
    </div>
  );
}
