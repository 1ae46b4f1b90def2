/**
 * Rotary position embeddings: Su et al. 2021, arXiv:2104.09864, equation 34. Element j of a head's first half is
 * paired with element j of its second half, as in Llama; the paper pairs neighbors.
 */
import type { Floats } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op, RunOf } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";

/**
 * Rotates x [..., heads·D] by the angles of its positions [...]. `table` [context, D] holds each position's D/2
 * cosines, then its D/2 sines. The table gets no gradient. Throws RangeError for a position outside the table.
 */
export const rotate = (x: Tensor, positions: Tensor, table: Tensor): Tensor =>
  apply(rotateOp, x, positions, table);

interface Sizes {
  readonly rows: number;
  readonly heads: number;
  /** D/2 */
  readonly half: number;
  readonly context: number;
}
type RotateOp = Op<"x" | "positions" | "table", { plan: Sizes }>;
export const rotateOp: RotateOp = {
  name: "rotate",
  inputs: ["x", "positions", "table"],
  shape({ x, positions, table }) {
    const [, D] = table;
    const fits = table.length === 2 && D > 0 && D % 2 === 0 && (x.at(-1) ?? 1) % D === 0;
    if (!fits || !sameShape(positions, x.slice(0, -1))) {
      const got = [x, positions, table].map(show).join(", ");
      throw new ShapeError(
        `rotate: expected x [..., heads·D], positions [...], table [context, D] with an even D, got ${got}`,
      );
    }
    return x;
  },
  plan: ({ x, positions, table: [context, D] }) => ({
    rows: sizeOf(positions),
    heads: (x.at(-1) ?? 0) / D,
    half: D / 2,
    context,
  }),
  // (y₁, y₂) = (x₁·cos − x₂·sin, x₂·cos + x₁·sin)
  forward(run) {
    checkPositions(run);
    eachHead(run, (at, half, cos, sin, j) => {
      const [first, second] = [run.x[at + j], run.x[at + half + j]];
      run.y[at + j] = first * cos - second * sin;
      run.y[at + half + j] = second * cos + first * sin;
    });
  },
  // the opposite rotation of dy
  backward(run) {
    const { dy, dx } = run;
    if (!dx) return;
    eachHead(run, (at, half, cos, sin, j) => {
      const [first, second] = [dy[at + j], dy[at + half + j]];
      if (first === 0 && second === 0) return;
      dx[at + j] += first * cos + second * sin;
      dx[at + half + j] += second * cos - first * sin;
    });
  },
};

/** Runs `body` for each pair: its head's first element, D/2, cosine, sine, and its index in the head. */
function eachHead(
  { positions, table, plan: { rows, heads, half } }: RunOf<RotateOp>,
  body: (at: number, half: number, cos: number, sin: number, j: number) => void,
): void {
  for (let row = 0, at = 0; row < rows; row++) {
    const angles = positions[row] * 2 * half;
    for (let h = 0; h < heads; h++, at += 2 * half)
      for (let j = 0; j < half; j++) body(at, half, table[angles + j], table[angles + half + j], j);
  }
}

/** Throws RangeError for a position outside the table, which a kernel would not notice. */
export function checkPositions({
  positions,
  plan: { context },
}: {
  readonly positions: Floats;
  readonly plan: Sizes;
}): void {
  for (const p of positions) {
    if (!(p >= 0 && p < context && Number.isInteger(p)))
      throw new RangeError(`rotate: expected a position below ${context}, got ${p}`);
  }
}
