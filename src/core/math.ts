/**
 * The transcendental functions, made of + − × ÷, √ and powers of two built from bits, so that every
 * engine gives the same bits: the built-in ones differ in the last. Float64 in and out; rounded to
 * float32 each is within 1 ulp over the whole range (tests/core/math.test.ts states the errors).
 */
export { cos, sin } from "./trig.ts";

// A float64 and its two halves, to build and read exponents. `high` is the half with the exponent.
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
float[0] = 1;
const high = words[1] !== 0 ? 1 : 0;
const low = 1 - high;

/** 2ᵏ for −1022 ≤ k ≤ 1023. */
function powerOfTwo(k: number): number {
  words[high] = (k + 1023) << 20;
  words[low] = 0;
  return float[0];
}

// ln 2 in two parts: k·ln2High is exact for any exponent k.
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const log2e = Math.LOG2E;

/** eˣ = 2ᵏ·eʳ with r = x − k·ln 2, |r| ≤ ½ln 2; Taylor to r¹³. */
export function exp(x: number): number {
  if (!(x > -745.2)) return Number.isNaN(x) ? x : 0;
  if (x > 709.782712893384) return Infinity;
  const k = Math.floor(x * log2e + 0.5);
  const r = x - k * ln2High - k * ln2Low;
  const tail = r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * expTail(r)))));
  const y = 1 + (r + tail);
  if (k > 1022) return y * 2 * powerOfTwo(k - 1);
  return k < -1021 ? y * powerOfTwo(k + 60) * 2 ** -60 : y * powerOfTwo(k);
}

/** Σ rⁿ/(n + 6)! for n = 0 … 7. */
const expTail = (r: number): number =>
  1 / 720 +
  r *
    (1 / 5040 +
      r *
        (1 / 40320 +
          r *
            (1 / 362880 +
              r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600 + r / 6227020800))))));

/** eˣ − 1: its own series near 0, where eˣ − 1 would lose digits. */
export function expm1(x: number): number {
  if (!(Math.abs(x) <= 0.35)) return exp(x) - 1;
  return x + x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * expTail(x)))));
}

/** 2·artanh(s) − 2s, for |s| < 0.172: 2(s³/3 + s⁵/5 + … + s²¹/21). */
function artanhTail(s: number): number {
  const z = s * s;
  const odd = 1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z / 21))));
  return 2 * s * z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * odd))));
}

/** ln(1 + f) for 1 + f from √½ to √2, by s = f/(2 + f): f − s·f + the tail of 2·artanh(s). */
function logNearOne(f: number): number {
  const s = f / (2 + f);
  return f - (s * f - artanhTail(s));
}

/** ln x = k·ln 2 + ln m with x = 2ᵏ·m and m from √½ to √2. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 2 ** 54;
    k = -54;
  }
  float[0] = x;
  k += (words[high] >>> 20) - 1023;
  words[high] = (words[high] & 0xfffff) | 0x3ff00000;
  let m = float[0];
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  return k * ln2High + (logNearOne(m - 1) + k * ln2Low);
}

/** ln(1 + x), near 0 without forming 1 + x. */
export function log1p(x: number): number {
  if (x > -0.29 && x < 0.41) return x === 0 ? x : logNearOne(x);
  if (x === Infinity) return x;
  const u = 1 + x;
  return u > 0 ? log(u) + (x - (u - 1)) / u : log(u);
}

/** tanh x = t/(t + 2) with t = e²ˣ − 1. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 20) return x > 0 ? 1 : -1;
  const t = expm1(2 * a);
  const y = t / (t + 2);
  return x > 0 ? y : x < 0 ? -y : x;
}

/** artanh x = ½·ln(1 + 2x/(1 − x)) */
export function atanh(x: number): number {
  const a = Math.abs(x);
  const y = 0.5 * log1p((2 * a) / (1 - a));
  return x > 0 ? y : x < 0 ? -y : x;
}

/** σ(x) = 1/(1 + e⁻ˣ), from the side where e does not overflow. */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/** ln(1 + eˣ) */
export const softplus = (x: number): number => Math.max(x, 0) + log1p(exp(-Math.abs(x)));

/** ln σ(x) */
export const logSigmoid = (x: number): number => -softplus(-x);

/**
 * xʸ: by multiplication for whole y up to 64, else e^(y·ln|x|), whose relative error is below
 * 2⁻⁵²·|y·ln x|. Special cases as IEEE 754 has them (1^∞ is 1, unlike Math.pow).
 */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (y === 0.5 && x >= 0) return Math.sqrt(x + 0);
  const whole = Number.isInteger(y);
  if (whole && Math.abs(y) <= 64) return y > 0 ? power(x, y) : 1 / power(x, -y);
  const odd = whole && Math.abs(y) < 2 ** 53 && y % 2 !== 0;
  const a = Math.abs(x);
  if (a === 1)
    return y === Infinity || y === -Infinity || !odd
      ? whole || x > 0 || Math.abs(y) === Infinity
        ? 1
        : Number.NaN
      : x;
  if (x < 0 && !whole && Math.abs(y) !== Infinity && a !== Infinity) return Number.NaN;
  const size =
    a === 0 || a === Infinity || Math.abs(y) === Infinity
      ? a < 1 === y > 0
        ? 0
        : Infinity
      : exp(y * log(a));
  return odd && (x < 0 || Object.is(x, -0)) ? -size : size;
}

function power(x: number, n: number): number {
  let y = 1;
  for (let square = x; n > 0; n >>>= 1, square *= square) if (n & 1) y *= square;
  return y;
}

const twoOverRootPi = 1.1283791670955126;

/**
 * erf x. Up to 3: 2/√π·e^(−x²)·Σ 2ⁿx²ⁿ⁺¹/(1·3·5…(2n + 1)), all terms of one sign. Beyond: one minus
 * Laplace's continued fraction of erfc.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a > 0)) return x;
  let y = 1;
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    y = twoOverRootPi * exp(-a * a) * sum;
  } else if (a < 6) {
    let fraction = a;
    for (let n = 50; n >= 1; n--) fraction = a + n / 2 / fraction;
    y = 1 - (0.5 * twoOverRootPi * exp(-a * a)) / fraction;
  }
  return x > 0 ? y : -y;
}
