/**
 * The only source of randomness: Threefry-2×32 with 20 rounds (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). A block of two words is a pure function of a key and a counter, so the
 * state is six numbers, and a split is a new key.
 */
import { FormatError } from "./errors.ts";
import { cos, log, sin } from "./math.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

/** Writes the two words that key and counter give. */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Uint32Array,
): void {
  const key2 = key0 ^ key1 ^ 0x1bd11bda;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const r = rotations[round & 7];
    x = (x + y) | 0;
    y = ((y << r) | (y >>> (32 - r))) ^ x;
    if ((round & 3) !== 3) continue;
    const injection = (round >> 2) + 1; // the keys in turn, and the count, after every fourth round
    x = (x + (injection % 3 === 0 ? key0 : injection % 3 === 1 ? key1 : key2)) | 0;
    y = (y + (injection % 3 === 0 ? key1 : injection % 3 === 1 ? key2 : key0) + injection) | 0;
  }
  out[0] = x;
  out[1] = y;
}

/** Draws count from counter [0, 0] on; splits count apart from them, under this high word. */
const splitDomain = 0x80000000;

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
      throw new RangeError(`seed: want a whole number from 0 to 2^53 - 1, got ${seed}`);
    }
    this.key0 = Math.floor(seed / 2 ** 32);
    this.key1 = seed >>> 0;
  }

  /** An independent generator. Splitting does not change what this one draws. */
  split(): Random {
    const child = new Random(0);
    threefry2x32(this.key0, this.key1, splitDomain, this.splits++, this.words);
    child.key0 = this.words[0];
    child.key1 = this.words[1];
    if (this.half === 1) this.block(this.drawn - 1); // the words of the block at hand come back
    return child;
  }

  /** The whole state, as numbers that JSON keeps. */
  save(): number[] {
    return [this.key0, this.key1, this.drawn, this.splits, this.half];
  }

  /** Goes on where `save` was called. Throws FormatError for anything else. */
  restore(saved: readonly number[]): void {
    const whole = saved.length === 5 && saved.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole || saved[0] >= 2 ** 32 || saved[1] >= 2 ** 32 || saved[4] > 1) {
      throw new FormatError(`random: want five whole numbers as state, got [${saved.join(", ")}]`);
    }
    [this.key0, this.key1, this.drawn, this.splits, this.half] = saved;
    if (this.half === 1) this.block(this.drawn - 1);
  }

  private block(n: number): void {
    threefry2x32(this.key0, this.key1, Math.floor(n / 2 ** 32), n >>> 0, this.words);
  }

  /** 32 random bits, 0 to 2³² − 1. */
  bits(): number {
    if (this.half === 1) {
      this.half = 0;
      return this.words[1];
    }
    this.block(this.drawn++);
    this.half = 1;
    return this.words[0];
  }

  /** Uniform in [0, 1), all 53 bits random. */
  uniform(): number {
    const high = this.bits() >>> 5;
    return (high * 2 ** 26 + (this.bits() >>> 6)) * 2 ** -53;
  }

  /** Mean 0, deviation 1: Box & Muller 1958. */
  normal(): number {
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    return radius * cos(2 * Math.PI * this.uniform());
  }

  /** Whole, 0 to n − 1, each equally likely; n up to 2³². */
  below(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) {
      throw new RangeError(`below: want a whole number from 1 to 2^32, got ${n}`);
    }
    const fair = 2 ** 32 - (2 ** 32 % n); // bits from here on would favor small results
    let bits = this.bits();
    while (bits >= fair) bits = this.bits();
    return bits % n;
  }

  /** The smallest k with u < p₀ + … + pₖ, for n probabilities from `start`; never one of 0. */
  categorical(
    probabilities: ArrayLike<number>,
    start = 0,
    n = probabilities.length - start,
  ): number {
    const u = this.uniform();
    let total = 0;
    let last = -1; // the last that could be drawn, for a u above the rounded total
    for (let k = 0; k < n; k++) {
      if (!(probabilities[start + k] > 0)) continue;
      last = k;
      total += probabilities[start + k];
      if (u < total) break;
    }
    if (last < 0) throw new RangeError("categorical: want a probability above 0, got none");
    return last;
  }

  /** Standard Gumbel: −ln(−ln u). */
  gumbel(): number {
    return -log(-log((this.bits() + 0.5) * 2 ** -32));
  }

  /** Puts the elements in random order (Fisher & Yates). */
  shuffle(array: { readonly length: number; [i: number]: number }): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
  }

  fillUniform(out: { readonly length: number; [i: number]: number }): void {
    for (let i = 0; i < out.length; i++) out[i] = this.uniform();
  }

  /** Normal numbers, two from each pair of uniforms. */
  fillNormal(out: { readonly length: number; [i: number]: number }): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      out[i] = radius * cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * sin(angle);
    }
  }
}
