/** Supervised learning and reward models: reports and weights are those of the definitions written a second time. */
import { describe, expect, test } from "vitest";
import { inStages, type LanguageTraining } from "../../../src/algos/language-training.ts";
import {
  preferenceAccuracy,
  rewardModelSettings,
  trainRewardModel,
} from "../../../src/algos/reward-model.ts";
import {
  type SftConfig,
  type SftReport,
  sftSettings,
  supervised,
  TextDropout,
  TextLoss,
  textsOf,
} from "../../../src/algos/sft.ts";
import { Random } from "../../../src/core/random.ts";
import { settle } from "../../../src/core/settings.ts";
import type { Example } from "../../../src/text/corpus.ts";
import { adam, clipped, mean, norm, type Vector } from "./learner.ts";
import { expectNear, expectReport } from "./losses.ts";
import { letters, Reader, writing } from "./writer.ts";

const zeros = (x: readonly number[]): number[] => x.map(() => 0);
/** AdamW: Adam, and weights that shrink where they decay. */
function adamW(decays: readonly boolean[], decay: number) {
  const step = adam(1e-8);
  return (theta: Vector, g: Vector, rate: number): Vector => {
    const moved = step(theta, g, rate);
    return moved.map((v, i) => v - (decays[i] ? rate * decay * theta[i] : 0));
  };
}
const thetaOf = ({ gpt }: Pick<LanguageTraining, "gpt">): Vector =>
  gpt.parameters.list.flatMap(({ data }) => Array.from(data));

