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
export const parseJson = (text: string, what: string, options: JsonOptions = {}): Json =>
  new Parser(text, what, options).run();

class Parser {
  private at = 0;
  private readonly text: string;
  private readonly what: string;
  private readonly whole: boolean;
  private readonly deepest: number;

  constructor(text: string, what: string, { whole = false, deepest = 64 }: JsonOptions) {
    this.text = text;
    this.what = what;
    this.whole = whole;
    this.deepest = deepest;
  }

  run(): Json {
    const result = this.value(0);
    this.match(space);
    if (this.at < this.text.length) throw this.wrong("expected nothing more");
    return result;
  }

  private wrong(reason: string, where = this.at): FormatError {
    return new FormatError(`${this.what}: ${reason} at character ${where}`);
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found?.[0] ?? null;
  }

  /** Skips this sign if it is next; returns whether it was. */
  private takes(sign: string): boolean {
    this.match(space);
    const found = this.text[this.at] === sign;
    if (found) this.at++;
    return found;
  }

  private string(): string | null {
    const end = this.text[this.at] === '"' ? closing(this.text, this.at) : -1;
    if (end < 0) return null;
    const start = this.at;
    const lexeme = this.text.slice(start, end);
    this.at = end;
    let value: string;
    try {
      value = JSON.parse(lexeme);
    } catch {
      throw this.wrong("a string with a bad escape or a control character", start);
    }
    if (loneSurrogate.test(value)) throw this.wrong("half a surrogate pair", start);
    return value;
  }

  private list(depth: number): Json {
    const items: Json[] = [];
    if (this.takes("]")) return items;
    do items.push(this.value(depth));
    while (this.takes(","));
    if (!this.takes("]")) throw this.wrong("expected , or ]");
    return items;
  }

  private object(depth: number): Json {
    const map = new Map<string, Json>();
    if (this.takes("}")) return map;
    do {
      this.match(space);
      const start = this.at;
      const key = this.string();
      if (key === null) throw this.wrong("expected a key in quotes");
      if (map.has(key)) throw this.wrong(`key ${brief(key)} a second time`, start);
      if (!this.takes(":")) throw this.wrong("expected :");
      map.set(key, this.value(depth));
    } while (this.takes(","));
    if (!this.takes("}")) throw this.wrong("expected , or }");
    return map;
  }

  private value(depth: number): Json {
    if (depth > this.deepest) throw this.wrong(`more than ${this.deepest} deep`);
    if (this.takes("{")) return this.object(depth + 1);
    if (this.takes("[")) return this.list(depth + 1);
    const start = this.at;
    const name = this.match(word);
    if (name !== null) return name === "null" ? null : name === "true";
    const number = this.match(numeral);
    if (number !== null) {
      if (this.whole && !/^\d+$/.test(number))
        throw this.wrong(`expected a whole number, got ${number.slice(0, 40)}`, start);
      return Number(number);
    }
    const characters = this.string();
    if (characters === null) throw this.wrong("expected a value");
    return characters;
  }
}
