/** Text tasks by name, and what they ask and pay. */
import { settle } from "../../src/core/settings.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import type { Sides } from "../../src/text/corpus.ts";
import type { TextTask } from "../../src/text/task.ts";

export const make = (
  name: LanguageTaskName,
  settings: object = {},
  read = (): string => "",
): TextTask => {
  const { settings: table, make: build } = languageTasks[name];
  return build(settle(table, settings as Record<string, unknown>), read);
};
export const everyOf = <T>({ train, validation, heldOut }: Sides<T>): readonly T[] => [
  ...train,
  ...validation,
  ...heldOut,
];
export const rewardOf = (task: TextTask, prompt: string, said: string, name?: string): number =>
  (name === undefined ? task.reward : task.measures[name])(prompt, said, []);
