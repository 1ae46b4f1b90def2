/** A reward of your own for a language model, which learns from it by RLOO to alternate vowels and consonants. */
import * as pg from "pigrad";

const seed = 1;
const letters = "abcdefghijklmnopqrstuvwxyz";
const isVowel = (letter: string): boolean => "aeiou".includes(letter);

/** Returns the share of letters that follow one of the other kind. The first follows the prompt's last. */
const alternates: pg.Reward = (prompt, completion) => {
  if (completion.length === 0) return 0;
  let previous = prompt[prompt.length - 1];
  let count = 0;
  for (const letter of completion) {
    if (isVowel(letter) !== isVowel(previous)) count++;
    previous = letter;
  }
  return count / completion.length;
};

/** Returns 1 for a completion of four letters or more, else 0. */
const isLong: pg.Reward = (_prompt, completion) => (completion.length >= 4 ? 1 : 0);

const task: pg.TextTask = {
  tokenizer: pg.characters(letters, [pg.endToken]),
  examples: { train: [], validation: [], heldOut: [] }, // none: it learns from rewards alone
  prompts: { train: [...letters], validation: [...letters], heldOut: [] },
  reward: pg.weightedSum([
    [1, alternates],
    [0.5, isLong],
  ]),
  measures: { alternates },
  completionLength: 8,
};

const random = new pg.Random(seed);
const size = { vocab: task.tokenizer.vocab, context: 16, layers: 1, heads: 2, width: 32 };
const gpt = new pg.Gpt(pg.simd(), size, random);
const training = new pg.LanguageTraining(gpt, task, random, 100_000);
const settings = pg.settle(pg.tuneSettings, { learningRate: 0.003, prompts: 26, reference: false });
for (const report of pg.inStages(training, [pg.tuning(training, "rloo", settings)])) {
  if (report.update % 10 === 0)
    console.log(`update ${report.update}: mean reward ${report.meanReturn.toFixed(3)}`);
  if (report.envSteps >= training.totalSteps) break;
}
const { meanReturn, samples } = pg.evaluateLanguage(gpt, task, { most: 5 });
for (const { prompt, completion } of samples) console.log(`${prompt}: ${completion}`);
console.log(`greedy: mean reward ${meanReturn.toFixed(3)}`);