describe("supervised learning", () => {
  const train: Example[] = ["ab", "b", "cab", "bb", "a"].map((completion, i) => ({
    prompt: "abc".slice(0, i % 3),
    completion,
  }));
  const validation = [
    { prompt: "c", completion: "ba" },
    { prompt: "", completion: "cc" },
  ];
  const tooLong = { prompt: "abcabc", completion: "abc" };
  const cases: Partial<SftConfig>[] = [
    {},
    { sftWarmup: 0, sftDecay: 0 },
    { sftDecay: 2, sftValidate: 1 },
    { sftTexts: 7, sftUpdates: 3 }, // each of the five once, then two of the next order
  ];
  test.each(cases)("%o", (changes) => {
    const given = {
      sftUpdates: 5,
      sftTexts: 2,
      sftWarmup: 2,
      sftValidate: 3,
      sftLearningRate: 0.05,
    };
    const c = settle(sftSettings, { ...given, ...changes });
    const task = letters({ examples: { train: [...train, tooLong], validation, heldOut: [] } });
    const { t, random } = writing(task, 1000);
    const reports = [...inStages(t, [supervised(t, c)])] as SftReport[];
    expect(reports.length).toBe(c.sftUpdates);

    const { t: fresh } = writing(task, 1000);
    const reader = new Reader(fresh.gpt);
    const matrices = t.gpt.parameters.list.flatMap(({ shape, data }) =>
      Array.from(data, () => shape.length === 2),
    );
    const step = adamW(matrices, c.sftDecay);
    const written = (example: Example) => {
      const [end, ...prompt] = [
        task.tokenizer.special("<end>"),
        ...task.tokenizer.encode(example.prompt),
      ];
      const tokens = [...task.tokenizer.encode(example.completion), end];
      return { prompt: [end, ...prompt], tokens, support: null };
    };
    const lossOf = (examples: readonly Example[]): number =>
      -mean(examples.flatMap((example) => reader.read(written(example)).logProb));
    const queue = random.orders.flat().map((i) => train[i]);
    let trained = 0;
    for (const [i, report] of reports.entries()) {
      const examples = queue.splice(0, c.sftTexts);
      const n = examples.reduce((sum, { completion }) => sum + completion.length + 1, 0);
      trained += n;
      const loss = lossOf(examples);
      const g = reader.gradient(
        examples.map((example) => {
          const { logProb, entropy, value } = reader.read(written(example));
          const slopes = {
            logProb: logProb.map(() => -1 / n),
            entropy: zeros(entropy),
            value: zeros(value),
          };
          return [written(example), slopes] as const;
        }),
      );
      const { sftLearningRate: base, sftWarmup: warmup, sftUpdates: total } = c;
      const angle = (Math.PI * (i - warmup)) / (total - warmup);
      const learningRate =
        i < warmup ? (base * (i + 1)) / (warmup + 1) : base * (0.1 + 0.45 * (1 + Math.cos(angle)));
      reader.theta = step(reader.theta, clipped(g, 1), learningRate);
      const measured = (i + 1) % c.sftValidate === 0 || i + 1 === total;
      expectReport(report, {
        update: i + 1,
        loss,
        gradNorm: norm(g),
        learningRate,
        trainedTokens: trained,
        skipped: 1,
        validationLoss: measured ? lossOf(validation) : Number.NaN,
        envSteps: 0,
        meanReturn: Number.NaN,
      });
    }
    for (const [i, v] of reader.theta.entries()) expectNear(thetaOf(t)[i], v, `weight ${i}`);
  });

  test("dropout changes what is learned from, not what is validated, and is of the run's chance", () => {
    const task = letters({ examples: { train, validation, heldOut: [] } });
    const run = (sftDropout: number): SftReport => {
      const { t } = writing(task, 1000);
      const c = settle(sftSettings, { sftUpdates: 1, sftTexts: 5, sftLearningRate: 0, sftDropout });
      return [...inStages(t, [supervised(t, c)])][0] as SftReport;
    };
    const [none, some, again] = [run(0), run(0.5), run(0.5)];
    expect(some.loss).not.toBeCloseTo(none.loss, 3);
    expect(some.validationLoss).toBe(none.validationLoss);
    expect(again).toEqual(some);
  });

  test("no update, no report, and no examples wanted; without validation texts its loss is NaN", () => {
    const none = { train: [], validation: [], heldOut: [] };
    const { t } = writing(letters({ examples: none }), 1000);
    expect([...inStages(t, [supervised(t, settle(sftSettings, { sftUpdates: 0 }))])]).toEqual([]);
    expect(() => supervised(t, settle(sftSettings, { sftUpdates: 1 }))).toThrow(
      /expected examples to imitate, got none/,
    );
    const alone = writing(letters({ examples: { ...none, train } }), 1000).t;
    const c = settle(sftSettings, { sftUpdates: 1, sftTexts: 2 });
    const [report] = [...inStages(alone, [supervised(alone, c)])] as SftReport[];
    expect(report.validationLoss).toBeNaN();
    expect(report.loss).toBeGreaterThan(0);
  });

  test("texts: what fits is whole, a prompt too long is skipped, plain text is cut where the context ends", () => {
    const { t } = writing(letters(), 1000); // a context of 8: texts of 9 tokens
    const code = (text: string): number[] => t.task.tokenizer.encode(text);
    const end = t.task.tokenizer.special("<end>");
    const examples = [
      { prompt: "ab", completion: "abcab" }, // 1 + 2 + 5 + 1: fits
      { prompt: "ab", completion: "abcabc" },
      { prompt: "", completion: "abcabca" },
      { prompt: "", completion: "abcabcabcabcabca" },
      { prompt: "", completion: "abcabcabcabcabc" },
    ];
    const { texts, skipped } = textsOf(t, examples);
    expect(skipped).toBe(1);
    expect(texts).toEqual([
      { tokens: [end, ...code("ababcab"), end], labels: [-1, -1, ...code("abcab"), end] },
      { tokens: [end, ...code("abcabca"), end], labels: [...code("abcabca"), end] },
      // pieces overlap by the token that the next one begins with
      { tokens: [end, ...code("abcabcab")], labels: code("abcabcab") },
      { tokens: [...code("bcabcabca")], labels: code("cabcabca") },
      { tokens: [...code("a"), end], labels: [end] },
      { tokens: [end, ...code("abcabcab")], labels: code("abcabcab") },
      { tokens: [...code("bcabcabc"), end], labels: [...code("cabcabc"), end] },
    ]);
  });

  test("short texts share a pass; the loss of none is left alone", () => {
    const { t } = writing(letters(), 1000);
    const { texts } = textsOf(t, train);
    const loss = new TextLoss(t, 5, null, false);
    let passes = 0;
    const { tape } = loss;
    const run = tape.run.bind(tape);
    tape.run = ((body: never) => {
      passes++;
      return run(body);
    }) as typeof tape.run;
    const reader = new Reader(t.gpt);
    const want = -mean(
      texts.flatMap(({ tokens, labels }) => {
        const n = labels.lastIndexOf(-1) + 2; // tokens of the prompt
        return reader.read({ prompt: tokens.slice(0, n), tokens: tokens.slice(n), support: null })
          .logProb;
      }),
    );
    expect(loss.run(texts)).toBeCloseTo(want, 9);
    expect(passes).toBe(1);
    expect(t.gpt.parameters.list.every(({ grad }) => grad.every((g) => g === 0))).toBe(true);
    const dropped = new TextLoss(t, 5, new TextDropout(t, 0.5, new Random(1)), true);
    expect(dropped.run(texts)).not.toBeCloseTo(want, 3);
    const first = t.gpt.parameters.list.map(({ grad }) => norm([...grad]));
    expect(first.some((g) => g > 0)).toBe(true);
  });
});

