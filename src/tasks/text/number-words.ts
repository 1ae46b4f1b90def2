/** Numbers to English words and back: "4207>" is "four thousand two hundred seven", and the other way round. */
import { choice, integer, type Values } from "../../core/settings.ts";
import { type Example, fewer, mapSides, split } from "../../text/corpus.ts";
import { editDistance } from "../../text/overlap.ts";
import { exactMatch, type Reward } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { characters } from "../../text/tokenizer.ts";
import { taughtShare } from "./taught.ts";

export const numberWordsSettings = {
  below: integer(1000, "numbers are below this", { min: 10, max: 1_000_000 }),
  direction: choice("words", ["words", "digits"], "what is written: words for digits, or digits"),
  share: integer(1500, "most numbers used", { min: 20, max: 1_000_000 }),
  taught: taughtShare,
};

const small =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const tens = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** 0 to 999,999 in American English, without "and". */
export function numberWords(n: number): string {
  if (n < 20) return small[n];
  if (n < 100) return [tens[Math.floor(n / 10) - 2], ...behind(n % 10)].join("-");
  if (n < 1000) return [small[Math.floor(n / 100)], "hundred", ...behind(n % 100)].join(" ");
  return [numberWords(Math.floor(n / 1000)), "thousand", ...behind(n % 1000)].join(" ");
}
const behind = (rest: number): string[] => (rest === 0 ? [] : [numberWords(rest)]);

export function numberWordsTask({
  below,
  direction,
  share,
  taught,
}: Values<typeof numberWordsSettings>): TextTask {
  const count = Math.min(below, share);
  const examples = Array.from({ length: count }, (_, i): Example => {
    const n = Math.floor((i * below) / count);
    const words = numberWords(n);
    return direction === "words"
      ? { prompt: `${n}>`, completion: words }
      : { prompt: `${words}>`, completion: String(n) };
  });
  const answers = new Map(examples.map(({ prompt, completion }) => [prompt, completion]));
  const sides = split(examples, 0.2, ({ prompt }) => prompt);
  const exact = exactMatch((prompt) => answers.get(prompt));
  const near: Reward = (prompt, completion) => {
    const want = answers.get(prompt) ?? "";
    return 1 - editDistance(want, completion) / Math.max(want.length, completion.length, 1);
  };
  return {
    tokenizer: characters("0123456789>- abcdefghijklmnopqrstuvwxyz", [endToken]),
    examples: fewer(sides, taught, ({ prompt }) => prompt),
    prompts: mapSides(sides, ({ prompt }) => prompt),
    reward: (...sample) => 0.5 * exact(...sample) + 0.5 * near(...sample),
    measures: { exact, near },
    completionLength: examples.reduce((most, e) => Math.max(most, e.completion.length), 0) + 1,
  };
}
