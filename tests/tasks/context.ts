/** The context that a text task's prompts, completions and examples need, by the plainest loop. */

import { resolve } from "../../src/tasks/run.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import { exampleTokens, promptTokens } from "../../src/text/task.ts";

export function contextFor(name: LanguageTaskName): number {
  const values = resolve({ task: name, algo: "sft" }).values.task;
  const task = languageTasks[name].make(values as never, () => "");
  let [asked, read] = [0, 0];
  for (const side of ["train", "validation", "heldOut"] as const) {
    for (const prompt of task.prompts[side])
      asked = Math.max(asked, promptTokens(task, prompt).length + task.completionLength);
    for (const example of task.examples[side])
      read = Math.max(read, exampleTokens(task, example).tokens.length);
  }
  return Math.max(asked, Math.min(read, 64));
}
