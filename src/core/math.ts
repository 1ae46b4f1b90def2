/**
 * The transcendental functions, built from + − × ÷, √ and powers of two, so that every engine gives the
 * same bits; the built-in ones differ in the last bit. Float64 in and out; rounded to float32 each is
 * within 1 ulp over the whole range. The errors stated below, in ulps of float64, are the largest over
 * 400,000 inputs per function against 48 digits; tests/core/math.test.ts checks them.
 */
export { cos, sin } from "./trig.ts";

/** x·x. The last bit of x ** 2 differs between engines. */
export const square = (x: number): number => x * x;

// ---- exponents

// A float64 and its two 32-bit halves, to read exponents. `high` is the half with the exponent.
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
float[0] = 1;
const high = words[1] !== 0 ? 1 : 0;

// 2ᵏ for −540 ≤ k ≤ 512, at index k + 540. Larger exponents take two factors, because 2¹⁰²⁴ and 2⁻¹⁰⁷⁵
// are not float64s. The first product is exact, so the result is rounded once, subnormal or not.
const powers = new Float64Array(1053);
powers[540] = 1;
for (let k = 1; k <= 540; k++) powers[540 - k] = powers[541 - k] / 2;
for (let k = 1; k <= 512; k++) powers[540 + k] = powers[539 + k] * 2;

/** y·2ᵏ for −1080 ≤ k ≤ 1024. */
function scale(y: number, k: number): number {
  const half = k >> 1;
  return y * powers[540 + half] * powers[540 + k - half];
}

/** Returns k of x = 2ᵏ·m, m from √½ to √2, for a normal x > 0. The sum carries when m's bits are above √2's. */
function exponent(x: number): number {
  float[0] = x;
  return ((words[high] + 0x95f62) >>> 20) - 1023;
}

// ln 2 in two parts: k·ln2High is exact for any exponent k.
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

// ---- exponentials

/** eʳ − 1 − r for |r| < 0.36: the Taylor series to r¹³, its even and odd terms summed separately. */
function bend(r: number): number {
  const z = r * r;
  const even =
    1 / 2 +
    z * (1 / 24 + z * (1 / 720 + z * (1 / 40320 + z * (1 / 3628800 + z * (1 / 479001600)))));
  const odd =
    1 / 6 +
    z * (1 / 120 + z * (1 / 5040 + z * (1 / 362880 + z * (1 / 39916800 + z * (1 / 6227020800)))));
  return z * (even + r * odd);
}

/** eˣ⁺ʸ for a y below x's last digits: 2ᵏ·eʳ with r = x + y − k·ln 2, |r| ≤ ½ln 2. */
function expOfSum(sum: number, y: number): number {
  const x = Math.min(Math.max(sum, -746), 710); // 0 and Infinity beyond: a branch would box the result
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * ln2High; // exact
  const rest = y - k * ln2Low;
  return scale(1 + (r + (rest + bend(r + rest))), k | 0);
}

/** eˣ; see `expOfSum`. Within 0.9 ulp. */
export const exp = (x: number): number => expOfSum(x, 0);

/** eˣ − 1 = (2ᵏ − 1) + 2ᵏ·(eʳ − 1), r as in eˣ, so that no digits are lost near 0. Within 1.7 ulp. */
export function expm1(x: number): number {
  if (!(x > -38)) return x < 0 ? -1 : x;
  if (x > 37 || x === 0) return x === 0 ? x : exp(x);
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * ln2High;
  const rest = k * -ln2Low;
  const power = powers[540 + k];
  return power - 1 + power * (r + (rest + bend(r + rest)));
}

/** tanh x = t/(t + 2) with t = e²ˣ − 1. Within 2.3 ulp. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 20) return x > 0 ? 1 : -1;
  const t = expm1(2 * a);
  const y = t / (t + 2);
  return x > 0 ? y : x < 0 ? -y : x;
}

/** σ(x) = 1/(1 + e⁻ˣ), in the form whose exponential does not overflow. Within 2.2 ulp. */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

// ---- logarithms

