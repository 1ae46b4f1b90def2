/** Cumulative sums and products along one axis, from either end. */
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Tensor } from "../core/tensor.ts";
import { axisOf, type Rows, rowsOf } from "./axes.ts";

type CumulativeOp = Op<"x", { numbers: "axis" | "reverse"; plan: Rows }>;

/** Builds a cumulative op, which reads rows along the axis; from the end where `reverse` is 1. */
const along = (name: string, rules: Partial<CumulativeOp>): CumulativeOp => ({
  name,
  inputs: ["x"],
  numbers: ["axis", "reverse"],
  plan({ x, axis, reverse }) {
    const rows = rowsOf(x, [axisOf(name, axis, x)]);
    return reverse === 1 ? { ...rows, offset: rows.offset.slice().reverse() } : rows;
  },
  ...rules,
});

/** y[i] = Σ x[j], j ≤ i along `axis`; j ≥ i where `reverse`. */
export const cumsum = (x: Tensor, axis = -1, reverse = false): Tensor =>
  apply(cumsumOp, x, NONE, NONE, axis, reverse ? 1 : 0);
const cumsumOp = /* @__PURE__ */ along("cumsum", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < start.length; r++) {
      let sum = 0;
      for (let j = 0; j < offset.length; j++) {
        sum += x[start[r] + offset[j]];
        y[start[r] + offset[j]] = sum;
      }
    }
  },
  backward({ dy, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < start.length; r++) {
      let sum = 0;
      for (let j = offset.length - 1; j >= 0; j--) {
        sum += dy[start[r] + offset[j]];
        dx[start[r] + offset[j]] += sum;
      }
    }
  },
});

/** Returns d·x; 0 where the gradient d is 0, even for a product x that overflowed. */
const times = (d: number, x: number): number => (d === 0 ? 0 : d * x);

/** y[i] = Π x[j], j ≤ i along `axis`; j ≥ i where `reverse`. */
export const cumprod = (x: Tensor, axis = -1, reverse = false): Tensor =>
  apply(cumprodOp, x, NONE, NONE, axis, reverse ? 1 : 0);
const cumprodOp = /* @__PURE__ */ along("cumprod", {
  forward({ y, x, plan: { start, offset } }) {
    for (let r = 0; r < start.length; r++) {
      let product = 1;
      for (let j = 0; j < offset.length; j++) {
        product *= x[start[r] + offset[j]];
        y[start[r] + offset[j]] = product;
      }
    }
  },
  // dx[j] = Σᵢ≥ⱼ dy[i]·Π of x[0 … i] without x[j]: no division, so zeros are exact
  backward({ dy, x, dx, plan: { start, offset } }) {
    if (!dx) return;
    for (let r = 0; r < start.length; r++) {
      let before = 1;
      for (let j = 0; j < offset.length; j++) {
        let product = before;
        let sum = times(dy[start[r] + offset[j]], product);
        for (let i = j + 1; i < offset.length; i++) {
          product *= x[start[r] + offset[i]];
          sum += times(dy[start[r] + offset[i]], product);
        }
        dx[start[r] + offset[j]] += sum;
        before *= x[start[r] + offset[j]];
      }
    }
  },
});
