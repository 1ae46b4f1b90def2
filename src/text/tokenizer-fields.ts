/** Checks the fields of a tokenizer.json. Every field is supported or refused by name; none is ignored. */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";

export type Json = Readonly<Record<string, unknown>>;
export const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);

/** Returns a FormatError that names the kind of file. */
export const wrong = (what: string): FormatError => new FormatError(`tokenizer.json: ${what}`);

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
