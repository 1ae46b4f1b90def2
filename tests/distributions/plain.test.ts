/**
 * Every distribution written a second time over lists: values, and gradients against differences, for each choice of
 * which inputs have one, with rows that nothing is asked of; on both backends.
 */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, variable } from "../../src/core/tensor.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { sum } from "../../src/ops/reduce.ts";
import { type Case, cases, type List, rows, total } from "./plain-cases.ts";

const k = loops(Float64Array);
const rowOf = ({ shape, data }: Case["inputs"][number], row: number): number[] => {
  if (shape.length === 1 && shape[0] !== rows) return data;
  const n = data.length / rows;
  return shape.length === 1 && data.length === rows
    ? [data[row]]
    : data.slice(row * n, (row + 1) * n);
};
const plainly = ({ plain, inputs }: Case): number[] =>
  Array.from({ length: rows }, (_, row) => plain(...inputs.map((x) => rowOf(x, row)))).flat();

/** Values, and gradients of Σ c·value to the inputs that `wants`. */
function run(on: Backend, { op, inputs }: Case, wants: readonly boolean[], c: List | null) {
  const tensors = inputs.map(({ shape, data }, i) =>
    (wants[i] ? variable : input)(on, shape, data),
  );
  const tape = new Tape(on);
  let values: number[] = [];
  const loss = tape.run(() => {
    const y = op(...tensors);
    values = Array.from(y.data);
    return c === null ? sum(y) : sum(mul(y, input(on, y.shape, c)));
  });
  if (wants.some(Boolean)) tape.backward(loss);
  return { values, grads: tensors.map(({ grad }) => (grad === null ? null : Array.from(grad))) };
}
const near = (got: List, want: List, digits: number): void => {
  expect(got.length).toBe(want.length);
  for (const [i, v] of want.entries())
    expect(Math.abs(got[i] - v)).toBeLessThan(10 ** -digits * Math.max(1, Math.abs(v)));
};

describe.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
  const want = plainly(c);
  const coefficients = want.map((_v, i) =>
    Math.floor((i * rows) / want.length) === 1 ? 0 : i - 1.5,
  );
  const slopes = c.inputs.map(({ shape, data }, i) =>
    c.smooth[i]
      ? data.map((v, j) => {
          const at = (h: number): number => {
            const inputs = c.inputs.map((x, m) =>
              m === i ? { shape, data: data.map((y, n) => (n === j ? v + h : y)) } : x,
            );
            return total(
              plainly({ ...c, inputs }).map((y, n) =>
                coefficients[n] === 0 ? 0 : y * coefficients[n],
              ),
            );
          };
          return (at(1e-5) - at(-1e-5)) / 2e-5;
        })
      : null,
  );
  const some = c.smooth.map((_s, i) => c.smooth.map((smooth, j) => smooth && j === i));
  test("values, and gradients to one input, or to all that can have one", () => {
    for (const [on, digits] of [
      [k, 6],
      [loops(), 3],
      [simd({ memory: 2 ** 22 }), 3],
    ] as const)
      for (const wants of [c.smooth, ...some.filter((x) => x.some(Boolean))]) {
        const { values, grads } = run(on, c, wants, coefficients);
        near(values, want, digits + 1 > 5 ? 9 : 4);
        for (const [i, wanted] of wants.entries()) {
          if (wanted) near(grads[i] ?? [], slopes[i] ?? [], digits);
          else expect(grads[i]).toBeNull();
        }
      }
  });
  test("a row that nothing is asked of leaks no NaN", () => {
    for (const [i, { shape, data }] of c.inputs.entries()) {
      if (!c.smooth[i] || shape.length === 1 || c.name.endsWith("of an action")) continue;
      const n = data.length / rows;
      const broken = data.map((v, j) => (Math.floor(j / n) === 1 ? Number.NaN : v));
      const inputs = c.inputs.map((x, j) => (j === i ? { shape, data: broken } : x));
      const { grads } = run(k, { ...c, inputs }, c.smooth, coefficients);
      for (const [j, smooth] of c.smooth.entries())
        if (smooth) near(grads[j] ?? [], slopes[j] ?? [], 6);
    }
  });
  test("what has no derivative gets none", () => {
    const wants = c.smooth.map((smooth) => !smooth);
    for (const on of [k, simd({ memory: 2 ** 22 })])
      for (const g of run(on, c, wants, coefficients).grads)
        expect(g?.every((x) => x === 0) ?? true).toBe(true);
  });
  test("nothing asked for: no gradient, and a constant's value", () => {
    near(
      run(
        k,
        c,
        c.smooth.map(() => false),
        null,
      ).values,
      want,
      9,
    );
  });
  test("inputs of another shape are refused", () => {
    // one more row, or one more number in each where rows share the rest
    const wider = /Gaussian|squashed/.test(c.name);
    const changed = ({ shape }: Case["inputs"][number]) => {
      const larger = shape.map((n, axis) => n + Number(axis === (wider ? shape.length - 1 : 0)));
      return { shape: larger, data: new Array(larger.reduce((a, b) => a * b)).fill(1) };
    };
    const none = c.smooth.map(() => false);
    for (const i of c.inputs.keys()) {
      if (c.inputs.length === 1) break;
      const inputs = c.inputs.map((x, j) => (j === i ? changed(x) : x));
      expect(() => run(k, { ...c, inputs }, none, null)).toThrow(ShapeError);
    }
  });
});