describe("reward models", () => {
  const { t } = writing(letters(), 1000);
  const texts = ["a", "ab", "bca", "cc", "abcab"].map((text) => [
    0,
    ...t.task.tokenizer.encode(text),
  ]);
  const pairs = texts.flatMap((chosen, i) =>
    texts.slice(i + 1).map((rejected) => ({ chosen, rejected })),
  );
  const written = (text: readonly number[]) => ({
    prompt: text.slice(0, 1),
    tokens: [...text.slice(1), 0],
    support: null,
  });
  const score = (reader: Reader, text: readonly number[]): number =>
    reader.read(written(text)).value.at(-1) ?? 0;

  test("weights and reports are those of Bradley and Terry's likelihood, AdamW and half a cosine", () => {
    const { t: own } = writing(letters(), 1000);
    const reader = new Reader(own.gpt);
    const c = settle(rewardModelSettings, { updates: 4, pairs: 6, learningRate: 0.05, decay: 0.5 });
    const reports = [...trainRewardModel(own.gpt, pairs, c, new Random(3))];
    const random = new Random(3);
    const step = adamW(
      reader.theta.map(() => true),
      0.5,
    );
    expect(reports.map(({ update }) => update)).toEqual([1, 2, 3, 4]);
    for (const report of reports) {
      const batch = Array.from({ length: 6 }, () => pairs[random.below(pairs.length)]);
      const margins = batch.map(
        ({ chosen, rejected }) => score(reader, chosen) - score(reader, rejected),
      );
      expectReport(report, {
        loss: mean(margins.map((m) => Math.log(1 + Math.exp(-m)))),
        accuracy: mean(margins.map((m) => Number(m > 0))),
      });
      const slope = (text: readonly number[], d: number) => {
        const { logProb, entropy, value } = reader.read(written(text));
        const only = value.map((_, i) => (i === value.length - 1 ? d : 0));
        return [
          written(text),
          { logProb: zeros(logProb), entropy: zeros(entropy), value: only },
        ] as const;
      };
      const g = reader.gradient(
        batch.flatMap(({ chosen, rejected }, i) => {
          const d = 1 / (1 + Math.exp(margins[i])) / batch.length;
          return [slope(chosen, -d), slope(rejected, d)];
        }),
      );
      const rate = 0.05 * 0.5 * (1 + Math.cos((Math.PI * (report.update - 1)) / 4));
      reader.theta = step(reader.theta, clipped(g, 1), rate);
    }
    for (const [i, v] of reader.theta.entries()) expectNear(thetaOf(own)[i], v, `weight ${i}`);
  });

  test("accuracy counts pairs that are ranked right, over as many passes as it takes", () => {
    const reader = new Reader(t.gpt);
    const right = ({ chosen, rejected }: (typeof pairs)[number]): number =>
      Number(score(reader, chosen) > score(reader, rejected));
    const many = [...pairs, ...pairs, ...pairs, ...pairs.slice(0, 7)]; // 37
    for (const some of [pairs, many, [{ chosen: texts[0], rejected: texts[0] }]])
      expect(preferenceAccuracy(t.gpt, some)).toBeCloseTo(mean(some.map(right)), 12);
    expect(mean(pairs.map(right))).toBeGreaterThan(0);
    expect(mean(pairs.map(right))).toBeLessThan(1);
    expect(t.gpt.parameters.list.every(({ grad }) => grad.every((g) => g === 0))).toBe(true);
  });
});
