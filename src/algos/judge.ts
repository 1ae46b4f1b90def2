/** Completions as text, and what their task's reward says of them. */
import { UsageError } from "../core/errors.ts";
import type { Completions, Reply } from "../rollout/completions.ts";
import type { Reward } from "../text/rewards.ts";
import type { TextTask } from "../text/task.ts";

/** A sample's completion as text, its end token left out. */
export const textOf = ({ tokenizer }: TextTask, batch: Completions, i: number): string =>
  tokenizer.decode(batch.tokensOf(i, false));

/** One reward of one sample. Throws UsageError that shows the sample where the reward throws. */
export function score(
  task: TextTask,
  reward: Reward,
  prompt: string,
  batch: Completions,
  i: number,
): number {
  const completion = textOf(task, batch, i);
  try {
    return reward(prompt, completion, batch.tokensOf(i));
  } catch (error) {
    const shown = `${JSON.stringify(prompt)} and completion ${JSON.stringify(completion)}`;
    throw new UsageError(`reward: threw for prompt ${shown}: ${String(error)}`);
  }
}

/** The environment's side of a dialogue; undefined where the task has none. */
export function replyOf(task: TextTask, promptOf: (sample: number) => string): Reply | undefined {
  const { reply, tokenizer } = task;
  if (reply === undefined) return undefined;
  return (sample, batch) => {
    const said = tokenizer.decode(batch.tokensOf(sample));
    const answer = reply(promptOf(sample), said);
    return answer === null ? null : tokenizer.encode(answer);
  };
}
