// shortcuts.ts - single keys that do something: not while one writes, not over a dialog, and they can
// be turned off (WCAG 2.1.4). Next: help_dialog.tsx.
import { useEffect, useRef } from "preact/hooks";
import { makeStore } from "../store";

const KEPT = "dashboard:shortcuts";

function kept(): boolean {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

export const shortcutsOn = makeStore(kept());

export function turnShortcuts(on: boolean): void {
  shortcutsOn.set(on);
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // a private window without storage: it lasts as long as the page
  }
}

const WRITING = "input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select, [contenteditable]";

function heard(event: KeyboardEvent): boolean {
  if (!shortcutsOn.get() || event.defaultPrevented || event.isComposing) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (document.querySelector("dialog[open], [role=menu]")) return false;
  return !(event.target instanceof Element && event.target.closest(WRITING));
}

/** keys: event.key → what it does, as long as the component is there. */
export function useShortcuts(keys: Record<string, () => void>): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const act = Object.hasOwn(current.current, event.key) ? current.current[event.key] : undefined;
      if (!act || !heard(event)) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
