/** sin and cos: the argument reduced by multiples of π/2, then Taylor to r¹⁹ and r¹⁸. */

// π/2 in parts of 33 bits, so that n·part is exact for n < 2²⁰.
const part1 = 1.5707963267341256;
const part2 = 6.077100506303966e-11;
const part3 = 2.0222662487959506e-21;
const halfPi = 1.5707963267948966;
const halfPiLow = 6.123233995736766e-17;

// 2/π in digits of 24 bits: enough for any float64.
const twoOverPi = [
  10680707, 7228996, 1387004, 2578385, 16069853, 12639074, 9804092, 4427841, 16666979, 11263675,
  12935607, 2387514, 4345298, 14681673, 3074569, 13734428, 16653803, 1880361, 10960616, 8533493,
  3062596, 8710556, 7349940, 6258241, 3772886, 3769171, 3798172, 8675211, 12450088, 3874808,
  9961438, 366607, 15675153, 9132554, 7151469, 3571407, 2607881, 12013382, 4155038, 6285869,
  7677882, 13102053, 15825725, 473591, 9065106, 15363067, 6271263, 9264392, 5636912, 4652155,
];

let quadrant = 0;

/** x − n·π/2 for the nearest n, whose last two bits go to `quadrant`. |result| ≤ π/4, or a hair more. */
function reduce(x: number): number {
  if (Math.abs(x) > 1e6) return reduceLarge(x);
  const n = Math.round(x / halfPi);
  quadrant = n & 3;
  return x - n * part1 - n * part2 - n * part3;
}

/**
 * Payne and Hanek's way: of x·2/π only the part below 4 matters, so the digits of 2/π that give
 * multiples of 4 are skipped, and the rest is summed exactly in two words.
 */
function reduceLarge(x: number): number {
  let exponent = 0; // |x| = mantissa·2^exponent, a whole number below 2⁵³
  let mantissa = Math.abs(x);
  for (; mantissa >= 2 ** 53; exponent++) mantissa /= 2;
  for (; mantissa !== Math.floor(mantissa); exponent--) mantissa *= 2;
  const top = Math.floor(mantissa / 2 ** 26);
  const bottom = mantissa - top * 2 ** 26;
  let sum = 0;
  let rest = 0;
  const first = Math.max(0, Math.floor(exponent / 24) - 3);
  for (let i = first; i < Math.min(first + 12, twoOverPi.length); i++) {
    const unit = 2 ** (exponent - 24 * (i + 1));
    for (const piece of [top * twoOverPi[i] * (unit * 2 ** 26), bottom * twoOverPi[i] * unit]) {
      const term = piece - 4 * Math.floor(piece / 4);
      const next = sum + term;
      rest += Math.abs(sum) >= term ? sum - next + term : term - next + sum;
      sum = next - 4 * Math.floor(next / 4);
    }
  }
  const n = Math.round(sum);
  const fraction = sum - n + rest;
  quadrant = (x < 0 ? -n : n) & 3;
  const r = fraction * halfPi + fraction * halfPiLow;
  return x < 0 ? -r : r;
}

/** sin r for |r| ≤ π/4. */
function sinNearZero(r: number): number {
  const z = r * r;
  const late =
    1 / 362880 -
    z * (1 / 39916800 - z * (1 / 6227020800 - z * (1 / 1307674368e3 - z / 355687428096e3)));
  return r - r * z * (1 / 6 - z * (1 / 120 - z * (1 / 5040 - z * late)));
}

/** cos r for |r| ≤ π/4. */
function cosNearZero(r: number): number {
  const z = r * r;
  const late =
    1 / 40320 - z * (1 / 3628800 - z * (1 / 479001600 - z * (1 / 87178291200 - z / 20922789888e3)));
  return 1 - z * (1 / 2 - z * (1 / 24 - z * (1 / 720 - z * late)));
}

export function sin(x: number): number {
  if (!(Math.abs(x) < Infinity)) return Number.NaN;
  if (x === 0) return x;
  const r = reduce(x);
  const y = (quadrant & 1) === 0 ? sinNearZero(r) : cosNearZero(r);
  return quadrant < 2 ? y : -y;
}

export function cos(x: number): number {
  if (!(Math.abs(x) < Infinity)) return Number.NaN;
  const r = reduce(x);
  const y = (quadrant & 1) === 0 ? cosNearZero(r) : sinNearZero(r);
  return quadrant === 0 || quadrant === 3 ? y : -y;
}
