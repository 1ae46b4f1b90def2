/**
 * Held against the built-ins, which are within about an ulp of float64, on 30 million inputs; against
 * values of mpmath; and against what IEEE 754 says of special cases.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as math from "../../src/core/math.ts";

type Unary = (x: number) => number;

// ---- distances

const float64 = new Float64Array(1);
const words64 = new BigInt64Array(float64.buffer);
const float32 = new Float32Array(1);
const words32 = new Int32Array(float32.buffer);

/** The distance of two neighbors at x, in float64. */
function ulp(x: number): number {
  float64[0] = Math.abs(x);
  words64[0]++;
  return float64[0] - Math.abs(x);
}

/** Errors in ulps of the expected value; what is not a number, infinite or 0 must be just that. */
function error64(actual: number, expected: number): number {
  if (Object.is(actual, expected)) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Infinity;
  if (expected === 0) return actual === 0 ? Infinity : Math.abs(actual) / 5e-324;
  return Math.abs(actual - expected) / ulp(expected);
}

/** Where x, rounded to float32, stands among all float32s. */
function place32(x: number): number {
  float32[0] = x;
  const bits = words32[0];
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

/** How many float32s two results are apart, both rounded. −0 must be −0. */
function error32(actual: number, expected: number): number {
  if (Object.is(actual, expected)) return 0;
  if (Number.isNaN(actual) || Number.isNaN(expected)) return Infinity;
  if (expected === 0 && actual === 0) return Infinity;
  return Math.abs(place32(actual) - place32(expected));
}

/** A float64 from its 64 bits, so that all sizes come up alike. */
const anyDouble = fc.double();

// ---- what to compare with

const oneSided = (x: number): number => Math.exp(-Math.abs(x));

/** The all-positive series below 3, Laplace's continued fraction of erfc from there. */
function erfBySeries(x: number): number {
  const a = Math.abs(x);
  if (!(a > 0)) return x;
  let y = 1;
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; term > sum * 1e-18; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    y = 2 * Math.sqrt(1 / Math.PI) * Math.exp(-a * a) * sum;
  } else if (a < 6) {
    let fraction = a;
    for (let n = 60; n >= 1; n--) fraction = a + n / 2 / fraction;
    y = 1 - (Math.sqrt(1 / Math.PI) * Math.exp(-a * a)) / fraction;
  }
  return x > 0 ? y : -y;
}

/**
 * Each function beside a reference; `bound` is how many ulps of float64 they may be apart, that is
 * our error as stated in the source and the reference's own. `range` is where most inputs are drawn.
 */
const functions: Record<string, { f: Unary; g: Unary; bound: number; range: [number, number] }> = {
  exp: { f: math.exp, g: Math.exp, bound: 2, range: [-50, 50] },
  expm1: { f: math.expm1, g: Math.expm1, bound: 3, range: [-5, 5] },
  log: { f: math.log, g: Math.log, bound: 2.5, range: [0, 4] },
  log1p: { f: math.log1p, g: Math.log1p, bound: 3, range: [-1, 3] },
  tanh: { f: math.tanh, g: Math.tanh, bound: 4, range: [-4, 4] },
  atanh: { f: math.atanh, g: Math.atanh, bound: 4, range: [-1, 1] },
  sigmoid: {
    f: math.sigmoid,
    g: (x) => (x < 0 ? oneSided(x) / (1 + oneSided(x)) : 1 / (1 + oneSided(x))),
    bound: 4,
    range: [-20, 20],
  },
  softplus: {
    f: math.softplus,
    g: (x) => Math.max(x, 0) + Math.log1p(oneSided(x)),
    bound: 4,
    range: [-20, 20],
  },
  logSigmoid: {
    f: math.logSigmoid,
    g: (x) => Math.min(x, 0) - Math.log1p(oneSided(x)),
    bound: 4,
    range: [-20, 20],
  },
  sin: { f: math.sin, g: Math.sin, bound: 3.5, range: [-30, 30] },
  cos: { f: math.cos, g: Math.cos, bound: 3.5, range: [-30, 30] },
  erf: { f: math.erf, g: erfBySeries, bound: 40, range: [-6, 6] },
};

