/**
 * Ops that move elements: broadcast, permute, slice, flip, tile, pad, triangles. Each is one index map,
 * made when the slot is recorded; all share one forward loop (y[i] = x[map[i]], or a fill where the
 * map is −1) and one backward loop (dx[map[i]] += dy[i]). Reshape and rows are views and move nothing.
 */
import { checkInteger, checkIntegers } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Call, GradRun, Op, Run } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Shape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { axesOf, axisOf, broadcastMap, broadcastShape, dot, indexMap, stridesOf } from "./axes.ts";

/** The index map, and room to sum gradients in float64 where inputs are used many times. */
interface Moves {
  readonly map: Int32Array;
  readonly sums: Float64Array | null;
}

interface Movable<S> {
  readonly numbers: "fill" | "diagonal";
  readonly set: S;
  readonly plan: Moves;
}
type MoveRun = Run<"x", Movable<unknown>>;

function moveForward({ y, x, plan: { map }, fill }: MoveRun) {
  for (let i = 0; i < y.length; i++) {
    const j = map[i];
    y[i] = j < 0 ? fill : x[j];
  }
}

function moveBackward({ dy, dx, plan: { map, sums } }: GradRun<"x", Movable<unknown>>) {
  if (!dx) return;
  const to = sums ?? dx;
  for (let i = 0; i < dy.length; i++) {
    const j = map[i];
    if (j >= 0) to[j] += dy[i];
  }
  if (sums === null) return;
  for (let j = 0; j < dx.length; j++) dx[j] += sums[j];
  sums.fill(0);
}

type MoveCall<S> = Call<"x" | "like", Movable<S>>;
interface Mover<S> {
  shape(call: MoveCall<S>): Shape;
  /** Returns each output element's index in x; −1 for the fill. */
  map(call: MoveCall<S>, shape: Shape): Int32Array;
}
const mover = <S>(name: string, { shape, map }: Mover<S>): Op<"x" | "like", Movable<S>> => ({
  name,
  inputs: ["x", "like"],
  numbers: ["fill", "diagonal"],
  shape,
  plan(call, to) {
    const size = sizeOf(call.x);
    return { map: map(call, to), sums: sizeOf(to) > size ? new Float64Array(size) : null };
  },
  forward: moveForward,
  backward: moveBackward,
});

/**
 * Broadcasts x to the common shape of x and `like`; returns x itself where that is its shape. Errors name
 * `op`.
 */
export function broadcastLike(x: Tensor, like: Tensor, op: string): Tensor {
  return covers(x.shape, like.shape) ? x : apply(broadcastLikeOp, x, like, NONE, 0, 0, op);
}
const broadcastLikeOp = /* @__PURE__ */ mover<string>("broadcastLike", {
  shape: ({ x, like, set: op }) => broadcastShape(op, x, like),
  map: ({ x }, shape) => broadcastMap(x, shape),
});

function covers(shape: Shape, other: Shape): boolean {
  if (shape === other) return true;
  const lead = shape.length - other.length;
  if (lead < 0) return false;
  for (let i = 0; i < other.length; i++) {
    if (other[i] !== 1 && other[i] !== shape[i + lead]) return false;
  }
  return true;
}

/** Broadcasts x to `shape` by NumPy's rule. */
export const broadcastTo = (x: Tensor, shape: Shape): Tensor =>
  apply(broadcastToOp, x, NONE, NONE, 0, 0, shape);
const broadcastToOp = /* @__PURE__ */ mover<Shape>("broadcastTo", {
  shape({ x, set: shape }) {
    const stretched = broadcastShape("broadcastTo", x, shape);
    if (sizeOf(stretched) !== sizeOf(shape) || stretched.length !== shape.length) {
      throw new ShapeError(
        `broadcastTo: expected a shape that ${show(x)} broadcasts to, got ${show(shape)}`,
      );
    }
    return stretched;
  },
  map: ({ x }, shape) => broadcastMap(x, shape),
});

/** Permutes axes: axis i of the result is axis perm[i] of x. */
export const permute = (x: Tensor, perm: readonly number[]): Tensor =>
  apply(permuteOp, x, NONE, NONE, 0, 0, perm);
