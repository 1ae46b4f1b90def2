/** The settings that a sweep trains with: every combination of lists, or samples of lists and ranges. */
import { SettingError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import type { Setting, Settings } from "../core/settings.ts";
import { type Search, searchPoints } from "./search-points.ts";

/** Settings of one row of a sweep, as texts. */
export type Row = Readonly<Record<string, string>>;

/** The values of one setting: of its list, or of its range, at a position in [0, 1). */
interface Dimension {
  readonly name: string;
  /** The list; null for a range. */
  readonly choices: readonly string[] | null;
  at(u: number): string;
}

export interface Sampling {
  readonly samples: number;
  readonly search: Search;
  readonly seed: number;
}

/** Returns the rows. Throws SettingError for a range without samples, or values that do not fit. */
export function sweepRows(
  listed: Readonly<Record<string, string>>,
  settings: Settings,
  sampling: Sampling | null,
): Row[] {
  const space = Object.entries(listed).map(([name, text]) =>
    dimensionOf(name, text, Object.hasOwn(settings, name) ? settings[name] : undefined),
  );
  if (sampling !== null) return sampledRows(space, sampling);
  let rows: Row[] = [{}];
  for (const { name, choices } of space) {
    if (choices === null) throw new SettingError(`--set ${name}: a range needs --samples N`);
    rows = rows.flatMap((row) => choices.map((choice) => ({ ...row, [name]: choice })));
  }
  return rows;
}

function sampledRows(space: readonly Dimension[], { samples, search, seed }: Sampling): Row[] {
  if (space.length === 0)
    throw new SettingError("--samples: expected --set with a range or a list, got none");
  return searchPoints(search, samples, space.length, seed).map((point) =>
    Object.fromEntries(space.map(({ name, at }, i) => [name, at(point[i])])),
  );
}

const range = /^([^.]*?(?:\.\d*)?)\.\.([^:]*)(?::(\w+))?$/;

function dimensionOf(name: string, text: string, setting: Setting<unknown> | undefined): Dimension {
  const match = typeof setting?.initial === "number" ? range.exec(text) : null;
  if (match !== null && setting !== undefined) {
    const [, from, to, scale] = match;
    return rangeOf(name, setting, [from, to], scale);
  }
  const separator = Array.isArray(setting?.initial) ? ";" : ",";
  const choices = text.split(separator);
  if (choices.some((choice) => choice === "") && choices.length > 1)
    throw new SettingError(
      `--set ${name}: expected values between the ${separator}, got "${text}"`,
    );
  const values = choices.map((choice) => JSON.stringify(setting?.read(choice) ?? choice));
  if (new Set(values).size < values.length)
    throw new SettingError(`--set ${name}: expected each value once, got "${text}"`);
  return { name, choices, at: (u) => choices[Math.floor(u * choices.length)] };
}

/** A range of a number: on a log scale where both ends are positive and differ by 10 times or more, unless told. */
function rangeOf(
  name: string,
  setting: Setting<unknown>,
  ends: readonly [string, string],
  scale: string | undefined,
): Dimension {
  const where = `--set ${name}`;
  const [low, high] = ends.map((end) => {
    const value = setting.read(end);
    if (typeof value === "number") return value;
    throw new SettingError(`${where}: expected ends that are ${setting.allowed}, got "${end}"`);
  });
  if (!(low < high))
    throw new SettingError(`${where}: expected a range that ascends, got ${low}..${high}`);
  if (scale !== undefined && scale !== "log" && scale !== "linear")
    throw new SettingError(`${where}: expected :log or :linear after a range, got :${scale}`);
  const isLog = scale === undefined ? low > 0 && high >= 10 * low : scale === "log";
  if (isLog && low <= 0)
    throw new SettingError(`${where}: expected a range above 0 for :log, got ${low}..${high}`);
  const isWhole = setting.read(low + Math.min(0.5, (high - low) / 2)) === undefined;
  const end = isWhole ? high + 1 : high; // each whole number has an interval of its own
  const at = (u: number): number =>
    isLog ? exp(log(low) + u * (log(end) - log(low))) : low + u * (end - low);
  const rounded = (x: number): number => (isWhole ? Math.floor(x) : Number(x.toPrecision(6)));
  return {
    name,
    choices: null,
    at: (u) => String(Math.min(Math.max(rounded(at(u)), low), high)),
  };
}