/** The values of mpmath 1.3 at 1400 bits, rounded to float64. */
const table: Record<string, [number, number][]> = {
  exp: [
    [1e-5, 1.00001000005],
    [0.3120321380907646, 1.3661985993385317],
    [1.25, 3.4903429574618414],
    [-1.25, 0.2865047968601901],
    [709.782712893384, 1.7976931348622732e308],
    [-745.1, 5e-324],
    [10, 22026.465794806718],
    [-37.5, 5.175555005801869e-17],
    [700, 1.0142320547350045e304],
    [-745, 5e-324],
  ],
  expm1: [
    [1e-10, 1.00000000005e-10],
    [-0.2, -0.18126924692201815],
    [0.36, 0.43332941456034024],
    [0.7, 1.0137527074704764],
    [-0.8, -0.5506710358827784],
    [5, 147.4131591025766],
    [-20, -0.9999999979388464],
    [100, 2.6881171418161356e43],
  ],
  log: [
    [0.51, -0.6733445532637656],
    [0.9999, -0.00010000500033334732],
    [1.0001, 9.999500033329732e-5],
    [0.708, -0.34531118528841737],
    [1.415, 0.34712953109520095],
    [11, 2.3978952727983707],
    [5e-324, -744.4400719213812],
    [1.7e308, 709.7268368932282],
  ],
  log1p: [
    [1e-300, 1e-300],
    [1e-10, 9.999999999500001e-11],
    [-0.3, -0.35667494393873234],
    [0.42, 0.35065687161316933],
    [-0.999999, -13.815510557935518],
    [3, 1.3862943611198906],
    [10000000000, 23.025850930040455],
  ],
  tanh: [
    [1e-9, 1e-9],
    [0.1, 0.09966799462495582],
    [0.2201, 0.21661337142198375],
    [-0.5, -0.46211715726000974],
    [1, 0.7615941559557649],
    [3, 0.9950547536867305],
    [15, 0.9999999999998128],
  ],
  atanh: [
    [1e-9, 1e-9],
    [0.1, 0.10033534773107558],
    [-0.3, -0.3095196042031117],
    [0.5, 0.5493061443340549],
    [0.9, 1.4722194895832204],
    [0.999999, 7.254328619247669],
  ],
  sigmoid: [
    [-700, 9.85967654375977e-305],
    [-40, 4.248354255291589e-18],
    [-1, 0.2689414213699951],
    [0.5, 0.6224593312018546],
    [2, 0.8807970779778824],
    [30, 0.9999999999999064],
  ],
  softplus: [
    [-700, 9.85967654375977e-305],
    [-40, 4.248354255291589e-18],
    [-1, 0.3132616875182228],
    [0.5, 0.9740769841801067],
    [2, 2.1269280110429727],
    [50, 50],
  ],
  logSigmoid: [
    [-700, -700],
    [-40, -40],
    [-1, -1.3132616875182228],
    [0.5, -0.4740769841801067],
    [2, -0.1269280110429725],
    [50, -1.9287498479639178e-22],
  ],
  sin: [
    [0.5, 0.479425538604203],
    [3, 0.1411200080598672],
    [Math.PI, 1.2246467991473532e-16],
    [22, -0.008851309290403876],
    [355, -3.014435335948845e-5],
    [999999.5, -0.756251087561678],
    [10000000, 0.4205477931907825],
    [1e22, -0.8522008497671888],
    [3.4028234663852886e38, -0.5218765233336585],
    [5.319372648326541e255, 1],
    [1.7976931348623157e308, 0.004961954789184062],
  ],
  cos: [
    [0.5, 0.8775825618903728],
    [Math.PI / 2, 6.123233995736766e-17],
    [3, -0.9899924966004454],
    [11, 0.004425697988050785],
    [710, 0.999999998182636],
    [999999.5, 0.654281508650351],
    [10000000, -0.9072703861817396],
    [1e22, 0.523214785395139],
    [3.4028234663852886e38, 0.8530210398303042],
    [5.319372648326541e255, -4.687165924254628e-19],
    [1.7976931348623157e308, -0.9999876894265599],
  ],
  erf: [
    [1e-9, 1.1283791670955127e-9],
    [0.1, 0.1124629160182849],
    [-0.47576636, -0.4989478836330026],
    [0.5, 0.5204998778130465],
    [0.99, 0.8385080695553698],
    [1.01, 0.8468104962282768],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [4.5, 0.9999999998033839],
  ],
};

