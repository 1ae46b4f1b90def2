/** Elementwise arithmetic of two tensors, with NumPy's broadcasting, or of a tensor and a number. */
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { AnyOp, Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, type Tensor } from "../core/tensor.ts";
import { broadcastLike } from "./layout.ts";

/** Applies `op` to a and b, each broadcast to their common shape. */
const both = (op: AnyOp, a: Tensor, b: Tensor): Tensor =>
  apply(op, broadcastLike(a, b, op.name), broadcastLike(b, a, op.name));

/** y = a + b */
export const add = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? apply(addNumberOp, a, NONE, NONE, b) : both(addOp, a, b);
/** y = a + b for tensors of one shape: a page that needs no broadcasting does not carry it. */
export function addSame(a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(`addSame: expected ${show(a.shape)}, got ${show(b.shape)}`);
  return apply(addOp, a, b);
}
export const addOp: Op<"a" | "b"> = {
  name: "add",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
  },
  backward({ dy, da, db }) {
    if (da) for (let i = 0; i < dy.length; i++) da[i] += dy[i];
    if (db) for (let i = 0; i < dy.length; i++) db[i] += dy[i];
  },
};
const addNumberOp: Op<"a", { numbers: "b" }> = {
  name: "add",
  inputs: ["a"],
  numbers: ["b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] + b;
  },
  backward({ dy, da }) {
    if (da) for (let i = 0; i < dy.length; i++) da[i] += dy[i];
  },
};

/** y = a − b */
export const sub = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? add(a, -b) : both(subOp, a, b);
const subOp: Op<"a" | "b"> = {
  name: "sub",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] - b[i];
  },
  backward({ dy, da, db }) {
    if (da) for (let i = 0; i < dy.length; i++) da[i] += dy[i];
    if (db) for (let i = 0; i < dy.length; i++) db[i] -= dy[i];
  },
};

/** y = a·b */
export const mul = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? apply(mulNumberOp, a, NONE, NONE, b) : both(mulOp, a, b);
export const mulOp: Op<"a" | "b"> = {
  name: "mul",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] * b[i];
  },
  backward({ dy, a, da, b, db }) {
    if (da) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) da[i] += dy[i] * b[i];
    if (db) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) db[i] += dy[i] * a[i];
  },
};
export const mulNumberOp: Op<"a", { numbers: "b" }> = {
  name: "mul",
  inputs: ["a"],
  numbers: ["b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] * b;
  },
  backward({ dy, da, b }) {
    if (da) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) da[i] += dy[i] * b;
  },
};

/** y = a / b */
export const div = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? mul(a, 1 / b) : both(divOp, a, b);
const divOp: Op<"a" | "b"> = {
  name: "div",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] / b[i];
  },
  backward({ dy, a, da, b, db }) {
    if (da) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) da[i] += dy[i] / b[i];
    if (db)
      for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) db[i] -= (dy[i] * (a[i] / b[i])) / b[i];
  },
};

/** y = −x */
export const neg = (x: Tensor): Tensor => mul(x, -1);

/**
 * y = xᵉ. As in PyTorch the gradient to x is 0 where e = 0, and the gradient to e is 0 where x = 0
 * and e ≥ 0.
 */
export const pow = (x: Tensor, exponent: Tensor | number): Tensor =>
  typeof exponent === "number"
    ? apply(powNumberOp, x, NONE, NONE, exponent)
    : both(powOp, x, exponent);
const powNumberOp: Op<"x", { numbers: "e" }> = {
  name: "pow",
  inputs: ["x"],
  numbers: ["e"],
  forward({ y, x, e }) {
    for (let i = 0; i < y.length; i++) y[i] = math.pow(x[i], e);
  },
  backward({ dy, x, dx, e }) {
    if (!dx || e === 0) return;
    for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * e * math.pow(x[i], e - 1);
  },
};
const powOp: Op<"x" | "e"> = {
  name: "pow",
  inputs: ["x", "e"],
  forward({ y, x, e }) {
    for (let i = 0; i < y.length; i++) y[i] = math.pow(x[i], e[i]);
  },
  backward({ dy, y, x, dx, e, de }) {
    if (dx) {
      for (let i = 0; i < dy.length; i++) {
        if (e[i] !== 0 && dy[i] !== 0) dx[i] += dy[i] * e[i] * math.pow(x[i], e[i] - 1);
      }
    }
    if (de) {
      for (let i = 0; i < dy.length; i++) {
        if (dy[i] !== 0 && (x[i] !== 0 || e[i] < 0)) de[i] += dy[i] * y[i] * math.log(x[i]);
      }
    }
  },
};

/** y = min(a, b); a tie halves the gradient (PyTorch); NaN wins. */
export const minimum = (a: Tensor, b: Tensor): Tensor => both(minimumOp, a, b);
const minimumOp: Op<"a" | "b"> = {
  name: "minimum",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.min(a[i], b[i]);
  },
  backward({ dy, a, da, b, db }) {
    for (let i = 0; i < dy.length; i++) {
      const share = a[i] < b[i] ? 1 : a[i] > b[i] ? 0 : 0.5;
      if (da && share !== 0) da[i] += share * dy[i]; // 0·∞ would be NaN
      if (db && share !== 1) db[i] += (1 - share) * dy[i];
    }
  },
};

/** y = max(a, b); a tie halves the gradient (PyTorch); NaN wins. */
export const maximum = (a: Tensor, b: Tensor): Tensor => both(maximumOp, a, b);
const maximumOp: Op<"a" | "b"> = {
  name: "maximum",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.max(a[i], b[i]);
  },
  backward({ dy, a, da, b, db }) {
    for (let i = 0; i < dy.length; i++) {
      const share = a[i] > b[i] ? 1 : a[i] < b[i] ? 0 : 0.5;
      if (da && share !== 0) da[i] += share * dy[i]; // 0·∞ would be NaN
      if (db && share !== 1) db[i] += (1 - share) * dy[i];
    }
  },
};

/** y = a where cond ≠ 0, else b. The other branch is not read, so its NaN does not leak. */
export function where(cond: Tensor, a: Tensor, b: Tensor): Tensor {
  const wide = broadcastLike(broadcastLike(cond, a, "where"), b, "where");
  return apply(
    whereOp,
    broadcastLike(a, wide, "where"),
    broadcastLike(b, wide, "where"),
    broadcastLike(wide, a, "where"),
  );
}
const whereOp: Op<"a" | "b" | "cond"> = {
  name: "where",
  inputs: ["a", "b", "cond"],
  forward({ y, a, b, cond }) {
    for (let i = 0; i < y.length; i++) y[i] = cond[i] !== 0 ? a[i] : b[i];
  },
  backward({ dy, da, db, cond }) {
    for (let i = 0; i < dy.length; i++) {
      const chosen = cond[i] !== 0 ? da : db;
      if (chosen) chosen[i] += dy[i];
    }
  },
};
