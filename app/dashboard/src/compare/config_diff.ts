// config_diff.ts - in what configurations differ: a tree of only the keys that do. Pure. Next: config_table.tsx.
import type { Json, JsonObject } from "../api/types";
import { jsonText, Verbatim } from "../api/verbatim";

export interface DiffNode {
  /** the last part of the key */
  name: string;
  /** JSON Pointer: unique, whatever stands in keys */
  path: string;
  /** each run's value, in order; undefined: it has none */
  values: readonly (Json | undefined)[];
  /** differing keys within, when all that have it have an object there */
  children: readonly DiffNode[];
  /** leaves that differ, itself if it is one */
  count: number;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Verbatim);

/** The same as JSON values: the order of keys does not matter. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a instanceof Verbatim || b instanceof Verbatim) return sameNumber(a, b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  );
}

const WHOLE = /^-?\d+$/;

/** 1 and 1.0 are the same; two whole numbers beyond a double's 53 bits are told apart. */
function sameNumber(a: Json | undefined, b: Json | undefined): boolean {
  const isNumber = (value: Json | undefined) => typeof value === "number" || value instanceof Verbatim;
  if (!isNumber(a) || !isNumber(b)) return false;
  const [left, right] = [String(a), String(b)];
  return WHOLE.test(left) && WHOLE.test(right) ? BigInt(left) === BigInt(right) : Number(left) === Number(right);
}

/** Keys in the order of the first configuration that has them. */
export function configDiff(configs: readonly (JsonObject | null)[]): DiffNode[] {
  return differing(configs.map((config) => config ?? {}), "");
}

function differing(objects: readonly JsonObject[], above: string): DiffNode[] {
  const names = new Set(objects.flatMap((object) => Object.keys(object)));
  const nodes: DiffNode[] = [];
  for (const name of names) {
    const values = objects.map((object) => (Object.hasOwn(object, name) ? object[name] : undefined));
    if (values.every((value) => sameJson(value, values[0]))) continue;
    const path = `${above}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const present = values.filter((value) => value !== undefined);
    const nested = present.every(isObject);
    const children = nested ? differing(values.map((value) => (isObject(value) ? value : {})), path) : [];
    // An object against none, or {} against {}: the object itself is what differs.
    const count = children.length > 0 ? children.reduce((sum, child) => sum + child.count, 0) : 1;
    nodes.push({ name, path, values, children, count });
  }
  return nodes;
}

/** A value in one line: text as it is, the rest as JSON. */
export function valueInLine(value: Json | undefined): string {
  if (value === undefined) return "–";
  if (value instanceof Verbatim) return value.text;
  return typeof value === "string" ? value : jsonText(value);
}
