// lazy.tsx - a page whose code is fetched when it is first shown.
import { type ComponentType, h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Empty, Loading } from "./state";

/** fetch: () => import(…) of the page. */
export function lazy<P extends object>(fetch: () => Promise<ComponentType<P>>): ComponentType<P> {
  let page: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [state, setState] = useState<"waiting" | "here" | "missed">(page ? "here" : "waiting");
    useEffect(() => {
      if (page) return;
      fetch().then(
        (found) => {
          page = found;
          setState("here");
        },
        () => setState("missed"),
      );
    }, []);
    if (page) return h(page, props);
    if (state === "missed")
      return (
        <Empty title="This page cannot be loaded">
          <p>A newer version may have been installed meanwhile, or the server is away.</p>
          <button type="button" onClick={() => location.reload()}>
            Load again
          </button>
        </Empty>
      );
    return <Loading what="the page" />;
  };
}
