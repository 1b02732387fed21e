// tree_panel.tsx - a JSON object as a tree that folds: configuration, metadata. What is folded is not drawn.
import { useState } from "preact/hooks";
import type { Json, JsonObject } from "../api/types";
import { jsonText, Verbatim } from "../api/verbatim";
import { CopyButton } from "../ui/copy_button";

interface TreePanelProps {
  title: string;
  value: JsonObject | null;
  /** what stands there when it is empty */
  none: string;
}

const OPEN_MAX = 30; // members of a branch that is open at first
const SHOWN_MAX = 200; // members drawn before one asks for more

export function TreePanel({ title, value, none }: TreePanelProps) {
  const id = `tree-${title.toLowerCase()}`;
  const empty = value === null || Object.keys(value).length === 0;
  const [all, setAll] = useState<{ open: boolean | null; round: number }>({ open: null, round: 0 });
  const nested = !empty && Object.values(value).some(isBranch);
  return (
    <section class="panel side-panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {nested && (
          <button type="button" class="plain no-print" onClick={() => setAll({ open: !all.open, round: all.round + 1 })}>
            {all.open ? "Fold all" : "Unfold all"}
          </button>
        )}
        {!empty && <CopyButton text={jsonText(value, 2)} what={title.toLowerCase()} />}
      </div>
      {empty ? <p class="faint">{none}</p> : <Members key={all.round} value={value} depth={0} open={all.open} />}
    </section>
  );
}

const isBranch = (value: Json | undefined): value is Json[] | JsonObject =>
  typeof value === "object" && value !== null && !(value instanceof Verbatim) && Object.keys(value).length > 0;

function Members({ value, depth, open }: { value: Json[] | JsonObject; depth: number; open: boolean | null }) {
  const [shown, setShown] = useState(SHOWN_MAX);
  const entries = Object.entries(value);
  return (
    <ul class="tree">
      {entries.slice(0, shown).map(([name, member]) => (
        <li key={name}>
          {isBranch(member) ? (
            <Branch name={name} value={member} depth={depth} open={open} />
          ) : (
            <>
              <span class="tree-name">{name}</span> <Leaf value={member} />
            </>
          )}
        </li>
      ))}
      {shown < entries.length && (
        <li>
          <button type="button" class="plain" onClick={() => setShown(shown + SHOWN_MAX)}>
            {entries.length - shown} more
          </button>
        </li>
      )}
    </ul>
  );
}

interface BranchProps {
  name: string;
  value: Json[] | JsonObject;
  depth: number;
  open: boolean | null;
}

function Branch({ name, value, depth, open }: BranchProps) {
  const count = Object.keys(value).length;
  const [unfolded, setUnfolded] = useState(open ?? (depth === 0 && count <= OPEN_MAX));
  const short = Array.isArray(value) && value.every((item) => !isBranch(item)) ? jsonText(value) : null;
  if (short !== null && short.length <= 60)
    return (
      <>
        <span class="tree-name">{name}</span> <code class="tree-value">{short}</code>
      </>
    );
  return (
    <details open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>
        <span class="tree-name">{name}</span>{" "}
        <span class="faint">{Array.isArray(value) ? `[${count}]` : `{${count}}`}</span>
      </summary>
      {unfolded && <Members value={value} depth={depth + 1} open={open} />}
    </details>
  );
}

function Leaf({ value }: { value: Json | undefined }) {
  const kind = value === null ? "null" : value instanceof Verbatim ? "number" : typeof value;
  const text = typeof value === "string" ? value || '""' : value instanceof Verbatim ? value.text : jsonText(value);
  return <code class={`tree-value tree-${kind}`}>{text}</code>;
}
