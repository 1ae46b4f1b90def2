/** Completions as text, and their rewards. */
import { SettingError, UsageError } from "../core/errors.ts";
import type { CompleterOptions, Completions } from "../rollout/completions.ts";
import { type Reward, rewardOf } from "../text/rewards.ts";
import { stopTokens, type TextTask, turnEndTokens } from "../text/task.ts";

/** Returns a sample's completion as text, without its end token. */
export const textOf = ({ tokenizer }: TextTask, batch: Completions, i: number): string =>
  tokenizer.decode(batch.tokensOf(i, false));

/**
 * Returns one reward of one sample. Throws UsageError that shows the sample if the reward throws or is not a number.
 */
export function score(
  task: TextTask,
  reward: Reward,
  prompt: string,
  batch: Completions,
  i: number,
): number {
  const completion = textOf(task, batch, i);
  try {
    return rewardOf(reward, prompt, completion, batch.tokensOf(i));
  } catch (error) {
    const shown = `${JSON.stringify(prompt)} and completion ${JSON.stringify(completion)}`;
    const said = error instanceof Error ? error.message : String(error);
    throw new UsageError(`reward: failed for prompt ${shown}: ${said}`);
  }
}

/** Returns the options of a task's completer: stop tokens, tokens that may be drawn, and the replies of a dialogue. */
export function completerOptions(
  task: TextTask,
  promptOf: (sample: number) => string,
): Pick<CompleterOptions, "stop" | "tokens" | "dialogue"> {
  const { reply, tokenizer } = task;
  const base = { stop: stopTokens(task), tokens: tokenizer.vocab };
  if (reply === undefined) return base;
  const turnEnd = turnEndTokens(task);
  if (turnEnd.length === 0)
    throw new SettingError("task: expected a turnEnd for a task with a reply, got none");
  return {
    ...base,
    dialogue: {
      turnEnd,
      reply(sample, batch) {
        const answer = reply(promptOf(sample), tokenizer.decode(batch.tokensOf(sample)));
        return answer === null ? null : tokenizer.encode(answer);
      },
    },
  };
}

/** Throws SettingError if the model's vocabulary is smaller than the tokenizer's. */
export function checkVocabulary(task: Pick<TextTask, "tokenizer">, vocab: number): void {
  const wanted = task.tokenizer.vocab;
  if (vocab >= wanted) return;
  throw new SettingError(
    `task: expected a model with a vocabulary of ${wanted} or more, as the tokenizer has, got ${vocab}`,
  );
}
