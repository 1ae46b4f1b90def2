/** Loads the user's own files that the command line or a saved run names. */
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { loadLibraryOf } from "../node/mujoco.ts";
import {
  fileNamed,
  loadFilesOf,
  loadOwn,
  loadOwnModel,
  meansFile,
  nameOfFile,
} from "../node/own-files.ts";
import { readConfig } from "../node/run-folder.ts";
import { tasks } from "../tasks/index.ts";
import { mujocoTasks } from "../tasks/mujoco.ts";
import type { OwnFiles } from "../tasks/own-files.ts";

/** Options of every command that opens a run. */
export const ownOptions = {
  task: { type: "string" },
  algo: { type: "string" },
  reward: { type: "string" },
  model: { type: "string" },
} as const;
export type OwnOptions = { readonly [name in keyof typeof ownOptions]?: string | undefined };

const warn = (line: string): void => void process.stderr.write(`pigrad: ${line}\n`);

/**
 * Returns a new run's task, algorithm, files and settings, `given` by default, and loads the files of its task,
 * algorithm, reward and model, and what its task needs besides. A task on MuJoCo has its model as a setting, too.
 */
export async function requestFor({
  task,
  algo,
  reward,
  model,
  settings = {},
}: OwnOptions & { readonly task: string; readonly settings?: Readonly<Record<string, string>> }) {
  const files: { -readonly [role in keyof OwnFiles]: OwnFiles[role] } = {};
  const isTask = Object.hasOwn(tasks, task);
  if (!isTask && !meansFile(task)) mustBeNoFile(task);
  if (!isTask && meansFile(task)) files.task = await loadOwn(task);
  if (algo !== undefined && meansFile(algo)) files.algo = await loadOwn(algo);
  if (reward !== undefined) files.reward = await loadOwn(reward);
  const isRobot = isTask && Object.hasOwn(mujocoTasks, task);
  const robot = isRobot && settings.model ? settings.model : undefined;
  const loaded = robot ?? model;
  if (loaded !== undefined) files.model = await loadOwnModel(loaded);
  await loadLibraryOf({ task, files });
  return {
    task: files.task === undefined ? task : nameOfFile(task),
    algo: files.algo === undefined ? (algo ?? usualAlgo(task, reward)) : nameOfFile(algo as string),
    files,
    settings: isRobot && files.model ? { ...settings, model: files.model.path } : settings,
  };
}

/** Throws SettingError for an unknown name that a file beside it has without its ending. */
export function mustBeNoFile(task: string): void {
  const file = fileNamed(task);
  if (file !== undefined)
    throw new SettingError(`unknown task ${brief(task)}; did you mean the file ${file}?`);
}

/** Returns "grpo" for the task `text` with a reward, since its default, sft, reads none; else undefined. */
const usualAlgo = (task: string, reward: string | undefined): string | undefined =>
  reward !== undefined && task === "text" ? "grpo" : undefined;

/** Loads the files that runs were trained with, or those that the options name in their place. */
export async function loadRunFiles(
  runs: readonly string[],
  { task, algo, reward, model }: OwnOptions = {},
): Promise<void> {
  const instead = { task, algo, reward, model };
  for (const folder of runs) await loadFilesOf(readConfig(folder), { instead, folder, warn });
}
