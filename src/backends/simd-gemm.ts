/**
 * Matrix products of any size: few rows as dot products, small products directly, large ones in blocks of depth
 * and rows copied into panels, so that the kernel reads memory in order.
 */
import type { Backend, Matrix } from "../core/backend.ts";
import type { SimdBackend } from "./simd-backend.ts";

/** Measured as best on a core with 512 KiB of cache. */
const depthBlock = 256;
const rowBlock = 96;
/** The depth of a small product's float32 sums; deeper products continue in y. */
const directBlock = 256;
/** The bytes of a row of a panel of B: eight columns. */
const panelRow = 32;

/** Products deeper than this are summed in blocks of this depth, which are added with compensation. */
const longDepth = 4096;
/** The floats of y that such a deep product computes at a time. */
const longRoom = 2 ** 18;

/** Returns whether a layer runs as dot products on W as stored: few rows; deep ones would lose digits. */
export const isDense = (rows: number, depth: number): boolean => rows < 8 && depth <= 1024;

/** Returns the bytes from one row of a matrix to the next. */
const rowStep = ({ transposed, columns }: Matrix): number => (transposed ? 4 : 4 * columns);
const columnStep = ({ transposed, rows }: Matrix): number => (transposed ? 4 * rows : 4);

/** Returns `gemm`. `workspace` gives the address of at least that many floats; `long` another, for deep products. */
export function gemmOf(
  { kernels, address }: Pick<SimdBackend, "kernels" | "address">,
  workspace: (floats: number) => number,
  long: (floats: number) => number,
): Backend["gemm"] {
  /** Addresses by matrix: looking up three buffers per product costs 5 % of acting for 16 rows. */
  const known = new WeakMap<Matrix, number>();
  const addressOf = (x: Matrix): number => {
    const at = address(x.data);
    known.set(x, at);
    return at;
  };
  return ({ y: to, a, b }, accumulate) => {
    const y = known.get(to) ?? addressOf(to);
    const aStart = known.get(a) ?? addressOf(a);
    const bStart = known.get(b) ?? addressOf(b);
    const { rows: m, columns: n } = to;
    const depth = a.columns;
    const add = accumulate ? 1 : 0;
    if (b.transposed && !a.transposed && isDense(m, depth)) {
      kernels.dense(y, aStart, bStart, 0, m, n, depth, 0, add);
      return;
    }
    if (depth <= longDepth) {
      product(y, a, aStart, b, bStart, m, depth, add);
      return;
    }
    const rows = Math.max(32, Math.floor(longRoom / n));
    for (let row = 0; row < m; row += rows) {
      const height = Math.min(rows, m - row);
      const size = height * n;
      const at = y + 4 * row * n;
      const total = long(3 * size);
      const [lost, part] = [total + 4 * size, total + 8 * size];
      kernels.scale(total, total, 0, 2 * size);
      for (let start = 0; start < depth; start += longDepth) {
        const aAt = aStart + row * rowStep(a) + start * columnStep(a);
        const block = Math.min(longDepth, depth - start);
        product(part, a, aAt, b, bStart + start * rowStep(b), height, block, 0);
        kernels.addCompensated(total, lost, part, size);
      }
      if (accumulate) kernels.accumulate(at, total, size);
      else kernels.scale(at, total, 1, size);
    }
  };

  /** The product of `m` rows of a, from address aAt on, and `depth` rows of b, from bAt on. */
  function product(
    y: number,
    a: Matrix,
    aAt: number,
    b: Matrix,
    bAt: number,
    m: number,
    depth: number,
    add: number,
  ): void {
    const n = b.columns;
    if (m >= 32 && n >= 64 && depth >= 192) {
      packed(y, a, aAt, b, bAt, m, depth, add);
      return;
    }
    const [aRow, aStep, bStep, bColumn] = [rowStep(a), columnStep(a), rowStep(b), columnStep(b)];
    for (let start = 0; start < depth || start === 0; start += directBlock) {
      const block = Math.min(directBlock, depth - start);
      let from = bAt + start * bStep;
      let fromRow = bStep;
      if (b.transposed) {
        fromRow = 4 * ((n + 3) & ~3);
        const to = workspace((fromRow >> 2) * block);
        kernels.transpose(to, fromRow, from, bColumn, n, block);
        from = to;
      }
      const more = start > 0 ? 1 : add;
      kernels.gemm(y, 4 * n, aAt + start * aStep, aRow, aStep, from, fromRow, m, n, block, more);
    }
  }

  function packed(
    y: number,
    a: Matrix,
    aAt: number,
    b: Matrix,
    bAt: number,
    m: number,
    depth: number,
    accumulate: number,
  ): void {
    const n = b.columns;
    const yRow = 4 * n;
    const [aRow, aStep, bStep, bColumn] = [rowStep(a), columnStep(a), rowStep(b), columnStep(b)];
    const wholeColumns = n & ~7;
    const wholeRows = m & ~3;
    const space = workspace(depthBlock * (n + 8) + rowBlock * depthBlock);
    const aSpace = space + 4 * depthBlock * (n + 8);
    for (let start = 0; start < depth; start += depthBlock) {
      const block = Math.min(depthBlock, depth - start);
      const add = start > 0 ? 1 : accumulate;
      const aBlock = aAt + start * aStep;
      const bBlock = bAt + start * bStep;
      if (!b.transposed) kernels.packB(space, bBlock, bStep, wholeColumns >> 3, block);
      else {
        for (let j = 0; j < n; j += 8) {
          const to = space + 4 * j * block;
          kernels.transpose(to, panelRow, bBlock + j * bColumn, bColumn, Math.min(8, n - j), block);
        }
      }
      for (let row = 0; row < wholeRows; row += rowBlock) {
        const rowPanels = Math.min(rowBlock, wholeRows - row) >> 2;
        kernels.packA(aSpace, aBlock + row * aRow, aRow, aStep, rowPanels, block);
        const to = y + row * yRow;
        kernels.gemmPacked(to, yRow, aSpace, space, rowPanels, wholeColumns >> 3, block, add);
      }
      // what the tiles leave out: the last rows of whole panels, all rows of the last columns
      for (let j = 0; j < n; j += 8) {
        const width = Math.min(8, n - j);
        const row = width < 8 ? 0 : wholeRows;
        if (row === m) continue;
        const own = width < 8 && !b.transposed;
        const from = own ? bBlock + 4 * j : space + 4 * j * block;
        const fromRow = own ? bStep : panelRow;
        const to = y + row * yRow + 4 * j;
        const aRest = aBlock + row * aRow;
        kernels.gemm(to, yRow, aRest, aRow, aStep, from, fromRow, m - row, width, block, add);
      }
    }
  }
}
