// chart_table.tsx - the points of a chart as a table, for those who read rather than look. Next: summary.ts.
import { useState } from "preact/hooks";
import { formatCount } from "../format/number";

const ROWS = 100;

export interface TableColumn {
  title: string;
  values: readonly (number | null | undefined)[];
  /** what stands where there is no number */
  none?: string;
}

interface ChartTableProps {
  title: string;
  x: readonly number[];
  columns: readonly TableColumn[];
  format: (value: number) => string;
}

export function ChartTable({ title, x, columns, format }: ChartTableProps) {
  const [shown, setShown] = useState(ROWS);
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col" class="number">
              Episode
            </th>
            {columns.map((column) => (
              <th key={column.title} scope="col" class="number">
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {x.slice(0, shown).map((episode, row) => (
            <tr key={episode}>
              <td class="number">{formatCount(episode)}</td>
              {columns.map((column) => {
                const value = column.values[row];
                return (
                  <td key={column.title} class="number">
                    {typeof value === "number" ? format(value) : (column.none ?? "–")}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {shown < x.length && (
        <button type="button" onClick={() => setShown(shown + ROWS)}>
          {Math.min(ROWS, x.length - shown)} more of {formatCount(x.length)}
        </button>
      )}
    </div>
  );
}
