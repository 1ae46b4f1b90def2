/** The polynomials of the kernels, in ulp against float64, over their whole range. */
import { expect, it } from "vitest";
import { simd } from "../../src/backends/simd.ts";
import * as math from "../../src/core/math.ts";

const k = simd({ memory: 2 ** 24 });
const n = 400_000;
const least = 2 ** -125.5; // exp gives 0 below
const x = k.alloc(n);
const y = k.alloc(n);

/** The largest error in ulp of float32 where the result is no less than `least`, over n points from low to high. */
function worst(kernel: string, low: number, high: number, exact: (x: number) => number): number {
  for (let i = 0; i < n; i++) x[i] = low + ((high - low) * i) / (n - 1);
  k.kernels[kernel](k.address(y), k.address(x), n);
  let error = 0;
  for (let i = 0; i < n; i++) {
    const want = exact(x[i]);
    if (Math.abs(want) < least) {
      expect(Math.abs(y[i] - want)).toBeLessThan(least);
      continue;
    }
    const ulp = 2 ** (Math.floor(Math.log2(Math.abs(want))) - 23);
    error = Math.max(error, Math.abs(y[i] - want) / ulp);
  }
  return error;
}

const gelu = (v: number): number =>
  v * math.sigmoid(2 * 0.7978845608028654 * (v + 0.044715 * v * v * v));

it.each([
  ["exp", -100, 88.72, math.exp, 1.2],
  ["exp", -1, 1, math.exp, 1.1],
  ["tanh", -10, 10, math.tanh, 6],
  ["tanh", -0.01, 0.01, math.tanh, 3],
  ["sigmoid", -87, 87, math.sigmoid, 2.5],
  ["gelu", -4, 20, gelu, 20],
] as const)("%s from %f to %f", (kernel, low, high, exact, bound) => {
  expect(worst(kernel, low, high, exact)).toBeLessThan(bound);
});

it("tanh never leaves [−1, 1]", () => {
  for (let i = 0; i < n; i++) x[i] = -12 + (24 * i) / n;
  k.kernels.tanh(k.address(y), k.address(x), n);
  expect(y.every((v) => v >= -1 && v <= 1)).toBe(true);
});

it("special values", () => {
  const values = [Infinity, -Infinity, Number.NaN, 0, -0, 200, -200];
  x.set(values);
  const of = (kernel: string): number[] => {
    k.kernels[kernel](k.address(y), k.address(x), values.length);
    return [...y.subarray(0, values.length)];
  };
  expect(of("exp")).toEqual([Infinity, 0, Number.NaN, 1, 1, Infinity, 0]);
  expect(of("tanh")).toEqual([1, -1, Number.NaN, 0, -0, 1, -1]);
  expect(of("sigmoid").map((v) => (v < 1e-38 ? 0 : v))).toEqual([1, 0, Number.NaN, 0.5, 0.5, 1, 0]);
  expect(of("relu")).toEqual([Infinity, 0, Number.NaN, 0, 0, 200, 0]);
});
