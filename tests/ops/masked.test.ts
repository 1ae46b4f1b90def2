/**
 * NaN and ±∞ at every masked, ignored, future and weighted-0 position of every op that has such positions: results
 * and gradients are those of a finite number there, bit for bit, and the position's own gradient is 0.
 */
import { afterAll, describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Parameter, sizeOf, type Tensor, variable } from "../../src/core/tensor.ts";
import * as pg from "../../src/index.ts";
import * as ops from "../../src/ops/index.ts";
import { selfAttention } from "../../src/ops/self-attention.ts";

type Tensors = Readonly<Record<string, Tensor>>;
interface Masked {
  readonly name: string;
  /** Shapes of what is differentiated, and of what is not, with its values. */
  readonly variables: Readonly<Record<string, readonly number[]>>;
  readonly inputs?: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>;
  /** The numbers that do not count, by tensor. */
  readonly out: Readonly<Record<string, readonly number[]>>;
  readonly loss: (t: Tensors) => Tensor;
  /** What is tried there. Default: NaN, ∞ and −∞; a row of −∞ alone has no action, which is an error of its own. */
  readonly bad?: readonly number[];
}

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);
const fill = (shape: readonly number[], values: readonly number[]) => [shape, values] as const;
const ones = (n: number, ...zeros: number[]): number[] =>
  Array.from({ length: n }, (_, i) => (zeros.includes(i) ? 0 : 1));

/** Σ c·y over the elements where `chosen` is 1, with unequal weights c. */
const chosenSum = (y: Tensor, chosen: Tensor): Tensor => {
  const weights = input(y.backend as Backend, y.shape);
  for (let i = 0; i < weights.data.length; i++) weights.data[i] = 0.5 + (i % 3);
  const none = input(y.backend as Backend, []);
  return ops.sum(ops.mul(ops.where(chosen, y, none), weights));
};

