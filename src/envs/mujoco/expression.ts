/**
 * Arithmetic over named numbers, for rewards and ends given as text: `x_velocity - 0.1 * control_cost`. In rising
 * precedence: `||`, `&&`, comparisons (one, not a chain), `+ -`, `* /`, then `-` and `!` before a value. Comparisons
 * and `&& || !` give 1 or 0; a number other than 0 is true. Functions: abs, sqrt, exp, sin, cos, min, max.
 */
import { SettingError } from "../../core/errors.ts";
import { cos, exp, sin } from "../../core/math.ts";
import { brief } from "../../core/printable.ts";

export type Value = () => number;
/** Returns what reads the number of a name; null for an unknown name. */
export type Names = (name: string) => Value | null;

const longest = 4000; // characters
const deepest = 100; // brackets and signs within each other

const functions: Readonly<Record<string, (of: readonly Value[]) => Value>> = {
  abs:
    ([a]) =>
    () =>
      Math.abs(a()),
  sqrt:
    ([a]) =>
    () =>
      Math.sqrt(a()),
  exp:
    ([a]) =>
    () =>
      exp(a()),
  sin:
    ([a]) =>
    () =>
      sin(a()),
  cos:
    ([a]) =>
    () =>
      cos(a()),
  min: (of) => () => of.reduce((least, next) => Math.min(least, next()), Infinity),
  max: (of) => () => of.reduce((most, next) => Math.max(most, next()), -Infinity),
};
const takesMany = (name: string): boolean => name === "min" || name === "max";

type Operator = (a: Value, b: Value) => Value;
/** Operators by level, loosest first. */
const levels: readonly Readonly<Record<string, Operator>>[] = [
  { "||": (a, b) => () => Number(a() !== 0 || b() !== 0) },
  { "&&": (a, b) => () => Number(a() !== 0 && b() !== 0) },
  {
    "<": (a, b) => () => Number(a() < b()),
    "<=": (a, b) => () => Number(a() <= b()),
    ">": (a, b) => () => Number(a() > b()),
    ">=": (a, b) => () => Number(a() >= b()),
    "==": (a, b) => () => Number(a() === b()),
    "!=": (a, b) => () => Number(a() !== b()),
  },
  { "+": (a, b) => () => a() + b(), "-": (a, b) => () => a() - b() },
  { "*": (a, b) => () => a() * b(), "/": (a, b) => () => a() / b() },
];
const comparisons = 2;

interface Token {
  readonly text: string;
  /** Column, from 1. */
  readonly column: number;
}
const token =
  /\s*(?:(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|[a-z_]\w*|\|\||&&|[<>=!]=|[-+*/()<>!,]))/iy;

/**
 * Returns the function that computes an expression. Throws SettingError, which begins with `where` and points at the
 * column, for a text that is no expression or has an unknown name; `known` says which names there are.
 */
export function compile(text: string, where: string, names: Names, known: string): Value {
  return new Parser(text, where, names, known).whole();
}

class Parser {
  private readonly tokens: Token[] = [];
  private at = 0;
  private depth = 0;

  private readonly text: string;
  private readonly where: string;
  private readonly names: Names;
  private readonly known: string;

  constructor(text: string, where: string, names: Names, known: string) {
    this.text = text;
    this.where = where;
    this.names = names;
    this.known = known;
    if (text.length > longest)
      throw new SettingError(
        `${where}: expected at most ${longest} characters, got ${text.length}`,
      );
    token.lastIndex = 0;
    let end = 0;
    for (let found = token.exec(text); found !== null; found = token.exec(text)) {
      end = token.lastIndex;
      this.tokens.push({ text: found[1], column: end - found[1].length + 1 });
    }
    const rest = text.slice(end);
    if (rest.trim() !== "")
      this.fail("a number, a name or an operator", end + rest.search(/\S/) + 1, rest.trim()[0]);
  }

  whole(): Value {
    const value = this.level(0);
    if (this.at < this.tokens.length) this.expected("an operator or the end");
    return value;
  }

  private level(n: number): Value {
    if (n === levels.length) return this.sign();
    let value = this.level(n + 1);
    for (let count = 0; ; count++) {
      const next = this.tokens[this.at]?.text ?? "";
      if (!Object.hasOwn(levels[n], next)) return value;
      if (n === comparisons && count > 0) this.expected("one comparison; join two by &&");
      this.at++;
      value = levels[n][next](value, this.level(n + 1));
    }
  }

  private sign(): Value {
    if (++this.depth > deepest) this.expected(`at most ${deepest} brackets within each other`);
    const value = this.signed();
    this.depth--;
    return value;
  }

  private signed(): Value {
    if (this.takes("-")) {
      const of = this.sign();
      return () => -of();
    }
    if (this.takes("!")) {
      const of = this.sign();
      return () => Number(of() === 0);
    }
    if (!this.takes("(")) return this.single();
    const value = this.level(0);
    if (!this.takes(")")) this.expected(")");
    return value;
  }

  private single(): Value {
    const { text = "" } = this.tokens[this.at] ?? {};
    if (/^[\d.]/.test(text)) {
      this.at++;
      const number = Number(text);
      return () => number;
    }
    if (!/^[a-z_]/i.test(text)) this.expected("a number, a name or (");
    if (Object.hasOwn(functions, text) && this.tokens[this.at + 1]?.text === "(")
      return this.call(text);
    const value = this.names(text);
    if (value === null) this.expected(`one of ${this.known}`);
    this.at++;
    return value as Value;
  }

  private call(name: string): Value {
    this.at += 2;
    const of = [this.level(0)];
    while (takesMany(name) && this.takes(",")) of.push(this.level(0));
    if (!this.takes(")")) this.expected(takesMany(name) ? ", or )" : ")");
    return functions[name](of);
  }

  private takes(text: string): boolean {
    const is = this.tokens[this.at]?.text === text;
    if (is) this.at++;
    return is;
  }

  private expected(what: string): never {
    const next = this.tokens[this.at];
    return this.fail(what, next?.column ?? this.text.length + 1, next?.text);
  }

  private fail(what: string, column: number, got?: string): never {
    const came = got === undefined ? "the end" : brief(got);
    throw new SettingError(`${this.where}: column ${column}: expected ${what}, got ${came}`);
  }
}
