/** Node's argument parser with messages of our own, and the names of all settings for its hints. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { tuneSettings } from "../algos/group-algorithms.ts";
import { algorithms } from "../algos/index.ts";
import { sftSettings } from "../algos/sft.ts";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { codeOf } from "../node/files.ts";
import { tasks } from "../tasks/index.ts";
import { modelSettings } from "../tasks/model-settings.ts";
import { languageTasks } from "../tasks/text/index.ts";
import { gptSettings } from "../tasks/text/session.ts";
import { nearest } from "./nearest.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Values of options, and what else was given. Throws SettingError in one line for what is not allowed. */
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
    throw new SettingError(
      `unknown option '${brief(given).slice(1, -1)}'${hint(given, Object.keys(options))}`,
    );
  }
}

/** What may have been meant: a setting of that name, an option or a setting close to it. */
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
  const tables = [
    ...Object.values(tasks),
    ...Object.values(languageTasks),
    ...Object.values(algorithms),
  ];
  const all = [
    modelSettings,
    gptSettings,
    sftSettings,
    tuneSettings,
    ...tables.map((t) => t.settings),
  ];
  return [...new Set(all.flatMap(Object.keys))];
};
