/** Builds ops from one function and its slope, for functions off the trainers' hot path. */
import type { Op } from "../core/op.ts";

/** Builds y = f(x) with dx += dy·slope(x, y); a null slope is 0 everywhere. */
export const unary = (
  name: string,
  f: (x: number) => number,
  slope: ((x: number, y: number) => number) | null,
): Op<"x"> => ({
  name,
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = f(x[i]);
  },
  backward({ dy, y, x, dx }) {
    if (!dx || slope === null) return;
    for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * slope(x[i], y[i]);
  },
});
