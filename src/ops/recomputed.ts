/**
 * A part of a computation that is computed again in the backward pass, so that only its inputs and its result stay in
 * memory: Chen et al. 2016, arXiv:1604.06174 ("gradient checkpointing").
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { firstNotFinite } from "../core/not-finite.ts";
import type { Op } from "../core/op.ts";
import { apply, Tape } from "../core/tape.ts";
import { NONE, type Shape, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { mul } from "./arithmetic.ts";
import { sum } from "./reduce.ts";

/** Runs ops on the inputs, and nothing else. `again` is true in the backward pass; both runs must give equal numbers. */
export type Recomputable = (inputs: readonly Tensor[], again: boolean) => Tensor;

export interface RecomputedOptions {
  /** The tensors with gradients that the body reads beside its inputs. */
  readonly parameters: readonly Tensor[];
  /** The shape of the result. Default: the first input's. */
  readonly shape?: Shape;
  /**
   * The rows, of the inputs' and the result's first axis, per run of a body that treats rows separately. Default: all.
   * Fewer change last bits of the parameters' gradients, which are then sums of sums.
   */
  readonly rows?: number;
}

/**
 * Returns the body's result on the inputs. What the body computes on the way is dropped, and computed again for the
 * gradient, which has the bits that it has without. Pass the same function at each run of a tape. Throws ShapeError for
 * inputs of different numbers of rows, and for a result of another shape.
 */
export function recomputed(
  body: Recomputable,
  inputs: readonly Tensor[],
  {
    parameters,
    shape = inputs[0]?.shape ?? [],
    rows = Math.max(1, shape[0] ?? 1),
  }: RecomputedOptions,
): Tensor {
  checkInteger("recomputed", "rows", rows, { min: 1 });
  const list = [...inputs, ...parameters];
  return apply(recomputedOp, NONE, NONE, NONE, inputs.length, rows, { body, shape }, list);
}

interface Setting {
  readonly body: Recomputable;
  readonly shape: Shape;
}
/** Rows of the inputs and of the result, as tensors of their own on the same buffers. */
interface Chunk {
  readonly inputs: readonly Tensor[];
  readonly result: Tensor;
  /** ∂loss/∂y; null where no gradient is wanted. */
  readonly slope: Tensor | null;
}
interface Bound {
  readonly chunks: readonly Chunk[];
  readonly forth: Tape;
  readonly back: Tape;
}

const recomputedOp: Op<never, { numbers: "count" | "rows"; set: Setting; bound: Bound }> = {
  name: "recomputed",
  inputs: [],
  numbers: ["count", "rows"],
  shape({ list, count, set: { shape } }) {
    const shapes = [shape, ...list.slice(0, count).map((x) => x.shape)];
    if (count === 0 || shapes.some((s) => s.length === 0 || s[0] !== shape[0]))
      throw new ShapeError(
        `recomputed: expected a result and inputs of as many rows, got ${shapes.map(show).join(", ")}`,
      );
    return shape;
  },
  bind({ y, dy, list, count, rows, set: { shape }, backend }) {
    const result: Tensor = { shape, data: y, grad: null, backend };
    const slope: Tensor | null = dy && { ...result, data: dy };
    const chunks: Chunk[] = [];
    for (let start = 0; start < shape[0]; start += rows) {
      const part = (x: Tensor): Tensor => rowsOf(x, start, Math.min(start + rows, shape[0]));
      const inputs = list.slice(0, count).map(part);
      chunks.push({ inputs, result: part(result), slope: slope && part(slope) });
    }
    return { chunks, forth: new Tape(backend, { grads: false }), back: new Tape(backend) };
  },
  forward({ set: { body }, bound: { chunks, forth } }) {
    for (const { inputs, result } of chunks)
      try {
        const { data, shape } = forth.run(() => body(inputs, false));
        if (!sameShape(shape, result.shape))
          throw new ShapeError(
            `recomputed: expected a result of ${show(result.shape)}, got ${show(shape)}`,
          );
        result.data.set(data);
      } finally {
        forth.drop();
      }
  },
  // the gradient of Σ dy·y is dy
  backward({ set: { body }, bound: { chunks, back } }) {
    for (const { inputs, slope } of chunks)
      try {
        const loss = back.run(() => sum(mul(body(inputs, true), slope as Tensor)));
        if (loss.grad !== null) back.backward(loss);
      } finally {
        back.drop();
      }
  },
  notFiniteInside({ set: { body }, bound: { chunks, forth } }) {
    for (const { inputs } of chunks)
      try {
        forth.run(() => body(inputs, true));
        const found = firstNotFinite(forth);
        if (found !== null) return `${found}, in a recomputed part`;
      } finally {
        forth.drop();
      }
    return null;
  },
};

/** Returns rows of a tensor as a tensor that no tape made, on the same numbers and gradients. */
function rowsOf({ shape: [, ...row], data, grad, backend }: Tensor, start: number, end: number) {
  const [from, to] = [start, end].map((n) => n * sizeOf(row));
  const part = (x: Floats): Floats => x.subarray(from, to);
  return { shape: [end - start, ...row], data: part(data), grad: grad && part(grad), backend };
}
