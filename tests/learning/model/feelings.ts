/** Beginnings of real sentences that a lexicon shall like, for `npm run results:model`. Needs `pigrad data sentiment`. */
import { readFileSync } from "node:fs";
import { lexiconScore } from "../../../src/text/rewards.ts";

const linesOf = (file: string) => readFileSync(`data/${file}`, "utf8").trim().split("\n");
const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}']+/gu) ?? [];
const valences = linesOf("sentiment-lexicon.txt").map((line) => line.split("\t"));
const sentences = linesOf("sentiment-data.txt");
const known = new Set(sentences.flatMap(wordsOf));
const starts = sentences
  .map((line) => line.split(" ").slice(0, 3).join(" "))
  .filter((start, i, all) => start.length < 24 && all.indexOf(start) === i);

export default {
  prompts: starts.slice(0, 4000).map((prompt) => ({ prompt })),
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
