/** Settings as data: one table gives each setting's type, default, check and help. */
import { SettingError, UnknownNameError } from "./errors.ts";
import { brief } from "./printable.ts";

export interface Setting<T> {
  readonly initial: T;
  /** The help text, one line. */
  readonly about: string;
  /** Allowed values, in words. */
  readonly allowed: string;
  /** Returns the value that a text or a value stands for, or undefined where it is not allowed. */
  readonly read: (given: unknown) => T | undefined;
}
export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type Values<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const numberFrom = (given: unknown): number =>
  typeof given === "string" && given.trim() !== "" ? Number(given) : (given as number);

export function real(
  initial: number,
  about: string,
  { min = -Infinity, max = Infinity }: Range = {},
): Setting<number> {
  return {
    initial,
    about,
    allowed: rangeText("a number", min, max),
    read(given) {
      const x = numberFrom(given);
      return typeof x === "number" && Number.isFinite(x) && x >= min && x <= max ? x : undefined;
    },
  };
}

export function integer(
  initial: number,
  about: string,
  { min = 0, max = 2 ** 31 }: Range = {},
): Setting<number> {
  return {
    initial,
    about,
    allowed: rangeText("a whole number", min, max),
    read(given) {
      const x = numberFrom(given);
      return Number.isInteger(x) && x >= min && x <= max ? x : undefined;
    },
  };
}

const rangeText = (kind: string, min: number, max: number): string => {
  if (min > -Infinity && max < Infinity) return `${kind} from ${min} to ${max}`;
  if (min > -Infinity) return `${kind} ≥ ${min}`;
  return max < Infinity ? `${kind} ≤ ${max}` : kind;
};

export function choice<const T extends string>(
  initial: NoInfer<T>,
  choices: readonly T[],
  about: string,
): Setting<T> {
  return {
    initial,
    about,
    allowed: `one of ${choices.join(", ")}`,
    read: (given) => choices.find((c) => c === given),
  };
}

export function flag(initial: boolean, about: string): Setting<boolean> {
  return {
    initial,
    about,
    allowed: "true or false",
    read: (given) => [true, false].find((x) => given === x || given === String(x)),
  };
}

/** Any text, such as a file name. */
export const text = (initial: string, about: string): Setting<string> => ({
  initial,
  about,
  allowed: "a text",
  read: (given) => (typeof given === "string" ? given : undefined),
});

const mostSizes = 64;

/** Sizes separated by commas, such as 64,64; none for an empty text. */
export function sizes(initial: readonly number[], about: string): Setting<readonly number[]> {
  return {
    initial,
    about,
    allowed: "whole numbers ≥ 1 separated by commas",
    read(given) {
      const list =
        typeof given === "string"
          ? given === ""
            ? []
            : given.replace(/,$/, "").split(",").map(Number)
          : given;
      const fits =
        Array.isArray(list) &&
        list.length <= mostSizes &&
        list.every((n) => Number.isInteger(n) && n >= 1 && n <= 2 ** 31);
      return fits ? list : undefined;
    },
  };
}

/** Numbers separated by commas, such as 0,0.5,1. */
export function reals(initial: readonly number[], about: string): Setting<readonly number[]> {
  return {
    initial,
    about,
    allowed: "numbers separated by commas",
    read(given) {
      const list = typeof given === "string" ? given.split(",").map(numberFrom) : given;
      const fits = Array.isArray(list) && list.length > 0 && list.every((n) => Number.isFinite(n));
      return fits ? list : undefined;
    },
  };
}

/** Returns the error for an unknown name. `place`: " for …" or empty; `elsewhere`: why a name does not fit here. */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  place = "",
  elsewhere: Readonly<Record<string, string>> = {},
): SettingError {
  const allowed = `allowed${place}: ${known.join(", ")}`;
  return Object.hasOwn(elsewhere, name)
    ? new SettingError(`${kind} ${name} does not fit: ${elsewhere[name]}; ${allowed}`)
    : new UnknownNameError(`unknown ${kind} ${brief(name)}; ${allowed}`, name, known);
}

/** Returns a refused value in quotes, for messages; a list by its entries. */
const quoted = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value
        .slice(0, 8)
        .map((x) => brief(x))
        .join(", ")}]`
    : `"${brief(value).replaceAll('"', "")}"`;

/** Validates `given` and fills in the table's defaults. Throws SettingError that names what is allowed. */
export function settle<S extends Settings>(
  table: S,
  given: Readonly<Record<string, unknown>> = {},
): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [name, { initial }] of Object.entries(table)) values[name] = initial;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) {
      throw unknownName("setting", name, Object.keys(table));
    }
    const read = table[name].read(value);
    if (read === undefined) {
      throw new SettingError(
        `setting ${name}: expected ${table[name].allowed}, got ${quoted(value)}`,
      );
    }
    values[name] = read;
  }
  return values as Values<S>;
}
