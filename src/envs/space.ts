/** What observations and actions look like. */
import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";

/** One choice from 0 to n − 1: one number. */
export interface Discrete {
  readonly kind: "discrete";
  readonly n: number;
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

export type Space = Discrete | Box;

export function discrete(n: number): Discrete {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`discrete: want n ≥ 1, got ${n}`);
  return {
    kind: "discrete",
    n,
    shape: [],
    size: 1,
    sample(random, out = new Float32Array(1)) {
      out[0] = random.below(n);
      return out;
    },
    contains: (x) => x.length === 1 && Number.isInteger(x[0]) && x[0] >= 0 && x[0] < n,
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
