// @module-tag deep
/**
 * Every unbiased estimator, through the whole of a language model, against ∇J: its exact mean is a sum over all tuples of
 * completions with their probabilities, by the very code that trains. Of adapters too. float64, to 1e-6.
 */
import { describe, expect, test } from "vitest";
import { BatchEvaluator } from "../../src/algos/batch-evaluator.ts";
import {
  estimatorOf,
  type GroupAlgorithmName,
  tuneSettings,
} from "../../src/algos/group-algorithms.ts";
import { Learner } from "../../src/algos/improve.ts";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import { categoricalLogProb } from "../../src/distributions/categorical.ts";
import { sequenceAdvantages } from "../../src/estimators/sequence-advantages.ts";
import { valueDefaults } from "../../src/estimators/value.ts";
import { tokenWeights } from "../../src/estimators/weights.ts";
import type { HubModel } from "../../src/models/build.ts";
import { Lora } from "../../src/models/lora.ts";
import { FrozenWeights } from "../../src/nn/frozen.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Llama, type LlamaOptions } from "../../src/nn/llama.ts";
import type { LanguageModel } from "../../src/nn/transformer.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { exp } from "../../src/ops/elementwise.ts";
import { reshape } from "../../src/ops/layout.ts";
import { sum } from "../../src/ops/reduce.ts";
import { CompletionChunks } from "../../src/rollout/completion-chunks.ts";
import { Completions } from "../../src/rollout/completions.ts";

const stop = 2;
const vocab = 3;
const steps = 2;
const prompt = [2, 0];
/** All completions there are: up to two tokens, or one stop token. */
const all: number[][] = [[stop]];
for (const a of [0, 1]) for (const b of [0, 1, stop]) all.push([a, b]);
const rewardOf = (tokens: readonly number[]): number =>
  tokens.reduce((total, token, t) => total + (token + 1) * (t + 0.5), 0) -
  Number(tokens[0] === 1) * 3;

const sizesOf = { vocab, context: 6, layers: 2, heads: 2, width: 8, tied: true, valueHead: true };
const llamaSizes: LlamaOptions = {
  ...{ ...sizesOf, keyHeads: 1, headWidth: 4, inner: 12, windows: [0, 0], eps: 1e-5 },
  ...{ qkvBias: true, outBias: false, mlpBias: false, qkNorm: true },
  rope: { theta: 100, scaling: { type: "default" } },
};
const k64 = loops(Float64Array);
const adapted = (base: HubModel): LanguageModel =>
  new Lora(base, { rank: 2, alpha: 3, targets: "all-linear" }, new Random(9)).model;
const models: Record<string, () => LanguageModel> = {
  "a GPT": () => new Gpt(k64, sizesOf, new Random(3)),
  "adapters of a GPT": () => adapted(new Gpt(k64, sizesOf, new Random(3), new FrozenWeights(k64))),
  "adapters of a Llama": () =>
    adapted(new Llama(k64, llamaSizes, new Random(3), new FrozenWeights(k64))),
};

/** A model whose parameters have moved, so that B of an adapter is not 0. */
function moved(name: string): LanguageModel {
  const gpt = models[name]();
  const random = new Random(4);
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.3 * random.normal();
  return gpt;
}

const gradientOf = (gpt: LanguageModel): Float64Array =>
  Float64Array.from(gpt.parameters.list.flatMap(({ grad }) => Array.from(grad)));
const clear = (gpt: LanguageModel): void => {
  for (const { grad } of gpt.parameters.list) grad.fill(0);
};

/** J = Σ π(o)·R(o) and its gradient, each completion by itself: no packing, no estimator. */
function exact(gpt: LanguageModel): {
  probabilities: number[];
  logProbs: number[][];
  gradient: Float64Array;
} {
  const k = gpt.parameters.backend;
  clear(gpt);
  const logProbs: number[][] = [];
  for (const tokens of all) {
    const text = [...prompt, ...tokens];
    const n = text.length - 1;
    const fed = input(k, [1, n], text.slice(0, -1));
    const positions = input(
      k,
      [1, n],
      text.slice(1).map((_, i) => i),
    );
    const following = input(k, [n], text.slice(1));
    const written = input(
      k,
      [n],
      text.slice(1).map((_, i) => Number(i >= prompt.length - 1)),
    );
    const tape = new Tape(k);
    let each: Tensor = fed;
    const objective = tape.run(() => {
      each = categoricalLogProb(
        reshape(gpt.logits(gpt.hidden(fed, positions)), [n, vocab]),
        following,
      );
      return mul(exp(sum(mul(each, written))), rewardOf(tokens));
    });
    tape.backward(objective);
    logProbs.push(Array.from(each.data).slice(prompt.length - 1));
  }
  const probabilities = logProbs.map((list) => Math.exp(list.reduce((a, b) => a + b)));
  const gradient = gradientOf(gpt);
  clear(gpt);
  return { probabilities, logProbs, gradient };
}

