/** Parts of the pages of texts: sizes, completions with their rewards, and the mean reward of the examples. */
import { resolve } from "../../src/tasks/run.ts";
import type { LanguageTask } from "../../src/tasks/task.ts";
import type { Example } from "../../src/text/corpus.ts";
import type { TextTask } from "../../src/text/task.ts";
import { short, table } from "../../tests/support/markdown.ts";

/** Returns the task with its preset, on the built-in corpus. */
export const textTaskOf = (name: string, task: LanguageTask): TextTask =>
  task.make(resolve({ task: name }, task).values.task as never, () => "");

export function sizesPart({ tokenizer, completionLength, examples, prompts }: TextTask): string {
  const sides = ["train", "validation", "heldOut"] as const;
  return [
    `Vocabulary: ${short(tokenizer.vocab)} tokens. A completion has at most ${completionLength} tokens, its end among them.`,
    table(
      ["side", "examples", "prompts"],
      sides.map((side) => [side, short(examples[side].length), short(prompts[side].length)]),
    ),
  ].join("\n\n");
}

/** Rewards of completions, given as [prompt, completion] pairs in JSON. */
export function samplesPart(task: TextTask, pairs: string): string {
  const { prompts, tokenizer, reward } = task;
  const all = new Set([...prompts.train, ...prompts.validation, ...prompts.heldOut]);
  const shown = (text: string): string => `\`${text.replaceAll("\n", "⏎")}\``;
  return table(
    ["prompt", "completion", "reward"],
    (JSON.parse(pairs) as [string, string][]).map(([prompt, completion]) => {
      if (!all.has(prompt)) throw new Error(`expected a prompt of the task, got "${prompt}"`);
      const tokens = tokenizer.encode(completion);
      return [shown(prompt), shown(completion), short(reward(prompt, completion, tokens))];
    }),
  );
}

const whole = ({ completion, turns = [] }: Example): string =>
  completion + turns.map((turn) => turn.prompt + turn.completion).join("");

/** The mean reward of what supervised learning imitates, on the side that no training sees. */
export function examplesPart({ examples, reward, tokenizer }: TextTask): string {
  const rewards = examples.heldOut.map((example) =>
    reward(example.prompt, whole(example), tokenizer.encode(whole(example))),
  );
  const mean = rewards.reduce((sum, r) => sum + r, 0) / rewards.length;
  return table(
    ["writer", "held-out examples", "mean reward"],
    [["the examples that supervised learning imitates", short(rewards.length), short(mean)]],
  );
}
