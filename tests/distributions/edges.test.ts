import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { MaskError, NumericError, ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import * as pg from "../../src/index.ts";
import * as ops from "../../src/ops/index.ts";

const k = loops();
const row = (...x: number[]): Tensor => input(k, [1, x.length], x);

describe("samplers check what they are given", () => {
  const logits = input(k, [2, 3]);
  const two = new Float32Array(2);

  test("a mask, noise or actions of another shape", () => {
    const mask = input(k, [3], [0, 0, 1]);
    const noise = [0.1, 0.1];
    expect(() => pg.categoricalSample(two, logits, noise, mask)).toThrow(ShapeError);
    expect(() => pg.categoricalSample(two, logits, [0.1])).toThrow(ShapeError);
    expect(() => pg.categoricalSample(new Float32Array(3), logits, [0.1, 0.1, 0.1])).toThrow(
      ShapeError,
    );
    expect(() => pg.categoricalMode(new Float32Array(1), logits)).toThrow(ShapeError);
    expect(() => pg.categoricalGumbelArgmax(two, logits, [0, 0])).toThrow(ShapeError);
    const four = new Float32Array(4);
    const wide = input(k, [2, 5]);
    expect(() => pg.multiCategoricalSample(four, wide, [0.1], [2, 3])).toThrow(ShapeError);
    expect(() => pg.multiCategoricalSample(four, wide, [0.1, 0.1, 0.1, 0.1], [2, 2])).toThrow(
      ShapeError,
    );
    expect(() => pg.multiCategoricalMode(two, wide, [2, 3])).toThrow(ShapeError);
    expect(() => pg.bernoulliSample(two, logits, [0.1, 0.1])).toThrow(ShapeError);
    expect(() => pg.gaussianSample(two, logits, input(k, [3]), [0.1, 0.1])).toThrow(ShapeError);
    expect(two.every((x) => x === 0)).toBe(true);
  });

  test("noise outside [0, 1)", () => {
    for (const u of [1, -0.1, Number.NaN]) {
      expect(() => pg.categoricalSample(two, logits, [0.5, u])).toThrow(RangeError);
    }
  });

  test("rows of −∞ alone, or with +∞, have no likeliest action", () => {
    const [none, certain] = [-Infinity, Infinity].map((x) => input(k, [2, 3], [0, 0, 1, x, x, x]));
    const noise = [0, 0, 0, 0, 0, 0];
    const one = new Float32Array(2);
    for (const of of [
      (x: Tensor) => pg.categoricalMode(one, x),
      (x: Tensor) => pg.categoricalGumbelArgmax(one, x, noise),
      (x: Tensor) => pg.multiCategoricalMode(one, x, [3]),
    ]) {
      expect(() => of(none)).toThrow(MaskError);
      expect(() => of(certain)).toThrow(NumericError);
    }
  });

  test("a Bernoulli logit of ±∞ makes its value certain", () => {
    const of = (x: number, value: number) => {
      const logits = variable(k, [1, 1], [x]);
      const tape = new Tape(k);
      const y = tape.run(() => ops.sum(pg.bernoulliLogProb(logits, row(value))));
      tape.backward(y);
      return [y.data[0], logits.grad[0]];
    };
    expect([of(Infinity, 1), of(-Infinity, 0)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect([of(Infinity, 0), of(-Infinity, 1)]).toEqual([
      [-Infinity, -1],
      [-Infinity, 1],
    ]);
  });

  test("NaN logits and infinite ones, sampled or greedy, are an error that names the position", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = input(k, [2, 3], [0, 0, 0, 0, bad, 0]);
      expect(() => pg.categoricalSample(two, x, [0.1, 0.1])).toThrow(NumericError);
    }
    const nan = input(k, [2, 3], [0, 0, 0, 0, Number.NaN, 0]);
    expect(() => pg.categoricalMode(two, nan)).toThrow(/got NaN at position 4/);
    expect(() =>
      pg.multiCategoricalMode(new Float32Array(4), row(0, Number.NaN, 0), [3]),
    ).toThrow();
    expect(() => pg.bernoulliSample(new Float32Array(2), row(0, Number.NaN), [0, 0])).toThrow(
      NumericError,
    );
    expect(() => pg.bernoulliMode(new Float32Array(2), row(0, Number.NaN))).toThrow(NumericError);
    const mean = row(Number.NaN);
    expect(() => pg.gaussianSample(new Float32Array(1), mean, input(k, [1]), [0])).toThrow(
      NumericError,
    );
    const masked = input(k, [2, 3], [1, 1, 1, 1, 0, 1]);
    pg.categoricalSample(two, nan, [0.9, 0.9], masked); // masked NaN is not read
    expect([...two]).toEqual([2, 2]);
  });

  test("uniform noise that rounds to 1 in float32 is the last number below 1", () => {
    const noise = new Float32Array(1);
    const almost = Object.assign(new pg.Random(1), { uniform: () => 1 - 2 ** -53 });
    almost.fillUniform(noise);
    expect(noise[0]).toBe(1 - 2 ** -24);
    const doubles = new Float64Array(1);
    almost.fillUniform(doubles);
    expect(doubles[0]).toBe(1 - 2 ** -53);
  });
});

describe("large logits keep their differences in float32", () => {
  test.each([
    ["categorical", (x: Tensor, a: Tensor) => pg.categoricalLogProb(x, ops.reshape(a, [1]))],
    ["multi-categorical", (x: Tensor, a: Tensor) => pg.multiCategoricalLogProb(x, a, [2])],
  ])("%s log-probability of [1e8, 1e8]", (_, f) => {
    const x = variable(k, [1, 2], [1e8, 1e8]);
    const tape = new Tape(k);
    const y = tape.run(() => ops.sum(f(x, input(k, [1, 1]))));
    tape.backward(y);
    expect(y.data[0]).toBeCloseTo(-Math.LN2, 6);
    expect(x.grad[0]).toBeCloseTo(0.5, 6);
    expect(x.grad[1]).toBeCloseTo(-0.5, 6);
  });

  test("multi-categorical entropy and KL, and logsumexp's gradient", () => {
    const x = variable(k, [1, 2], [1e8, 1e8]);
    const z = variable(k, [1, 2], [-1e8, -1e8 + 16]);
    const tape = new Tape(k);
    const entropy = tape.run(() => ops.sum(pg.multiCategoricalEntropy(x, [2])));
    expect(entropy.data[0]).toBeCloseTo(Math.LN2, 6);
    const kl = tape.run(() => ops.sum(pg.multiCategoricalKl(x, z, [2])));
    tape.backward(kl);
    expect(kl.data[0]).toBeCloseTo(8 - Math.LN2, 5);
    expect(z.grad[1]).toBeCloseTo(0.5, 6);
    x.grad.fill(0);
    tape.backward(tape.run(() => ops.logsumexp(x)));
    expect([...x.grad].map((g) => Math.round(g * 1e6) / 1e6)).toEqual([0.5, 0.5]);
  });
});

describe.each([k, simd({ memory: 1 << 20 })])("$name: logits that are all NaN", (backend) => {
  test.each([3, 8, 20])("give NaN, not a MaskError, n = %d", (n) => {
    const x = variable(backend, [2, n], new Float32Array(2 * n).fill(Number.NaN, n));
    const tape = new Tape(backend);
    const y = tape.run(() => pg.categoricalLogProb(x, input(backend, [2])));
    expect(y.data[0]).toBeCloseTo(-Math.log(n), 6);
    expect(y.data[1]).toBeNaN();
    x.data.fill(Number.NEGATIVE_INFINITY, n);
    expect(() => tape.run(() => pg.categoricalLogProb(x, input(backend, [2])))).toThrow(MaskError);
  });
});
