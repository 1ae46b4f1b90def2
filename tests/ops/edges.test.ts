import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import * as ops from "../../src/ops/index.ts";

const k = loops();
const run = (body: () => Tensor) => new Tape(k).run(body);

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
