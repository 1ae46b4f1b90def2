/** Completions as text, and their rewards. */
import { SettingError, UsageError } from "../core/errors.ts";
import type { Waiting } from "../core/waiting.ts";
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

/** Rewards of samples, and each judge's scores by name if the task has several. */
export interface Scores {
  readonly reward: ArrayLike<number>;
  readonly byJudge: Readonly<Record<string, ArrayLike<number>>>;
}

/** Scores the samples from `from` on. Waits where a judge of the task does. */
export function* scoresOf(
  task: TextTask,
  batch: Completions,
  prompts: readonly string[],
  from = 0,
): Waiting<Scores> {
  const count = batch.count - from;
  const reward = new Float64Array(count);
  const { judges = [], rowOf = (prompt: string) => ({ prompt }) } = task;
  if (judges.length === 0) {
    for (let i = 0; i < count; i++)
      reward[i] = score(task, task.reward, prompts[from + i], batch, from + i);
    return { reward, byJudge: {} };
  }
  const samples = Array.from({ length: count }, (_, i) => ({
    prompt: prompts[from + i],
    completion: textOf(task, batch, from + i),
    tokens: batch.tokensOf(from + i),
    row: rowOf(prompts[from + i]),
  }));
  const byJudge: Record<string, ArrayLike<number>> = {};
  for (const { name, weight, score: judge } of judges) {
    const scores = yield* judge(samples);
    for (let i = 0; i < count; i++) reward[i] += weight * scores[i];
    if (judges.length > 1) byJudge[name] = scores;
  }
  return { reward, byJudge };
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
