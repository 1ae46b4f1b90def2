import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import { reinforceLoss } from "../../src/extra/reinforce-loss.ts";
import * as o from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";

const k = loops(Float64Array);

describe("reinforceLoss", () => {
  test("by hand: −(2·(−1) + (−3)·(−0.5))/2 = 0.25, gradient −Â/2", () => {
    const logProb = variable(k, [2], [-1, -0.5]);
    const tape = new Tape(k);
    const loss = tape.run(() => reinforceLoss(logProb, input(k, [2], [2, -3])));
    tape.backward(loss);
    expect(loss.data[0]).toBeCloseTo(0.25, 15);
    expect([...logProb.grad]).toEqual([-1, 1.5]);
  });

  test("equals its composed form, and passes the gradient check", () => {
    const inputs = [
      { shape: [3, 2], data: [-1, -0.2, -3, -0.7, -0.1, -2] },
      { shape: [3, 2], data: [1, -2, 0.5, 3, 0, -1], grad: false },
    ];
    gradCheck((p, a) => reinforceLoss(p, a), inputs);
    gradCheck((p, a) => o.sub(reinforceLoss(p, a), o.neg(o.mean(o.mul(p, a)))), inputs);
    const [p, a] = inputs.map(({ shape, data }) => input(k, shape, data));
    const difference = new Tape(k).run(() => o.add(reinforceLoss(p, a), o.mean(o.mul(p, a))));
    expect(difference.data[0]).toBeCloseTo(0, 15);
  });

  test("advantage 0 selects a step away, NaN and all; shapes must agree", () => {
    const logProb = variable(k, [2], [Number.NaN, -1]);
    const tape = new Tape(k);
    const loss = tape.run(() => reinforceLoss(logProb, input(k, [2], [0, 1])));
    tape.backward(loss);
    expect(loss.data[0]).toBe(0.5);
    expect(logProb.grad[0] === 0).toBe(true);
    const short = input(k, [3]);
    expect(() => tape.run(() => reinforceLoss(logProb, short))).toThrow(ShapeError);
  });
});