/**
 * ln(1 + f) for 1 + f from √½ to √2. With s = f/(2 + f) it is 2·artanh s = 2s + s·(2s²/3 + 2s⁴/5 + …)
 * to s²¹, and 2s = f − s·f keeps the digits of f. Even and odd powers of s² are summed separately.
 */
function logNearOne(f: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const odd = 2 / 3 + w * (2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19))));
  const even = 2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21))));
  return f - s * (f - (z * odd + w * even));
}

/** ln x = k·ln 2 + ln m with x = 2ᵏ·m and m from √½ to √2. Within 1.3 ulp. */
export function log(x: number): number {
  if (!(x >= 2.2250738585072014e-308 && x < Infinity)) {
    if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
    return x === Infinity ? x : log(x * 2 ** 54) - 54 * Math.LN2;
  }
  const k = exponent(x);
  return k * ln2High + (logNearOne(scale(x, -k) - 1) + k * ln2Low);
}

/** ln(1 + x). Near 0 without forming 1 + x, elsewhere corrected for the rounding of 1 + x. Within 1.6 ulp. */
export function log1p(x: number): number {
  if (x > -0.29 && x < 0.41) return x === 0 ? x : logNearOne(x);
  if (x === Infinity) return x;
  const u = 1 + x;
  return u > 0 ? log(u) + (x - (u - 1)) / u : log(u);
}

/** artanh x = ½·ln(1 + 2x/(1 − x)). Within 2.1 ulp. */
export function atanh(x: number): number {
  const a = Math.abs(x);
  const y = 0.5 * log1p((2 * a) / (1 - a));
  return x > 0 ? y : x < 0 ? -y : x;
}

/** ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|). Within 2 ulp. */
export const softplus = (x: number): number => Math.max(x, 0) + log1p(exp(-Math.abs(x)));

/** ln σ(x) = min(x, 0) − ln(1 + e^−|x|). Within 2 ulp. */
export const logSigmoid = (x: number): number => Math.min(x, 0) - log1p(exp(-Math.abs(x)));

// ---- powers

/** Returns the first 26 bits of x, so that products of two such numbers are exact (Veltkamp). For |x| < 2⁹⁹⁶. */
function firstHalf(x: number): number {
  const c = x * 134217729;
  return c - (c - x);
}

// ⅓ as a sum of two numbers, the first of 26 bits.
const thirdHigh = 0.3333333283662796;
const thirdLow = 4.967053731282552e-9;

/** ln x as a sum of two numbers. */
const twoParts = /* @__PURE__ */ new Float64Array(2);

/**
 * Writes ln x for a normal x, rounded, to to[0], and its rounding error to to[1]. Their sum is exact to 2⁻⁶⁴:
 * k·ln 2 + 2·artanh s as in `log`, with s and the first two terms, s + s³/3, each held as a sum of two numbers.
 */
function logInTwo(x: number, shift: number, to: Float64Array): void {
  const exponentOfX = exponent(x);
  const k = exponentOfX + shift;
  const f = scale(x, -exponentOfX) - 1;
  const s = f / (2 + f);
  const s1 = firstHalf(s);
  const d1 = firstHalf(2 + f);
  const s2 = (f - s1 * d1 - s1 * (f - (d1 - 2))) / (2 + f); // s1 + s2 = f/(2 + f)
  const q = s1 * s1; // exact
  const qRest = (s1 + s) * s2;
  const z = q + qRest;
  const w = z * z;
  const even = 1 / 5 + w * (1 / 9 + w * (1 / 13 + w * (1 / 17 + w * (1 / 21 + w * (1 / 25)))));
  const odd = 1 / 7 + w * (1 / 11 + w * (1 / 15 + w * (1 / 19 + w * (1 / 23))));
  const q1 = firstHalf(q);
  const a = q1 * thirdHigh; // exact; a + b = s²/3 + s⁴/5 + …
  const b = (q - q1) * thirdHigh + q * thirdLow + qRest * (1 / 3) + w * (even + z * odd);
  const a1 = firstHalf(a);
  const cubic = 2 * s1 * a1; // exact
  const near = 2 * s1 + cubic;
  const nearRest = cubic - (near - 2 * s1) + 2 * (s1 * (a - a1 + b) + s2 * (1 + (a + b)));
  const sum = k * ln2High + near;
  const sumRest = near - (sum - k * ln2High) + (nearRest + k * ln2Low);
  const y = sum + sumRest;
  to[0] = y;
  to[1] = sumRest - (y - sum);
}

