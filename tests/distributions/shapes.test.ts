/** What distributions refuse: shapes, actions that are no choice, bounds out of order. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import * as bernoulli from "../../src/distributions/bernoulli.ts";
import * as categorical from "../../src/distributions/categorical.ts";
import * as gaussian from "../../src/distributions/gaussian.ts";
import * as multi from "../../src/distributions/multi-categorical.ts";
import * as squashed from "../../src/distributions/squashed-gaussian.ts";

const k = loops(Float64Array);

describe("shapes", () => {
  const t = (shape: number[]): Tensor =>
    input(k, shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(0.5));
  const refused = (f: () => Tensor): void => expect(() => new Tape(k).run(f)).toThrow(ShapeError);
  test("scalars and empty rows have no distribution", () => {
    refused(() => categorical.categoricalEntropy(t([])));
    refused(() => categorical.categoricalEntropy(t([2, 0])));
    refused(() => bernoulli.bernoulliEntropy(t([])));
    refused(() => gaussian.gaussianEntropy(t([]), t([])));
    refused(() => multi.multiCategoricalEntropy(t([]), [1]));
    refused(() => multi.multiCategoricalEntropy(t([2, 4]), [2, 3]));
  });
  test("samplers refuse scalars and empty rows as well", () => {
    for (const shape of [[], [2, 0]]) {
      const logits = t(shape);
      for (const draw of [
        () => categorical.categoricalMode(new Float64Array(2), logits),
        () => categorical.categoricalSample(new Float64Array(2), logits, [0.5, 0.5]),
        () => multi.multiCategoricalMode(new Float64Array(2), logits, [1]),
      ])
        expect(draw).toThrow(ShapeError);
    }
  });
  test("what is NaN, logits alone or with their noise, is named", () => {
    const logits = input(k, [1, 2], [Number.NaN, 0]);
    const out = new Float64Array(1);
    expect(() => categorical.categoricalMode(out, logits)).toThrow(/logits(?! and noise)/);
  });
  test("any number of leading axes, or none", () => {
    const value = (f: () => Tensor): Tensor => new Tape(k).run(f);
    expect(value(() => categorical.categoricalEntropy(t([2, 3, 4]))).shape).toEqual([2, 3]);
    expect(value(() => categorical.categoricalEntropy(t([4]))).shape).toEqual([]);
    expect(value(() => bernoulli.bernoulliEntropy(t([4]))).shape).toEqual([]);
    expect(value(() => gaussian.gaussianEntropy(t([2, 3, 4]), t([4]))).shape).toEqual([2, 3]);
    expect(value(() => multi.multiCategoricalEntropy(t([2, 3, 4]), [2, 2])).shape).toEqual([2, 3]);
    const squashedShape = (shape: number[]): readonly number[] =>
      value(() => squashed.squashedLogProb(t(shape), t([4]), t(shape))).shape;
    expect(squashedShape([2, 3, 4])).toEqual([2, 3]);
    expect(squashedShape([4])).toEqual([]);
  });
  test("a ln σ of neither form", () => {
    refused(() => gaussian.gaussianEntropy(t([2, 3]), t([2])));
    refused(() => gaussian.gaussianEntropy(t([2, 3]), t([1, 3])));
  });
  test("actions that are no choice", () => {
    const choose = (a: number) => () =>
      new Tape(k).run(() => categorical.categoricalLogProb(t([1, 3]), input(k, [1], [a])));
    const several = (a: number) => () =>
      new Tape(k).run(() =>
        multi.multiCategoricalLogProb(t([1, 5]), input(k, [1, 2], [1, a]), [2, 3]),
      );
    for (const a of [-1, 3, 0.5, Number.NaN])
      for (const f of [choose(a), several(a)]) expect(f).toThrow(/from 0 to 2, got /);
    for (const a of [0, 2]) for (const f of [choose(a), several(a)]) expect(f).not.toThrow();
  });
  test("actions squashed into an array, by bounds of each dimension or of all", () => {
    const into = (u: number[], bounds?: squashed.Bounds): number[] => {
      const action = new Float64Array(u.length);
      squashed.squashInto(action, u, bounds);
      return [...action].map((x) => Number(x.toFixed(9)));
    };
    const y = Number(Math.tanh(0.5).toFixed(9));
    expect(into([0.5, 0, 30, -30])).toEqual([y, 0, 1, -1]);
    expect(into([0, 30, -30], { low: 1, high: 3 })).toEqual([2, 3, 1]);
    const each = { low: [1, -4], high: [3, 0] };
    expect(into([0, 0, 30, -30, -30, 30], each)).toEqual([2, -2, 3, -4, 1, 0]);
    expect(into([0, 0], { low: 1, high: [3, 5] })).toEqual([2, 3]);
    expect(into([0, 0], { low: [1, 3], high: 5 })).toEqual([3, 4]);
    expect(() => squashed.squashInto(new Float64Array(1), [1, 2])).toThrow(ShapeError);
  });
  test("samplers refuse logits of another width, though their numbers would divide, and other masks", () => {
    const [logits, u] = [t([5, 4]), new Float64Array(8)];
    const sizes = [2, 3];
    for (const f of [
      () => multi.multiCategoricalSample(new Float64Array(8), logits, u, sizes),
      () => multi.multiCategoricalMode(new Float64Array(8), logits, sizes),
      () => categorical.categoricalMode(new Float64Array(1), t([])),
      () => categorical.categoricalMode(new Float64Array(5), logits, t([4, 5])),
    ])
      expect(f).toThrow(ShapeError);
    expect(() => multi.multiCategoricalMode(new Float64Array(8), logits, sizes)).toThrow(
      "expected logits […, 5], got [5, 4]",
    );
  });
  test("bounds: alike in all dimensions are one pair; they must be finite, in order, and as many as dimensions", () => {
    expect(squashed.boundsOf([-1, -1], [2, 2])).toEqual({ low: -1, high: 2 });
    expect(squashed.boundsOf([-1, 0], [2, 2])).toEqual({ low: [-1, 0], high: [2, 2] });
    expect(squashed.boundsOf([-1, -1], [2, 3])).toEqual({ low: [-1, -1], high: [2, 3] });
    const at = (low: number | number[], high: number | number[]) => () =>
      new Tape(k).run(() => squashed.squash(t([1, 2]), { low, high }));
    for (const [low, high] of [
      [1, 1],
      [2, 1],
      [-Infinity, 1],
      [0, Infinity],
    ] as const)
      expect(at(low, high)).toThrow(RangeError);
    expect(at([0, 0], [1, 0])).toThrow(RangeError);
    expect(at([0, 0, 0], 1)).toThrow(ShapeError);
    expect(at(0, [1])).toThrow(ShapeError);
    expect(at(0, [1, 2])).not.toThrow();
    for (const a of [0, 2, -1, 3]) {
      const f = () =>
        squashed.squashedLogProbOfAction(t([1, 1]), t([1]), input(k, [1, 1], [a]), {
          low: 0,
          high: 2,
        });
      expect(() => new Tape(k).run(f)).toThrow(/expected actions between 0 and 2, got/);
    }
  });
});
