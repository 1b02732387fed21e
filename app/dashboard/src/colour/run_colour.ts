// run_colour.ts - one colour and one dash for a run, the same on every page of this tab: Okabe and Ito's
// palette, which people with any colour vision tell apart, without its yellow (too faint on white).

export interface RunStyle {
  /** "var(--run-3)": for CSS */
  css: string;
  /** "--run-3": see strokeOf */
  variable: string;
  /** canvas and SVG dash pattern; empty: solid */
  dash: readonly number[];
  /** for words: "blue, dashed" */
  name: string;
}

const NAMES = ["blue", "vermilion", "green", "purple", "orange", "sky blue", "black"];
const DASHES: readonly { dash: readonly number[]; name: string }[] = [
  { dash: [], name: "solid" },
  { dash: [8, 4], name: "dashed" },
  { dash: [2, 3], name: "dotted" },
];
const SLOTS = NAMES.length * DASHES.length;
const KEPT = "dashboard:run-colours";

/** The style of a slot, 0 to 20. */
export function styleOfSlot(slot: number): RunStyle {
  const colour = slot % NAMES.length;
  const line = DASHES[Math.floor(slot / NAMES.length) % DASHES.length] ?? { dash: [], name: "solid" };
  return {
    css: `var(--run-${colour})`,
    variable: `--run-${colour}`,
    dash: line.dash,
    name: `${NAMES[colour]}, ${line.name}`,
  };
}

let slots: string[] | null = null; // slot → run_id

function read(): string[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.slice(0, SLOTS).map(String) : [];
  } catch {
    return [];
  }
}

/**
 * A style for each of at most 21 runs, all different, each keeping the one it has. Slots of runs that
 * are not among them are given away when no other is left.
 */
export function runStyles(runIds: readonly string[]): Map<string, RunStyle> {
  slots ??= read();
  const wanted = new Set(runIds);
  for (const id of wanted) {
    if (slots.includes(id)) continue;
    let slot = slots.length < SLOTS ? slots.length : slots.findIndex((taken) => !wanted.has(taken));
    if (slot < 0) slot = SLOTS - 1;
    slots[slot] = id;
  }
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(slots));
  } catch {
    // a private window without storage: colours last as long as the page
  }
  return new Map([...wanted].map((id) => [id, styleOfSlot(Math.max(0, slots?.indexOf(id) ?? 0))]));
}

/** A variable's colour as it is now, for a canvas; it changes with the theme. */
export const strokeOf = (variable: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