/** The largest errors of f against g over float32s, every `stride`th bit pattern, signs alike. */
function sweep(f: Unary, g: Unary, stride: number): { in32: number; in64: number; at: number } {
  const worst = { in32: 0, in64: 0, at: Number.NaN };
  for (let bits = 0; bits < 0xffffffff; bits += stride) {
    words32[0] = bits;
    const x = float32[0];
    const actual = f(x);
    const expected = g(x);
    if (Object.is(actual, expected)) continue;
    const in32 = error32(Math.fround(actual), Math.fround(expected));
    if (in32 > worst.in32) Object.assign(worst, { in32, at: x });
    const in64 = error64(actual, expected);
    if (in64 > worst.in64) Object.assign(worst, { in64, at: x });
  }
  return worst;
}

for (const [name, { f, g, bound, range }] of Object.entries(functions)) {
  describe(name, () => {
    const stride = name === "erf" ? 19_997 : 1951;
    test(`within 1 ulp in float32 over all float32s, every ${stride}th`, () => {
      const worst = sweep(f, g, stride);
      expect(worst.in32, `at ${worst.at}`).toBeLessThanOrEqual(1);
      expect(worst.in64, `at ${worst.at}`).toBeLessThanOrEqual(bound);
    });

    test("within its bound in float64 where it is mostly used", () => {
      const n = 300_000;
      const [low, end] = range;
      let worst = 0;
      let at = Number.NaN;
      for (let i = 0; i < n; i++) {
        const x = low + (end - low) * ((i * 0.6180339887498949) % 1);
        const error = error64(f(x), g(x));
        if (error > worst) {
          worst = error;
          at = x;
        }
      }
      expect(worst, `at ${at}`).toBeLessThanOrEqual(bound);
    });

    test("within 2.5 ulps of values known to 400 digits", () => {
      for (const [x, y] of table[name])
        expect(error64(f(x), y), `at ${x}`).toBeLessThanOrEqual(2.5);
    });

    test("property: within its bound for any float64, special ones too", () => {
      fc.assert(
        fc.property(anyDouble, (x) => error64(f(x), g(x)) <= bound),
        {
          seed: 1,
          numRuns: 5000,
          examples: [0, -0, Infinity, -Infinity, Number.NaN].map((x) => [x]),
        },
      );
    });
  });
}

