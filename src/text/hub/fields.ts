/** Reads the fields of a tokenizer.json with checks. Every field is supported or refused by name; none is ignored. */
import { FormatError } from "../../core/errors.ts";
import { brief } from "../../core/printable.ts";

export type Json = Readonly<Record<string, unknown>>;
export const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);

/** Returns a FormatError that names the kind of file. */
export const wrong = (what: string): FormatError => new FormatError(`tokenizer.json: ${what}`);

const mostIds = 2 ** 26;
export const isId = (x: unknown): x is number =>
  typeof x === "number" && Number.isInteger(x) && x >= 0 && x < mostIds;

/** Throws FormatError for a field of `object` that is not in `names`. */
export function checkFields(where: string, object: Json, names: readonly string[]): void {
  for (const name of Object.keys(object)) {
    if (!names.includes(name)) throw wrong(`${where}${brief(name)} is not supported`);
  }
}

/** Throws FormatError unless the field is absent, null or one of `harmless`. */
export function checkUnset(
  where: string,
  object: Json,
  name: string,
  harmless: readonly unknown[] = [],
): void {
  const given = object[name];
  if (given === undefined || given === null || harmless.includes(given)) return;
  const shown = isObject(given) && typeof given.type === "string" ? given.type : given;
  throw wrong(`${where}${name} ${brief(shown)} is not supported`);
}

/** Returns a field that is true or false, or `usual` if absent. Throws FormatError for anything else. */
export function flagOf(where: string, object: Json, name: string, usual = false): boolean {
  const given = object[name] ?? usual;
  if (typeof given !== "boolean") throw wrong(`${where}: expected ${name} to be true or false`);
  return given;
}

/** Returns a field that is a text, or `usual` if absent. Throws FormatError for anything else. */
export function textOf(where: string, object: Json, name: string, usual?: string): string {
  const given = object[name] ?? usual;
  if (typeof given !== "string") throw wrong(`${where}: expected ${name} to be a text`);
  return given;
}

/** Returns a text; null if it is absent, null or empty. */
export const textOrNull = (where: string, object: Json, name: string): string | null =>
  textOf(where, object, name, "") || null;

/** Returns a field that is a whole number from 0 on, or `usual` if absent. */
export function countOf(where: string, object: Json, name: string, usual?: number): number {
  const given = object[name] ?? usual;
  if (typeof given !== "number" || !Number.isSafeInteger(given) || given < 0)
    throw wrong(`${where}: expected ${name} to be a whole number from 0 on`);
  return given;
}

/** Returns a field that is one of `choices`. */
export function choiceOf<T extends string>(
  where: string,
  object: Json,
  name: string,
  choices: readonly [usual: T, ...others: T[]],
): T {
  const given = object[name] ?? choices[0];
  if (!choices.includes(given as T))
    throw wrong(`${where}: expected ${name} of ${choices.join(", ")}, got ${brief(given)}`);
  return given as T;
}

/** A kind of a part of the pipeline: its fields, and a function that makes it of them. */
export interface Maker<T> {
  /** Fields besides `type`. */
  readonly fields: readonly string[];
  readonly make: (object: Json, where: string) => T;
}

const deepest = 8;

/**
 * Reads a part of the pipeline, such as the normalizer: by its `type`, one of `kinds`, or a Sequence with its steps in the
 * field `list`. Returns the steps in order. Throws FormatError for any other kind, and for sequences too deep.
 */
export function stepsOf<T>(
  given: unknown,
  { where, list, kinds }: StepKinds<T>,
  depth = 0,
): readonly T[] {
  if (given === undefined || given === null) return [];
  const type = isObject(given) ? given.type : given;
  if (isObject(given) && type === "Sequence" && depth < deepest) {
    checkFields(`${where}.`, given, ["type", list]);
    const steps = given[list];
    if (!Array.isArray(steps)) throw wrong(`${where}: expected ${list} to be a list`);
    return steps.flatMap((step) => stepsOf(step, { where, list, kinds }, depth + 1));
  }
  if (isObject(given) && typeof type === "string" && Object.hasOwn(kinds, type)) {
    const { fields, make } = kinds[type];
    checkFields(`${where} ${type}.`, given, ["type", ...fields]);
    return [make(given, `${where} ${type}`)];
  }
  const known = [...Object.keys(kinds), "Sequence"].join(", ");
  throw wrong(`${where} ${brief(type ?? given)} is not supported; there are: ${known}`);
}

export interface StepKinds<T> {
  readonly where: string;
  readonly list: string;
  readonly kinds: Readonly<Record<string, Maker<T>>>;
}
