// app.tsx - the frame of every page: its head, the view that the address names, dialogs and messages.
// Called by main.tsx. Next: router.tsx, then list/list_page.tsx, detail/detail_page.tsx, compare/compare_page.tsx.
import { useEffect, useState } from "preact/hooks";
import { useLiveState } from "./api/use_live";
import { ListPage } from "./list/list_page";
import { Link, listPath, routeOf, usePlace } from "./router";
import { AccountMenu } from "./session/account_menu";
import { KeyDialog } from "./session/key_dialog";
import { beginSession, session } from "./session/session";
import { useStore } from "./store";
import { HelpDialog } from "./ui/help_dialog";
import { lazy } from "./ui/lazy";
import { useShortcuts } from "./ui/shortcuts";
import { Empty } from "./ui/state";
import { Toasts } from "./ui/toast";

const DetailPage = lazy(async () => (await import("./detail/detail_page")).DetailPage);
const ComparePage = lazy(async () => (await import("./compare/compare_page")).ComparePage);

export function App() {
  const { asking, epoch } = useStore(session);
  const [helping, setHelping] = useState(false);
  useEffect(beginSession, []);
  useShortcuts({ "?": () => setHelping(true) });
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Link to={listPath()} class="brand">
          Training
        </Link>
        <nav aria-label="Pages">
          <Link to={listPath()}>Runs</Link>
          <a href="/docs">API</a>
        </nav>
        <div class="top-end">
          <LiveMark />
          <button type="button" class="plain help" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => setHelping(true)}>
            ?
          </button>
          <AccountMenu />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <View key={epoch} />
      </main>
      {asking && <KeyDialog />}
      {helping && <HelpDialog onClose={() => setHelping(false)} />}
      <Toasts />
    </>
  );
}

function View() {
  const { path } = usePlace();
  const route = routeOf(path);
  const title = { list: "Training runs", detail: "Run", compare: "Compare runs", missing: "No such page" }[route.view];
  useEffect(() => {
    document.title = route.view === "detail" ? `${route.runId} · Training` : `${title} · Training`;
  }, [path]);
  if (route.view === "list") return <ListPage />;
  if (route.view === "detail") return <DetailPage key={route.runId} runId={route.runId} />;
  if (route.view === "compare") return <ComparePage />;
  return (
    <Empty title="There is no such page">
      <p>
        <Link to={listPath()}>All training runs</Link>
      </p>
    </Empty>
  );
}

function LiveMark() {
  const state = useLiveState();
  const words = {
    live: "Live",
    connecting: "Connecting…",
    away: "Reconnecting…",
    refused: "Not live",
  }[state];
  return (
    <span class={`live live-${state}`} role="status" title="Whether changes are shown as they happen">
      <span class="dot" aria-hidden="true" />
      {words}
    </span>
  );
}
