/** Integrated gradients: worked by hand, and complete on functions with kinks and steep places. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../src/core/errors.ts";
import { integratedGradients } from "../../src/policies/integrated-gradients.ts";

/** A function with its gradient. */
const scalar = (f: (x: number[]) => number, slope: (x: number[]) => number[]) => ({
  at(x: ArrayLike<number>, gradient?: Float64Array) {
    gradient?.set(slope(Array.from(x)));
    return f(Array.from(x));
  },
});
const product = scalar(
  ([a, b]) => a * b,
  ([a, b]) => [b, a],
);

describe("integrated gradients", () => {
  test("a product is shared out by the path: by hand", () => {
    // from 0 to (2, 3): a0 = 2·∫3α dα = 3, a1 = 3·∫2α dα = 3
    const zero = integratedGradients(product, [2, 3], [0, 0]);
    expect(zero.attributions[0]).toBeCloseTo(3, 12);
    expect(zero.attributions[1]).toBeCloseTo(3, 12);
    expect([zero.from, zero.to]).toEqual([0, 6]);
    expect(Math.abs(zero.gap)).toBeLessThan(1e-12);
    // from (1, 0) to (2, 3): a0 = 1·∫3α dα = 1.5, a1 = 3·∫(1 + α) dα = 4.5
    const other = integratedGradients(product, [2, 3], [1, 0]);
    expect(other.attributions[0]).toBeCloseTo(1.5, 12);
    expect(other.attributions[1]).toBeCloseTo(4.5, 12);
  });

  test("an input that stays at its baseline gets nothing", () => {
    expect(integratedGradients(product, [2, 3], [2, 1]).attributions[0]).toBe(0);
  });

  test("parts are halved until a kink and a steep place are complete", () => {
    const kink = scalar(
      ([a]) => Math.max(0, a - 0.37) * 100,
      ([a]) => [a > 0.37 ? 100 : 0],
    );
    const steep = scalar(
      ([a]) => Math.sqrt(a + 1e-9),
      ([a]) => [0.5 / Math.sqrt(a + 1e-9)],
    );
    for (const f of [kink, steep]) {
      const { gap, allowed, gradients } = integratedGradients(f, [1], [0]);
      expect(Math.abs(gap)).toBeLessThanOrEqual(allowed);
      expect(gradients).toBeGreaterThan(16);
    }
    expect(integratedGradients(kink, [1], [0]).allowed).toBeCloseTo(0.063, 10);
    expect(integratedGradients(steep, [1], [0]).allowed).toBe(1e-3);
  });

  test("a gradient that does not belong to f is found out", () => {
    const wrong = scalar(
      ([a]) => a * a,
      ([a]) => [a],
    );
    const { gap, allowed, gradients } = integratedGradients(wrong, [3], [0], { most: 500 });
    expect(gap).toBeCloseTo(-4.5, 6);
    expect(Math.abs(gap)).toBeGreaterThan(allowed);
    expect(gradients).toBeLessThanOrEqual(500);
  });

  test("refuses a baseline of another length", () => {
    expect(() => integratedGradients(product, [2, 3], [0])).toThrow(ShapeError);
    expect(() => integratedGradients(product, [2, 3], [0, 0], { tolerance: -1 })).toThrow(
      /tolerance/,
    );
  });
});
