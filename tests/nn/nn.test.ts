import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters } from "../../src/core/tensor.ts";
import * as init from "../../src/nn/init.ts";
import { Mlp } from "../../src/nn/mlp.ts";

/** w·wᵀ of a [rows, columns] matrix, or wᵀ·w. */
function gram(w: Float64Array, rows: number, columns: number, ofRows: boolean): number[][] {
  const n = ofRows ? rows : columns;
  const m = ofRows ? columns : rows;
  const at = (i: number, j: number): number => (ofRows ? w[i * columns + j] : w[j * columns + i]);
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, k) =>
      Array.from({ length: m }, (_, j) => at(i, j) * at(k, j)).reduce((a, b) => a + b, 0),
    ),
  );
}
const variance = (w: Float64Array): number => w.reduce((s, x) => s + x * x, 0) / w.length;

describe("initializers", () => {
  test("orthogonal: rows, or columns of a tall weight, are orthonormal times the gain", () => {
    for (const [rows, columns] of [
      [3, 7],
      [7, 3],
      [5, 5],
      [1, 4],
      [4, 1],
    ]) {
      const w = init.orthogonal(Math.SQRT2)(new Random(1), [rows, columns]);
      for (const [i, row] of gram(w, rows, columns, rows <= columns).entries()) {
        for (const [j, x] of row.entries()) expect(x).toBeCloseTo(i === j ? 2 : 0, 12);
      }
    }
  });

  test("deviations and bounds: Xavier 2/(in + out), Kaiming 2/in, kernels counted", () => {
    const shape = [100, 50, 2, 2]; // in 200, out 400
    expect(variance(init.xavierNormal()(new Random(1), shape))).toBeCloseTo(2 / 600, 4);
    expect(variance(init.xavierUniform()(new Random(1), shape))).toBeCloseTo(2 / 600, 4);
    expect(variance(init.kaimingNormal()(new Random(1), shape))).toBeCloseTo(2 / 200, 3);
    expect(variance(init.kaimingUniform()(new Random(1), shape))).toBeCloseTo(2 / 200, 3);
    const bound = Math.sqrt(6 / 200);
    expect(
      Math.max(...init.kaimingUniform()(new Random(1), [200, 200]).map(Math.abs)),
    ).toBeLessThanOrEqual(bound);
  });

  test("truncated normal: nothing beyond the cut", () => {
    const w = init.truncatedNormal(0.02, 2)(new Random(1), [50, 50]);
    expect(Math.max(...w.map(Math.abs))).toBeLessThanOrEqual(0.04);
    expect(Math.sqrt(variance(w))).toBeCloseTo(0.0176, 3); // 0.02 · √(1 − 4φ(2)/(2Φ(2) − 1)) = 0.0176
  });
});

test("Mlp: names, shapes, and tanh(x·W₀ᵀ + b₀)·W₁ᵀ + b₁ by hand", () => {
  const k = loops();
  const parameters = new Parameters(k);
  const mlp = new Mlp(parameters, "policy", [2, 1, 2], new Random(1), { outputGain: 0.01 });
  expect(parameters.list.map(({ name, shape }) => `${name} [${shape}]`)).toEqual([
    "policy.0.weight [1,2]",
    "policy.0.bias [1]",
    "policy.1.weight [2,1]",
    "policy.1.bias [2]",
  ]);
  parameters.list.forEach(({ data }, i) => {
    data.set([[1, 2], [0.5], [3, -1], [0, 1]][i]);
  });
  const y = new Tape(k).run(() => mlp.forward(input(k, [1, 2], [0.25, -0.25])));
  const h = Math.tanh(0.25 - 0.5 + 0.5);
  expect(y.data[0]).toBeCloseTo(3 * h, 6);
  expect(y.data[1]).toBeCloseTo(1 - h, 6);
  expect(() => new Mlp(new Parameters(k), "x", [2], new Random(1))).toThrow(RangeError);
});
