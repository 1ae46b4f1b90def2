/** Held against the built-ins, which are within an ulp of float64, on millions of inputs. */
import { describe, expect, test } from "vitest";
import * as math from "../../src/core/math.ts";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Distance of two float32 numbers in units in the last place; 0 for two NaN. */
function ulps(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b) ? 0 : Infinity;
  const rank = (x: number): number => {
    float[0] = x;
    return bits[0] & 0x80000000 ? -(bits[0] & 0x7fffffff) : bits[0];
  };
  return Math.abs(rank(Math.fround(a)) - rank(Math.fround(b)));
}

/** Worst float32 and relative float64 error over every `stride`-th float32 there is. */
function sweep(f: (x: number) => number, g: (x: number) => number, stride: number) {
  let ulp = 0;
  let relative = 0;
  for (let i = 0; i < 2 ** 32; i += stride) {
    bits[0] = i;
    const x = float[0];
    const got = f(x);
    const want = g(x);
    ulp = Math.max(ulp, ulps(got, want));
    const error = Math.abs(got - want) / Math.abs(want);
    if (Math.abs(want) > 1e-300 && Math.abs(want) < Infinity) relative = Math.max(relative, error);
  }
  return { ulp, relative };
}

describe("math, over all float32 exponents and signs", () => {
  // a prime stride: half a million inputs a function, NaN, infinities and subnormals among them
  const cases: [string, (x: number) => number, (x: number) => number, number][] = [
    ["exp", math.exp, Math.exp, 4e-16],
    ["expm1", math.expm1, Math.expm1, 8e-16],
    ["log", math.log, Math.log, 4e-16],
    ["log1p", math.log1p, Math.log1p, 4e-16],
    ["tanh", math.tanh, Math.tanh, 8e-16],
    ["atanh", math.atanh, Math.atanh, 8e-16],
    ["sin", math.sin, Math.sin, 8e-16],
    ["cos", math.cos, Math.cos, 8e-16],
  ];
  for (const [name, f, g, bound] of cases) {
    test(`${name}: float32 exact to 1 ulp, float64 to ${bound}`, () => {
      const { ulp, relative } = sweep(f, g, 8191);
      expect(ulp).toBeLessThanOrEqual(1);
      expect(relative).toBeLessThanOrEqual(bound);
    });
  }

  test("sigmoid, softplus and logSigmoid: float32 exact to 1 ulp of their definitions", () => {
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    expect(sweep(math.sigmoid, sigmoid, 65_537).ulp).toBeLessThanOrEqual(1);
    const softplus = (x: number): number =>
      x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
    expect(sweep(math.softplus, softplus, 65_537).ulp).toBeLessThanOrEqual(1);
    expect(sweep(math.logSigmoid, (x) => -softplus(-x), 65_537).ulp).toBeLessThanOrEqual(1);
  });

  test("pow: float32 exact to 1 ulp on a grid of bases and exponents", () => {
    let worst = 0;
    for (let i = 0; i < 2 ** 32; i += 2_000_003) {
      bits[0] = i;
      const x = float[0];
      for (const y of [-70.5, -3, -1, -0.5, 0, 0.3, 0.5, 1, 1.5, 2, 3, 17, 65, 1e10]) {
        if (Math.abs(x) !== 1) worst = Math.max(worst, ulps(math.pow(x, y), x ** y));
      }
    }
    expect(worst).toBeLessThanOrEqual(1);
  });
});

describe("math, special values", () => {
  test("odd functions keep the sign of zero", () => {
    for (const f of [math.expm1, math.log1p, math.tanh, math.atanh, math.sin, math.erf]) {
      expect(f(-0)).toBe(-0);
      expect(f(0)).toBe(0);
    }
  });

  test("pow follows IEEE 754", () => {
    expect(math.pow(0, -1)).toBe(Infinity);
    expect(math.pow(-0, -1)).toBe(-Infinity);
    expect(math.pow(-0, 3)).toBe(-0);
    expect(math.pow(-2, 3)).toBe(-8);
    expect(math.pow(-8, 1 / 3)).toBe(Number.NaN);
    expect(math.pow(-Infinity, 3)).toBe(-Infinity);
    expect(math.pow(-Infinity, 0.5)).toBe(Infinity);
    expect(math.pow(0.5, Infinity)).toBe(0);
    expect(math.pow(1, Infinity)).toBe(1); // Math.pow says NaN
    expect(math.pow(-1, -Infinity)).toBe(1);
    expect(math.pow(-1, 101)).toBe(-1);
    expect(math.pow(-1, 0.5)).toBe(Number.NaN);
    expect(math.pow(Number.NaN, 0)).toBe(1);
  });

  test("erf: values of Abramowitz & Stegun, table 7.1, and its limits", () => {
    const table = {
      0.1: 0.112462916,
      0.5: 0.5204998778,
      1: 0.8427007929,
      1.5: 0.9661051465,
      2: 0.995322265,
    };
    for (const [x, y] of Object.entries(table)) {
      expect(math.erf(Number(x))).toBeCloseTo(y, 9);
      expect(math.erf(-Number(x))).toBeCloseTo(-y, 9);
    }
    expect(math.erf(Infinity)).toBe(1);
    expect(math.erf(Number.NaN)).toBe(Number.NaN);
  });

  test("erf: its two forms meet at 3, and its slope is 2/√π·e^(−x²)", () => {
    expect(math.erf(3) - math.erf(3 - 1e-12)).toBeLessThan(1e-15);
    for (const x of [0.01, 0.7, 2.2, 2.9, 3.3, 4.5]) {
      const slope = (math.erf(x + 1e-4) - math.erf(x - 1e-4)) / 2e-4;
      expect(slope).toBeCloseTo((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), 7);
    }
  });
});
