/** Reading arguments: node's parser, plus numbers and --set. */
import { readFileSync } from "node:fs";
import { SettingError } from "../core/errors.ts";

/**
 * Arguments with negative numbers tied to the option before them, `--name=-5` for `--name -5`: node's parser
 * takes what begins with a dash for an option.
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

/** A whole number given as text, or undefined where it was not given. */
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
    throw new SettingError(`--${flag}: want a whole number ${range}, got "${text}"`);
  }
  return value;
}

/** A number given as text, or undefined where it was not given. */
export function realNumber(
  flag: string,
  text: string | undefined,
  min: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min) {
    const bound = min === -Infinity ? "" : ` ≥ ${min}`;
    throw new SettingError(`--${flag}: want a number${bound}, got "${text}"`);
  }
  return value;
}

/** ["key=value", …] as a record; of "key=@FILE" the file's text. */
export function pairs(list: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const pair of list) {
    const at = pair.indexOf("=");
    if (at < 1) throw new SettingError(`--set: want key=value, got "${pair}"`);
    const key = pair.slice(0, at);
    if (Object.hasOwn(record, key)) throw new SettingError(`--set: ${key} is given twice`);
    const value = pair.slice(at + 1);
    record[key] = value.startsWith("@") ? fileText(key, value.slice(1)) : value;
  }
  return record;
}

function fileText(key: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingError(`--set ${key}: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** The one positional argument a command takes. */
export function only(what: string, positionals: readonly string[]): string {
  if (positionals.length !== 1) {
    throw new SettingError(
      `want one ${what}, got ${positionals.length === 0 ? "none" : positionals.join(" ")}`,
    );
  }
  return positionals[0];
}
