// filter_bar.tsx - what the list is narrowed to, and its order; each change goes into the address.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Field } from "../ui/field";
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
  const [open, setOpen] = useState(false); // on narrow screens; on others all are seen
  return (
    <div class={open ? "filters open" : "filters"} role="search" aria-label="Filter runs">
      <Field label="Search" class="grow">
        {(id) => (
          <Typed
            id={id}
            search
            value={query.q}
            placeholder="Run, agent, algorithm, label or tag"
            onValue={(q) => onChange({ q })}
          />
        )}
      </Field>
      <button type="button" class="filters-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        Filters
      </button>
      <Choice
        label="Status"
        value={query.status}
        options={[["", "Any"], ...STATUSES.map((name): [string, string] => [name, capital(name)])]}
        onValue={(status) => onChange({ status })}
      />
      <Field label="Agent">
        {(id) => (
          <Typed id={id} value={query.agent} proposals={agents} placeholder="Any" onValue={(agent) => onChange({ agent })} />
        )}
      </Field>
      <Field label="Label">
        {(id) => (
          <Typed id={id} value={query.label} proposals={labels} placeholder="Any" onValue={(label) => onChange({ label })} />
        )}
      </Field>
      <Field label="Tag">
        {(id) => (
          <Typed id={id} value={query.tag} proposals={tags} placeholder="Any" onValue={(tag) => onChange({ tag })} />
        )}
      </Field>
      <Day label="Started from" value={query.since} onValue={(since) => onChange({ since })} />
      <Day label="Started until" value={query.until} onValue={(until) => onChange({ until })} />
      <Choice label="Order" value={query.sort} options={SORTS} onValue={(sort) => onChange({ sort })} />
    </div>
  );
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

interface ChoiceProps {
  label: string;
  value: string;
  /** value and words */
  options: readonly (readonly [string, string])[];
  onValue: (value: string) => void;
}

function Choice({ label, value, options, onValue }: ChoiceProps) {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
          {options.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Day({ label, value, onValue }: Omit<ChoiceProps, "options">) {
  return (
    <Field label={label} class="date">
      {(id) => <input id={id} type="date" value={value} onChange={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}

interface TypedProps {
  id: string;
  /** the field that / goes to */
  search?: boolean;
  value: string;
  proposals?: readonly string[];
  placeholder: string;
  onValue: (value: string) => void;
}

/**
 * A field that tells its value when one presses Enter, leaves it or takes a proposal. The search tells
 * it at each pause too: it finds parts, where the others must match whole.
 */
function Typed({ id, search = false, value, proposals = [], placeholder, onValue }: TypedProps) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const list = useId();
  const told = useRef(value); // what comes back of it must not undo what was typed meanwhile
  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (text: string) => {
    clearTimeout(timer.current);
    if (text === told.current) return;
    told.current = text;
    onValue(text);
  };
  return (
    <>
      <input
        id={id}
        type={search ? "search" : "text"}
        data-search={search || undefined}
        value={typed}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        list={proposals.length > 0 ? list : undefined}
        onInput={(event) => {
          const text = event.currentTarget.value;
          setTyped(text);
          clearTimeout(timer.current);
          if (search) timer.current = setTimeout(settle, TYPING_MS, text);
          else if (text === "" || proposals.includes(text)) settle(text);
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
