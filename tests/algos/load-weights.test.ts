/** Saved weights in another model: all of them, or none. */
import { expect, test } from "vitest";
import { loadWeights } from "../../src/algos/load-weights.ts";
import { loops } from "../../src/backends/loops.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Parameters } from "../../src/core/tensor.ts";

const made = () => {
  const parameters = new Parameters(loops());
  return { parameters, w: parameters.add("a.weight", [2, 3]), b: parameters.add("a.bias", [2]) };
};
const saved = { "a.weight": [1, 2, 3, 4, 5, 6], "a.bias": [7, 8] };
test("takes all weights, and leaves out those of a critic or value head", () => {
  const { parameters, w, b } = made();
  loadWeights(parameters, { ...saved, "critic.0.bias": [9], "value.weight": [9] });
  expect([[...w.data], [...b.data]]).toEqual([
    [1, 2, 3, 4, 5, 6],
    [7, 8],
  ]);
});
test.each([
  [{ "a.bias": [7] }, "weights: expected a.bias of [2], got 1 numbers"],
  [{ "a.bias": null }, "weights: expected a.bias of [2], got none"],
  [{ "a.bias": [7, Number.NaN] }, "weights: expected finite numbers in a.bias, got NaN at 1"],
  [{ "b.bias": [7] }, "weights: expected a model without b.bias, which the saved one has"],
  [{ criticism: [7] }, "weights: expected a model without criticism, which the saved one has"],
])("refuses %j and changes nothing", (change, message) => {
  const { parameters, w, b } = made();
  expect(() => loadWeights(parameters, { ...saved, ...change })).toThrow(message);
  expect(() => loadWeights(parameters, { ...saved, ...change })).toThrow(FormatError);
  expect([...w.data, ...b.data]).toEqual(new Array(8).fill(0));
});
test("tells the saved shape where it is known, also of as many numbers", () => {
  const shapes = new Map([["a.weight", [3, 2]]]);
  expect(() => loadWeights(made().parameters, saved, shapes)).toThrow(
    "weights: expected a.weight of [2, 3], got [3, 2]",
  );
});
