/** Bernoulli, Gaussian, squashed Gaussian and multi-categorical. The vector files hold them to PyTorch too. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { MaskError, ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import {
  bernoulliEntropy,
  bernoulliKl,
  bernoulliLogProb,
  bernoulliMode,
  bernoulliSample,
} from "../../src/distributions/bernoulli.ts";
import {
  categoricalEntropy,
  categoricalKl,
  categoricalLogProb,
} from "../../src/distributions/categorical.ts";
import {
  gaussianEntropy,
  gaussianKl,
  gaussianLogProb,
  gaussianRsample,
  gaussianSample,
} from "../../src/distributions/gaussian.ts";
import {
  multiCategoricalEntropy,
  multiCategoricalKl,
  multiCategoricalLogProb,
  multiCategoricalMode,
  multiCategoricalSample,
} from "../../src/distributions/multi-categorical.ts";
import {
  squash,
  squashedEntropySample,
  squashedLogProb,
  squashedLogProbOfAction,
  squashedMode,
  squashedRsample,
  squashedSample,
} from "../../src/distributions/squashed-gaussian.ts";
import * as o from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const k = loops(Float64Array);
const run = (f: () => Tensor): number[] => [...new Tape(k).run(f).data];
const of = (shape: number[], values: number[]): Tensor => input(k, shape, values);
const check = (body: (d: Draw) => void): void =>
  fc.assert(
    fc.property(fc.nat(), (at) => body(new Draw(at))),
    { numRuns: 30, seed },
  );

describe("Bernoulli", () => {
  test("by hand: logit ln 3 is probability ¾", () => {
    const x = of([1, 2], [Math.log(3), 0]);
    expect(run(() => bernoulliLogProb(x, of([1, 2], [1, 0])))[0]).toBeCloseTo(
      Math.log(0.75) + Math.log(0.5),
      12,
    );
    const h = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25) + Math.LN2;
    expect(run(() => bernoulliEntropy(x))[0]).toBeCloseTo(h, 12);
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(run(() => bernoulliKl(x, of([1, 2], [0, 0])))[0]).toBeCloseTo(kl, 12);
  });
  test("±1000: finite and right", () => {
    const x = of([1, 2], [1000, -1000]);
    expect(run(() => bernoulliLogProb(x, of([1, 2], [1, 0])))[0] === 0).toBe(true);
    expect(run(() => bernoulliLogProb(x, of([1, 2], [0, 1])))[0]).toBe(-2000);
    expect(run(() => bernoulliEntropy(x))[0]).toBe(0);
    expect(run(() => bernoulliKl(x, x))[0]).toBe(0);
  });
  test("gradients; samples below the probability; the mode", () => {
    check((d) => {
      const shape = [d.size(), d.some()];
      gradCheck(bernoulliLogProb, [d.tensor(shape), d.tensor(shape)]);
      gradCheck(bernoulliEntropy, [d.tensor(shape)]);
      gradCheck(bernoulliKl, [d.tensor(shape), d.tensor(shape)]);
    });
    const value = new Float64Array(2);
    bernoulliSample(value, of([1, 2], [Math.log(3), Math.log(3)]), [0.74, 0.76]);
    expect([...value]).toEqual([1, 0]);
    bernoulliMode(value, of([1, 2], [-0.1, 0.1]));
    expect([...value]).toEqual([0, 1]);
    expect(() => run(() => bernoulliLogProb(of([1, 2], [0, 0]), of([2], [0, 0])))).toThrow(
      ShapeError,
    );
  });
});

describe("Gaussian", () => {
  test("by hand: one deviation off, σ = 2", () => {
    const [mean, logStd] = [of([1, 1], [1]), of([1], [Math.LN2])];
    const at = run(() => gaussianLogProb(mean, logStd, of([1, 1], [3])))[0];
    expect(at).toBeCloseTo(-0.5 - Math.LN2 - 0.5 * Math.log(2 * Math.PI), 12);
    expect(run(() => gaussianEntropy(mean, logStd))[0]).toBeCloseTo(
      0.5 * Math.log(2 * Math.PI * Math.E * 4),
      12,
    );
    // against N(0, 1): −ln 2 + (4 + 1)/2 − ½
    const kl = run(() => gaussianKl(mean, logStd, of([1, 1], [0]), of([1], [0])))[0];
    expect(kl).toBeCloseTo(-Math.LN2 + 2, 12);
  });
  test("gradients, with a free and a state-dependent deviation", () => {
    check((d) => {
      const [shape, n] = [[d.size(), d.some()], d.some()];
      shape[1] = n;
      for (const std of [shape, [n]]) {
        gradCheck(gaussianLogProb, [d.tensor(shape), d.tensor(std), d.tensor(shape)]);
        gradCheck(gaussianEntropy, [{ ...d.tensor(shape), grad: false }, d.tensor(std)]);
        gradCheck(gaussianRsample, [d.tensor(shape), d.tensor(std), d.tensor(shape)]);
        gradCheck(gaussianKl, [d.tensor(shape), d.tensor(std), d.tensor(shape), d.tensor(std)], {
          tolerance: 1e-6,
        });
      }
    });
  });
  test("the density's samples: mean and deviation of many, and the density integrates to 1", () => {
    const random = new Random(1);
    const n = 20_000;
    const noise = new Float64Array(n);
    random.fillNormal(noise);
    const value = new Float64Array(n);
    gaussianSample(value, of([n, 1], Array(n).fill(3)), of([1], [Math.log(2)]), noise);
    const mean = value.reduce((a, b) => a + b, 0) / n;
    expect(mean).toBeCloseTo(3, 1);
    expect(Math.sqrt(value.reduce((a, b) => a + (b - mean) ** 2, 0) / n)).toBeCloseTo(2, 1);
    const grid = Array.from({ length: 4001 }, (_, i) => -20 + i / 100);
    const logP = run(() =>
      gaussianLogProb(of([4001, 1], Array(4001).fill(0.3)), of([1], [0.2]), of([4001, 1], grid)),
    );
    expect(logP.reduce((sum, l) => sum + Math.exp(l) / 100, 0)).toBeCloseTo(1, 9);
  });
});

describe("squashed Gaussian", () => {
  test("the density over the action integrates to 1, with bounds too", () => {
    const bounds = { low: -2, high: 4 };
    const grid = Array.from({ length: 6000 }, (_, i) => -2 + (i + 0.5) / 1000);
    const logP = run(() =>
      squashedLogProbOfAction(
        of([6000, 1], Array(6000).fill(0.3)),
        of([1], [-0.5]),
        of([6000, 1], grid),
        bounds,
      ),
    );
    expect(logP.reduce((sum, l) => sum + Math.exp(l) / 1000, 0)).toBeCloseTo(1, 5);
  });
  test("far out, where 1 − tanh² is 0 in float32 and in float64, it stays finite and right", () => {
    const at = (u: number): number =>
      run(() => squashedLogProb(of([1, 1], [u]), of([1], [0]), of([1, 1], [u])))[0];
    // ln(1 − tanh²u) → 2 ln 2 − 2u
    for (const u of [20, 100, -100]) {
      expect(at(u)).toBeCloseTo(-0.5 * Math.log(2 * Math.PI) - 2 * Math.LN2 + 2 * Math.abs(u), 10);
    }
  });
  test("gradients, pathwise too; the two forms agree", () => {
    check((d) => {
      const shape = [d.size(), d.some()];
      const bounds = { low: -1.5, high: 3 };
      const inputs = [d.tensor(shape), d.tensor([shape[1]]), d.tensor(shape)];
      gradCheck((m, s, u) => squashedLogProb(m, s, u, bounds), inputs, { tolerance: 1e-6 });
      gradCheck((m, s, a) => squashedLogProbOfAction(m, s, squash(a, bounds), bounds), inputs, {
        tolerance: 1e-6,
      });
      gradCheck((m, s, e) => squashedRsample(m, s, e, bounds).action, inputs, {
        tolerance: 1e-6,
      });
      gradCheck((m, s, e) => squashedRsample(m, s, e, bounds).logProb, inputs, {
        tolerance: 1e-6,
      });
      const [m, s, u] = inputs.map((x) => variable(k, x.shape, x.data));
      const [a, b] = [
        squashedLogProb,
        (m: Tensor, s: Tensor, u: Tensor) => squashedLogProbOfAction(m, s, squash(u)),
      ].map((f) => run(() => f(m, s, u)));
      for (const [i, x] of a.entries()) expect(x).toBeCloseTo(b[i], 9);
    });
  });
  test("entropy is the action's, after squashing: −∫ p ln p, which falls as σ grows", () => {
    // by quadrature over u: H(N) + E[ln(1 − tanh²u)] + ln((high − low)/2)
    const exact = (mean: number, std: number, half: number): number => {
      let expected = 0;
      for (let z = -10; z <= 10; z += 0.001) {
        const u = mean + std * z;
        const slope = 2 * (Math.LN2 - Math.abs(u) - Math.log1p(Math.exp(-2 * Math.abs(u))));
        expected += (0.001 * slope * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
      }
      return 0.5 * Math.log(2 * Math.PI * Math.E * std * std) + expected + Math.log(half);
    };
    const n = 40_000;
    const noise = new Float64Array(2 * n);
    new Random(3).fillNormal(noise);
    const bounds = { low: [-1, 0], high: [1, 6] };
    for (const logStd of [0, 1, 2]) {
      const [mean, l] = [of([n, 2], Array(2 * n).fill(0.2)), of([2], [logStd, logStd])];
      const samples = run(() => squashedEntropySample(mean, l, of([n, 2], [...noise]), bounds));
      const right = exact(0.2, Math.exp(logStd), 1) + exact(0.2, Math.exp(logStd), 3);
      const average = samples.reduce((a, b) => a + b, 0) / n;
      expect(Math.abs(average - right)).toBeLessThan(0.015 * Math.exp(logStd));
    }
    expect(exact(0, 1, 1)).toBeCloseTo(0.67, 2);
    expect(exact(0, Math.E, 1)).toBeCloseTo(-0.765, 2);
    expect(exact(0, Math.E ** 2, 1)).toBeCloseTo(-7.074, 2);
  });
  test("bounds per dimension: each dimension as with its own bounds alone, gradients too", () => {
    const bounds = { low: [-1.5, 0], high: [3, 0.5] };
    const alone = [0, 1].map((j) => ({ low: bounds.low[j], high: bounds.high[j] }));
    const [m, s, u] = [of([1, 2], [0.3, -0.4]), of([2], [0.1, -0.2]), of([1, 2], [0.7, -1.1])];
    const one = (x: Tensor, j: number, shape: number[]) => of(shape, [x.data[j]]);
    const parts = alone.map((b, j) =>
      run(() => squashedLogProb(one(m, j, [1, 1]), one(s, j, [1]), one(u, j, [1, 1]), b)),
    );
    expect(run(() => squashedLogProb(m, s, u, bounds))[0]).toBeCloseTo(
      parts[0][0] + parts[1][0],
      12,
    );
    const action = run(() => squash(u, bounds));
    expect(action[1]).toBeCloseTo(0.25 + 0.25 * Math.tanh(-1.1), 12);
    const again = run(() => squashedLogProbOfAction(m, s, of([1, 2], action), bounds))[0];
    expect(again).toBeCloseTo(parts[0][0] + parts[1][0], 9);
    check((d) => {
      const shape = [d.size(), 2];
      const inputs = [d.tensor(shape), d.tensor([2]), d.tensor(shape)];
      gradCheck((m, s, a) => squashedLogProbOfAction(m, s, squash(a, bounds), bounds), inputs, {
        tolerance: 1e-6,
      });
      gradCheck((m, s, e) => squashedEntropySample(m, s, e, bounds), inputs, {
        tolerance: 1e-6,
      });
    });
    expect(() => run(() => squash(u, { low: [0, 0, 0], high: 1 }))).toThrow(ShapeError);
    expect(() => run(() => squash(u, { low: 1, high: 1 }))).toThrow(RangeError);
  });
  test("sample and mode; an action at a bound is refused", () => {
    const [action, u] = [new Float64Array(1), new Float64Array(1)];
    squashedSample({ action, u }, of([1, 1], [0]), of([1], [0]), [0.5], { low: 0, high: 2 });
    expect(u[0]).toBe(0.5);
    expect(action[0]).toBeCloseTo(1 + Math.tanh(0.5), 12);
    squashedMode(action, of([1, 1], [-1]));
    expect(action[0]).toBeCloseTo(Math.tanh(-1), 12);
    const one = of([1, 1], [1]);
    expect(() => run(() => squashedLogProbOfAction(one, of([1], [0]), one))).toThrow(RangeError);
  });
});

describe("multi-categorical", () => {
  const nvec = [2, 3];
  test("is the sum of its choices' categoricals", () => {
    const logits = of([2, 5], [0.1, -0.4, 1, 2, 0.5, -1, 0.3, 0, 0.2, -0.7]);
    const other = of([2, 5], [0.5, 0.2, -1, 0, 0.1, 0.3, 0.3, 1, -0.2, 0.9]);
    const action = of([2, 2], [1, 2, 0, 1]);
    const parts = (x: Tensor): Tensor[] => [
      o.slice(x, [
        [0, 2],
        [0, 2],
      ]),
      o.slice(x, [
        [0, 2],
        [2, 5],
      ]),
    ];
    const choice = (j: number): Tensor =>
      o.reshape(
        o.slice(action, [
          [0, 2],
          [j, j + 1],
        ]),
        [2],
      );
    const sumOf = (f: (x: Tensor, j: number) => Tensor): number[] =>
      run(() => o.add(f(parts(logits)[0], 0), f(parts(logits)[1], 1)));
    const near = (a: number[], b: number[]): void => {
      for (const [i, x] of a.entries()) expect(x).toBeCloseTo(b[i], 12);
    };
    near(
      run(() => multiCategoricalLogProb(logits, action, nvec)),
      sumOf((x, j) => categoricalLogProb(x, choice(j))),
    );
    near(
      run(() => multiCategoricalEntropy(logits, nvec)),
      sumOf((x) => categoricalEntropy(x)),
    );
    near(
      run(() => multiCategoricalKl(logits, other, nvec)),
      sumOf((x, j) => categoricalKl(x, parts(other)[j])),
    );
  });
  test("gradients, with and without masks", () => {
    check((d) => {
      const shape = [d.size(), 5];
      const mask = {
        shape,
        data: Array.from({ length: shape[0] * 5 }, (_, i) =>
          i % 5 === 0 || i % 5 === 2 ? 1 : d.below(2),
        ),
        grad: false,
      };
      const action = { shape: [shape[0], 2], data: new Float64Array(2 * shape[0]), grad: false };
      for (const masked of [true, false]) {
        const m = (t: Tensor): Tensor | undefined => (masked ? t : undefined);
        gradCheck(
          (x, a, t) => multiCategoricalLogProb(x, a, nvec, m(t)),
          [d.tensor(shape), action, mask],
        );
        gradCheck((x, t) => multiCategoricalEntropy(x, nvec, m(t)), [d.tensor(shape), mask]);
        gradCheck(
          (x, y, t) => multiCategoricalKl(x, y, nvec, m(t)),
          [d.tensor(shape), d.tensor(shape), mask],
        );
      }
    });
  });
  test("sample, mode, masks, errors", () => {
    const logits = of([1, 5], [0, Math.log(3), 0, 5, 5]);
    const action = new Float64Array(2);
    multiCategoricalSample(action, logits, [0.26, 0.999999], nvec);
    expect([...action]).toEqual([1, 2]);
    multiCategoricalMode(action, logits, nvec);
    expect([...action]).toEqual([1, 1]);
    multiCategoricalMode(action, logits, nvec, of([1, 5], [1, 0, 0, 0, 1]));
    expect([...action]).toEqual([0, 2]);
    const dead = of([1, 5], [1, 1, 0, 0, 0]);
    expect(() => multiCategoricalSample(action, logits, [0, 0], nvec, dead)).toThrow(MaskError);
    expect(() => run(() => multiCategoricalEntropy(logits, [2, 2]))).toThrow(ShapeError);
    expect(() => run(() => multiCategoricalLogProb(logits, of([1, 2], [2, 0]), nvec))).toThrow(
      RangeError,
    );
  });
});
