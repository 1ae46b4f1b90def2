/** Estimators' kin: what published cases of other libraries have beside the common forms. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import * as pg from "../../src/index.ts";
import { quantileHuber } from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { ExponentialMoments } from "../../src/returns/running.ts";

const k = loops(Float64Array);
const f = (...x: number[]): Float64Array => Float64Array.from(x);
const row = (x: ArrayLike<number>) => input(k, [x.length], x);

describe("DPPO: the mask of the binary total variation", () => {
  // old probability, new probability, advantage, whether it is cut at δ = 0.2
  const tokens: [number, number, number, boolean][] = [
    [0.1, 0.25, 1, false], // ratio 2.5, but the probability moved by 0.15 only
    [0.1, 0.35, 1, true],
    [0.1, 0.35, -1, false], // the gradient brings it back
    [0.9, 0.65, -1, true],
    [0.9, 0.65, 1, false],
    [0.9, 0.75, -1, false],
    [0.5, 0.9, 0, false],
  ];
  test.each(tokens)("from %d to %d, advantage %d: cut %s", (before, after, advantage, cut) => {
    const x = variable(k, [1], [Math.log(after)]);
    const settings = { ...pg.surrogateDefaults, form: "tv" as const };
    const tape = new Tape(k);
    const loss = tape.run(() =>
      pg.surrogateLoss(x, row([Math.log(before)]), row([advantage]), row([1]), settings),
    );
    tape.backward(loss);
    const want = cut ? 0 : (-after / before) * advantage;
    expect(loss.data[0]).toBeCloseTo(want, 12);
    expect(x.grad[0]).toBeCloseTo(want, 12);
    expect(pg.diagnostics(loss).clipFraction).toBe(cut ? 1 : 0);
  });
  test("its gradient, where nothing is cut", () => {
    const s = { ...pg.surrogateDefaults, form: "tv" as const };
    gradCheck(
      (x, old, A, w) => pg.surrogateLoss(x, old, A, w, s),
      [
        { shape: [3], data: [-1, -2, -3] },
        { shape: [3], data: [-1.1, -2.2, -2.9], grad: false },
        { shape: [3], data: [1, -1, 0.5], grad: false },
        { shape: [3], data: [1, 0.5, 2], grad: false },
      ],
    );
  });
});

describe("klLoss with an importance weight and clamps", () => {
  const run = (clampOf: "product" | "estimate", d: number, settings: object) => {
    const x = variable(k, [1], [0]);
    const tape = new Tape(k);
    const loss = tape.run(() =>
      pg.klLoss(x, row([d]), row([1]), {
        ...pg.klDefaults,
        importance: true,
        clampOf,
        ...settings,
      }),
    );
    tape.backward(loss);
    return [loss.data[0], x.grad[0]];
  };
  const k3 = (d: number): number => Math.exp(d) - 1 - d;
  test("inside the clamps both forms are k, with the gradient k + ∂k", () => {
    for (const form of ["product", "estimate"] as const) {
      const [value, grad] = run(form, 1, { outputClamp: 5, inputClamp: 5 });
      expect(value).toBeCloseTo(k3(1), 12);
      expect(grad).toBeCloseTo(k3(1) + 1 - Math.E, 12);
    }
  });
  test("a clamp of the product passes no gradient, one of the estimate k·∇ln π", () => {
    expect(run("product", 3, { outputClamp: 5 })).toEqual([5, 0]);
    expect(run("estimate", 3, { outputClamp: 5 })).toEqual([5, 5]);
    expect(run("product", 3, { inputClamp: 2 })[1]).toBe(0);
    const [value, grad] = run("estimate", 3, { inputClamp: 2 });
    expect(value).toBeCloseTo(k3(2), 12);
    expect(grad).toBeCloseTo(k3(2), 12);
  });
  test("without a weight the two are one", () => {
    const plain = (clampOf: "product" | "estimate") =>
      run(clampOf, 3, { outputClamp: 5, importance: false });
    expect(plain("product")).toEqual([5, 0]);
    expect(plain("estimate")).toEqual([5, 0]);
  });
});

test("importanceWeights says which shares its bounds cut", () => {
  const out = new Float64Array(6);
  const ratios = [0.1, 1, 3, 1, 5, 9];
  const settings = { level: "token", mode: "truncate", low: 0.5, high: 4 } as const;
  const call = (s: object, mask = f(1, 1, 1, 1, 1, 0)) =>
    pg.importanceWeights(
      out,
      {
        logProb: Float64Array.from(ratios, Math.log),
        samplerLogProb: f(0, 0, 0, 0, 0, 0),
        mask,
        steps: 3,
      },
      {
        ...settings,
        ...s,
      },
    );
  expect(call({})).toEqual({ below: 1 / 5, above: 1 / 5, dropped: 0 });
  expect([...out].map((x) => Number(x.toFixed(9)))).toEqual([0.5, 1, 3, 1, 4, 0]);
  expect(call({ mode: "mask" })).toEqual({ below: 1 / 5, above: 1 / 5, dropped: 2 / 5 });
  expect(call({ mode: "drop" }).dropped).toBe(1);
  expect(call({}, f(0, 0, 0, 0, 0, 0))).toEqual({ below: 0, above: 0, dropped: 0 });
});

describe("quantileHuber", () => {
  test("by hand: quantiles at ¼ and ¾, one target", () => {
    const x = input(k, [1, 2], [0, 3]);
    const target = input(k, [1, 1], [1]);
    const loss = new Tape(k).run(() => quantileHuber(x, target, 1, "none"));
    // u = 1: ¼·½;  u = −2: |¾ − 1|·1.5
    expect(loss.data[0]).toBeCloseTo(0.25 * 0.5 + 0.25 * 1.5, 12);
  });
  test("its least is at the quantiles of the targets", () => {
    const targets = Array.from({ length: 400 }, (_, i) => (i + 0.5) / 400);
    const at = (x: number) =>
      new Tape(k).run(() =>
        quantileHuber(input(k, [1, 2], [x, 0.75]), input(k, [1, 400], targets), 1e-3, "sum"),
      ).data[0];
    for (const x of [0.15, 0.2, 0.3, 0.35]) expect(at(x)).toBeGreaterThan(at(0.25));
  });
  test("gradients, to both", () => {
    gradCheck(
      (x, t) => quantileHuber(x, t, 0.7),
      [
        { shape: [2, 3], data: [0.1, 1.2, -2, 0.4, 3, 0.9] },
        { shape: [2, 2], data: [1, -1, 0.55, 2.4] },
      ],
    );
  });
});

test("ExponentialMoments: weighted by (1 − β)βⁱ, without the start's bias; saved and restored", () => {
  const moments = new ExponentialMoments(0.9);
  expect([moments.mean, moments.variance]).toEqual([0, 1]);
  const batches = [[1, 3], [2], [], [5, 5, 8]];
  const seen: { mean: number; square: number }[] = [];
  for (const batch of batches) {
    moments.update(batch);
    if (batch.length === 0) continue;
    const n = batch.length;
    const mean = batch.reduce((a, b) => a + b, 0) / n;
    seen.push({ mean, square: batch.reduce((a, b) => a + b * b, 0) / n });
    const weights = seen.map((_, i) => 0.9 ** (seen.length - 1 - i));
    const total = weights.reduce((a, b) => a + b, 0);
    const average = (of: (x: (typeof seen)[0]) => number) =>
      seen.reduce((sum, x, i) => sum + weights[i] * of(x), 0) / total;
    const m = average((x) => x.mean);
    expect(moments.mean).toBeCloseTo(m, 12);
    expect(moments.variance).toBeCloseTo(average((x) => x.square) - m * m, 12);
  }
  const again = new ExponentialMoments(0.9);
  again.restore(moments.save());
  for (const x of [moments, again]) x.update([4]);
  expect([again.mean, again.variance]).toEqual([moments.mean, moments.variance]);
});

test("mappedReward holds a reward to a range and maps it; NaN stays", () => {
  const given = [-5, 0, 2.5, 10, 99, Number.NaN];
  let at = 0;
  const reward = pg.mappedReward(() => given[at++], [0, 10], [-1, 1]);
  expect(given.map(() => reward("", "", []))).toEqual([-1, -1, -0.5, 1, 1, Number.NaN]);
  expect(() => pg.mappedReward(() => 0, [1, 0])).toThrow(RangeError);
});
