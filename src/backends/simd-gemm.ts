/**
 * Matrix products of any size from the kernels: few rows as dot products, small ones directly, large ones by
 * blocks of depth and rows copied into panels, so that the kernel runs straight through memory.
 */
import type { Kernels } from "./simd.ts";

/** As a backend's `gemm`, on addresses in bytes. */
export type Multiply = (
  y: number,
  a: number,
  b: number,
  m: number,
  n: number,
  depth: number,
  transposeA: boolean,
  transposeB: boolean,
  accumulate: boolean,
) => void;

/** Measured best on one core with 512 KiB of cache. */
const depthBlock = 256;
const rowBlock = 96;
/** Bytes of a row of a panel of B: eight columns. */
const panelRow = 32;

/** `workspace` gives the address of at least as many floats. */
export function multiplier(kernels: Kernels, workspace: (floats: number) => number): Multiply {
  return (y, a, b, m, n, depth, transposeA, transposeB, accumulate) => {
    const add = accumulate ? 1 : 0;
    if (transposeB && !transposeA && m < 8) {
      kernels.dense(y, a, b, 0, m, n, depth, 0, add);
    } else if (m >= 32 && n >= 64 && depth >= 192) {
      packed(y, a, b, m, n, depth, transposeA, transposeB, add);
    } else if (transposeB) {
      const bRow = 4 * ((n + 3) & ~3);
      const to = workspace((bRow >> 2) * depth);
      kernels.transpose(to, bRow, b, 4 * depth, n, depth);
      direct(y, a, to, bRow, m, n, depth, transposeA, add);
    } else direct(y, a, b, 4 * n, m, n, depth, transposeA, add);
  };

  function direct(
    y: number,
    a: number,
    b: number,
    bRow: number,
    m: number,
    n: number,
    depth: number,
    transposeA: boolean,
    add: number,
  ): void {
    const aRow = transposeA ? 4 : 4 * depth;
    const aStep = transposeA ? 4 * m : 4;
    kernels.gemm(y, 4 * n, a, aRow, aStep, b, bRow, m, n, depth, add);
  }

  function packed(
    y: number,
    a: number,
    b: number,
    m: number,
    n: number,
    depth: number,
    transposeA: boolean,
    transposeB: boolean,
    accumulate: number,
  ): void {
    const aRow = transposeA ? 4 : 4 * depth;
    const aStep = transposeA ? 4 * m : 4;
    const yRow = 4 * n;
    const wholeColumns = n & ~7;
    const wholeRows = m & ~3;
    const space = workspace(depthBlock * (n + 8) + rowBlock * depthBlock);
    const aSpace = space + 4 * depthBlock * (n + 8);
    for (let start = 0; start < depth; start += depthBlock) {
      const block = Math.min(depthBlock, depth - start);
      const add = start > 0 ? 1 : accumulate;
      const aAt = a + start * aStep;
      const bAt = b + (transposeB ? 4 * start : start * yRow);
      if (!transposeB) kernels.packB(space, bAt, yRow, wholeColumns >> 3, block);
      else {
        for (let j = 0; j < n; j += 8) {
          const to = space + 4 * j * block;
          kernels.transpose(
            to,
            panelRow,
            bAt + 4 * j * depth,
            4 * depth,
            Math.min(8, n - j),
            block,
          );
        }
      }
      for (let row = 0; row < wholeRows; row += rowBlock) {
        const rowPanels = Math.min(rowBlock, wholeRows - row) >> 2;
        kernels.packA(aSpace, aAt + row * aRow, aRow, aStep, rowPanels, block);
        const to = y + row * yRow;
        kernels.gemmPacked(to, yRow, aSpace, space, rowPanels, wholeColumns >> 3, block, add);
      }
      // what the tiles leave out: the last rows of whole panels, all rows of the last columns
      for (let j = 0; j < n; j += 8) {
        const width = Math.min(8, n - j);
        const row = width < 8 ? 0 : wholeRows;
        if (row === m) continue;
        const own = width < 8 && !transposeB;
        const from = own ? bAt + 4 * j : space + 4 * j * block;
        const fromRow = own ? yRow : panelRow;
        const to = y + row * yRow + 4 * j;
        const aRest = aAt + row * aRow;
        kernels.gemm(to, yRow, aRest, aRow, aStep, from, fromRow, m - row, width, block, add);
      }
    }
  }
}
