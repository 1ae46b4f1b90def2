/** Checks of what people define in objects of their own: each field is known, and of its kind. */
import { SettingError } from "./errors.ts";
import { brief } from "./printable.ts";
import { isPromise } from "./waiting.ts";

/** A kind of value: the words of messages, "expected NAME as WORDS", and whether a value is of it. */
export interface Kind {
  readonly words: string;
  fits(x: unknown): boolean;
}
export type Kinds = Readonly<Record<string, Kind>>;

/** Returns a value in few words, for messages, as `brief` does; promises and large whole numbers too. */
export const shown = (x: unknown): string =>
  isPromise(x) ? "a promise; await it" : typeof x === "bigint" ? `${x}n` : brief(x);

const isObject = (x: unknown): boolean =>
  typeof x === "object" && x !== null && !Array.isArray(x) && !isPromise(x);
const isNumber = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x);

/** Any value: another check reads it. */
export const anything: Kind = { words: "a value", fits: () => true };
export const aText: Kind = { words: "a text", fits: (x) => typeof x === "string" };
export const aWord: Kind = {
  words: "a text of a character or more",
  fits: (x) => typeof x === "string" && x !== "",
};
export const aFlag: Kind = { words: "true or false", fits: (x) => typeof x === "boolean" };
export const aNumber: Kind = { words: "a number", fits: isNumber };
export const aFunction: Kind = { words: "a function", fits: (x) => typeof x === "function" };
export const anObject: Kind = { words: "an object", fits: isObject };
export const listOfTexts: Kind = {
  words: "a list of texts",
  fits: (x) => Array.isArray(x) && x.every((entry) => typeof entry === "string"),
};
export const functions: Kind = {
  words: "functions by name",
  fits: (x) => isObject(x) && Object.values(x as object).every((f) => typeof f === "function"),
};
export const above = (low: number): Kind => ({
  words: `a number above ${low}`,
  fits: (x) => isNumber(x) && x > low,
});
export const notBelow = (low: number): Kind => ({
  words: `a number ≥ ${low}`,
  fits: (x) => typeof x === "number" && x >= low,
});
export const wholeFrom = (low: number): Kind => ({
  words: `a whole number ≥ ${low}`,
  fits: (x) => Number.isSafeInteger(x) && (x as number) >= low,
});
export const oneOf = (...values: readonly unknown[]): Kind => ({
  words: `one of ${values.map((value) => brief(value)).join(", ")}`,
  fits: (x) => values.includes(x),
});
export const orNull = ({ words, fits }: Kind): Kind => ({
  words: `${words}, or null`,
  fits: (x) => x === null || fits(x),
});

/**
 * Checks an object's fields; `undefined` is a field left out. Throws SettingError for a field that has no kind, which lists
 * those that have one, and for a value of another kind.
 */
export function checkFields(given: object, kinds: Kinds, where: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(kinds, name))
      throw new SettingError(
        `${where}: unknown field ${brief(name)}; allowed: ${Object.keys(kinds).join(", ")}`,
      );
    const { words, fits } = kinds[name];
    if (value !== undefined && !fits(value))
      throw new SettingError(`${where}: expected ${name} as ${words}, got ${shown(value)}`);
  }
}
