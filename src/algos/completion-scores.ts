/** Completions as text, and their rewards. */
import { SettingError, UsageError } from "../core/errors.ts";
import { solo } from "../core/team.ts";
import type { Waiting } from "../core/waiting.ts";
import type { CompleterOptions, Completions } from "../rollout/completions.ts";
import { type Judge, unnamed } from "../text/own-reward.ts";
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

/** Rewards of samples, and the scores of each judge that has a name, without its weight. */
export interface Scores {
  readonly reward: ArrayLike<number>;
  readonly byJudge: Readonly<Record<string, ArrayLike<number>>>;
}

/** Scores the samples from `from` on. Waits where a judge of the task does; judges are called by a team's leader. */
export function* scoresOf(
  task: TextTask,
  batch: Completions,
  prompts: readonly string[],
  { from = 0, team = solo() } = {},
): Waiting<Scores> {
  const count = batch.count - from;
  const { judges = [] } = task;
  const mark = team.mark();
  const columns = Array.from({ length: Math.max(1, judges.length) }, () => team.doubles(count));
  const next = team.claims();
  if (judges.length === 0)
    for (let i = next(); i < count; i = next())
      columns[0][i] = score(task, task.reward, prompts[from + i], batch, from + i);
  else if (team.index === 0) yield* judge(task, judges, columns, { batch, prompts, from });
  team.barrier();
  const reward = new Float64Array(count);
  const weights = judges.length === 0 ? [1] : judges.map(({ weight }) => weight);
  for (const [j, weight] of weights.entries())
    for (let i = 0; i < count; i++) reward[i] += weight * columns[j][i];
  const byJudge = Object.fromEntries(
    judges.flatMap(({ name }, j) => (name === unnamed ? [] : [[name, columns[j].slice()]])),
  );
  team.release(mark);
  return { reward, byJudge };
}

interface Judged {
  readonly batch: Completions;
  readonly prompts: readonly string[];
  readonly from: number;
}

/** Writes each judge's scores to its column. */
function* judge(
  task: TextTask,
  judges: readonly Judge[],
  columns: readonly Float64Array[],
  { batch, prompts, from }: Judged,
): Waiting<void> {
  const { rowOf = (prompt: string) => ({ prompt }) } = task;
  const samples = Array.from(columns[0], (_, i) => ({
    prompt: prompts[from + i],
    completion: textOf(task, batch, from + i),
    tokens: batch.tokensOf(from + i),
    row: rowOf(prompts[from + i]),
  }));
  for (const [j, { score: judge }] of judges.entries()) columns[j].set(yield* judge(samples));
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
