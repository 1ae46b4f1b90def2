/** Text tasks by name: settings, and presets chosen by measurement. */
import { FormatError } from "../../core/errors.ts";
import { text } from "../../core/settings.ts";
import { pairs } from "../../text/corpus.ts";
import { languageTask, type ReadCorpus } from "../task.ts";
import { arith, arithSettings } from "./arith.ts";
import { caption, captionSettings } from "./caption.ts";
import { dataSettings, dataTask } from "./data.ts";
import { errand, errandSettings } from "./errand.ts";
import { g2p, g2pSettings } from "./g2p.ts";
import { guess, guessSettings } from "./guess.ts";
import { numberWordsSettings, numberWordsTask } from "./number-words.ts";
import { captionOwn } from "./own-pictures.ts";
import { sentiment, sentimentSettings } from "./sentiment.ts";
import { summarize, summarizeSettings } from "./summarize.ts";
import { tokens, tokensSettings } from "./tokens.ts";
import { translate, translateSettings } from "./translate.ts";

const data = {
  data: text("", "file of a corpus; none: a small built-in one (see `pigrad data`)"),
};
const corpusOf = (name: string, read: ReadCorpus): string | undefined =>
  name === "" ? undefined : read(name);

function lexiconOf(name: string, read: ReadCorpus): Record<string, number> | undefined {
  if (name === "") return undefined;
  return Object.fromEntries(
    pairs(read(name)).map(({ prompt, completion }) => {
      const valence = Number(completion);
      if (Number.isNaN(valence))
        throw new FormatError(`lexicon: expected a number for "${prompt}"`);
      return [prompt, valence];
    }),
  );
}

export const languageTasks = {
  text: languageTask({
    about:
      "a text of your own: --set data=FILE to imitate it, --reward FILE to learn from a reward",
    settings: dataSettings,
    make: dataTask,
    algo: "sft",
    steps: 200_000,
    preset: { sftUpdates: 500, prompts: 32, learningRate: 5e-4 },
  }),
  arith: languageTask({
    about: "addition, learned first from pupils who forget to carry; exact reward",
    settings: arithSettings,
    make: (values) => arith(values),
    algo: "grpo",
    steps: 2_500_000,
    preset: {
      sftUpdates: 1500,
      prompts: 128,
      groupSize: 8,
      epochs: 1,
      minibatches: 2,
      learningRate: 5e-4,
      curriculum: true,
      reference: false,
    },
  }),
  g2p: languageTask({
    about: "English spelling to phonemes; reward: phonemes right",
    settings: { ...g2pSettings, ...data },
    make: (values, read) => g2p(values, corpusOf(values.data, read)),
    algo: "rloo",
    steps: 4_000_000,
    preset: {
      taught: 0.0725,
      sftUpdates: 3000,
      sftDropout: 0.1,
      learningRate: 1e-3,
      warmup: 20,
      prompts: 128,
      reference: false,
    },
  }),
  "number-words": languageTask({
    about: "digits to English words, or back; exact reward and nearness",
    settings: numberWordsSettings,
    make: (values) => numberWordsTask(values),
    algo: "grpo",
    steps: 1_500_000,
    preset: {
      taught: 0.1,
      sftUpdates: 150,
      sftTexts: 32,
      sftDropout: 0.1,
      learningRate: 5e-4,
      prompts: 32,
      curriculum: true,
      reference: false,
    },
  }),
  sentiment: languageTask({
    about: "continue sentences with words that a lexicon scores high, held by a KL",
    settings: {
      ...sentimentSettings,
      ...data,
      lexicon: text("", "file of words, tab, valence; none: a small built-in one"),
    },
    make: (values, read) =>
      sentiment(values, corpusOf(values.data, read), lexiconOf(values.lexicon, read)),
    algo: "rloo",
    steps: 400_000,
    preset: {
      longest: 60,
      sftUpdates: 600,
      sftTexts: 32,
      prompts: 32,
      klWeight: 0.5,
      learningRate: 3e-4,
    },
  }),
  summarize: languageTask({
    about: "headlines for short texts; ROUGE-L",
    settings: { ...summarizeSettings, ...data },
    make: (values, read) => summarize(values, corpusOf(values.data, read)),
    algo: "rloo",
    steps: 300_000,
    preset: {
      taught: 0.03,
      sftUpdates: 150,
      sftTexts: 16,
      sftDropout: 0.1,
      learningRate: 1e-3,
      prompts: 32,
    },
  }),
  translate: languageTask({
    about: "English into German; chrF",
    settings: { ...translateSettings, ...data },
    make: (values, read) => translate(values, corpusOf(values.data, read)),
    algo: "rloo",
    steps: 120_000,
    preset: {
      taught: 0.5,
      sftUpdates: 400,
      sftTexts: 32,
      sftDropout: 0.1,
      learningRate: 1e-3,
      prompts: 32,
      reference: false,
    },
  }),
  guess: languageTask({
    about: "a dialogue: find a hidden number by asking, in as few turns as halving needs",
    settings: guessSettings,
    make: (values) => guess(values),
    algo: "rloo",
    steps: 200_000,
    preset: { sftUpdates: 300, prompts: 32, groupSize: 8, learningRate: 5e-4 },
  }),
  caption: languageTask({
    about: "pictures into words: what stands where, in which size and color",
    settings: captionSettings,
    make: (values, read) =>
      values.folder === "" && values.captions === "" ? caption(values) : captionOwn(values, read),
    algo: "rloo",
    steps: 2_000_000,
    preset: {
      layers: 3,
      sftUpdates: 1000,
      sftTexts: 32,
      sftDropout: 0.05,
      prompts: 32,
      groupSize: 8,
      learningRate: 1e-3,
      reference: false,
    },
  }),
  errand: languageTask({
    about: "a dialogue with tools: look prices up, have products worked out, answer",
    settings: errandSettings,
    make: (values) => errand(values),
    algo: "rloo",
    steps: 800_000,
    preset: { width: 96, sftUpdates: 300, prompts: 64, groupSize: 8, learningRate: 1e-3 },
  }),
  tokens: languageTask({
    about: "a token task small enough to know the exact return of",
    settings: tokensSettings,
    make: (values) => tokens(values),
    algo: "reinforce",
    steps: 60_000,
    preset: { width: 32, layers: 1, sftUpdates: 0, learningRate: 1e-3, reference: false },
  }),
};
export type LanguageTaskName = keyof typeof languageTasks;