describe("special values", () => {
  const { exp, expm1, log, log1p, tanh, atanh, sigmoid, softplus, logSigmoid, sin, cos, erf } =
    math;

  test("odd functions keep the sign of 0, and numbers too small to change", () => {
    for (const f of [expm1, log1p, tanh, atanh, sin]) {
      for (const x of [0, -0, 5e-324, -5e-324, 1e-310]) expect(f(x)).toBe(x);
    }
    expect(erf(0)).toBe(0);
    expect(erf(-0)).toBe(-0);
    expect(erf(5e-324)).toBe(5e-324);
  });

  test("limits", () => {
    expect([-Infinity, -746, -0, 0, 709.8, Infinity].map(exp)).toEqual([
      0,
      0,
      1,
      1,
      Infinity,
      Infinity,
    ]);
    expect(exp(-745.1)).toBe(5e-324);
    expect([-Infinity, -100, 710, Infinity].map(expm1)).toEqual([-1, -1, Infinity, Infinity]);
    expect([0, -0, 1, Infinity].map(log)).toEqual([-Infinity, -Infinity, 0, Infinity]);
    expect([-1, Infinity].map(log1p)).toEqual([-Infinity, Infinity]);
    expect([-Infinity, -20, 20, Infinity].map(tanh)).toEqual([-1, -1, 1, 1]);
    expect([-1, 1].map(atanh)).toEqual([-Infinity, Infinity]);
    expect([-Infinity, -1000, 0, 40, Infinity].map(sigmoid)).toEqual([0, 0, 0.5, 1, 1]);
    expect([-Infinity, 1000, Infinity].map(softplus)).toEqual([0, 1000, Infinity]);
    expect([-Infinity, -1000, Infinity].map(logSigmoid)).toEqual([-Infinity, -1000, 0]);
    expect([-Infinity, -6, 6, Infinity].map(erf)).toEqual([-1, -1, 1, 1]);
    expect(cos(0)).toBe(1);
  });

  test("what has no value is NaN", () => {
    for (const f of Object.values(functions)) expect(f.f(Number.NaN)).toBeNaN();
    for (const x of [-1, -5e-324, -Infinity]) expect(log(x)).toBeNaN();
    for (const x of [-1.5, -Infinity]) expect(log1p(x)).toBeNaN();
    for (const x of [1.1, -2, Infinity, -Infinity]) expect(atanh(x)).toBeNaN();
    for (const x of [Infinity, -Infinity])
      expect([sin(x), cos(x)]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("identities", () => {
  test("property: odd and even functions, bit for bit", () => {
    fc.assert(
      fc.property(anyDouble, (x) => {
        for (const f of [math.tanh, math.atanh, math.erf, math.sin]) expect(f(-x)).toBe(-f(x));
        expect(math.cos(-x)).toBe(math.cos(x));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test("property: sin² + cos² = 1 for any size of argument", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(math.sin(x) ** 2 + math.cos(x) ** 2).toBeCloseTo(1, 14);
      }),
      { seed: 1, numRuns: 5000 },
    );
  });
});

describe("erf", () => {
  test("the values of Abramowitz & Stegun 1964, table 7.1", () => {
    const published = [
      [0.1, 0.112462916],
      [0.5, 0.5204998778],
      [1, 0.8427007929],
      [1.5, 0.9661051465],
      [2, 0.995322265],
    ];
    for (const [x, y] of published) {
      expect(Math.abs(math.erf(x) - y)).toBeLessThan(5.1e-11);
      expect(math.erf(-x)).toBe(-math.erf(x));
    }
  });

  test("no step where the methods meet", () => {
    // slope at 1: 2/√π·e⁻¹ = 0.415, so over 2⁻⁵⁰ the value grows by less than 4 ulps
    expect(math.erf(1) - math.erf(1 - 2 ** -50)).toBeLessThan(2 ** -50);
    expect(math.erf(1) - math.erf(1 - 2 ** -50)).toBeGreaterThanOrEqual(0);
  });

  test("its slope is 2/√π·e^(−x²)", () => {
    for (const x of [0.01, 0.7, 2.2, 2.9, 3.3, 4.5]) {
      const slope = (math.erf(x + 1e-4) - math.erf(x - 1e-4)) / 2e-4;
      expect(slope).toBeCloseTo((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), 7);
    }
  });
});

describe("pow", () => {
  test("within 1 ulp in float32, bases over all float32s", () => {
    for (const y of [-70.5, -3, -1, -0.5, 0.3, 0.5, 0.75, 0.999, 1, 1.5, 2, 3, 7, 17, 65, 1e10]) {
      const worst = sweep(
        (x) => math.pow(x, y),
        (x) => x ** y,
        19_997,
      );
      expect(worst.in32, `${worst.at} to the ${y}`).toBeLessThanOrEqual(1);
      expect(worst.in64, `${worst.at} to the ${y}`).toBeLessThanOrEqual(2.5);
    }
  });

  test("within 1 ulp in float32 of any float32 to any float32", () => {
    let bits = 1;
    const draw = (): number => {
      bits = (Math.imul(bits, 1664525) + 1013904223) | 0;
      words32[0] = (bits << 16) ^ (bits >>> 8) ^ bits;
      return float32[0];
    };
    let worst = 0;
    for (let i = 0; i < 500_000; i++) {
      const x = draw();
      const y = i % 2 === 0 ? draw() : (i % 4001) / 37 - 54;
      if ((Math.abs(x) === 1 && !Number.isFinite(y)) || x === 1) continue;
      worst = Math.max(worst, error32(Math.fround(math.pow(x, y)), Math.fround(x ** y)));
    }
    expect(worst).toBeLessThanOrEqual(1);
  });

  test("within 1 ulp of values known to 400 digits", () => {
    const known = [
      [0.6, 0.5, 0.7745966692414834],
      [1.386, -1892.5, 5.1651947754755385e-269],
      [1.4184190958747744, 1940.0593049442678, 3.234949368665343e294],
      [1.0000001, 1000000000, 2.6881038582144647e43],
      [10, 300.5, 3.1622776601683795e300],
      [2, -1074, 5e-324],
      [0.3, 0.1, 0.8865681505652133],
      [-1.5, 301, -1.0080195979521852e53],
      [-7, -12, 7.224761580900888e-11],
      [1e-310, 0.25, 3.162277660168377e-78],
      [0.999, 500000, 5.547700296714417e-218],
    ];
    for (const [x, y, z] of known)
      expect(error64(math.pow(x, y), z), `${x} to the ${y}`).toBeLessThanOrEqual(1);
  });

  test("exact where the power is a float64", () => {
    for (let x = 2; x <= 60; x++) {
      let power = 1n;
      for (let y = 0; power < 2n ** 53n; y++, power *= BigInt(x)) {
        expect(math.pow(x, y)).toBe(Number(power));
        expect(math.pow(-x, y)).toBe(y % 2 === 0 ? Number(power) : -Number(power));
      }
    }
    for (let k = -1074; k <= 1023; k++) expect(math.pow(2, k)).toBe(2 ** k);
    expect(math.pow(1.5, 3)).toBe(3.375);
    expect(math.pow(0.75, 4)).toBe(0.31640625);
    expect(math.pow(6.25, 1.5)).toBe(15.625);
  });

  test("special cases of IEEE 754", () => {
    const values = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, -2.5, 5e-324, -5e-324];
    values.push(1e300, -1e300, 2 ** 53, 2 ** 53 + 2, -(2 ** 53) + 1, 2 ** 70, -(2 ** 70));
    values.push(Infinity, -Infinity, Number.NaN);
    for (const x of values) {
      for (const y of values) {
        const differs = x === 1 || (x === -1 && Math.abs(y) === Infinity); // these are NaN in JavaScript
        const expected = differs ? 1 : x ** y;
        const error = error64(math.pow(x, y), expected);
        expect(
          error,
          `${x} to the ${y}: ${math.pow(x, y)}, expected ${expected}`,
        ).toBeLessThanOrEqual(1);
      }
    }
    expect(math.pow(1, Number.NaN)).toBe(1);
    expect(math.pow(Number.NaN, 0)).toBe(1);
    expect(math.pow(-1, Infinity)).toBe(1);
    expect(math.pow(-8, 1 / 3)).toBeNaN();
    expect(math.pow(-1, -Infinity)).toBe(1);
    expect(math.pow(-1, 101)).toBe(-1);
    expect(math.pow(-1, 0.5)).toBeNaN();
    expect(math.pow(-2, 3)).toBe(-8);
    expect(math.pow(0.5, Infinity)).toBe(0);
    expect(math.pow(-Infinity, 3)).toBe(-Infinity);
    expect(math.pow(-Infinity, 0.5)).toBe(Infinity);
    expect(math.pow(0, -1)).toBe(Infinity);
    expect(math.pow(-0, -1)).toBe(-Infinity);
    expect(math.pow(-0, 3)).toBe(-0);
    expect(math.pow(-0, -3)).toBe(-Infinity);
  });

  test("property: within 2.5 ulps of the built-in for any pair", () => {
    const base = fc.double({ noNaN: true });
    fc.assert(
      fc.property(base, fc.double({ min: -400, max: 400, noNaN: true }), (x, y) => {
        if (x === 1) return;
        expect(error64(math.pow(x, y), x ** y)).toBeLessThanOrEqual(2.5);
      }),
      { seed: 1, numRuns: 5000 },
    );
  });
});
