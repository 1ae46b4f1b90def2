/** Samples a policy learned from, token by token. */
import { describe, expect, test } from "vitest";
import { explainSamples } from "../../src/algos/explain-samples.ts";
import { type TuneConfig, tuneSettings } from "../../src/algos/group-algorithms.ts";
import { inStages } from "../../src/algos/language-training.ts";
import { type TuneReport, tuning } from "../../src/algos/tune.ts";
import { settle } from "../../src/core/settings.ts";
import { letters, writing } from "./plain/writer.ts";

const settingsOf = (changes: Partial<TuneConfig>): TuneConfig =>
  settle(tuneSettings, { prompts: 4, groupSize: 3, ...changes });

describe("explained samples", () => {
  test("are spread evenly over the last batch, token by token", () => {
    for (const reference of [true, false]) {
      const task = letters();
      const { t } = writing(task, 10_000);
      const reports = inStages(t, [
        tuning(t, "rloo", settingsOf({ reference, warmup: 0, learningRate: 0.1 })),
      ]);
      expect(explainSamples(t, 4)).toEqual([]);
      reports.next();
      reports.next();
      const learned = t.batch as NonNullable<typeof t.batch>;
      const { completions: batch, advantage, refLogProb, prompts } = learned;
      const samples = explainSamples(t, 5);
      expect(samples.length).toBe(5);
      for (const [s, sample] of samples.entries()) {
        const i = [0, 2, 4, 7, 9][s];
        expect(sample).toMatchObject({ update: 2, prompt: prompts[i], reward: batch.reward[i] });
        expect(sample.completion).toBe(task.tokenizer.decode(batch.tokensOf(i, false)));
        expect(sample.tokens.length).toBe(batch.length[i]);
        for (const [j, token] of sample.tokens.entries()) {
          const at = i * batch.steps + j;
          expect(token.text).toBe(task.tokenizer.decode([batch.token[at]]));
          expect(token.own).toBe(true);
          expect(token.advantage).toBe(advantage[at]);
          expect(token.entropy).toBe(batch.entropy[at]);
          expect(token.logRatio).toBe(reference ? batch.logProb[at] - refLogProb[at] : Number.NaN);
        }
      }
      if (reference)
        expect(samples.some(({ tokens }) => Math.abs(tokens[0].logRatio) > 1e-3)).toBe(true);
      expect(explainSamples(t, 100).length).toBe(12);
    }
  });
  test("tokens of the environment are not the policy's own", () => {
    const task = letters({ turnEnd: "a", completionLength: 5, reply: () => "b" });
    const { t } = writing(task, 10_000);
    (inStages(t, [tuning(t, "rloo", settingsOf({}))]).next().value as TuneReport).update;
    const tokens = explainSamples(t, 12).flatMap((sample) => sample.tokens);
    const { completions } = t.batch as NonNullable<typeof t.batch>;
    const foreign = tokens.filter(({ own }) => !own);
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign.every(({ text }) => text === "b")).toBe(true);
    expect(tokens.filter(({ own }) => own).length).toBe(
      completions.mask.reduce((a, b) => a + b, 0),
    );
  });
});
