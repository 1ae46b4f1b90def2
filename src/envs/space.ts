/** What observations and actions look like. */
import type { Floats } from "../core/backend.ts";
import { MaskError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";

/** One choice from 0 to n − 1: one number. */
export interface Discrete {
  readonly kind: "discrete";
  readonly n: number;
  readonly shape: Shape;
  readonly size: number;
  /** Only where the mask is not 0, if there is one. */
  sample(random: Random, out?: Floats, mask?: ArrayLike<number>): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Several choices, the i-th from 0 to choices[i] − 1. */
export interface MultiDiscrete {
  readonly kind: "multiDiscrete";
  readonly choices: readonly number[];
  readonly shape: Shape;
  readonly size: number;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Several choices of 0 or 1. */
export interface MultiBinary {
  readonly kind: "multiBinary";
  readonly shape: Shape;
  readonly size: number;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Real numbers between bounds, which may be infinite. */
export interface Box {
  readonly kind: "box";
  readonly shape: Shape;
  readonly size: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
}

export type Space = Discrete | MultiDiscrete | MultiBinary | Box;

export function discrete(n: number): Discrete {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`discrete: want n ≥ 1, got ${n}`);
  return {
    kind: "discrete",
    n,
    shape: [],
    size: 1,
    sample(random, out = new Float32Array(1), mask) {
      out[0] = mask === undefined ? random.below(n) : belowMasked(random, n, mask);
      return out;
    },
    contains: (x) => x.length === 1 && isBelow(x[0], n),
  };
}

const isBelow = (x: number, n: number): boolean => Number.isInteger(x) && x >= 0 && x < n;

/** One of the k < n with mask[k] ≠ 0, each equally likely. */
function belowMasked(random: Random, n: number, mask: ArrayLike<number>): number {
  let allowed = 0;
  for (let k = 0; k < n; k++) if (mask[k] !== 0) allowed++;
  if (allowed === 0) throw new MaskError(`discrete: want an allowed choice of ${n}, got none`);
  let left = random.below(allowed);
  let k = 0;
  while (mask[k] === 0 || left-- > 0) k++;
  return k;
}

export function multiDiscrete(choices: readonly number[]): MultiDiscrete {
  if (choices.length === 0 || !choices.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new RangeError(`multiDiscrete: want choices ≥ 1, got [${choices}]`);
  }
  const size = choices.length;
  return {
    kind: "multiDiscrete",
    choices,
    shape: [size],
    size,
    sample(random, out = new Float32Array(size)) {
      for (let i = 0; i < size; i++) out[i] = random.below(choices[i]);
      return out;
    },
    contains: (x) => x.length === size && choices.every((n, i) => isBelow(x[i], n)),
  };
}

export function multiBinary(size: number): MultiBinary {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new RangeError(`multiBinary: want size ≥ 1, got ${size}`);
  }
  return {
    kind: "multiBinary",
    shape: [size],
    size,
    sample(random, out = new Float32Array(size)) {
      for (let i = 0; i < size; i++) out[i] = random.below(2);
      return out;
    },
    contains: (x) => x.length === size && Array.from(x).every((bit) => bit === 0 || bit === 1),
  };
}

/** Bounds are one number for all, or one an element. Unbounded sides are sampled as in Gymnasium. */
export function box(
  low: number | ArrayLike<number>,
  high: number | ArrayLike<number>,
  shape: Shape,
): Box {
  const size = sizeOf(shape);
  const bounds = (b: number | ArrayLike<number>): Float64Array =>
    typeof b === "number" ? new Float64Array(size).fill(b) : Float64Array.from(b);
  const lows = bounds(low);
  const highs = bounds(high);
  if (lows.length !== size || highs.length !== size || lows.some((l, i) => !(l <= highs[i]))) {
    throw new RangeError(`box: want ${size} bounds with low ≤ high`);
  }
  return {
    kind: "box",
    shape,
    size,
    low: lows,
    high: highs,
    sample(random, out = new Float32Array(size)) {
      for (let i = 0; i < size; i++) out[i] = between(random, lows[i], highs[i]);
      return out;
    },
    contains(x) {
      if (x.length !== size) return false;
      for (let i = 0; i < size; i++) {
        // float32 observations may round just past a float64 bound
        if (!(x[i] >= Math.fround(lows[i]) && x[i] <= Math.fround(highs[i]))) return false;
      }
      return true;
    },
  };
}

/** Uniform between two bounds, half-normal above or below one, normal without any. */
function between(random: Random, low: number, high: number): number {
  if (low > -Infinity && high < Infinity) return low + (high - low) * random.uniform();
  if (low > -Infinity) return low + Math.abs(random.normal());
  if (high < Infinity) return high - Math.abs(random.normal());
  return random.normal();
}
