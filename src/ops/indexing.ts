/** Gather and scatter. Indices are whole numbers held in a float tensor. */
import type { Floats } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op, RunOf } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { axisOf, dot, indexMap, stridesOf } from "./axes.ts";

/** Throws RangeError unless `index` is one of 0 … n−1. */
function check(op: string, index: number, n: number, at: number): void {
  if (!(index >= 0 && index < n && Number.isInteger(index))) {
    throw new RangeError(`${op}: expected an index from 0 to ${n - 1}, got ${index} at ${at}`);
  }
}

/** Index maps along one axis: element i of the index refers to x[base[i] + index[i]·step]; index[i] < n. */
interface Along {
  readonly base: Int32Array;
  readonly step: number;
  readonly n: number;
  /** Room to sum in float64, where more numbers than x has are added to it; else null. */
  readonly sums: Float64Array | null;
}
function alongAxis(op: string, axis: number, shape: Shape, index: Shape): Along {
  const at = axisOf(op, axis, shape);
  const fits = index.length === shape.length && index.every((n, i) => i === at || n <= shape[i]);
  if (!fits)
    throw new ShapeError(`${op}: expected an index within ${show(shape)}, got ${show(index)}`);
  const strides = stridesOf(shape);
  const steps = strides.map((stride, i) => (i === at ? 0 : stride));
  const base = indexMap(index, (i) => dot(i, steps));
  const size = sizeOf(shape);
  const sums = base.length > size ? new Float64Array(size) : null;
  return { base, step: strides[at], n: shape[at], sums };
}

/** Adds x[i] to to[base[i] + index[i]·step] for each i, in float64 where `sums` is given. */
function scatter(to: Floats, x: Floats, index: Floats, { base, step, sums }: Along): void {
  const into = sums ?? to;
  for (let i = 0; i < x.length; i++) into[base[i] + index[i] * step] += x[i];
  if (sums === null) return;
  for (let i = 0; i < to.length; i++) to[i] += sums[i];
  sums.fill(0);
}

/** y[i,j,…] = x[…, index[i,j,…], …] along `axis`; index has x's rank (PyTorch's gather). */
export const gather = (x: Tensor, index: Tensor, axis = -1): Tensor =>
  apply(gatherOp, x, index, NONE, axis);
const gatherOp: Op<"x" | "index", { numbers: "axis"; plan: Along }> = {
  name: "gather",
  inputs: ["x", "index"],
  numbers: ["axis"],
  shape: ({ index }) => index,
  plan: ({ x, index, axis }) => alongAxis("gather", axis, x, index),
  forward({ y, x, index, plan: { base, step, n } }) {
    for (let i = 0; i < y.length; i++) {
      check("gather", index[i], n, i);
      y[i] = x[base[i] + index[i] * step];
    }
  },
  backward({ dy, dx, index, plan }) {
    if (dx) scatter(dx, dy, index, plan);
  },
};

/** y = x with y[…, index[i,j,…], …] += src[i,j,…] along `axis` (PyTorch's scatter_add). */
export const scatterAdd = (x: Tensor, index: Tensor, src: Tensor, axis = -1): Tensor =>
  apply(scatterAddOp, x, index, src, axis);
const scatterAddOp: Op<"x" | "index" | "src", { numbers: "axis"; plan: Along }> = {
  name: "scatterAdd",
  inputs: ["x", "index", "src"],
  numbers: ["axis"],
  shape({ x, index, src }) {
    if (!sameShape(index, src)) {
      throw new ShapeError(`scatterAdd: expected src of shape ${show(index)}, got ${show(src)}`);
    }
    return x;
  },
  plan: ({ x, index, axis }) => alongAxis("scatterAdd", axis, x, index),
  forward({ y, x, index, src, plan }) {
    for (let i = 0; i < src.length; i++) check("scatterAdd", index[i], plan.n, i);
    y.set(x);
    scatter(y, src, index, plan);
  },
  backward({ dy, dx, index, dsrc, plan }) {
    const { base, step } = plan;
    if (dx) for (let i = 0; i < dx.length; i++) dx[i] += dy[i];
    if (dsrc) for (let i = 0; i < dsrc.length; i++) dsrc[i] += dy[base[i] + index[i] * step];
  },
};

