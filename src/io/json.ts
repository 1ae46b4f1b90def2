/**
 * Parses strict JSON (RFC 8259) from files of unknown origin: duplicate keys are errors, even if escaped;
 * objects are maps, so that no key has a special meaning; depth is limited.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";

export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

const space = /[ \t\n\r]*/y;
const numeral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Returns the end of the string that begins at `start`, after its quote; −1 if it does not end. */
function closing(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 0x22) return at + 1;
    if (c === 0x5c) at++; // skips the escaped character
  }
  return -1;
}

/** With `whole`, numbers other than whole ones ≥ 0 are errors. */
export interface JsonOptions {
  readonly whole?: boolean;
  readonly deepest?: number;
}

/** Parses JSON. Throws FormatError, beginning with `what`, that says what is wrong at which character. */
export function parseJson(
  text: string,
  what: string,
  { whole = false, deepest = 64 }: JsonOptions = {},
): Json {
  let at = 0;
  const wrong = (reason: string, where = at): FormatError =>
    new FormatError(`${what}: ${reason} at character ${where}`);
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at += found[0].length;
    return found?.[0] ?? null;
  };
  /** Skips this sign if it is next; returns whether it was. */
  const takes = (sign: string): boolean => {
    match(space);
    const found = text[at] === sign;
    if (found) at++;
    return found;
  };
  const string = (): string | null => {
    const end = text[at] === '"' ? closing(text, at) : -1;
    if (end < 0) return null;
    const start = at;
    const lexeme = text.slice(start, end);
    at = end;
    let value: string;
    try {
      value = JSON.parse(lexeme);
    } catch {
      throw wrong("a string with a bad escape or a control character", start);
    }
    if (loneSurrogate.test(value)) throw wrong("half a surrogate pair", start);
    return value;
  };
  function list(depth: number): Json {
    const items: Json[] = [];
    if (takes("]")) return items;
    do items.push(value(depth));
    while (takes(","));
    if (!takes("]")) throw wrong("expected , or ]");
    return items;
  }
  function object(depth: number): Json {
    const map = new Map<string, Json>();
    if (takes("}")) return map;
    do {
      match(space);
      const start = at;
      const key = string();
      if (key === null) throw wrong("expected a key in quotes");
      if (map.has(key)) throw wrong(`key ${brief(key)} a second time`, start);
      if (!takes(":")) throw wrong("expected :");
      map.set(key, value(depth));
    } while (takes(","));
    if (!takes("}")) throw wrong("expected , or }");
    return map;
  }
  function value(depth: number): Json {
    if (depth > deepest) throw wrong(`more than ${deepest} deep`);
    if (takes("{")) return object(depth + 1);
    if (takes("[")) return list(depth + 1);
    const start = at;
    const name = match(word);
    if (name !== null) return name === "null" ? null : name === "true";
    const number = match(numeral);
    if (number !== null) {
      if (whole && !/^\d+$/.test(number))
        throw wrong(`expected a whole number, got ${number.slice(0, 40)}`, start);
      return Number(number);
    }
    const characters = string();
    if (characters === null) throw wrong("expected a value");
    return characters;
  }
  const result = value(0);
  match(space);
  if (at < text.length) throw wrong("expected nothing more");
  return result;
}
