/**
 * Continue the beginnings of sentences so that a lexicon of valences scores them high, without leaving the
 * language of the corpus: the KL to the supervised model holds it. A corpus has a sentence a line.
 */
import { integer, type Values } from "../../core/settings.ts";
import { trainBpe } from "../../text/bpe.ts";
import { mapSides, split, texts } from "../../text/corpus.ts";
import { lexiconScore } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { sentences, valences } from "./phrases.ts";

export const sentimentSettings = {
  promptWords: integer(3, "words given", { min: 1, max: 20 }),
  merges: integer(200, "pairs that the tokenizer merges", { max: 10_000 }),
  completion: integer(16, "most tokens of a continuation", { min: 2, max: 256 }),
  longest: integer(90, "most characters of a sentence", { min: 10, max: 10_000 }),
};

export function sentiment(
  { promptWords, merges, completion, longest }: Values<typeof sentimentSettings>,
  corpus = sentences.join("\n"),
  lexicon: Readonly<Record<string, number>> = valences,
): TextTask {
  const fitting = texts(corpus).filter(({ completion: text }) => {
    const words = text.split(" ").length;
    return text.length <= longest && words > promptWords + 1;
  });
  const sides = split(fitting, 0.1, ({ completion: text }) => text);
  const promptOf = ({ completion: text }: { completion: string }): string =>
    text.split(" ").slice(0, promptWords).join(" ");
  const tokenizer = trainBpe(sides.train.map(({ completion: text }) => text).join("\n"), merges, {
    specials: [endToken],
  });
  const score = lexiconScore(new Map(Object.entries(lexicon)));
  return {
    tokenizer,
    examples: sides,
    prompts: mapSides(sides, promptOf),
    reward: score,
    measures: { valence: score },
    completionLength: completion,
  };
}
