/** Settings of the user's own tasks and algorithms: a table of settings, or plain values that stand for defaults. */
import { aFlag, aNumber, anything, aText, checkFields, listOfTexts } from "../core/definition.ts";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import {
  choice,
  flag,
  integer,
  real,
  reals,
  type Setting,
  type Settings,
  text,
} from "../core/settings.ts";

/** A setting as plain data. Without `choices` and bounds its default alone decides what is allowed. */
export interface PlainSetting {
  readonly default: number | boolean | string | readonly number[];
  readonly about?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Whole numbers only. */
  readonly whole?: boolean;
}
/** A setting, plain data for one, or its default. */
export type OwnSetting = Setting<unknown> | PlainSetting | PlainSetting["default"];

/** Returns the table that `given` describes. Throws SettingError, with `where`, for an entry that describes none. */
export function settingsFrom(given: unknown, where: string): Settings {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new SettingError(`${where}: expected settings as an object, got ${brief(given)}`);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, settingFrom(value, `${where}.${name}`)]),
  );
}

const plainFields = {
  default: anything,
  about: aText,
  choices: listOfTexts,
  min: aNumber,
  max: aNumber,
  whole: aFlag,
};

function settingFrom(given: unknown, where: string): Setting<unknown> {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const isMade = isObject && "read" in given && "initial" in given;
  if (isObject && !isMade) checkFields(given, plainFields, where);
  const setting = isMade
    ? (given as Setting<unknown>)
    : plainSetting((isObject ? given : { default: given }) as PlainSetting, where);
  if (setting.read(setting.initial as never) === undefined)
    throw new SettingError(
      `${where}: expected a default that is ${setting.allowed}, got ${brief(setting.initial)}`,
    );
  return setting;
}

function plainSetting(plain: PlainSetting, where: string): Setting<unknown> {
  const { about = "", min, max } = plain;
  const initial: unknown = plain.default;
  const range = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  if (typeof initial === "number") {
    const make = plain.whole === true ? integer : real;
    return make(initial, about, plain.whole === true ? { min: -(2 ** 31), ...range } : range);
  }
  if (typeof initial === "boolean") return flag(initial, about);
  if (typeof initial === "string")
    return plain.choices === undefined
      ? text(initial, about)
      : choice(initial, plain.choices, about);
  if (Array.isArray(initial) && initial.every((x) => typeof x === "number"))
    return reals(initial, about);
  throw new SettingError(
    `${where}: expected a number, true or false, a text, a list of numbers, or { default, about }`,
  );
}
