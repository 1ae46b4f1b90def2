/** Parses arguments with node's parser. Hints at the nearest option or setting for an unknown option. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { algorithms, textAlgorithms } from "../algos/index.ts";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Settings } from "../core/settings.ts";
import { codeOf } from "../node/files.ts";
import { tasks } from "../tasks/index.ts";
import { gptSettings, hubSettings, modelSettings } from "../tasks/model-settings.ts";
import { nearest } from "./nearest.ts";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** Thrown for an option that a command does not have; `options` are those that it has. */
export class UnknownOption extends SettingError {
  readonly options: Options;
  constructor(message: string, options: Options) {
    super(message);
    this.options = options;
  }
}

/** Returns values of options, and positionals. Throws SettingError with a one-line message for bad arguments. */
export function parseOptions<const O extends Options>(
  args: string[],
  options: O,
  allowPositionals = true,
): ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: boolean; strict: true }>
> {
  try {
    return parseArgs({ args, options, allowPositionals });
  } catch (error) {
    if (!codeOf(error)?.startsWith("ERR_PARSE_ARGS")) throw error;
    const { message } = error as Error;
    const [, given] = /^Unknown option '(.*?)'/s.exec(message) ?? [];
    if (given === undefined) throw new SettingError(message.split("\n")[0]);
    throw new UnknownOption(
      `unknown option '${brief(given).slice(1, -1)}'${hint(given, Object.keys(options))}`,
      options,
    );
  }
}

/** Suggests a setting of that name, or the nearest option or setting. */
function hint(given: string, options: readonly string[]): string {
  const name = given.replace(/^-+/, "");
  const settings = allSettings();
  const option = settings.includes(name) ? undefined : nearest(name, options);
  if (option !== undefined) return `; did you mean --${option}?`;
  const setting = nearest(name, settings);
  return setting === undefined
    ? `; allowed: ${options.map((one) => `--${one}`).join(", ")}`
    : `; did you mean --set ${setting}=VALUE?`;
}

const allSettings = (): readonly string[] => {
  const tables = [tasks, algorithms, textAlgorithms].flatMap((table) =>
    Object.values<{ settings: Settings }>(table).map(({ settings }) => settings),
  );
  const all = [modelSettings, gptSettings, hubSettings, ...tables];
  return [...new Set(all.flatMap(Object.keys))];
};
