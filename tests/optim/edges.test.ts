import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { Rmsprop } from "../../src/optim/rmsprop.ts";

const k = loops();

test("centered RMSprop stays finite where rounding takes v − mean² below 0", () => {
  const parameters = new Parameters(k);
  const a = parameters.add("a", [1], [1]);
  const optimizer = new Rmsprop(parameters, { centered: true, learningRate: 1e-4 });
  for (let i = 0; i < 4000; i++) {
    a.grad[0] = i < 2000 ? 2 : 1;
    optimizer.step();
    expect(Number.isFinite(a.data[0])).toBe(true);
  }
});

test("a learning rate that is NaN or negative is refused, and nothing moves", () => {
  const parameters = new Parameters(k);
  const a = parameters.add("a", [1], [1]);
  const optimizer = new Rmsprop(parameters);
  a.grad[0] = 1;
  for (const rate of [Number.NaN, -1]) expect(() => optimizer.step(rate)).toThrow(RangeError);
  expect(a.data[0]).toBe(1);
  expect(optimizer.steps).toBe(0);
});