/** aʸ = e^(y·ln a) for finite a > 0, with ln a and the product each held as a sum of two numbers. */
function powPositive(a: number, y: number): number {
  if (a === 1) return 1;
  if (Math.abs(y) > 2 ** 64) return a > 1 === y > 0 ? Infinity : 0;
  if (a < 2.2250738585072014e-308) logInTwo(a * 2 ** 54, -54, twoParts);
  else logInTwo(a, 0, twoParts);
  const x = twoParts[0];
  const product = x * y;
  const x1 = firstHalf(x);
  const y1 = firstHalf(y);
  const x2 = x - x1;
  const y2 = y - y1;
  const rest = x1 * y1 - product + x1 * y2 + x2 * y1 + x2 * y2; // the product's rounding error
  const inRange = Math.abs(product) < 746; // outside, the rest has no effect
  return expOfSum(product, inRange ? rest + y * twoParts[1] : 0);
}

/**
 * xʸ. Within 0.9 ulp; exact where xʸ is a float64. Special cases follow IEEE 754. They differ from
 * Math.pow in 1^NaN and (±1)^±∞, which are 1.
 */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (y === 1) return x;
  if (y === 2) return x * x;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const a = Math.abs(x);
  if (Math.abs(y) === Infinity) return a === 1 ? 1 : a > 1 === y > 0 ? Infinity : 0;
  if (x > 0 && a < Infinity) return powPositive(a, y);
  const odd = Math.abs(y % 2) === 1;
  if (a === 0 || a === Infinity) {
    const size = (a === 0) === y > 0 ? 0 : Infinity;
    return odd && (x < 0 || Object.is(x, -0)) ? -size : size;
  }
  if (!Number.isInteger(y)) return Number.NaN;
  return odd ? -powPositive(a, y) : powPositive(a, y);
}

// ---- the error function

/**
 * erf x. Below 1: x + x·P(x²). From 1 to 6: 1 − e^(−x²)·Q((x − 3)/(x + 3)). P and Q interpolate at
 * Chebyshev points, with an error of 1e-17. Within 1.4 ulp.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 1) return x + x * erfNearZero(a * a);
  if (Number.isNaN(x)) return x;
  const y = a < 6 ? 1 - exp(-a * a) * erfcScaled((a - 3) / (a + 3)) : 1;
  return x > 0 ? y : -y;
}

/** erf(√z)/√z − 1 for 0 ≤ z ≤ 1 */
function erfNearZero(z: number): number {
  const w = z * z;
  const even =
    0.12837916709551256 +
    w *
      (0.11283791670945006 +
        w *
          (0.0052239776071164225 +
            w *
              (0.00012055294904839707 + w * (1.6447424703317362e-6 + w * 1.3720064546777686e-8))));
  const odd =
    -0.37612638903183543 +
    w *
      (-0.02686617064323777 +
        w *
          (-0.0008548325975389692 +
            w *
              (-1.492473690741966e-5 + w * (-1.6208483801871705e-7 + w * -7.795898827002142e-10))));
  return even + z * odd;
}

/** e^(a²)·erfc a with a = 3(1 + t)/(1 − t), for −½ ≤ t ≤ ⅓ */
function erfcScaled(t: number): number {
  const z = t * t;
  const even =
    0.17900115118138996 +
    z *
      (0.24560380171233195 +
        z *
          (0.07166583719774874 +
            z *
              (0.004269136347508256 +
                z *
                  (-0.0005970623517093284 +
                    z *
                      (6.406182073530546e-5 +
                        z * (-8.008021319412685e-6 + z * 1.2801900862962662e-6))))));
  const odd =
    -0.32623356004303716 +
    z *
      (-0.15011593650078744 +
        z *
          (-0.024392499318273194 +
            z *
              (0.0007077464443901538 +
                z *
                  (4.525472635483354e-5 +
                    z * (-1.284889451252353e-5 + z * 2.023603179641757e-6)))));
  return even + t * odd;
}
