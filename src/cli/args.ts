/** Parses values of options: numbers, and the pairs of --set. */
import { SettingError } from "../core/errors.ts";
import { readRegular } from "../node/files.ts";
import { unreadable } from "../node/missing.ts";

const mostText = 2 ** 28; // bytes of a file given as @FILE

/**
 * Joins negative numbers to the option before them, `--name -5` to `--name=-5`, because node's parser takes an argument
 * that begins with a dash for an option.
 */
export function tieNegatives(args: readonly string[]): string[] {
  const tied: string[] = [];
  const end = args.indexOf("--");
  for (const [i, arg] of args.entries()) {
    const before = tied.at(-1) ?? "";
    const isValue = /^-(\d|\.\d|Infinity$)/.test(arg) && (end < 0 || i < end);
    if (isValue && /^--[^=]+$/.test(before)) tied[tied.length - 1] = `${before}=${arg}`;
    else tied.push(arg);
  }
  return tied;
}

/** Parses a whole number; undefined if the option was not given. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  min: number,
  max = Infinity,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Infinity ? `≥ ${min}` : `from ${min} to ${max}`;
    throw new SettingError(`--${flag}: expected a whole number ${range}, got "${text}"`);
  }
  return value;
}

/** Parses a number; undefined if the option was not given. */
export function realNumber(
  flag: string,
  text: string | undefined,
  min: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min) {
    const bound = min === -Infinity ? "" : ` ≥ ${min}`;
    throw new SettingError(`--${flag}: expected a number${bound}, got "${text}"`);
  }
  return value;
}

/** Parses ["key=value", …] to a record. The value of "key=@FILE" is the file's text. */
export function pairs(list: readonly string[]): Record<string, string> {
  const record = new Map<string, string>(); // in which __proto__ is a name like any other
  for (const pair of list) {
    const at = pair.indexOf("=");
    if (at < 1) throw new SettingError(`--set: expected key=value, got "${pair}"`);
    const key = pair.slice(0, at);
    if (record.has(key)) throw new SettingError(`--set: ${key} is given twice`);
    const value = pair.slice(at + 1);
    const isFile = value.startsWith("@");
    // these take a file's name, not its text
    if (isFile && ["data", "lexicon"].includes(key)) record.set(key, value.slice(1));
    else record.set(key, isFile ? fileText(key, value.slice(1)) : value);
  }
  return Object.fromEntries(record);
}

function fileText(key: string, path: string): string {
  try {
    return readRegular(path, { links: true, most: mostText }).toString();
  } catch (error) {
    throw unreadable(path, `--set ${key}: cannot read ${path}`, error);
  }
}

/** Returns the one positional argument that a command takes. */
export function only(what: string, positionals: readonly string[]): string {
  if (positionals.length !== 1) {
    throw new SettingError(
      `expected one ${what}, got ${positionals.length === 0 ? "none" : positionals.join(" ")}`,
    );
  }
  return positionals[0];
}
