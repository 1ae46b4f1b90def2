/** A task whose completions can all be enumerated, so that the exact mean reward and the optimum are known. */

import { exp } from "../../core/math.ts";
import { choice, integer, type Values } from "../../core/settings.ts";
import { Decoder } from "../../nn/decode.ts";
import type { LanguageModel } from "../../nn/transformer.ts";
import type { Reward } from "../../text/rewards.ts";
import { endToken, promptTokens, stopTokens, type TextTask } from "../../text/task.ts";
import { characters } from "../../text/tokenizer.ts";

export const tokensSettings = {
  letters: integer(4, "letters of the alphabet", { min: 2, max: 8 }),
  length: integer(3, "most letters written", { min: 1, max: 5 }),
  goal: choice("rising", ["rising", "same", "parity"], "what is rewarded"),
};

const goals: Readonly<Record<string, (codes: readonly number[]) => number>> = {
  // steps up by one, and none in another direction
  rising: (codes) => codes.slice(1).filter((c, i) => c === codes[i] + 1).length,
  same: (codes) => codes.filter((c) => c === codes[0]).length - 1,
  parity: (codes) => codes.reduce((sum, c) => sum + c, 0) % 2,
};

export function tokens({ letters, length, goal }: Values<typeof tokensSettings>): TextTask {
  const alphabet = "abcdefgh".slice(0, letters);
  const reward: Reward = (_, text) => goals[goal]([...text].map((c) => alphabet.indexOf(c)));
  const prompts = [...alphabet];
  return {
    tokenizer: characters(alphabet, [endToken]),
    examples: {
      train: prompts.map((prompt) => ({ prompt, completion: prompt })),
      validation: [],
      heldOut: [],
    },
    prompts: { train: prompts, validation: prompts, heldOut: prompts },
    reward,
    measures: { reward },
    completionLength: length + 1,
  };
}

/** Returns a model's exact mean reward over the task's prompts, by enumerating all completions. */
export function exactMeanReward(gpt: LanguageModel, task: TextTask): number {
  const { tokenizer, completionLength, prompts, reward } = task;
  const stop = stopTokens(task);
  const decoder = new Decoder(gpt, 1);
  /** Σ p·R over what may follow the text, whose completion so far is `made`. */
  const walk = (prompt: string, made: readonly number[]): number => {
    decoder.clear(0);
    for (const token of [...promptTokens(task, prompt), ...made]) decoder.push(0, token);
    decoder.run();
    const logits = Float64Array.from(decoder.logits);
    const max = logits.reduce((a, b) => Math.max(a, b));
    const e = logits.map((x) => exp(x - max));
    const sum = e.reduce((a, b) => a + b);
    return e.reduce((total, weight, token) => {
      const tokens = [...made, token];
      const text = tokenizer.decode(tokens);
      const over = stop.includes(token) || tokens.length === completionLength;
      return total + (weight / sum) * (over ? reward(prompt, text, tokens) : walk(prompt, tokens));
    }, 0);
  };
  try {
    const total = prompts.train.reduce((sum, prompt) => sum + walk(prompt, []), 0);
    return total / prompts.train.length;
  } finally {
    decoder.free();
  }
}
