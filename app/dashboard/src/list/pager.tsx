// pager.tsx - which part of the runs is shown, and the way to the others.
import { formatCount } from "../format/number";
import { type ListQuery, SIZES } from "./list_query";

interface PagerProps {
  query: ListQuery;
  total: number;
  shown: number;
  onPage: (page: number) => void;
  onSize: (size: number) => void;
}

export function Pager({ query, total, shown, onPage, onSize }: PagerProps) {
  const last = Math.max(1, Math.ceil(total / query.size));
  const first = (query.page - 1) * query.size;
  const to = (words: string, sign: string, page: number) => (
    <button type="button" aria-label={words} title={words} disabled={page === query.page || page < 1 || page > last} onClick={() => onPage(page)}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
  return (
    <nav class="pager" aria-label="Pages of runs">
      <span class="figure">
        {shown === 0 ? "0" : `${formatCount(first + 1)}–${formatCount(first + shown)}`} of {formatCount(total)}
      </span>
      <span class="pager-buttons no-print">
        {to("First page", "«", query.page > 1 ? 1 : query.page)}
        {to("Previous page", "‹", query.page - 1)}
        <span class="figure">
          Page {formatCount(query.page)} of {formatCount(last)}
        </span>
        {to("Next page", "›", query.page + 1)}
        {to("Last page", "»", last)}
      </span>
      <label class="no-print">
        <span>Rows </span>
        <select value={query.size} onChange={(event) => onSize(Number(event.currentTarget.value))}>
          {SIZES.map((size) => (
            <option key={size} value={size}>
              {size}
            </option>
          ))}
        </select>
      </label>
    </nav>
  );
}
