/** The vector files hold the optimizers to PyTorch; here is what they do not say. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { Sgd } from "../../src/extra/sgd.ts";
import { Adam } from "../../src/optim/adam.ts";
import { clipGlobalNorm } from "../../src/optim/clip.ts";
import { Rmsprop } from "../../src/optim/rmsprop.ts";
import { cosine, linear, withWarmup } from "../../src/optim/schedule.ts";

function one(value = 1, grad = 0) {
  const parameters = new Parameters(loops(Float64Array));
  const w = parameters.add("w", [1], [value]);
  w.grad[0] = grad;
  return { parameters, w };
}

describe("optimizers", () => {
  test("step clears the gradients, so that the next backward starts from 0", () => {
    const { parameters, w } = one(1, 3);
    new Sgd(parameters, { learningRate: 0.1 }).step();
    expect(w.data[0]).toBeCloseTo(0.7, 15);
    expect(w.grad[0]).toBe(0);
  });

  test("Adam's first step has the size of the learning rate, whatever the gradient", () => {
    for (const grad of [1e-3, 1, 1e4]) {
      const { parameters, w } = one(0, grad);
      new Adam(parameters, { eps: 0 }).step(0.1);
      expect(w.data[0]).toBeCloseTo(-0.1, 12);
    }
  });

  test("RMSprop, eps inside the root: w − lr·g/√((1 − α)g² + eps)", () => {
    const { parameters, w } = one(0, 2);
    new Rmsprop(parameters, { learningRate: 1, alpha: 0.9, eps: 0.1, epsInsideRoot: true }).step();
    expect(w.data[0]).toBeCloseTo(-2 / Math.sqrt(0.4 + 0.1), 12);
  });

  test("groups keep their own learning rate when one is passed to step", () => {
    const parameters = new Parameters(loops(Float64Array));
    const [a, b] = ["a", "b"].map((name) => parameters.add(name, [1], [0]));
    a.grad[0] = 1;
    b.grad[0] = 1;
    const sgd = new Sgd([{ parameters: [a], learningRate: 0.5 }, { parameters: [b] }]);
    sgd.step(0.1);
    expect([a.data[0], b.data[0]]).toEqual([-0.5, -0.1]);
  });

  test("settings out of range are refused by name", () => {
    const { parameters } = one();
    expect(() => new Adam(parameters, { beta1: 1 })).toThrow(/beta1: expected ≥ 0 and < 1, got 1/);
    expect(() => new Sgd(parameters, { learningRate: -1 })).toThrow(/learningRate/);
    expect(() => new Sgd(parameters, { nesterov: true })).toThrow(/nesterov/);
    expect(() => new Adam(parameters, { learningRate: Number.NaN })).toThrow(RangeError);
  });
});

test("clipGlobalNorm: returns the norm; leaves small gradients alone", () => {
  const gradients = [{ grad: Float64Array.of(3) }, { grad: Float64Array.of(4) }];
  expect(clipGlobalNorm(gradients, 10)).toBe(5);
  expect(gradients[1].grad[0]).toBe(4);
  clipGlobalNorm(gradients, 1);
  expect(gradients[1].grad[0]).toBeCloseTo(0.8, 6);
});

test("schedules end where they should and stay there", () => {
  expect(linear(1, 10)(20)).toBe(0);
  expect(cosine(1, 10, 0.1)(20)).toBeCloseTo(0.1, 12);
  const warm = withWarmup(1, 4, linear(1, 4));
  expect([0, 2, 4, 6, 9].map(warm)).toEqual([0, 0.5, 1, 0.5, 0]);
});
