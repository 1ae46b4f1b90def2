import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { Rmsprop } from "../../src/optim/rmsprop.ts";

const k = loops();

test("centered RMSprop keeps its variance where v − mean² is lost in rounding", () => {
  const parameters = new Parameters(k);
  const a = parameters.add("a", [1], [1]);
  const optimizer = new Rmsprop(parameters, { centered: true, learningRate: 1e-4 });
  let [w, square, mean] = [1, 0, 0]; // by the definition, in float64
  for (let i = 0; i < 4000; i++) {
    const g = i < 2000 ? 2 : 1;
    a.grad[0] = g;
    optimizer.step();
    square = 0.99 * square + 0.01 * g * g;
    mean = 0.99 * mean + 0.01 * g;
    w -= (1e-4 * g) / (Math.sqrt(square - mean * mean) + 1e-8);
  }
  expect(w).toBeCloseTo(-923.137, 2);
  expect(Math.abs(a.data[0] / w - 1)).toBeLessThan(0.005); // the state is float32
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
