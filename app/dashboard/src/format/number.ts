// number.ts - numbers as people read them; columns of them align. Pure. Next: duration.ts.

const WHOLE = new Intl.NumberFormat("en");

/** "12 345" of episodes: grouped, no fraction. */
export const formatCount = (value: number): string => WHOLE.format(value).replaceAll(",", "\u202f");

/** Four significant digits: "0.1234", "12.35", "1 235", "1.235e-7"; "–" when there is none. */
export function formatFigure(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value === "-Infinity" ? "−∞" : value === "Infinity" ? "∞" : value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text: string;
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) text = value.toExponential(3);
  else if (size >= 1000) text = formatCount(Math.round(value));
  else text = value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
  return text.replace(/^-/, "−");
}

/** 0.417 as "41.7 %". */
export const formatShare = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)}\u202f%`;

/** Exactly as the number is, for tooltips and copies. */
export const exactFigure = (value: number | string | null | undefined): string =>
  value === null || value === undefined ? "none" : String(value);

/** Episodes a second as a person counts them: "12.30 /s", "3.2 /min", "0.8 /h". */
export function formatRate(perSecond: number): string {
  const [value, unit] =
    perSecond >= 1 ? [perSecond, "s"] : perSecond * 60 >= 1 ? [perSecond * 60, "min"] : [perSecond * 3600, "h"];
  return `${value >= 100 ? formatCount(Math.round(value)) : value.toFixed(1)}\u202f/${unit}`;
}