const sizes = { rows: 1, positions: 8, samples: 4, steps };

/** The exact mean of minus the loss's gradient over all K-tuples. */
function meanOf(
  gpt: LanguageModel,
  name: GroupAlgorithmName,
  K: number,
  more: object = {},
): Float64Array {
  const c = settle(tuneSettings, { klWeight: 0, standardize: false, valueWeight: 0, ...more });
  const estimator = { ...estimatorOf(name, c), aggregation: "sequenceSum" as const };
  const { probabilities, logProbs } = exact(gpt);
  const batch = new Completions(K, steps);
  const n = K * steps;
  const [advantage, target, weight, refLogProb, oldValue] = [0, 1, 2, 3, 4].map(
    () => new Float64Array(n),
  );
  const [counts, greedyScore] = [new Float64Array(K), new Float64Array(K)];
  greedyScore.fill(rewardOf(all[3]));
  const chunks = new CompletionChunks(gpt, batch, sizes);
  const critic = new BatchEvaluator(chunks, K);
  const withValue = estimator.baseline === "value";
  const learner = new Learner(
    chunks,
    { oldLogProb: batch.logProb, advantage, weight, ...(withValue && { target, oldValue }) },
    {
      surrogate: estimator.surrogate,
      value: valueDefaults,
      entropyWeight: c.entropyWeight,
      valueWeight: c.valueWeight,
    },
  );
  const order = Array.from({ length: K }, (_, i) => i);
  const mean = new Float64Array(gradientOf(gpt).length);
  const index = new Array<number>(K).fill(0);
  for (;;) {
    let p = 1;
    for (const [row, o] of index.entries()) {
      p *= probabilities[o];
      batch.start(row, prompt);
      batch.length[row] = all[o].length;
      batch.reward[row] = rewardOf(all[o]);
      for (const [j, token] of all[o].entries()) {
        batch.token[row * steps + j] = token;
        batch.mask[row * steps + j] = 1;
        batch.logProb[row * steps + j] = logProbs[o][j];
      }
    }
    counts.fill(1);
    if (withValue) critic.evaluate(new Float64Array(n), oldValue);
    sequenceAdvantages(
      { advantage, target, counts },
      { ...batch, sequences: K, refLogProb, value: oldValue },
      {
        estimator,
        lambda: c.lambda,
        standardize: c.standardize,
        ...(estimator.baseline === "greedy" && { greedyScore }),
      },
    );
    tokenWeights(weight, batch.mask, steps, { aggregation: "sequenceSum" });
    clear(gpt);
    learner.accumulate(order, 0, K);
    const g = gradientOf(gpt);
    for (let i = 0; i < mean.length; i++) mean[i] -= p * g[i];
    let k = K - 1;
    while (k >= 0 && ++index[k] === all.length) index[k--] = 0;
    if (k < 0) return mean;
  }
}

function expectEqual(got: Float64Array, want: Float64Array, times = 1): void {
  const scale = want.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(scale).toBeGreaterThan(1e-3);
  for (let i = 0; i < want.length; i++)
    expect(Math.abs(got[i] - times * want[i]), `element ${i}`).toBeLessThanOrEqual(1e-6 * scale);
}

describe.each(Object.keys(models))("the exact mean of an estimator equals ∇J: %s", (name) => {
  const gpt = moved(name);
  const { gradient, probabilities } = exact(gpt);
  test("∇J by central differences", () => {
    const J = () => exact(gpt).probabilities.reduce((sum, p, i) => sum + p * rewardOf(all[i]), 0);
    const list = gpt.parameters.list.flatMap(({ data }) =>
      [...data.keys()].map((i) => ({ data, i })),
    );
    for (let at = 0; at < list.length; at += 17) {
      const { data, i } = list[at];
      const was = data[i];
      const [up, down] = [1e-4, -1e-4].map((d) => {
        data[i] = was + d;
        return J();
      });
      data[i] = was;
      expect(gradient[at]).toBeCloseTo((up - down) / 2e-4, 6);
    }
  });
  test("the completions are all there are", () => {
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });
  test.each(["rloo", "remax", "a2c"] as const)("%s", (name) => {
    expectEqual(meanOf(gpt, name, 2), gradient);
  });
  test("ppo's first step, on policy, whatever its value says", () => {
    expectEqual(meanOf(gpt, "ppo", 2), gradient);
  });
  test("leave-one-out with three of a prompt", () => {
    expectEqual(meanOf(gpt, "rloo", 3), gradient);
  });
  test("a group's own mean as baseline (Dr. GRPO, REINFORCE) shrinks it by (K − 1)/K", () => {
    expectEqual(meanOf(gpt, "dr-grpo", 2), gradient, 1 / 2);
    expectEqual(meanOf(gpt, "reinforce", 3), gradient, 2 / 3);
  });
});
