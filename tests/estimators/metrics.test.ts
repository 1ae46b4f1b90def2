/** Metrics of chunks and steps against plain means; advantages of sequences with a reward per step. */
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import type { LossColumns } from "../../src/estimators/batch.ts";
import {
  type ChunkMetrics,
  Metrics,
  noMetrics,
  policyLoss,
} from "../../src/estimators/policy-loss.ts";
import { presets } from "../../src/estimators/presets.ts";
import { sequenceAdvantages } from "../../src/estimators/sequence-advantages.ts";
import { surrogateDefaults } from "../../src/estimators/surrogate.ts";
import { valueDefaults } from "../../src/estimators/value.ts";

test("shares are means over the actions of all chunks, losses over the units of all steps; clear forgets both", () => {
  const k = loops(Float64Array);
  const metrics = new Metrics();
  const take = (ratios: readonly number[], losses: Partial<ChunkMetrics>): void => {
    const column = (x: readonly number[]) => input(k, [x.length], x);
    const logProb = variable(k, [ratios.length], ratios.map(Math.log));
    const [old, A, w] = [0, 1, 1].map((x) => column(ratios.map(() => x)));
    const chunk = { ...noMetrics };
    const columns = { oldLogProb: old, advantage: A, weight: w } as unknown as LossColumns;
    const settings = {
      surrogate: surrogateDefaults,
      value: valueDefaults,
      entropyWeight: null,
      valueWeight: 0,
    };
    const outputs = { logProb, entropy: null, value: null };
    new Tape(k).run(() => policyLoss(outputs, columns, settings, chunk));
    expect(chunk.policyLoss).toBeCloseTo(-ratios.reduce((sum, r) => sum + Math.min(r, 1.2), 0), 12);
    metrics.add({ ...chunk, ...losses });
  };
  const k3 = (ratio: number): number => ratio - 1 - Math.log(ratio);
  const zero = { approximateKl: 0, clipFraction: 0, outsideFraction: 0 };
  expect(metrics).toMatchObject(zero);
  for (let pass = 0; pass < 2; pass++) {
    metrics.beginStep(2);
    metrics.add({ ...noMetrics, policyLoss: 3, entropy: 0.5 });
    take([1.5, 0.5, 1], { policyLoss: 1 }); // a second chunk of the same step; with Â = 1 the clip cuts above its range
    metrics.beginStep(6);
    take([1.3], { policyLoss: 2, valueLoss: 4 });
    expect(metrics.approximateKl).toBeCloseTo((k3(1.5) + k3(0.5) + k3(1.3)) / 4, 12);
    expect([metrics.clipFraction, metrics.outsideFraction]).toEqual([0.5, 0.75]);
    expect(metrics.losses()).toEqual({ policyLoss: 20 / 8, valueLoss: 3, entropy: 1 / 8 });
    metrics.clear();
    expect(metrics).toMatchObject(zero);
    expect(metrics.losses()).toEqual({ policyLoss: 0, valueLoss: 0, entropy: 0 });
  }
});

test("a learned value with a reward per step: each step's KL is taken off its own reward", () => {
  const [sequences, steps, beta] = [2, 3, 0.5];
  const mask = [1, 1, 1, 1, 0, 1];
  const reward = [1, 2, 3, 4, 99, 6];
  const logProb = [-1, -2, -1, -0.5, 0, -1];
  const refLogProb = [-2, -1, -1, -1, 7, -3];
  const value = [0.1, 0.2, 0.3, 0.4, 55, 0.6];
  for (const klWeight of [0, beta]) {
    const estimator = {
      ...presets.ppo,
      kl: { estimator: "k1", inputClamp: null, outputClamp: null, place: "reward", weight: 7 },
    } as const;
    const out = {
      advantage: new Float64Array(6),
      target: new Float64Array(6),
      counts: new Float64Array(2).fill(1),
    };
    const floats = (x: readonly number[]) => Float64Array.from(x);
    const batch = {
      ...{ sequences, steps, mask: floats(mask), reward: floats(reward), value: floats(value) },
      ...{ logProb: floats(logProb), refLogProb: floats(refLogProb) },
    };
    sequenceAdvantages(out, batch, { estimator, klWeight, lambda: 1 });
    const shaped = reward.map((r, i) => r - klWeight * (logProb[i] - refLogProb[i]));
    const toGo = [
      shaped[0] + shaped[1] + shaped[2],
      shaped[1] + shaped[2],
      shaped[2],
      shaped[3] + shaped[5], // the step between is the environment's
      0,
      shaped[5],
    ];
    for (let i = 0; i < 6; i++) {
      expect(out.target[i]).toBeCloseTo(toGo[i], 12);
      expect(out.advantage[i]).toBeCloseTo(mask[i] === 0 ? 0 : toGo[i] - value[i], 12);
    }
  }
});