/** Selects slices of x along `axis`; the index's shape replaces that axis. */
export const indexSelect = (x: Tensor, index: Tensor, axis = 0): Tensor =>
  apply(indexSelectOp, x, index, NONE, axis);
/** Selects the row of `weight` [vocab, width] for each index: […index.shape, width]. */
export const embedding = (weight: Tensor, index: Tensor): Tensor =>
  apply(indexSelectOp, weight, index, NONE, 0);
interface Slices extends Record<"outer" | "n" | "inner", number> {
  /** For each slice the first position of the index that names it, for each position the next; −1 for none. */
  readonly first: Int32Array;
  readonly next: Int32Array;
  /** Room for a slice's sum in float64. */
  readonly sum: Float64Array;
}
export const indexSelectOp: Op<"x" | "index", { numbers: "axis"; plan: Slices }> = {
  name: "indexSelect",
  inputs: ["x", "index"],
  numbers: ["axis"],
  shape({ x, index, axis }) {
    const at = axisOf("indexSelect", axis, x);
    return [...x.slice(0, at), ...index, ...x.slice(at + 1)];
  },
  plan({ x, index, axis }) {
    const at = axisOf("indexSelect", axis, x);
    const outer = sizeOf(x.slice(0, at));
    const n = x[at];
    const inner = sizeOf(x.slice(at + 1));
    const [first, next] = [new Int32Array(n), new Int32Array(sizeOf(index))];
    return { outer, n, inner, first, next, sum: new Float64Array(inner) };
  },
  forward(run) {
    checkIndices(run);
    const {
      y,
      x,
      index,
      plan: { outer, n, inner },
    } = run;
    for (let o = 0, to = 0; o < outer; o++) {
      for (let i = 0; i < index.length; i++) {
        const from = (o * n + index[i]) * inner;
        for (let j = 0; j < inner; j++) y[to++] = x[from + j];
      }
    }
  },
  backward({ dy, dx, index, plan: { outer, n, inner, first, next, sum } }) {
    if (!dx) return;
    first.fill(-1);
    for (let i = index.length - 1; i >= 0; i--) {
      next[i] = first[index[i]];
      first[index[i]] = i;
    }
    for (let slice = 0; slice < outer * n; slice++) {
      const from = Math.floor(slice / n) * index.length;
      if (first[slice % n] < 0) continue;
      sum.fill(0);
      for (let i = first[slice % n]; i >= 0; i = next[i]) {
        for (let j = 0; j < inner; j++) sum[j] += dy[(from + i) * inner + j];
      }
      for (let j = 0; j < inner; j++) dx[slice * inner + j] += sum[j];
    }
  },
};

/** Throws RangeError for an index outside the axis, which a kernel would not notice. */
export function checkIndices({ index, plan: { n } }: RunOf<typeof indexSelectOp>): void {
  for (let i = 0; i < index.length; i++) check("indexSelect", index[i], n, i);
}

/** y is 1 at the index and 0 elsewhere: […index.shape, depth]. No gradient. */
export const oneHot = (index: Tensor, depth: number): Tensor =>
  apply(oneHotOp, index, NONE, NONE, depth);
const oneHotOp: Op<"index", { numbers: "depth" }> = {
  name: "oneHot",
  inputs: ["index"],
  numbers: ["depth"],
  shape: ({ index, depth }) => [...index, depth],
  forward({ y, index, depth }) {
    y.fill(0);
    for (let i = 0; i < index.length; i++) {
      check("oneHot", index[i], depth, i);
      y[i * depth + index[i]] = 1;
    }
  },
};
