/**
 * Matrix products of any size: x·Wᵀ as dot products, other small products directly, large ones in blocks of depth
 * and rows copied into panels, so that the kernel reads memory in order. The sums of an element of y are added in an
 * order that depends on the depth alone, never on the number of rows or columns: direct and packed products are cut
 * at the same depths.
 */
import type { Backend, Matrix } from "../core/backend.ts";
import type { SimdBackend } from "./simd-backend.ts";

/** The depth of a product's float32 sums; deeper products continue in y. */
export const depthBlock = 256;
/** Measured as best on a core with 512 KiB of cache. */
const rowBlock = 96;
/** The bytes of a row of a panel of B: eight columns. */
const panelRow = 32;

/** Products deeper than this are summed in blocks of this depth, which are added with compensation. */
const longDepth = 4096;
/** The floats of y that such a deep product computes at a time. */
const longRoom = 2 ** 18;

/** A matrix in memory: its address, and the bytes from one row and from one column to the next. */
interface Placed {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly rowStep: number;
  readonly columnStep: number;
  readonly transposed: boolean;
}

const place = (at: number, { rows, columns, transposed }: Matrix): Placed => ({
  at,
  rows,
  columns,
  rowStep: transposed ? 4 : 4 * columns,
  columnStep: transposed ? 4 * rows : 4,
  transposed,
});

/** Returns `rows` rows and `columns` columns of x from [row, column] on. */
const partOf = (x: Placed, [row, rows]: Range, [column, columns]: Range): Placed => ({
  ...x,
  at: x.at + row * x.rowStep + column * x.columnStep,
  rows,
  columns,
});
type Range = readonly [start: number, count: number];

type Machine = Pick<SimdBackend, "kernels" | "address" | "workspace">;

/** Returns `gemm`. `long` is a second workspace, for deep products. */
export function gemmOf(k: Machine, long: Machine["workspace"]): Backend["gemm"] {
  const { kernels, address } = k;
  /** Matrices in memory: looking up three addresses per product costs 5 % of acting for 16 rows. */
  const known = new WeakMap<Matrix, Placed>();
  const placeOf = (x: Matrix): Placed => {
    const placed = place(address(x.data), x);
    known.set(x, placed);
    return placed;
  };
  return (matrices, accumulate) => {
    const y = known.get(matrices.y) ?? placeOf(matrices.y);
    const a = known.get(matrices.a) ?? placeOf(matrices.a);
    const b = known.get(matrices.b) ?? placeOf(matrices.b);
    const add = accumulate ? 1 : 0;
    if (a.columns <= longDepth) product(k, y.at, a, b, add);
    else deep(y, a, b, add);
  };

  /** Computes y (+)= a·b in blocks of depth, which are added with compensation. */
  function deep(y: Placed, a: Placed, b: Placed, add: number): void {
    const rows = Math.max(32, Math.floor(longRoom / y.columns));
    for (let row = 0; row < y.rows; row += rows) {
      const height = Math.min(rows, y.rows - row);
      const size = height * y.columns;
      const total = long(3 * size);
      const [lost, part] = [total + 4 * size, total + 8 * size];
      kernels.scale(total, total, 0, 2 * size);
      for (let start = 0; start < a.columns; start += longDepth) {
        const block: Range = [start, Math.min(longDepth, a.columns - start)];
        const ofA = partOf(a, [row, height], block);
        product(k, part, ofA, partOf(b, block, [0, b.columns]), 0);
        kernels.addCompensated(total, lost, part, size);
      }
      const at = y.at + row * y.rowStep;
      if (add !== 0) kernels.accumulate(at, total, size);
      else kernels.scale(at, total, 1, size);
    }
  }
}

/** Computes y (+)= a·b; y is contiguous, from its address on. */
function product(k: Machine, y: number, a: Placed, b: Placed, add: number): void {
  const { rows, columns: depth } = a;
  if (b.transposed && !a.transposed) dots(k, y, a, b, add);
  else if (rows >= 32 && b.columns >= 64 && depth >= 192) packed(k, y, a, b, add);
  else direct(k, y, a, b, add);
}

