/**
 * Serializes a JSON value as a list of numbers, the form in which environments are saved. Unlike JSON text, it
 * keeps −0, NaN and infinities.
 */
import { EnvError, FormatError } from "../core/errors.ts";

/** Plain data: what `JSON.stringify` preserves, and every number. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [name: string]: Value };

// each value is its tag, then: a number, a string's length and code units, a list's length and values
const tags = { null: 0, false: 1, true: 2, number: 3, string: 4, list: 5, object: 6 } as const;

/** Returns plain data as numbers. Throws EnvError, with the path, for anything else. */
export function encodeValue(value: unknown): number[] {
  const out: number[] = [];
  const text = (s: string): void => {
    out.push(s.length);
    for (let i = 0; i < s.length; i++) out.push(s.charCodeAt(i));
  };
  const walk = (x: unknown, path: string, depth: number): void => {
    if (x === null) out.push(tags.null);
    else if (typeof x === "boolean") out.push(x ? tags.true : tags.false);
    else if (typeof x === "number") out.push(tags.number, x);
    else if (typeof x === "string") {
      out.push(tags.string);
      text(x);
    } else if (Array.isArray(x) && depth < deepest) {
      out.push(tags.list, x.length);
      for (const [i, item] of x.entries()) walk(item, `${path}[${i}]`, depth + 1);
    } else if (isPlain(x) && depth < deepest) {
      const entries = Object.entries(x).filter(([, item]) => item !== undefined);
      out.push(tags.object, entries.length);
      for (const [name, item] of entries) {
        text(name);
        walk(item, `${path}.${name}`, depth + 1);
      }
    } else throw new EnvError(refusal(x, path));
  };
  walk(value, "save()", 0);
  return out;
}

const deepest = 64;

const isPlain = (x: unknown): x is Record<string, unknown> => {
  if (typeof x !== "object" || x === null) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

function refusal(x: unknown, path: string): string {
  const isObject = typeof x === "object" && x !== null;
  const got = isObject ? (x.constructor?.name ?? "object") : typeof x;
  if (isObject && (Array.isArray(x) || isPlain(x)))
    return `${path}: expected at most ${deepest} levels of lists and objects`;
  const hint = ArrayBuffer.isView(x) ? "; save Array.from of it" : "";
  return `${path}: expected plain data (numbers, strings, lists, objects), got ${got}${hint}`;
}

/** Restores what `encodeValue` encoded. Throws FormatError for other numbers. */
export function decodeValue(numbers: ArrayLike<number>): Value {
  let at = 0;
  const next = (): number => {
    if (at >= numbers.length) throw new FormatError("environment: the saved state is cut short");
    return numbers[at++];
  };
  const count = (): number => {
    const n = next();
    if (Number.isInteger(n) && n >= 0 && n <= numbers.length - at) return n;
    throw new FormatError(`environment: expected a length in the saved state, got ${n}`);
  };
  const text = (): string => {
    let s = "";
    for (let left = count(); left > 0; left--) s += String.fromCharCode(next());
    return s;
  };
  const read = (depth: number): Value => {
    const tag = next();
    if (tag === tags.null) return null;
    if (tag === tags.false || tag === tags.true) return tag === tags.true;
    if (tag === tags.number) return next();
    if (tag === tags.string) return text();
    if (tag === tags.list && depth < deepest)
      return Array.from({ length: count() }, () => read(depth + 1));
    if (tag === tags.object && depth < deepest)
      return Object.fromEntries(
        Array.from({ length: count() }, () => [text(), read(depth + 1)] as const),
      );
    throw new FormatError(`environment: expected a saved value, got the tag ${tag}`);
  };
  const value = read(0);
  if (at !== numbers.length)
    throw new FormatError(
      `environment: expected ${at} numbers of saved state, got ${numbers.length}`,
    );
  return value;
}
