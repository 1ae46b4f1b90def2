/** Language models that must learn from rewards, with `npm run test:learning`; in CI docs/examples/grpo.ts learns. */

import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { train } from "./language.ts";

test("full: guess: ≥ 90 % found within the optimal number of turns + 1", () => {
  const { before, after } = train("guess", "rloo", 1, {}, { steps: 120_000 });
  expect(after.found).toBeGreaterThanOrEqual(0.9);
  expect(after.asked).toBeLessThan(before.asked);
});

test("full: arith by GRPO: from ≤ 60 % to ≥ 97 % on held-out sums, on 4 of seeds 1 to 5, in 10 minutes each", () => {
  const runs = [1, 2, 3, 4, 5].map((seed) => train("arith", "grpo", seed));
  for (const { before } of runs) expect(before.exact).toBeLessThanOrEqual(0.6);
  const good = runs.filter(({ after, seconds }) => after.exact >= 0.97 && seconds <= 600);
  expect(good.length).toBeGreaterThanOrEqual(4);
});

test.each(["ppo", "rloo", "reinforce"])("full: arith by %s: ≥ 90 %", (algo) => {
  expect(train("arith", algo, 1).after.exact).toBeGreaterThanOrEqual(0.9);
});

test("full: number-words, a tenth of them taught: ≥ 15 points more exact ones on held-out numbers", () => {
  const { before, after } = train("number-words", "grpo", 1);
  expect(after.exact).toBeGreaterThanOrEqual(before.exact + 0.15);
});

test("full: summarize, a few of the texts taught: ROUGE-L ≥ 0.3 higher on held-out texts", () => {
  const { before, after } = train("summarize", "rloo", 1);
  expect(after.rougeL).toBeGreaterThanOrEqual(before.rougeL + 0.3);
});

const g2pData = "data/g2p-data.txt";
test.skipIf(!existsSync(g2pData)).each([1, 2])(
  "full: g2p (after pigrad data g2p): ≥ 10 % fewer phoneme errors on 2,000 unseen words, seed %i",
  (seed) => {
    const { before, after } = train("g2p", "rloo", seed, { data: g2pData }, { prompts: 2000 });
    expect(after.per).toBeLessThanOrEqual(0.9 * before.per);
  },
);

const sentences = { data: "data/sentiment-data.txt", lexicon: "data/sentiment-lexicon.txt" };
test.skipIf(!existsSync(sentences.data)).each([1, 2, 3])(
  "full: sentiment (after pigrad data sentiment): a deviation up, KL ≤ 0.3 a token, distinct-2 ≥ 80 %, seed %i",
  (seed) => {
    const options = { greedy: false, prompts: 2000 };
    const { before, after, last } = train("sentiment", "rloo", seed, sentences, options);
    expect(after.meanReturn - before.meanReturn).toBeGreaterThanOrEqual(before.stdReturn);
    expect(last.kl).toBeLessThanOrEqual(0.3);
    expect(after.distinct2).toBeGreaterThanOrEqual(0.8 * before.distinct2);
  },
);
