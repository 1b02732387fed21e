// use_list_keys.ts - / j k x c on the list. Called by list_page.tsx.
import { comparePath, navigate } from "../router";
import { useShortcuts } from "../ui/shortcuts";
import { tell } from "../ui/toast";
import { selection, toggleSelected } from "./selection";

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("tr[data-run]")];
const focused = (): number => rows().findIndex((row) => row.contains(document.activeElement));

function step(by: number): void {
  const all = rows();
  const at = focused();
  const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  const link = all[to]?.querySelector<HTMLElement>(".run-link");
  link?.focus();
  all[to]?.scrollIntoView({ block: "nearest" });
}

function toggle(): void {
  const id = rows()[focused()]?.dataset["run"];
  if (id !== undefined) toggleSelected(id);
  else tell("Move to a run with j or k first; x selects it.");
}

function compare(): void {
  const selected = selection.get();
  if (selected.length > 0) navigate(comparePath(selected));
  else tell("Select runs first: x on a row, or its box.");
}

export function useListKeys(): void {
  useShortcuts({
    "/": () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    x: toggle,
    c: compare,
  });
}