const permuted = ({ x, set: perm }: MoveCall<readonly number[]>): number[] => {
  const axes = perm.map((axis) => axisOf("permute", axis, x));
  if (axes.length !== x.length || new Set(axes).size !== axes.length) {
    throw new ShapeError(`permute: expected each axis of ${show(x)} once, got ${show(perm)}`);
  }
  return axes;
};
const permuteOp = /* @__PURE__ */ mover<readonly number[]>("permute", {
  shape: (call) => permuted(call).map((axis) => call.x[axis]),
  map(call, shape) {
    const strides = stridesOf(call.x);
    const steps = permuted(call).map((axis) => strides[axis]);
    return indexMap(shape, (at) => dot(at, steps));
  },
});

/** Swaps two axes of x; the last two by default. */
export function swapAxes(x: Tensor, axisA = -2, axisB = -1): Tensor {
  const perm = x.shape.map((_, i) => i);
  const i = axisOf("swapAxes", axisA, x.shape);
  const j = axisOf("swapAxes", axisB, x.shape);
  perm[i] = j;
  perm[j] = i;
  return permute(x, perm);
}

/** One axis of a slice: [start, stop, step]; negative bounds count from the end, step ≥ 1. */
export type Range = readonly [start: number, stop: number, step?: number];

/** Slices x: on each axis the elements at start, start + step, … before stop; further axes are whole. */
export const slice = (x: Tensor, ranges: readonly Range[]): Tensor =>
  apply(sliceOp, x, NONE, NONE, 0, 0, ranges);
const ranges = ({ x: shape, set }: MoveCall<readonly Range[]>) => {
  if (set.length > shape.length) {
    throw new ShapeError(
      `slice: expected at most ${shape.length} ranges for ${show(shape)}, got ${set.length}`,
    );
  }
  return shape.map((n, i) => {
    const [start, stop, step = 1] = set[i] ?? [0, n];
    if (!Number.isInteger(step) || step < 1)
      throw new ShapeError(`slice: expected a step ≥ 1, got ${step}`);
    if (!Number.isInteger(start) || !Number.isInteger(stop))
      throw new ShapeError(`slice: expected whole bounds, got ${start} to ${stop}`);
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + n : at, 0), n);
    const first = clamp(start);
    return { first, step, length: Math.max(0, Math.ceil((clamp(stop) - first) / step)) };
  });
};
const sliceOp = /* @__PURE__ */ mover<readonly Range[]>("slice", {
  shape: (call) => ranges(call).map(({ length }) => length),
  map(call, shape) {
    const strides = stridesOf(call.x);
    const axes = ranges(call);
    const origin = dot(
      axes.map(({ first }) => first),
      strides,
    );
    const steps = axes.map(({ step }, i) => step * strides[i]);
    return indexMap(shape, (at) => origin + dot(at, steps));
  },
});

/** Reverses x along one or several axes. */
export const flip = (x: Tensor, axes: number | readonly number[]): Tensor =>
  apply(flipOp, x, NONE, NONE, 0, 0, typeof axes === "number" ? [axes] : axes);
const flipOp = /* @__PURE__ */ mover<readonly number[]>("flip", {
  shape: ({ x }) => x,
  map({ x, set }, shape) {
    const flipped = axesOf("flip", set, shape);
    const strides = stridesOf(x);
    const origin = flipped.reduce((sum, axis) => sum + (shape[axis] - 1) * strides[axis], 0);
    const steps = strides.map((stride, i) => (flipped.includes(i) ? -stride : stride));
    return indexMap(shape, (at) => origin + dot(at, steps));
  },
});

/** Repeats x reps[i] times along axis i; missing leading axes count as 1. */
export const tile = (x: Tensor, reps: readonly number[]): Tensor =>
  apply(tileOp, x, NONE, NONE, 0, 0, reps);
const padLeft = (list: readonly number[], rank: number): number[] => [
  ...new Array<number>(Math.max(0, rank - list.length)).fill(1),
  ...list,
];
const tileOp = /* @__PURE__ */ mover<readonly number[]>("tile", {
  shape({ x, set: reps }) {
    checkIntegers("tile", "the repetitions", reps, { min: 0 });
    const rank = Math.max(x.length, reps.length);
    const times = padLeft(reps, rank);
    return padLeft(x, rank).map((n, i) => n * times[i]);
  },
  map({ x }, shape) {
    const from = padLeft(x, shape.length);
    const strides = stridesOf(from);
    return indexMap(shape, (at) =>
      at.reduce((sum, i, axis) => sum + (i % from[axis]) * strides[axis], 0),
    );
  },
});

