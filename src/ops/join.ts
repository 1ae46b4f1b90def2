/** Ops that join several tensors. */
import { ShapeError } from "../core/errors.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { axisOf } from "./axes.ts";
import { reshape } from "./layout.ts";

/** Concatenates tensors along `axis`; their other axes must agree. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError("concat: expected at least one tensor, got none");
  return apply(concatOp, NONE, NONE, NONE, axis, 0, undefined, tensors);
}
const concatOp: Op<never, { numbers: "axis"; plan: { outer: number } }> = {
  name: "concat",
  inputs: [],
  numbers: ["axis"],
  shape({ list, axis }) {
    const shape = [...list[0].shape];
    const at = axisOf("concat", axis, shape);
    shape[at] = 0;
    for (const x of list) {
      const others = x.shape.map((n, i) => (i === at ? 0 : n));
      const wanted = shape.map((n, i) => (i === at ? 0 : n));
      if (!sameShape(others, wanted)) {
        throw new ShapeError(
          `concat: expected shapes equal except on axis ${at}, got ${list.map((t) => show(t.shape)).join(", ")}`,
        );
      }
      shape[at] += x.shape[at];
    }
    return shape;
  },
  plan({ axis }, shape) {
    const at = axisOf("concat", axis, shape);
    return { outer: sizeOf(shape.slice(0, at)) };
  },
  forward({ y, list, plan: { outer } }) {
    for (let o = 0, to = 0; o < outer; o++) {
      for (const { data: x } of list) {
        const length = x.length / outer;
        for (let j = 0; j < length; j++) y[to++] = x[o * length + j];
      }
    }
  },
  backward({ dy, list, plan: { outer } }) {
    for (let o = 0, from = 0; o < outer; o++) {
      for (const { data: x, grad: dx } of list) {
        const length = x.length / outer;
        if (dx) for (let j = 0; j < length; j++) dx[o * length + j] += dy[from + j];
        from += length;
      }
    }
  },
};

/** Stacks tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError("stack: expected at least one tensor, got none");
  const { shape } = tensors[0];
  const at = axisOf("stack", axis, [...shape, 1]);
  const unsqueezed = [...shape.slice(0, at), 1, ...shape.slice(at)];
  for (const x of tensors) {
    if (!sameShape(x.shape, shape)) {
      throw new ShapeError(`stack: expected equal shapes, got ${show(shape)} and ${show(x.shape)}`);
    }
  }
  return concat(
    tensors.map((x) => reshape(x, unsqueezed)),
    at,
  );
}
