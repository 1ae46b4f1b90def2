/** Comparisons: 1 where true, 0 where false; no gradient flows through them. */
import type { AnyOp, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastLike } from "./layout.ts";

const compare = (op: AnyOp, a: Tensor, b: Tensor, name = op.name): Tensor =>
  apply(op, broadcastLike(a, b, name), broadcastLike(b, a, name));

/** y = a < b */
export const less = (a: Tensor, b: Tensor): Tensor => compare(lessOp, a, b);
const lessOp: Op<"a" | "b"> = {
  name: "less",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] < b[i] ? 1 : 0;
  },
};

/** y = a ≤ b */
export const lessEqual = (a: Tensor, b: Tensor): Tensor => compare(lessEqualOp, a, b);
const lessEqualOp: Op<"a" | "b"> = {
  name: "lessEqual",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] <= b[i] ? 1 : 0;
  },
};

/** y = a > b */
export const greater = (a: Tensor, b: Tensor): Tensor => compare(lessOp, b, a, "greater");

/** y = a ≥ b */
export const greaterEqual = (a: Tensor, b: Tensor): Tensor =>
  compare(lessEqualOp, b, a, "greaterEqual");

/** y = (a = b) */
export const equal = (a: Tensor, b: Tensor): Tensor => compare(equalOp, a, b);
const equalOp: Op<"a" | "b"> = {
  name: "equal",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] === b[i] ? 1 : 0;
  },
};

/** y = (a ≠ b) */
export const notEqual = (a: Tensor, b: Tensor): Tensor => compare(notEqualOp, a, b);
const notEqualOp: Op<"a" | "b"> = {
  name: "notEqual",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] !== b[i] ? 1 : 0;
  },
};
