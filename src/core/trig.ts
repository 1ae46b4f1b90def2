/** sin and cos: the argument reduced by multiples of π/2, then Taylor's series. */

// π/2 as a sum; the first two terms have 33 bits, so that n·term is exact for n < 2²⁰.
const part1 = 1.5707963267341256;
const part2 = 6.077100506303966e-11;
const part3 = 2.0222662487959506e-21;
const halfPi = 1.5707963267948966;
const halfPiLow = 6.123233995736766e-17;

// 2/π in digits of 24 bits, enough for any float64.
const twoOverPi = [
  10680707, 7228996, 1387004, 2578385, 16069853, 12639074, 9804092, 4427841, 16666979, 11263675,
  12935607, 2387514, 4345298, 14681673, 3074569, 13734428, 16653803, 1880361, 10960616, 8533493,
  3062596, 8710556, 7349940, 6258241, 3772886, 3769171, 3798172, 8675211, 12450088, 3874808,
  9961438, 366607, 15675153, 9132554, 7151469, 3571407, 2607881, 12013382, 4155038, 6285869,
  7677882, 13102053, 15825725, 473591, 9065106, 15363067, 6271263, 9264392, 5636912, 4652155,
];

/** The results of `reduce`: the remainder r of x = n·π/2 + r, and the last two bits of n. */
const reduced = /* @__PURE__ */ new Float64Array(2);

/** Writes x − n·π/2 for the nearest n (at most slightly above π/4 in size) and n modulo 4 to `to`. */
function reduce(x: number, to: Float64Array): void {
  if (Math.abs(x) > 1e6) {
    reduceLarge(x, to);
    return;
  }
  const n = Math.floor(x * (1 / halfPi) + 0.5);
  to[0] = x - n * part1 - n * part2 - n * part3;
  to[1] = n & 3;
}

/** Adds `quadrants`, of either sign, to sum[0] modulo 4; sum[1] collects the rounding errors. */
function add(quadrants: number, sum: Float64Array): void {
  const term = quadrants - 4 * Math.trunc(quadrants / 4);
  const next = sum[0] + term;
  sum[1] += Math.abs(sum[0]) >= Math.abs(term) ? sum[0] - next + term : term - next + sum[0];
  sum[0] = next - 4 * Math.trunc(next / 4);
}

/**
 * The method of Payne and Hanek: of |x|·2/π only the part below 4 matters. With |x| = m·2^(24e) the digits
 * before e − 2 give multiples of 4 only. Ten digits from there leave an error below 2⁻¹²⁰, and no float64
 * is closer to a multiple of π/2 than 2⁻⁶² of one.
 */
function reduceLarge(x: number, to: Float64Array): void {
  let m = Math.abs(x);
  let e = 0;
  for (; m >= 2 ** 53; e++) m *= 2 ** -24;
  const c = m * 134217729;
  const top = c - (c - m); // the first 26 bits (Veltkamp), so that both halves times a digit are exact
  const bottom = m - top;
  const first = Math.max(0, e - 2);
  let unit = e === 0 ? 2 ** -24 : e === 1 ? 1 : 2 ** 24; // 2^(24(e − i − 1))
  to.fill(0);
  for (let i = first; i < first + 10; i++) {
    add(top * twoOverPi[i] * unit, to);
    add(bottom * twoOverPi[i] * unit, to);
    unit *= 2 ** -24;
  }
  const n = Math.floor(to[0] + 0.5);
  const fraction = to[0] - n + to[1];
  const r = fraction * halfPi + fraction * halfPiLow;
  to[0] = x < 0 ? -r : r;
  to[1] = (x < 0 ? -n : n) & 3;
}

/** sin r for |r| ≤ π/4, to r¹⁷. */
function sinNearZero(r: number): number {
  const z = r * r;
  const w = z * z;
  const odd = 1 / 6 + w * (1 / 5040 + w * (1 / 39916800 + w * (1 / 1307674368e3)));
  const even = 1 / 120 + w * (1 / 362880 + w * (1 / 6227020800 + w * (1 / 355687428096e3)));
  return r - r * (z * odd - w * even);
}

/** cos r for |r| ≤ π/4, to r¹⁶. */
function cosNearZero(r: number): number {
  const z = r * r;
  const w = z * z;
  const odd = 1 / 2 + w * (1 / 720 + w * (1 / 3628800 + w * (1 / 87178291200)));
  const even = 1 / 24 + w * (1 / 40320 + w * (1 / 479001600 + w * (1 / 20922789888e3)));
  return 1 - (z * odd - w * even);
}

/** sin(x + quarters·π/2) for quarters 0 or 1. */
function wave(x: number, quarters: number): number {
  if (!(Math.abs(x) < Infinity)) return Number.NaN;
  reduce(x, reduced);
  const r = reduced[0];
  const quadrant = (reduced[1] + quarters) & 3;
  const y = (quadrant & 1) === 0 ? sinNearZero(r) : cosNearZero(r);
  return quadrant < 2 ? y : -y;
}

/** sin x. Within 2.3 ulp, also next to its zeros and for any size of x. */
export const sin = (x: number): number => (x === 0 ? x : wave(x, 0));

/** cos x. Within 2.3 ulp, also next to its zeros and for any size of x. */
export const cos = (x: number): number => wave(x, 1);