/** Pads x with `value`: padding[i] = [before, after] for axis i. */
export const pad = (
  x: Tensor,
  padding: readonly (readonly [number, number])[],
  value = 0,
): Tensor => apply(padOp, x, NONE, NONE, value, 0, padding);
const padOp = /* @__PURE__ */ mover<readonly (readonly [number, number])[]>("pad", {
  shape({ x, set: padding }) {
    if (padding.length !== x.length) {
      throw new ShapeError(`pad: expected ${x.length} pairs for ${show(x)}, got ${padding.length}`);
    }
    for (const pair of padding) checkIntegers("pad", "the padding", pair);
    return x.map((n, i) => padding[i][0] + n + padding[i][1]);
  },
  map({ x, set: padding }, shape) {
    const strides = stridesOf(x);
    return indexMap(shape, (at) => {
      let index = 0;
      for (let axis = 0; axis < at.length; axis++) {
        const i = at[axis] - padding[axis][0];
        if (i < 0 || i >= x[axis]) return -1;
        index += i * strides[axis];
      }
      return index;
    });
  },
});

/** The lower triangle of the last two axes, with diagonals up to k; 0 above. */
export const tril = (x: Tensor, k = 0): Tensor => apply(trilOp, x, NONE, NONE, 0, k);
/** The upper triangle of the last two axes, with diagonals from k on; 0 below. */
export const triu = (x: Tensor, k = 0): Tensor => apply(triuOp, x, NONE, NONE, 0, k);
const triangle = (name: string, keeps: (row: number, column: number, k: number) => boolean) =>
  mover(name, {
    shape({ x, diagonal }) {
      checkInteger(name, "the diagonal", diagonal);
      if (x.length < 2) throw new ShapeError(`${name}: expected 2 axes or more, got ${show(x)}`);
      return x;
    },
    map({ diagonal }, shape) {
      const strides = stridesOf(shape);
      const [row, column] = [shape.length - 2, shape.length - 1];
      return indexMap(shape, (at) =>
        keeps(at[row], at[column], diagonal) ? dot(at, strides) : -1,
      );
    },
  });
const trilOp = /* @__PURE__ */ triangle("tril", (row, column, k) => column - row <= k);
const triuOp = /* @__PURE__ */ triangle("triu", (row, column, k) => column - row >= k);

/** A view of x under another shape; one size may be −1 and follows from the others. */
export const reshape = (x: Tensor, shape: Shape): Tensor =>
  apply(reshapeOp, x, NONE, NONE, 0, 0, shape);
const reshapeOp: Op<"x", { set: Shape }> = {
  name: "reshape",
  inputs: ["x"],
  shape({ x, set: shape }) {
    const size = sizeOf(x);
    const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
    const full = shape.map((n) => (n === -1 ? size / known : n));
    if (
      shape.filter((n) => n === -1).length > 1 ||
      full.some((n) => !Number.isInteger(n)) ||
      sizeOf(full) !== size
    ) {
      throw new ShapeError(
        `reshape: expected ${size} elements as in ${show(x)}, got ${show(shape)}`,
      );
    }
    return full;
  },
  view: () => 0,
  backward() {}, // the gradient is the input's own
};

/** A view of rows start … stop − 1 of the first axis. */
export const rows = (x: Tensor, start: number, stop: number): Tensor =>
  apply(rowsOp, x, NONE, NONE, start, stop);
const rowsOp: Op<"x", { numbers: "start" | "stop" }> = {
  name: "rows",
  inputs: ["x"],
  numbers: ["start", "stop"],
  shape({ x, start, stop }) {
    const whole = Number.isInteger(start) && Number.isInteger(stop);
    if (!(whole && 0 <= start && start <= stop && stop <= x[0])) {
      throw new ShapeError(
        `rows: expected a range of the first axis of ${show(x)}, got ${start} to ${stop}`,
      );
    }
    return [stop - start, ...x.slice(1)];
  },
  view: ({ x, start }) => start * sizeOf(x.slice(1)),
  backward() {}, // the gradient is the input's own
};

/** A view of x that passes no gradient. */
export const stopGradient = (x: Tensor): Tensor => apply(stopGradientOp, x);
const stopGradientOp: Op<"x"> = {
  name: "stopGradient",
  inputs: ["x"],
  view: () => 0,
};
