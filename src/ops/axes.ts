/** Axes and index maps: shape computations that ops do once, when a slot is recorded. */
import { ShapeError } from "../core/errors.ts";
import { type Shape, show, sizeOf } from "../core/tensor.ts";

/** All axes (null), one axis, or several; negative axes count from the end. */
export type Axes = null | number | readonly number[];

/** Returns the flat-index step of each axis of a row-major shape. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** Returns `axis` as 0 … rank − 1. */
export function axisOf(op: string, axis: number, shape: Shape): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= shape.length) {
    throw new ShapeError(`${op}: expected an axis of ${show(shape)}, got ${axis}`);
  }
  return at;
}

/** Returns the named axes, sorted; all of them for null. */
export function axesOf(op: string, axes: Axes, shape: Shape): number[] {
  if (axes === null) return shape.map((_, i) => i);
  const list = typeof axes === "number" ? [axes] : axes;
  const set = new Set(list.map((axis) => axisOf(op, axis, shape)));
  if (set.size !== list.length) {
    throw new ShapeError(`${op}: expected each axis once, got ${show(list)}`);
  }
  return [...set].sort((i, j) => i - j);
}

/**
 * Returns, for every position of `shape` in row-major order, the index that `indexAt` gives for its
 * coordinates (one array, reused between calls).
 */
export function indexMap(shape: Shape, indexAt: (at: readonly number[]) => number): Int32Array {
  const map = new Int32Array(sizeOf(shape));
  const at = shape.map(() => 0);
  for (let i = 0; i < map.length; i++) {
    map[i] = indexAt(at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
  return map;
}

export const dot = (a: readonly number[], b: readonly number[]): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** The elements of each reduction: y[i] reduces x[start[i] + offset[j]] over all j. */
export interface Rows {
  readonly start: Int32Array;
  readonly offset: Int32Array;
}

/** Splits `shape` into kept axes (`start`, one entry per row) and reduced `axes` (`offset`). */
export function rowsOf(shape: Shape, axes: readonly number[]): Rows {
  const strides = stridesOf(shape);
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const map = (list: readonly number[]): Int32Array => {
    const steps = list.map((i) => strides[i]);
    return indexMap(
      list.map((i) => shape[i]),
      (at) => dot(at, steps),
    );
  };
  return { start: map(kept), offset: map(axes) };
}

/** Returns the shape that is left after reducing `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdims: boolean): number[] {
  if (keepdims) return shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return shape.filter((_, i) => !axes.includes(i));
}

/** Returns the broadcast shape by NumPy's rule: right-aligned; a size of 1 or a missing axis stretches. */
export function broadcastShape(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(`${op}: expected shapes that broadcast, got ${show(a)} and ${show(b)}`);
    }
    shape[rank - i] = m === 1 ? n : m;
  }
  return shape;
}

/** Returns the index map from `to` back into `from`, which broadcasts to it. */
export function broadcastMap(from: Shape, to: Shape): Int32Array {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  const steps = to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]));
  return indexMap(to, (at) => dot(at, steps));
}
