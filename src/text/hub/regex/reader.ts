/** Reads a pattern sign by sign. */
import type { FormatError } from "../../../core/errors.ts";
import { brief } from "../../../core/printable.ts";
import { wrong } from "../fields.ts";
import {
  anyCase,
  digits,
  type Has,
  hexDigits,
  not,
  property,
  range,
  spaces,
  words,
} from "./sets.ts";

const mostSource = 20_000;

export class Reader {
  at = 0;
  /** True where letters stand for both cases. */
  ignoresCase = false;
  private readonly source: string;
  private readonly where: string;

  constructor(source: string, where: string) {
    this.source = source;
    this.where = where;
    if (source.length > mostSource)
      throw this.wrong(`a pattern of more than ${mostSource} characters`);
  }

  get done(): boolean {
    return this.at >= this.source.length;
  }

  wrong(what: string): FormatError {
    return wrong(`${this.where}: ${what} is not supported, at ${this.at} of ${brief(this.source)}`);
  }

  sees(sign: string): boolean {
    return this.source.startsWith(sign, this.at);
  }

  /** Skips this sign if it is next; returns whether it was. */
  takes(sign: string): boolean {
    const found = this.sees(sign);
    if (found) this.at += sign.length;
    return found;
  }

  /** Returns the next UTF-16 unit as text; "" at the end. */
  peek(): string {
    return this.source.charAt(this.at);
  }

  from(start: number): string {
    return this.source.slice(start, this.at);
  }

  /** Takes what a sticky pattern matches here; null if it does not match. */
  match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found !== null) this.at += found[0].length;
    return found?.[0] ?? null;
  }

  /** Takes a character. */
  next(): number {
    const code = this.source.codePointAt(this.at);
    if (code === undefined) throw this.wrong("an end here");
    this.at += code > 0xffff ? 2 : 1;
    return code;
  }

  /** Reads what follows a backslash, as a set of characters. */
  escaped(): Has {
    const letter = this.peek();
    const known = sets[letter];
    if (known !== undefined) {
      this.at++;
      return known;
    }
    if (letter === "p" || letter === "P") return this.property();
    const code = this.escapedCode();
    return this.range(code, code);
  }

  /** Reads what follows a backslash, as one character. */
  escapedCode(): number {
    const letter = this.peek();
    const hex = this.match(/x\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}/y);
    if (hex !== null) {
      const code = Number.parseInt(hex.replace(/^[xu]\{?|\}$/g, ""), 16);
      if (code > 0x10ffff) throw this.wrong("a character above U+10FFFF");
      return code;
    }
    const control = controls[letter];
    if (control !== undefined) {
      this.at++;
      return control;
    }
    if (/[A-Za-z0-9]/.test(letter)) throw this.wrong(`\\${letter}`);
    return this.next();
  }

  /** Returns the set of a range, by case or not, as is the case here. */
  range(from: number, to: number): Has {
    return this.ignoresCase ? anyCase(from, to) : range(from, to);
  }

  private property(): Has {
    const found = this.match(/[pP]\{\^?[^{}]+\}/y);
    if (found === null) throw this.wrong("a property without its name");
    const isNegated = found.startsWith("P") !== found.startsWith("^", 2);
    const name = found.slice(2, -1).replace(/^\^/, "");
    const has = property(name, this.ignoresCase ? "iu" : "u");
    if (has === null) throw this.wrong(`the property ${brief(name)}`);
    return isNegated ? not(has) : has;
  }
}

const sets: Readonly<Record<string, Has>> = {
  d: digits,
  D: not(digits),
  s: spaces,
  S: not(spaces),
  w: words,
  W: not(words),
  h: hexDigits,
  H: not(hexDigits),
};
const controls: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  a: 7,
  e: 27,
};
