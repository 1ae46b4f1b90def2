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
/** Depth of a small product's float32 sums; deeper ones go on in y. */
const directBlock = 256;
/** Bytes of a row of a panel of B: eight columns. */
const panelRow = 32;

/** Depths above are summed in blocks of so many that are then added without loss. */
const longDepth = 4096;
/** Floats of y that such a product works on at a time. */
const longRoom = 2 ** 18;

/** Whether a layer of so few rows runs as dot products, W as it is stored; long ones would lose digits. */
export const isDense = (rows: number, depth: number): boolean => rows < 8 && depth <= 1024;

/** `workspace` gives the address of at least as many floats; `long` another, for products of great depth. */
export function multiplier(
  kernels: Kernels,
  workspace: (floats: number) => number,
  long: (floats: number) => number,
): Multiply {
  return (y, a, b, m, n, depth, transposeA, transposeB, accumulate) => {
    const add = accumulate ? 1 : 0;
    if (transposeB && !transposeA && isDense(m, depth)) {
      kernels.dense(y, a, b, 0, m, n, depth, 0, add);
      return;
    }
    const aRow = transposeA ? 4 : 4 * depth;
    const aStep = transposeA ? 4 * m : 4;
    const [bStep, bColumn] = transposeB ? [4, 4 * depth] : [4 * n, 4];
    if (depth <= longDepth) {
      product(y, a, aRow, aStep, b, bStep, bColumn, m, n, depth, add);
      return;
    }
    const rows = Math.max(32, Math.floor(longRoom / n));
    for (let row = 0; row < m; row += rows) {
      const height = Math.min(rows, m - row);
      const size = height * n;
      const to = y + 4 * row * n;
      const total = long(3 * size);
      const [lost, part] = [total + 4 * size, total + 8 * size];
      kernels.scale(total, total, 0, 2 * size);
      for (let start = 0; start < depth; start += longDepth) {
        const [aAt, bAt] = [a + row * aRow + start * aStep, b + start * bStep];
        const block = Math.min(longDepth, depth - start);
        product(part, aAt, aRow, aStep, bAt, bStep, bColumn, height, n, block, 0);
        kernels.addCompensated(total, lost, part, size);
      }
      if (accumulate) kernels.accumulate(to, total, size);
      else kernels.scale(to, total, 1, size);
    }
  };

  /** A and B by strides in bytes: of A's rows and steps of depth, of B's steps and columns; one of each is 4. */
  function product(
    y: number,
    a: number,
    aRow: number,
    aStep: number,
    b: number,
    bStep: number,
    bColumn: number,
    m: number,
    n: number,
    depth: number,
    add: number,
  ): void {
    const yRow = 4 * n;
    if (m >= 32 && n >= 64 && depth >= 192) {
      packed(y, a, aRow, aStep, b, bStep, bColumn, m, n, depth, add);
      return;
    }
    for (let start = 0; start < depth || start === 0; start += directBlock) {
      const block = Math.min(directBlock, depth - start);
      let from = b + start * bStep;
      let fromRow = bStep;
      if (bColumn !== 4) {
        fromRow = 4 * ((n + 3) & ~3);
        const to = workspace((fromRow >> 2) * block);
        kernels.transpose(to, fromRow, from, bColumn, n, block);
        from = to;
      }
      kernels.gemm(
        y,
        yRow,
        a + start * aStep,
        aRow,
        aStep,
        from,
        fromRow,
        m,
        n,
        block,
        start > 0 ? 1 : add,
      );
    }
  }

  function packed(
    y: number,
    a: number,
    aRow: number,
    aStep: number,
    b: number,
    bStep: number,
    bColumn: number,
    m: number,
    n: number,
    depth: number,
    accumulate: number,
  ): void {
    const yRow = 4 * n;
    const transposeB = bColumn !== 4;
    const wholeColumns = n & ~7;
    const wholeRows = m & ~3;
    const space = workspace(depthBlock * (n + 8) + rowBlock * depthBlock);
    const aSpace = space + 4 * depthBlock * (n + 8);
    for (let start = 0; start < depth; start += depthBlock) {
      const block = Math.min(depthBlock, depth - start);
      const add = start > 0 ? 1 : accumulate;
      const aAt = a + start * aStep;
      const bAt = b + start * bStep;
      if (!transposeB) kernels.packB(space, bAt, bStep, wholeColumns >> 3, block);
      else {
        for (let j = 0; j < n; j += 8) {
          const to = space + 4 * j * block;
          kernels.transpose(to, panelRow, bAt + j * bColumn, bColumn, Math.min(8, n - j), block);
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
        const fromRow = own ? bStep : panelRow;
        const to = y + row * yRow + 4 * j;
        const aRest = aAt + row * aRow;
        kernels.gemm(to, yRow, aRest, aRow, aStep, from, fromRow, m - row, width, block, add);
      }
    }
  }
}