const cases: Masked[] = [
  {
    name: "dropout",
    variables: { x: [5] },
    inputs: { keep: fill([5], ones(5, 1, 3)) },
    out: { x: [1, 3] },
    loss: ({ x, keep }) => ops.sum(ops.dropout(x, keep, 0.4)),
  },
  {
    name: "where",
    variables: { a: [5], b: [5] },
    inputs: { cond: fill([5], [1, 0, 1, 0, 0]) },
    out: { a: [1, 3, 4], b: [0, 2] },
    loss: ({ a, b, cond }) => ops.sum(ops.where(cond, a, b)),
  },
  ...[3, 9].flatMap((n): Masked[] => [
    {
      name: `categorical, masked actions, n = ${n}`,
      variables: { x: [2, n], z: [2, n] },
      inputs: {
        mask: fill([2, n], ones(2 * n, 1, n)),
        action: fill([2], [0, 2]),
      },
      out: { x: [1, n], z: [1, n] },
      loss: ({ x, z, mask, action }) =>
        ops.add(
          ops.sum(pg.categoricalLogProb(x, action, mask)),
          ops.add(
            ops.sum(pg.categoricalEntropy(x, mask)),
            ops.add(
              ops.sum(pg.categoricalKl(x, z, mask)),
              chosenSum(pg.categoricalProbs(x, mask), mask),
            ),
          ),
        ),
    },
    {
      name: `categorical, a row of weight 0, n = ${n}`,
      variables: { x: [3, n], z: [3, n] },
      inputs: {
        action: fill([3], [0, 1, 2]),
        old: fill([3], [-1, -1, -1]),
        advantage: fill([3], [1, 2, -1]),
        weight: fill([3], [1, 0, 1]),
      },
      out: { x: range(n, 2 * n), z: range(n, 2 * n) },
      bad: [Number.NaN, Number.POSITIVE_INFINITY],
      loss: ({ x, z, action, old, advantage, weight }) =>
        ops.add(
          pg.surrogateLoss(pg.categoricalLogProb(x, action), old, advantage, weight),
          ops.add(
            pg.entropyLoss(pg.categoricalEntropy(x), weight),
            pg.entropyLoss(pg.categoricalKl(x, z), weight),
          ),
        ),
    },
    ...(["mean", "sum", "none"] as const).map(
      (reduction): Masked => ({
        name: `crossEntropy and nllLoss, ignoreIndex, ${reduction}, n = ${n}`,
        variables: { x: [3, n], z: [3, n] },
        inputs: { labels: fill([3], [0, -100, 2]), weight: fill([3], [1, 1, 1]) },
        out: { x: range(n, 2 * n), z: range(n, 2 * n) },
        loss: ({ x, z, labels, weight }) => {
          const options = { reduction, ignoreIndex: -100, labelSmoothing: 0.1 };
          const both = ops.add(
            ops.crossEntropy(x, labels, options),
            ops.nllLoss(z, labels, options),
          );
          return reduction === "none" ? pg.entropyLoss(both, weight) : both;
        },
      }),
    ),
    {
      name: `softmax, logSoftmax and logsumexp, rows that nothing reads, n = ${n}`,
      variables: { x: [3, n] },
      inputs: { chosen: fill([3, 1], [1, 0, 1]) },
      out: { x: range(n, 2 * n) },
      loss: ({ x, chosen }) =>
        ops.add(
          chosenSum(ops.softmax(x), chosen),
          ops.add(
            chosenSum(ops.logSoftmax(x), chosen),
            chosenSum(ops.logsumexp(x, 1, true), chosen),
          ),
        ),
    },
    {
      name: `layerNorm and rmsNorm, rows that nothing reads, n = ${n}`,
      variables: { x: [3, n], w: [n], b: [n] },
      inputs: { chosen: fill([3, 1], [1, 0, 1]) },
      out: { x: range(n, 2 * n) },
      loss: ({ x, w, b, chosen }) =>
        ops.add(chosenSum(ops.layerNorm(x, w, b), chosen), chosenSum(ops.rmsNorm(x, w), chosen)),
    },
  ]),
  {
    name: "multiCategorical, masked actions",
    variables: { x: [2, 5], z: [2, 5] },
    inputs: {
      mask: fill([2, 5], ones(10, 1, 9)),
      action: fill([2, 2], [0, 1, 1, 0]),
    },
    out: { x: [1, 9], z: [1, 9] },
    loss: ({ x, z, mask, action }) =>
      ops.add(
        ops.sum(pg.multiCategoricalLogProb(x, action, [2, 3], mask)),
        ops.add(
          ops.sum(pg.multiCategoricalEntropy(x, [2, 3], mask)),
          ops.sum(pg.multiCategoricalKl(x, z, [2, 3], mask)),
        ),
      ),
  },
  {
    name: "multiCategorical, a row of weight 0",
    variables: { x: [2, 5], z: [2, 5] },
    inputs: { action: fill([2, 2], [0, 1, 1, 0]), weight: fill([2], [0, 1]) },
    out: { x: range(0, 5), z: range(0, 5) },
    bad: [Number.NaN, Number.POSITIVE_INFINITY],
    loss: ({ x, z, action, weight }) =>
      ops.add(
        pg.entropyLoss(pg.multiCategoricalLogProb(x, action, [2, 3]), weight),
        ops.add(
          pg.entropyLoss(pg.multiCategoricalEntropy(x, [2, 3]), weight),
          pg.entropyLoss(pg.multiCategoricalKl(x, z, [2, 3]), weight),
        ),
      ),
  },
  {
    name: "Bernoulli, a row of weight 0",
    variables: { x: [2, 3], z: [2, 3] },
    inputs: { value: fill([2, 3], [0, 1, 1, 0, 1, 0]), weight: fill([2], [0, 1]) },
    out: { x: range(0, 3), z: range(0, 3) },
    loss: ({ x, z, value, weight }) =>
      ops.add(
        pg.entropyLoss(pg.bernoulliLogProb(x, value), weight),
        ops.add(
          pg.entropyLoss(pg.bernoulliEntropy(x), weight),
          pg.entropyLoss(pg.bernoulliKl(x, z), weight),
        ),
      ),
  },
  ...[[2], [3, 2]].map(
    (shape): Masked => ({
      name: `Gaussian, a row of weight 0, ln σ ${JSON.stringify(shape)}`,
      variables: { mean: [3, 2], logStd: shape, value: [3, 2], other: [3, 2] },
      inputs: { weight: fill([3], [1, 0, 1]) },
      out: {
        mean: [2, 3],
        value: [2, 3],
        other: [2, 3],
        ...(shape.length > 1 && { logStd: [2, 3] }),
      },
      loss: ({ mean, logStd, value, other, weight }) =>
        ops.add(
          pg.entropyLoss(pg.gaussianLogProb(mean, logStd, value), weight),
          ops.add(
            pg.entropyLoss(pg.gaussianKl(mean, logStd, other, logStd), weight),
            ops.add(
              pg.entropyLoss(pg.squashedLogProb(mean, logStd, value), weight),
              pg.entropyLoss(pg.gaussianEntropy(mean, logStd), weight),
            ),
          ),
        ),
    }),
  ),
  ...[false, true].map(
    (causal): Masked => ({
      name: `attention, masked positions${causal ? ", causal" : ""}`,
      variables: { q: [2, 4, 3], k: [2, 4, 3], v: [2, 4, 5] },
      inputs: {
        mask: fill([2, 4, 4], ones(32, 1, 5, 9, 13, 16 + 2, 16 + 6, 16 + 10, 16 + 14)),
        rows: fill([2, 4, 1], ones(8, 3)),
      },
      // column 1 of the first head and column 2 of the second are masked in all rows; nothing reads row 3
      out: {
        q: range(9, 12),
        k: [...range(3, 6), ...range(12 + 6, 12 + 9)],
        v: [...range(5, 10), ...range(20 + 10, 20 + 15)],
      },
      loss: ({ q, k, v, mask, rows }) => chosenSum(ops.attention(q, k, v, causal, mask), rows),
    }),
  ),
  {
    name: "attention, positions after every row that is read",
    variables: { q: [1, 4, 3], k: [1, 4, 3], v: [1, 4, 2] },
    inputs: { rows: fill([1, 4, 1], [1, 1, 0, 0]) },
    out: { q: range(6, 12), k: range(6, 12), v: range(4, 8) },
    loss: ({ q, k, v, rows }) => chosenSum(ops.attention(q, k, v, true), rows),
  },
  {
    name: "selfAttention, positions after every row that is read",
    variables: { x: [2, 4, 12] },
    inputs: { rows: fill([2, 4, 1], [1, 1, 0, 0, 1, 1, 1, 0]) },
    out: { x: [...range(24, 48), ...range(48 + 36, 96)] },
    loss: ({ x, rows }) => chosenSum(selfAttention(x, 2), rows),
  },
  {
    name: "selfAttention, positions that are not allowed",
    variables: { x: [1, 4, 12] },
    inputs: {
      allowed: fill([1, 4, 4], [1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1]),
      rows: fill([1, 4, 1], [1, 0, 1, 1]),
    },
    out: { x: range(12, 24) },
    loss: ({ x, allowed, rows }) => chosenSum(selfAttention(x, 2, allowed), rows),
  },
  {
    name: "lstm, a state before a reset",
    variables: { x: [2, 2, 3], h: [2, 2], c: [2, 2], w: [8, 3], u: [8, 2], b: [8] },
    inputs: { reset: fill([2, 2], [0, 1, 0, 0]) },
    out: { h: [2, 3], c: [2, 3] },
    loss: ({ x, h, c, w, u, b, reset }) =>
      ops.sum(ops.lstm(x, h, c, { wIh: w, wHh: u, bIh: b, bHh: b }, reset).ys),
  },
  ...(["token", "sequence", "sequenceToken", "sequenceSum"] as const).flatMap((ratioLevel) =>
    (["reinforce", "clip", "ratio", "cispo"] as const).map(
      (form): Masked => ({
        name: `surrogateLoss, weight 0, ${form}, ${ratioLevel}`,
        variables: { logProb: [2, 3] },
        inputs: {
          old: fill([2, 3], [-1, -1.5, -0.5, -1, -1, -1]),
          advantage: fill([2, 3], [1, -1, 2, -2, 1, 1]),
          weight: fill([2, 3], [1, 0, 0.5, 0, 0, 2]),
        },
        out: { logProb: [1, 3, 4], old: [1, 3, 4], advantage: [1, 3, 4] },
        loss: ({ logProb, old, advantage, weight }) =>
          pg.surrogateLoss(logProb, old, advantage, weight, {
            ...pg.surrogateDefaults,
            form,
            ratioLevel,
            dualClip: 3,
            delta: 4,
          }),
      }),
    ),
  ),
  {
    name: "reinforceLoss, advantage 0",
    variables: { logProb: [3] },
    inputs: { advantage: fill([3], [1, 0, -1]) },
    out: { logProb: [1] },
    loss: ({ logProb, advantage }) => pg.reinforceLoss(logProb, advantage),
  },
  ...(["none", "max", "single", "huber"] as const).map(
    (clip): Masked => ({
      name: `valueLoss, weight 0, ${clip}`,
      variables: { value: [3] },
      inputs: {
        target: fill([3], [1, 0.5, -1]),
        old: fill([3], [0.5, 0.5, 0]),
        weight: fill([3], [1, 0, 0.5]),
      },
      out: { value: [1], target: [1], old: [1] },
      loss: ({ value, target, old, weight }) =>
        pg.valueLoss(value, target, weight, old, { clip, clipRange: 0.2 }),
    }),
  ),
  ...(["k1", "k2", "k3"] as const).map(
    (estimator): Masked => ({
      name: `klLoss, weight 0, ${estimator}`,
      variables: { logProb: [3] },
      inputs: { ref: fill([3], [-1, -2, -0.5]), weight: fill([3], [1, 0, 0.5]) },
      out: { logProb: [1], ref: [1] },
      loss: ({ logProb, ref, weight }) =>
        pg.klLoss(logProb, ref, weight, { ...pg.klDefaults, estimator, importance: true }),
    }),
  ),
  {
    name: "fisherForm, masked actions",
    variables: { x: [2, 3] },
    inputs: {
      tangent: fill([2, 3], [1, 2, 3, -1, 0, 1]),
      mask: fill([2, 3], ones(6, 1, 5)),
    },
    out: { x: [1, 5], tangent: [1, 5] },
    loss: ({ x, tangent, mask }) => pg.fisherForm(x, tangent, mask),
  },
];

