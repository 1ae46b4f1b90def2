import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import * as ops from "../../src/ops/index.ts";

const k = loops();
const run = (body: () => Tensor) => new Tape(k).run(body);

/** The gradients of `of`'s sum. */
function gradients(
  inputs: readonly (readonly number[])[],
  of: (...x: Tensor[]) => Tensor,
  backend = k,
): number[][] {
  const x = inputs.map((values) => variable(backend, [values.length], values));
  const tape = new Tape(backend);
  tape.backward(tape.run(() => ops.sum(of(...x))));
  return x.map(({ grad }) => Array.from(grad));
}

test("a share of 0 passes no infinity on", () => {
  for (const of of [ops.minimum, ops.maximum]) {
    const [least, most] = of === ops.minimum ? [0, 1] : [-1, 0];
    expect(
      gradients([[least], [most]], (a, b) => ops.sqrt(of(a, b)))[of === ops.minimum ? 1 : 0],
    ).toEqual([0]);
  }
});

test("0 and −0 are equal where equal values share a gradient", () => {
  for (const of of [ops.max, ops.min])
    for (const values of [
      [0, -0],
      [-0, 0],
    ])
      expect(gradients([values], (x) => of(x))).toEqual([[0.5, 0.5]]);
});

test("GELU's slope is 0 or 1 far from 0", () => {
  for (const backend of [k, simd(), loops(Float64Array)]) {
    const values = [-3e38, -1e20, -50, 50, 1e20, 3e38];
    const slopes = values.map((x) => (x > 0 ? 1 : 0));
    expect(gradients([values], (x) => ops.gelu(x), backend)[0].map((x) => x + 0)).toEqual(slopes);
  }
});

describe("layout", () => {
  test("permute wants each axis once", () => {
    const x = input(k, [2, 3]);
    for (const perm of [[0, 1, 0], [0], [1, 1], [0, 2], [0, -3], [0, 0.5]]) {
      expect(() => run(() => ops.permute(x, perm))).toThrow(ShapeError);
    }
    expect(run(() => ops.permute(x, [1, -2])).shape).toEqual([3, 2]);
  });

  test("rows wants whole rows", () => {
    const x = input(k, [3, 2]);
    for (const [start, stop] of [
      [0.5, 2.5],

      [-1, 2],
      [2, 1],
      [0, 4],
    ]) {
      expect(() => run(() => ops.rows(x, start, stop))).toThrow(ShapeError);
    }
  });
});

describe("maxPool2d", () => {
  test("NaN wins, at any place of its window", () => {
    for (const values of [
      [Number.NaN, 1],
      [1, Number.NaN],
    ]) {
      const x = variable(k, [1, 1, 1, 2], values);
      const tape = new Tape(k);
      const y = tape.run(() => ops.sum(ops.maxPool2d(x, [1, 2])));
      tape.backward(y);
      expect(y.data[0]).toBeNaN();
      expect([...x.grad]).toEqual(values.map((v) => (Number.isNaN(v) ? 1 : 0)));
    }
    expect(
      run(() => ops.maxPool2d(input(k, [1, 1, 1, 3], [Number.NaN, 5, 7]), [1, 3])).data[0],
    ).toBeNaN();
  });

  test("the gradient goes to the winner beyond element 2²⁴", () => {
    const winner = 2 ** 24 + 1; // odd: float32 has no such number
    const x = variable(k, [1, 1, 1, 2 ** 24 + 4]);
    x.data[winner] = 1;
    const tape = new Tape(k);
    // five windows of four, the last from 2²⁴ on
    tape.backward(tape.run(() => ops.sum(ops.maxPool2d(x, [1, 4], [1, 2 ** 22]))));
    expect([...x.grad.subarray(2 ** 24)]).toEqual([0, 1, 0, 0]);
  });
});
