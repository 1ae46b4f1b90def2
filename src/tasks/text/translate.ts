/**
 * English into German, rewarded by chrF. A corpus has English, tab, German a line; with `pigrad data translate` these
 * are names from Unicode's CLDR, without it sentences of our own.
 */
import { flag, integer, type Values } from "../../core/settings.ts";
import { trainBpe } from "../../text/bpe.ts";
import { fewer, mapSides, pairs, split } from "../../text/corpus.ts";
import { chrF } from "../../text/overlap.ts";
import type { Reward } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { translations } from "./phrases.ts";
import { taughtShare } from "./taught.ts";

export const translateSettings = {
  merges: integer(300, "pairs that the tokenizer merges", { max: 10_000 }),
  completion: integer(24, "most tokens of a translation", { min: 2, max: 256 }),
  longest: integer(60, "most characters of either side", { min: 5, max: 100_000 }),
  taught: taughtShare,
  copies: flag(
    false,
    'teach also to repeat each taught text, English and German, after "=": names that both share need copying',
  ),
};

/** `corpus` may have an English text more than once: its translations are equally right, and the first is taught. */
export function translate(
  { merges, completion, longest, taught, copies }: Values<typeof translateSettings>,
  corpus = translations.map(({ english, german }) => `${english}\t${german}`).join("\n"),
): TextTask {
  const german = new Map<string, string[]>();
  for (const { prompt: english, completion: said } of pairs(corpus)) {
    if (Math.max(english.length, said.length) > longest) continue;
    const prompt = `${english}\n`;
    const known = german.get(prompt);
    if (known === undefined) german.set(prompt, [said]);
    else known.push(said);
  }
  const rightFor = (prompt: string): readonly string[] => german.get(prompt) ?? [];
  const exampleOf = (prompt: string) => ({ prompt, completion: rightFor(prompt)[0] });
  const sides = split([...german.keys()], 0.1, (prompt) => `translate ${prompt}`);
  const likeness: Reward = (prompt, made) =>
    rightFor(prompt).reduce((best, right) => Math.max(best, chrF(made, right)), 0);
  const exact: Reward = (prompt, made) => Number(rightFor(prompt).includes(made));
  const seen = sides.train.map((prompt) => prompt + rightFor(prompt)[0]).join("\n");
  const examples = mapSides(
    fewer(sides, taught, (prompt) => prompt),
    exampleOf,
  );
  const repeated = (copies ? examples.train : []).flatMap(({ prompt, completion: said }) =>
    [prompt.slice(0, -1), said].map((text) => ({ prompt: `=${text}\n`, completion: text })),
  );
  return {
    tokenizer: trainBpe(seen, merges, { specials: [endToken] }),
    examples: { ...examples, train: [...examples.train, ...repeated] },
    prompts: sides,
    reward: likeness,
    measures: { chrF: likeness, exact },
    completionLength: completion,
  };
}
