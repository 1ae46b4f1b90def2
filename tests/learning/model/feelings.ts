/** Beginnings of real sentences that a lexicon shall like, for `npm run results:model`. Needs `pigrad data sentiment`. */
import { lexiconScore } from "../../../src/text/rewards.ts";
import { beginnings, linesOf, wordsOf } from "./texts.ts";

const valences = linesOf("sentiment-lexicon.txt").map((line) => line.split("\t"));
const known = new Set(linesOf("sentiment-data.txt").flatMap(wordsOf));

export default {
  prompts: beginnings().map((prompt) => ({ prompt })),
  reward: lexiconScore(new Map(valences.map(([word, valence]) => [word, Number(valence)]))),
  measures: {
    /** The share of words that any of the sentences has. */
    words(_: string, completion: string) {
      const words = wordsOf(completion);
      return words.filter((word) => known.has(word)).length / Math.max(words.length, 1);
    },
  },
  completionLength: 16,
};
