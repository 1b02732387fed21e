// config_table.tsx - in what the configurations of the compared runs differ: a row a key, nested keys folded.
// Next: config_diff.ts.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ComparedRun, Json } from "../api/types";
import { configDiff, type DiffNode, valueInLine } from "./config_diff";

export function ConfigTable({ runs }: { runs: readonly ComparedRun[] }) {
  const nodes = useMemo(() => configDiff(runs.map((run) => run.config)), [runs]);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (path: string): void => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  if (runs.length < 2) return null;
  return (
    <section class="panel main-panel" aria-labelledby="differences-title">
      <div class="panel-head">
        <h2 id="differences-title">Differences of configurations</h2>
        <span class="faint">only keys that differ</span>
      </div>
      {nodes.length === 0 ? (
        <p class="faint none">The configurations are the same.</p>
      ) : (
        <div class="wide-table" tabIndex={0} role="region" aria-labelledby="differences-title">
          <table class="data differences">
            <thead>
              <tr>
                <th scope="col" class="pinned">
                  Key
                </th>
                {runs.map((run) => (
                  <th key={run.run_id} scope="col" title={run.run_id}>
                    {run.run_id.length > 18 ? `${run.run_id.slice(0, 16)}…` : run.run_id}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {nodes.flatMap((node) => rowsOf(node, 0, open, toggle))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function rowsOf(node: DiffNode, depth: number, open: ReadonlySet<string>, toggle: (path: string) => void): JSX.Element[] {
  const folded = node.children.length > 0 && !open.has(node.path);
  const row = (
    <tr key={node.path} data-key={node.path}>
      <th scope="row" class={`pinned depth-${Math.min(depth, 4)}`}>
        {node.children.length > 0 ? (
          <button type="button" class="plain fold" aria-expanded={!folded} onClick={() => toggle(node.path)}>
            <span aria-hidden="true">{folded ? "▸" : "▾"}</span> {node.name} <span class="faint">{node.count}</span>
          </button>
        ) : (
          <code>{node.name}</code>
        )}
      </th>
      {node.values.map((value, index) => (
        <td key={index}>{node.children.length > 0 ? <span class="faint">{value === undefined ? "–" : "{…}"}</span> : <Value value={value} />}</td>
      ))}
    </tr>
  );
  return [row, ...(folded ? [] : node.children.flatMap((child) => rowsOf(child, depth + 1, open, toggle)))];
}

function Value({ value }: { value: Json | undefined }) {
  const text = valueInLine(value);
  if (value === undefined) return <span class="faint">–</span>;
  return (
    <code class="config-value" title={text}>
      {text}
    </code>
  );
}
