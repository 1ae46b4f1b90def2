/** pigrad completion SHELL: a script with which the shell completes commands, options, tasks and settings. */
import { algorithms, textAlgorithms } from "../algos/index.ts";
import type { Settings } from "../core/settings.ts";
import { unknownName } from "../core/settings.ts";
import { tasks } from "../tasks/index.ts";
import { gptSettings, hubSettings, modelSettings } from "../tasks/model-settings.ts";
import { backendNames } from "../tasks/run.ts";
import type { Task } from "../tasks/task.ts";
import { only } from "./args.ts";
import type { Command } from "./command.ts";
import { type Completions, shells, type TaskWords } from "./completion-scripts.ts";
import { formats } from "./export.ts";
import { type Options, parseOptions, UnknownOption } from "./parse.ts";
import { say } from "./stdout.ts";

export const shellNames = Object.keys(shells);
export const completionHelp = `  pigrad completion ${shellNames.join("|")}
      print a script that completes commands, options, tasks, algorithms, settings and files`;

/** Prints the script for `commands`, which this command is one of. */
export async function completionCommand(
  args: string[],
  commands: Readonly<Record<string, Command>>,
): Promise<void> {
  const { positionals } = parseOptions(args, {});
  const shell = only("shell", positionals);
  if (!Object.hasOwn(shells, shell)) throw unknownName("shell", shell, shellNames);
  say(shells[shell as keyof typeof shells](await completionsOf(commands)));
}

async function completionsOf(commands: Readonly<Record<string, Command>>): Promise<Completions> {
  const help = { name: "help", options: [], words: Object.keys(commands) };
  const own = Object.entries(commands).map(async ([name, { run, words = [] }]) => {
    const options = Object.entries(await optionsOf(run)).map(([option, { type }]) => ({
      name: option,
      takesValue: type === "string",
    }));
    return { name, options, words };
  });
  const byTask = Object.entries(tasks).map(([name, task]) => [name, wordsOf(task)] as const);
  return {
    commands: [...(await Promise.all(own)), help],
    tasks: Object.fromEntries(byTask),
    every: {
      algorithms: distinct(byTask.flatMap(([, words]) => words.algorithms)),
      settings: distinct(byTask.flatMap(([, words]) => words.settings)),
    },
    values: { backend: backendNames, format: formats },
  };
}

const noOption = "--?";

/** Returns the options that a command parses, as it tells them when it refuses another one. */
export async function optionsOf(run: Command["run"]): Promise<Options> {
  try {
    await run([noOption]);
  } catch (error) {
    if (error instanceof UnknownOption) return error.options;
    throw error;
  }
  return {};
}

function wordsOf({ kind, settings }: Task): TaskWords {
  const table: Readonly<Record<string, { readonly settings: Settings }>> =
    kind === "text" ? textAlgorithms : (algorithms as never);
  const models: readonly Settings[] =
    kind === "text" ? [gptSettings, hubSettings] : [modelSettings];
  const all = [settings, ...models, ...Object.values(table).map((algorithm) => algorithm.settings)];
  return { algorithms: Object.keys(table), settings: distinct(all.flatMap(Object.keys)) };
}

const distinct = (words: readonly string[]): string[] => [...new Set(words)];
