/**
 * The only source of randomness: Threefry-2×32 with 20 rounds (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). A block of two words is a pure function of a key and a counter, so the
 * state is five numbers and a split is a new key.
 */
import { FormatError } from "./errors.ts";
import { cos, log, sin } from "./math.ts";

/**
 * Writes the two words of Threefry-2×32 with 20 rounds for a key and a counter. A round is a sum, a
 * rotation and an xor; after every fourth round, key words and the number of such additions are added.
 */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Uint32Array,
): void {
  let a = key0 | 0; // the three words of the key, used in rotation
  let b = key1 | 0;
  let c = a ^ b ^ 0x1bd11bda;
  let x = (counter0 + a) | 0;
  let y = (counter1 + b) | 0;
  for (let count = 1; count <= 5; count++) {
    const odd = (count & 1) !== 0; // eight rotations, four at a time
    x = (x + y) | 0;
    y = (odd ? (y << 13) | (y >>> 19) : (y << 17) | (y >>> 15)) ^ x;
    x = (x + y) | 0;
    y = (odd ? (y << 15) | (y >>> 17) : (y << 29) | (y >>> 3)) ^ x;
    x = (x + y) | 0;
    y = (odd ? (y << 26) | (y >>> 6) : (y << 16) | (y >>> 16)) ^ x;
    x = (x + y) | 0;
    y = (odd ? (y << 6) | (y >>> 26) : (y << 24) | (y >>> 8)) ^ x;
    x = (x + b) | 0;
    y = (y + c + count) | 0;
    const next = b;
    b = c;
    c = a;
    a = next;
  }
  out[0] = x;
  out[1] = y;
}

/**
 * Draws use counters from [0, 0] up to 2⁵³; splits use counters with the top bit set. So no block serves
 * both, and a parent never draws its child's key.
 */
const splitDomain = 0x80000000;

/** Any array of numbers, typed or not. */
type Numbers = { readonly length: number; [i: number]: number };

/** Returns a number in [0, 1) of the first 53 bits of a block's two words. */
export const uniformOf = (high: number, low: number): number =>
  ((high >>> 5) * 2 ** 26 + (low >>> 6)) * 2 ** -53;

export class Random {
  private readonly words = new Uint32Array(2);
  private key0 = 0;
  private key1 = 0;
  private drawn = 0; // blocks drawn
  private splits = 0;
  private half = 0; // 1: the second word of the last block is still to be drawn

  /** Seeds are whole numbers from 0 to 2⁵³ − 1. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`seed: expected a whole number from 0 to 2^53 - 1, got ${seed}`);
    }
    this.key0 = Math.floor(seed / 2 ** 32);
    this.key1 = seed >>> 0;
  }

  /** Returns an independent generator. Splitting does not change what this one draws. */
  split(): Random {
    const child = new Random(0);
    const n = this.splits++;
    threefry2x32(this.key0, this.key1, splitDomain + Math.floor(n / 2 ** 32), n >>> 0, this.words);
    child.key0 = this.words[0];
    child.key1 = this.words[1];
    if (this.half === 1) this.block(this.drawn - 1); // restores the words of the current block
    return child;
  }

  /** Returns the whole state, as numbers that JSON preserves. */
  save(): number[] {
    return [this.key0, this.key1, this.drawn, this.splits, this.half];
  }

  /** Returns a generator in the state that `save` returned. Throws like `restore`. */
  static from(saved: readonly number[]): Random {
    const random = new Random(0);
    random.restore(saved);
    return random;
  }

  /** Resumes from what `save` returned. Throws FormatError for anything else, and then changes nothing. */
  restore(saved: readonly number[]): void {
    const valid =
      Array.isArray(saved) &&
      saved.length === 5 &&
      saved.every((n) => Number.isSafeInteger(n) && n >= 0) &&
      Math.max(saved[0], saved[1]) < 2 ** 32 &&
      saved[4] <= Math.min(1, saved[2]);
    if (!valid) {
      throw new FormatError(
        `random: expected five whole numbers as state, got ${JSON.stringify(saved)}`,
      );
    }
    [this.key0, this.key1, this.drawn, this.splits, this.half] = saved;
    if (this.half === 1) this.block(this.drawn - 1);
  }

  private block(n: number): void {
    threefry2x32(this.key0, this.key1, Math.floor(n / 2 ** 32), n >>> 0, this.words);
  }

  /** Returns 32 random bits, 0 to 2³² − 1. */
  bits(): number {
    if (this.half === 1) {
      this.half = 0;
      return this.words[1];
    }
    this.block(this.drawn++);
    this.half = 1;
    return this.words[0];
  }

  /** Goes on as if `bits` had been called n more times. */
  skip(n: number): void {
    const words = 2 * this.drawn - this.half + n;
    this.drawn = Math.ceil(words / 2);
    this.half = words % 2;
    if (this.half === 1) this.block(this.drawn - 1);
  }

  /** Returns a uniform number in [0, 1), all 53 bits random. */
  uniform(): number {
    return uniformOf(this.bits(), this.bits());
  }

  /** Returns a standard normal number: Box & Muller 1958, one of the pair, so that no spare needs saving. */
  normal(): number {
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    return radius * cos(2 * Math.PI * this.uniform());
  }

  /** Returns a whole number from 0 to n − 1, each equally likely; n up to 2³². */
  below(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) {
      throw new RangeError(`below: expected a whole number from 1 to 2^32, got ${n}`);
    }
    const fair = 2 ** 32 - (2 ** 32 % n); // larger bits would favor small results
    let bits = this.bits();
    while (bits >= fair) bits = this.bits();
    return bits % n;
  }

  /** Returns the smallest k with u < p₀ + … + pₖ, for n probabilities from `start`; pₖ is never 0. */
  categorical(
    probabilities: ArrayLike<number>,
    start = 0,
    n = probabilities.length - start,
  ): number {
    const u = this.uniform();
    let total = 0;
    let last = -1; // the last with p > 0, for a u above the rounded total
    for (let k = 0; k < n; k++) {
      const p = probabilities[start + k];
      if (p === 0) continue;
      if (!(p > 0)) throw new RangeError(`categorical: expected probabilities, got ${p} at ${k}`);
      total += p;
      if (u < total) return k;
      last = k;
    }
    if (last < 0) throw new RangeError("categorical: expected a probability above 0, got none");
    return last;
  }

  /** Shuffles the elements (Fisher & Yates). */
  shuffle(array: Numbers): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
  }

  /** Writes uniform numbers in [0, 1), as `uniform` draws them; float32 rounds to the last below 1 at most. */
  fillUniform(out: Numbers): void {
    for (let i = 0; i < out.length; i++) {
      out[i] = this.uniform();
      if (out[i] === 1) out[i] = 1 - 2 ** -24;
    }
  }

  /** Writes normal numbers, two per pair of uniforms: faster than `normal`, and other numbers. */
  fillNormal(out: Numbers): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      out[i] = radius * cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * sin(angle);
    }
  }
}
