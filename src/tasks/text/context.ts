/** The positions that a task's texts need. */
import { SettingError } from "../../core/errors.ts";
import type { Sides } from "../../text/corpus.ts";
import { exampleTokens, promptTokens, type TextTask } from "../../text/task.ts";

const everyOf = <T>({ train, validation, heldOut }: Sides<T>): readonly T[] => [
  ...train,
  ...validation,
  ...heldOut,
];
const longestOf = (lengths: readonly number[]): number =>
  lengths.reduce((most, n) => Math.max(most, n), 0);

/**
 * Returns the context that a setting gives, or for 0 the tokens of the longest prompt with a completion, or of the
 * longest example up to 64. Throws SettingError for one that a prompt with its completion does not fit.
 */
export function contextFor(task: TextTask, given: number): number {
  const { completionLength } = task;
  const prompt = longestOf(everyOf(task.prompts).map((one) => promptTokens(task, one).length));
  if (given > 0 && given + 1 < prompt + completionLength)
    throw new SettingError(
      `context: expected ${prompt + completionLength - 1} or more for a prompt of ${prompt} tokens and a completion of ${completionLength}, got ${given}`,
    );
  if (given > 0) return given;
  const examples = everyOf(task.examples);
  const read = longestOf(examples.map((example) => exampleTokens(task, example).tokens.length));
  return Math.max(prompt + completionLength, Math.min(read, 64));
}
