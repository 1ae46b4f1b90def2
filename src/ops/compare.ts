/** Comparisons: 1 where true, 0 where false; no gradient passes through them. */
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import type { Tensor } from "../core/tensor.ts";
import { broadcastLike } from "./layout.ts";

type Comparison = Op<"a" | "b">;
const comparison = (name: string, holds: (a: number, b: number) => boolean): Comparison => ({
  name,
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = holds(a[i], b[i]) ? 1 : 0;
  },
});
const compare = (op: Comparison, a: Tensor, b: Tensor): Tensor =>
  apply(op, broadcastLike(a, b, op.name), broadcastLike(b, a, op.name));

/** y = a < b */
export const less = (a: Tensor, b: Tensor): Tensor => compare(lessOp, a, b);
const lessOp = /* @__PURE__ */ comparison("less", (a, b) => a < b);

/** y = a ≤ b */
export const lessEqual = (a: Tensor, b: Tensor): Tensor => compare(lessEqualOp, a, b);
const lessEqualOp = /* @__PURE__ */ comparison("lessEqual", (a, b) => a <= b);

/** y = a > b */
export const greater = (a: Tensor, b: Tensor): Tensor => compare(greaterOp, a, b);
const greaterOp = /* @__PURE__ */ comparison("greater", (a, b) => a > b);

/** y = a ≥ b */
export const greaterEqual = (a: Tensor, b: Tensor): Tensor => compare(greaterEqualOp, a, b);
const greaterEqualOp = /* @__PURE__ */ comparison("greaterEqual", (a, b) => a >= b);

/** y = (a = b) */
export const equal = (a: Tensor, b: Tensor): Tensor => compare(equalOp, a, b);
const equalOp = /* @__PURE__ */ comparison("equal", (a, b) => a === b);

/** y = (a ≠ b) */
export const notEqual = (a: Tensor, b: Tensor): Tensor => compare(notEqualOp, a, b);
const notEqualOp = /* @__PURE__ */ comparison("notEqual", (a, b) => a !== b);
