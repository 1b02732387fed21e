// filter_bar.tsx - what the list is narrowed to, and its order; each change goes into the address.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { filtersSet, type FilterName, type ListQuery, NO_FILTERS, SORTS, STATUSES } from "./list_query";

const TYPING_MS = 250;

interface FilterBarProps {
  query: ListQuery;
  onChange: (change: Partial<ListQuery>) => void;
  agents: readonly string[];
  /** labels and tags that are seen on this page: proposals */
  labels: readonly string[];
  tags: readonly string[];
}

export function FilterBar({ query, onChange, agents, labels, tags }: FilterBarProps) {
  return (
    <div class="filters" role="search" aria-label="Filter runs">
      <label class="field grow">
        Search
        <Typed
          id="search"
          type="search"
          value={query.q}
          placeholder="Run, agent, algorithm, label or tag"
          onValue={(q) => onChange({ q })}
        />
      </label>
      <label class="field">
        Status
        <select value={query.status} onChange={(event) => onChange({ status: event.currentTarget.value })}>
          <option value="">Any</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {status[0]?.toUpperCase() + status.slice(1)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Agent
        <Typed value={query.agent} proposals={agents} placeholder="Any" onValue={(agent) => onChange({ agent })} />
      </label>
      <label class="field">
        Label
        <Typed value={query.label} proposals={labels} placeholder="Any" onValue={(label) => onChange({ label })} />
      </label>
      <label class="field">
        Tag
        <Typed value={query.tag} proposals={tags} placeholder="Any" onValue={(tag) => onChange({ tag })} />
      </label>
      <label class="field date">
        Started from
        <input
          type="date"
          value={query.since}
          max={query.until || undefined}
          onChange={(event) => onChange({ since: event.currentTarget.value })}
        />
      </label>
      <label class="field date">
        until
        <input
          type="date"
          value={query.until}
          min={query.since || undefined}
          onChange={(event) => onChange({ until: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        Order
        <select value={query.sort} onChange={(event) => onChange({ sort: event.currentTarget.value })}>
          {SORTS.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

interface TypedProps {
  id?: string;
  type?: "search" | "text";
  value: string;
  proposals?: readonly string[];
  placeholder: string;
  onValue: (value: string) => void;
}

/** A field that tells its value when one pauses, presses Enter or leaves it. */
function Typed({ id, type = "text", value, proposals = [], placeholder, onValue }: TypedProps) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const list = useId();
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (text: string) => {
    clearTimeout(timer.current);
    if (text !== value) onValue(text);
  };
  return (
    <>
      <input
        id={id}
        type={type}
        value={typed}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        list={proposals.length > 0 ? list : undefined}
        onInput={(event) => {
          const text = event.currentTarget.value;
          setTyped(text);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onValue(text), TYPING_MS);
        }}
        onBlur={(event) => settle(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") settle(event.currentTarget.value);
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {proposals.length > 0 && (
        <datalist id={list}>
          {proposals.map((proposal) => (
            <option key={proposal} value={proposal} />
          ))}
        </datalist>
      )}
    </>
  );
}

const NAMES: Record<FilterName, string> = {
  q: "Text",
  status: "Status",
  agent: "Agent",
  label: "Label",
  tag: "Tag",
  since: "From",
  until: "Until",
};

/** The filters that are set, each with a way out. */
export function FilterChips({ query, onChange }: Pick<FilterBarProps, "query" | "onChange">) {
  const set = filtersSet(query);
  if (set.length === 0) return null;
  return (
    <div class="chips no-print">
      {set.map((name) => (
        <button
          key={name}
          type="button"
          class="chip"
          aria-label={`Remove the filter ${NAMES[name]} ${query[name]}`}
          onClick={() => onChange({ [name]: "" })}
        >
          <span class="faint">{NAMES[name]}</span> {query[name]} <span aria-hidden="true">✕</span>
        </button>
      ))}
      <button type="button" class="plain" onClick={() => onChange(NO_FILTERS)}>
        Clear all
      </button>
    </div>
  );
}