/** Computes y (+)= a·b as dot products of rows of a and columns of b, which are contiguous. */
function dots({ kernels }: Machine, y: number, a: Placed, b: Placed, add: number): void {
  const { rows, columns: depth, rowStep } = a;
  for (let start = 0; start < depth || start === 0; start += depthBlock) {
    const block = Math.min(depthBlock, depth - start);
    const [x, w] = [a.at + 4 * start, b.at + 4 * start];
    const more = start > 0 ? 1 : add;
    kernels.dense(y, x, rowStep, w, b.columnStep, 0, rows, b.columns, block, 0, more);
  }
}

/** Computes y (+)= a·b in place. Copies only a transposed b. */
function direct(k: Machine, y: number, a: Placed, b: Placed, add: number): void {
  const { rows, columns: depth } = a;
  const { columns: n } = b;
  for (let start = 0; start < depth || start === 0; start += depthBlock) {
    const block = Math.min(depthBlock, depth - start);
    let from = b.at + start * b.rowStep;
    let fromRow = b.rowStep;
    if (b.transposed) {
      fromRow = 4 * ((n + 3) & ~3);
      const to = k.workspace((fromRow >> 2) * block);
      k.kernels.transpose(to, fromRow, from, b.columnStep, n, block);
      from = to;
    }
    const more = start > 0 ? 1 : add;
    const aAt = a.at + start * a.columnStep;
    k.kernels.gemm(y, 4 * n, aAt, a.rowStep, a.columnStep, from, fromRow, rows, n, block, more);
  }
}

/** Computes y (+)= a·b from panels of both, which are copied per block of depth and rows. */
function packed(k: Machine, y: number, a: Placed, b: Placed, accumulate: number): void {
  const { kernels } = k;
  const { rows, columns: depth } = a;
  const { columns: n } = b;
  const yRow = 4 * n;
  const columnPanels = n >> 3;
  const wholeRows = rows & ~3;
  const space = k.workspace(depthBlock * (n + 8) + rowBlock * depthBlock);
  const aSpace = space + 4 * depthBlock * (n + 8);
  for (let start = 0; start < depth; start += depthBlock) {
    const block = Math.min(depthBlock, depth - start);
    const add = start > 0 ? 1 : accumulate;
    const aBlock = a.at + start * a.columnStep;
    const bBlock = b.at + start * b.rowStep;
    packB(k, space, bBlock, b, block);
    for (let row = 0; row < wholeRows; row += rowBlock) {
      const rowPanels = Math.min(rowBlock, wholeRows - row) >> 2;
      kernels.packA(aSpace, aBlock + row * a.rowStep, a.rowStep, a.columnStep, rowPanels, block);
      kernels.gemmPacked(y + row * yRow, yRow, aSpace, space, rowPanels, columnPanels, block, add);
    }
    // what the tiles leave out: the last rows of whole panels, all rows of the last columns
    for (let j = 0; j < n; j += 8) {
      const width = Math.min(8, n - j);
      const row = width < 8 ? 0 : wholeRows;
      if (row === rows) continue;
      const inPlace = width < 8 && b.columnStep === 4;
      const from = inPlace ? bBlock + 4 * j : space + 4 * j * block;
      const fromRow = inPlace ? b.rowStep : panelRow;
      const to = y + row * yRow + 4 * j;
      const aRest = aBlock + row * a.rowStep;
      const rest = rows - row;
      kernels.gemm(
        to,
        yRow,
        aRest,
        a.rowStep,
        a.columnStep,
        from,
        fromRow,
        rest,
        width,
        block,
        add,
      );
    }
  }
}

/** Copies a block of b, from `at` on, to panels of eight columns; if transposed, the last columns too. */
function packB({ kernels }: Machine, space: number, at: number, b: Placed, block: number): void {
  const { columns: n, rowStep, columnStep } = b;
  if (columnStep === 4) kernels.packB(space, at, rowStep, n >> 3, block);
  else
    for (let j = 0; j < n; j += 8) {
      const to = space + 4 * j * block;
      kernels.transpose(to, panelRow, at + j * columnStep, columnStep, Math.min(8, n - j), block);
    }
}
