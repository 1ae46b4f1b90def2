/** Headlines for short texts, rewarded by ROUGE-L. A corpus has text, tab, headline a line. */
import { integer, type Values } from "../../core/settings.ts";
import { trainBpe } from "../../text/bpe.ts";
import { fewer, mapSides, pairs, split } from "../../text/corpus.ts";
import { rougeL } from "../../text/overlap.ts";
import type { Reward } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { stories } from "./phrases.ts";
import { taughtShare } from "./taught.ts";

export const summarizeSettings = {
  merges: integer(200, "pairs that the tokenizer merges", { max: 10_000 }),
  completion: integer(12, "most tokens of a headline", { min: 2, max: 256 }),
  longest: integer(300, "most characters of a text", { min: 10, max: 100_000 }),
  taught: taughtShare,
};

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];

export function summarize(
  { merges, completion, longest, taught }: Values<typeof summarizeSettings>,
  corpus = stories.map(({ text, headline }) => `${text}\t${headline}`).join("\n"),
): TextTask {
  const all = pairs(corpus).filter(({ prompt }) => prompt.length <= longest);
  const examples = all.map(({ prompt, completion: headline }) => ({
    prompt: `${prompt}\n`,
    completion: headline,
  }));
  const headlines = new Map(examples.map(({ prompt, completion: h }) => [prompt, wordsOf(h)]));
  const sides = split(examples, 0.1, ({ prompt }) => prompt);
  const reward: Reward = (prompt, made) => rougeL(wordsOf(made), headlines.get(prompt) ?? []);
  const words = sides.train.map(({ prompt, completion: h }) => prompt + h).join("\n");
  return {
    tokenizer: trainBpe(words, merges, { specials: [endToken] }),
    examples: fewer(sides, taught, ({ prompt }) => prompt),
    prompts: mapSides(sides, ({ prompt }) => prompt),
    reward,
    measures: { rougeL: reward },
    completionLength: completion,
  };
}
