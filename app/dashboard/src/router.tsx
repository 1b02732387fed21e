// router.tsx - which view an address names, on the History API. A view's state stands in the query string:
// a copied address shows the same. Used by every page. Next: app.tsx.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export const ROOT = "/training";

export type Route =
  | { view: "list" }
  | { view: "detail"; runId: string }
  | { view: "compare" }
  | { view: "missing"; path: string };

/** The view that a path names. */
export function routeOf(path: string): Route {
  const rest = path.replace(/\/+$/, "");
  if (rest === ROOT || rest === `${ROOT}/index.html`) return { view: "list" };
  if (rest === `${ROOT}/compare`) return { view: "compare" };
  const run = /^\/training\/runs\/([^/]+)$/.exec(rest)?.[1];
  if (run === undefined) return { view: "missing", path };
  try {
    return { view: "detail", runId: decodeURIComponent(run) };
  } catch {
    return { view: "missing", path };
  }
}

/** The address of the list, with a query string ("" or "?…"). */
export const listPath = (query = ""): string => ROOT + query;
/** The address of one run's page. */
export const runPath = (runId: string): string => `${ROOT}/runs/${encodeURIComponent(runId)}`;
/** The address where runs are compared. */
export const comparePath = (runIds: readonly string[]): string =>
  `${ROOT}/compare?runs=${runIds.map(encodeURIComponent).join(",")}`;

const MOVED = "dashboard:moved";

/** Go to an address of the dashboard; replace: without a new entry in the browser's history. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  dispatchEvent(new Event(MOVED));
}

/** The address as it is; the component is drawn again when it changes. */
export function usePlace(): { path: string; query: string } {
  const read = () => ({ path: location.pathname, query: location.search });
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const moved = () => setPlace(read());
    addEventListener("popstate", moved);
    addEventListener(MOVED, moved);
    moved();
    return () => {
      removeEventListener("popstate", moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  return place;
}

export type QueryChange = Record<string, string | null>;

/**
 * The query string and a way to change it: null or "" takes a member out, others stay. Changes replace
 * the entry in the history unless told to push.
 */
export function useQuery(): [URLSearchParams, (change: QueryChange, options?: { push?: boolean }) => void] {
  const { query } = usePlace();
  return [new URLSearchParams(query), changeQuery];
}

function changeQuery(change: QueryChange, options: { push?: boolean } = {}): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",");
  navigate(location.pathname + (text ? `?${text}` : ""), { replace: !options.push });
}

interface LinkProps {
  to: string;
  children: ComponentChildren;
  class?: string;
  title?: string;
  id?: string;
  tabIndex?: number;
  "aria-label"?: string;
  "aria-current"?: "page";
}

/** A link within the dashboard: without a load of the page, unless a new tab or window is asked for. */
export function Link({ to, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
    scrollTo(0, 0);
  };
  return (
    <a {...rest} href={to} onClick={follow}>
      {children}
    </a>
  );
}
