/** The context that a text task's prompts, completions and examples need, by the plainest loop. */
import { settle } from "../../src/core/settings.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import { settleLanguage } from "../../src/tasks/text/session.ts";
import { exampleTokens, promptTokens } from "../../src/text/task.ts";

export function contextFor(name: LanguageTaskName): number {
  const { settings: table, make } = languageTasks[name];
  const values = settleLanguage(name, "sft", {});
  const own = Object.fromEntries(Object.entries(values).filter(([key]) => key in table));
  const task = make(settle(table, own), () => "");
  let [asked, read] = [0, 0];
  for (const side of ["train", "validation", "heldOut"] as const) {
    for (const prompt of task.prompts[side])
      asked = Math.max(asked, promptTokens(task, prompt).length + task.completionLength);
    for (const example of task.examples[side])
      read = Math.max(read, exampleTokens(task, example).tokens.length);
  }
  return Math.max(asked, Math.min(read, 64));
}