const everything = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
let positions = 0;
afterAll(() => console.log(`${cases.length} cases, ${positions} positions driven`));

describe.each([loops(), simd({ memory: 16 << 20 })])("$name", (k) => {
  test.each(cases)("$name", ({ variables, inputs = {}, out, loss, bad = everything }) => {
    const random = new Random(7);
    const tensors: Record<string, Tensor> = {};
    for (const [name, shape] of Object.entries(variables)) {
      const values = Array.from({ length: sizeOf(shape) }, () => random.normal());
      tensors[name] = variable(k, shape, values);
    }
    for (const [name, [shape, values]] of Object.entries(inputs)) {
      tensors[name] = input(k, shape, values);
    }
    const result = (at: (i: number) => number) => {
      let count = 0;
      for (const [name, places] of Object.entries(out)) {
        for (const i of places) tensors[name].data[i] = at(count++);
      }
      for (const name of Object.keys(variables)) (tensors[name] as Parameter).grad.fill(0);
      const tape = new Tape(k);
      const y = tape.run(() => loss(tensors));
      tape.backward(y);
      const grads = Object.keys(variables).map((name) => [...(tensors[name] as Parameter).grad]);
      positions += count;
      const made = { loss: y.data[0], grads };
      tape.drop();
      return made;
    };
    const plain = result(() => -0.75);
    expect(plain.grads.flat().some((x) => x !== 0)).toBe(true);
    expect([plain.loss, ...plain.grads.flat()].every(Number.isFinite)).toBe(true);
    for (const [v, name] of Object.keys(variables).entries()) {
      for (const i of out[name] ?? []) expect(plain.grads[v][i]).toBe(0);
    }
    const near = (got: number, want: number) => Math.abs(got - want) <= 1e-6 * (1 + Math.abs(want));
    for (const x of bad) {
      const poisoned = result(() => x);
      expect(near(poisoned.loss, plain.loss)).toBe(true);
      for (const [v, grad] of poisoned.grads.entries()) {
        for (const [i, g] of grad.entries()) {
          expect(near(g, plain.grads[v][i]), `${Object.keys(variables)[v]}[${i}] = ${g}`).toBe(
            true,
          );
        }
      }
    }
    const mixed = result((i) => bad[i % bad.length]);
    expect(near(mixed.loss, plain.loss)).toBe(true);
  });
});
