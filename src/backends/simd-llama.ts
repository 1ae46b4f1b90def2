/** The ops of Llama's blocks on the SIMD backend. */
import type { RunOf } from "../core/op.ts";
import type { siluGateOp } from "../ops/gates.ts";
import { type rmsNormOp, scaleRow } from "../ops/normalization.ts";
import { checkPositions, type rotateOp } from "../ops/rotary.ts";
import { addressesOf, type Compile } from "./simd-backend.ts";
import { longSum, rowBlock } from "./simd-long-sum.ts";

type RmsNormRun = RunOf<typeof rmsNormOp>;
export const rmsNorm: Compile<RmsNormRun> = (k, run, alloc) => {
  const { kernels } = k;
  const { y, x, weight, dy, dx, dweight, saved: scales } = addressesOf(k, run);
  if (weight === 0 || (run.dy !== null && dx === 0)) return null;
  const { n } = run.plan;
  const count = run.y.length / n;
  const { eps } = run;
  const perElement = 1 / n; // computed here, because a number computed per call is boxed
  const grad = (dw: number, row: number, rows: number): void => {
    const at = 4 * row * n;
    kernels.rmsNormGrad(
      dx + at,
      dw,
      dy + at,
      x + at,
      weight,
      scales + 4 * row,
      rows,
      n,
      perElement,
    );
  };
  const sum = dweight !== 0 && count > rowBlock ? longSum(k, alloc, dweight, n) : null;
  return {
    forward(s: RmsNormRun) {
      const overflow = kernels.rmsNorm(y, x, weight, scales, count, n, eps, perElement);
      if (overflow === 0) return;
      for (let row = 0; row < count; row++) {
        if (!(s.saved[row] > 0)) scaleRow(s, row); // squares that overflow float32, in float64
      }
    },
    backward() {
      if (sum === null) return grad(dweight, 0, count);
      for (let row = 0; row < count; row += rowBlock)
        grad(sum.next(), row, Math.min(rowBlock, count - row));
      sum.finish();
    },
  };
};

export const siluGate: Compile<RunOf<typeof siluGateOp>> = (k, run) => {
  const { kernels } = k;
  const { y, gate, up, dy, dgate, dup } = addressesOf(k, run);
  if (run.dy !== null && (dgate === 0 || dup === 0)) return null;
  const n = run.y.length;
  return {
    forward: () => void kernels.siluGate(y, gate, up, n),
    backward: () => void kernels.siluGateGrad(dgate, dup, dy, gate, up, n),
  };
};

type RotateRun = RunOf<typeof rotateOp>;
export const rotate: Compile<RotateRun> = (k, run) => {
  const { kernels } = k;
  const { y, x, positions, table, dy, dx } = addressesOf(k, run);
  const { rows, heads, half } = run.plan;
  return {
    forward(s: RotateRun) {
      checkPositions(s);
      kernels.rotate(y, x, positions, table, rows, heads, half);
    },
    backward: () => {
      if (dx !== 0) kernels.rotateGrad(dx, dy, positions, table, rows, heads, half);
    },
  };
};
