/**
 * The argument checks that public functions share. An error names the function, what it expected and what it
 * got. A check runs once per call and not per element, unless its comment says so.
 */
import { ShapeError } from "./errors.ts";
import { type Shape, sameShape, show } from "./tensor.ts";

/** Inclusive bounds of a number; without bounds, everything but NaN is allowed. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Throws ShapeError unless `x` is a list of `length` numbers. */
export function checkLength(
  where: string,
  name: string,
  x: ArrayLike<unknown>,
  length: number,
): void {
  if (x?.length !== length) {
    throw new ShapeError(`${where}: expected ${length} numbers as ${name}, got ${kindOf(x)}`);
  }
}

interface Shaped {
  readonly shape: Shape;
}

/** Throws ShapeError unless `x` is a tensor of this shape. */
export function checkShape(where: string, name: string, x: Shaped, shape: Shape): void {
  if (x?.shape === undefined || !sameShape(x.shape, shape)) {
    const got = x?.shape === undefined ? kindOf(x) : show(x.shape);
    throw new ShapeError(`${where}: expected ${name} of shape ${show(shape)}, got ${got}`);
  }
}

/** Throws ShapeError unless `x` is a tensor with `rank` dimensions. */
export function checkRank(where: string, name: string, x: Shaped, rank: number): void {
  if (x?.shape?.length !== rank) {
    const got = x?.shape === undefined ? kindOf(x) : show(x.shape);
    throw new ShapeError(`${where}: expected ${name} with ${rank} dimensions, got ${got}`);
  }
}

/** Throws RangeError unless `x` is a number within the bounds. Always throws for NaN. */
export function checkNumber(where: string, name: string, x: number, bounds: Bounds = {}): void {
  const { min = -Infinity, max = Infinity } = bounds;
  if (typeof x !== "number" || !(x >= min && x <= max)) {
    throw new RangeError(`${where}: expected ${name} ${words(min, max)}, got ${kindOf(x)}`);
  }
}

/** Throws RangeError unless `x` is a finite number within the bounds. */
export function checkFinite(where: string, name: string, x: number, bounds: Bounds = {}): void {
  if (!Number.isFinite(x)) {
    throw new RangeError(`${where}: expected ${name} to be a finite number, got ${kindOf(x)}`);
  }
  checkNumber(where, name, x, bounds);
}

/** Throws RangeError unless `x` is a whole number within the bounds. */
export function checkInteger(where: string, name: string, x: number, bounds: Bounds = {}): void {
  if (!Number.isSafeInteger(x)) {
    throw new RangeError(`${where}: expected ${name} to be a whole number, got ${kindOf(x)}`);
  }
  checkNumber(where, name, x, bounds);
}

/** Throws RangeError unless every entry is a whole number within the bounds. Checks each element. */
export function checkIntegers(
  where: string,
  name: string,
  x: ArrayLike<number>,
  bounds: Bounds = {},
): void {
  for (let i = 0; i < x.length; i++) {
    const v = x[i];
    if (Number.isInteger(v) && v >= (bounds.min ?? v) && v <= (bounds.max ?? v)) continue;
    checkInteger(where, `${name}[${i}]`, v, bounds);
  }
}

/** Throws RangeError unless `x` is one of `names`. */
export function checkName(where: string, name: string, x: string, names: readonly string[]): void {
  if (!names.includes(x)) {
    throw new RangeError(`${where}: expected ${name} of ${names.join(", ")}, got ${String(x)}`);
  }
}

const words = (min: number, max: number): string => {
  if (min > -Infinity && max < Infinity) return `from ${min} to ${max}`;
  if (min > -Infinity) return `≥ ${min}`;
  return max < Infinity ? `≤ ${max}` : "to be a number";
};

/** Describes a value in a few words, for messages. */
export function kindOf(x: unknown): string {
  if (typeof x === "number" || x === null || x === undefined) return String(x);
  const length = (x as { length?: unknown }).length;
  if (typeof x === "object" && typeof length === "number") return `${length}`;
  return typeof x;
}
