// account_menu.tsx - whose runs are shown, and signing in and out.
import { useStore } from "../store";
import { Menu } from "../ui/menu";
import { askForKey, leave, session } from "./session";

export function AccountMenu() {
  const { caller } = useStore(session);
  if (!caller)
    return (
      <button type="button" onClick={askForKey}>
        Sign in
      </button>
    );
  const items = [{ label: caller.anonymous ? "Sign in with a key…" : "Use another key…", act: askForKey }];
  if (!caller.anonymous) items.push({ label: "Sign out", act: () => void leave() });
  return (
    <Menu label={`Account ${caller.account}`} items={items}>
      <span class="account">{caller.account}</span>
      {!caller.scopes.includes("write") && <span class="tag">read only</span>}
    </Menu>
  );
}
