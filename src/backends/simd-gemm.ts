/**
 * Matrix products of any size: x·Wᵀ as dot products, other small products directly, large ones in blocks of depth
 * and rows copied into panels, so that the kernel reads memory in order. The sums of an element of y are added in an
 * order that depends on the depth alone, never on the number of rows or columns: direct and packed products are cut
 * at the same depths.
 */
import type { Backend, Matrix, StoredMatrix } from "../core/backend.ts";
import type { SimdBackend } from "./simd-backend.ts";

/** The depth of a product's float32 sums; deeper products continue in y. */
export const depthBlock = 256;
/** Measured as best on a core with 512 KiB of cache. */
const rowBlock = 96;
/** The columns of a group of dot products, for up to 64 rows and for more, which a smaller cache does not hold. */
const [columnGroup, wideGroup] = [16, 128];
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
  /** The bytes of an element: 4 for floats, 2 for bfloat16, 1 for int8. */
  readonly bytes: number;
  /** The address of the scale of the first stored row of int8. */
  readonly scales: number;
}

const place = (
  at: number,
  { rows, columns, transposed }: Omit<Matrix, "data">,
  bytes = 4,
  scales = 0,
): Placed => ({
  at,
  rows,
  columns,
  rowStep: transposed ? bytes : bytes * columns,
  columnStep: transposed ? bytes * rows : bytes,
  transposed,
  bytes,
  scales,
});

/** Returns `rows` rows and `columns` columns of x from [row, column] on. */
const partOf = (x: Placed, [row, rows]: Range, [column, columns]: Range): Placed => ({
  ...x,
  at: x.at + row * x.rowStep + column * x.columnStep,
  rows,
  columns,
  scales: x.scales + 4 * (x.transposed ? column : row),
});
type Range = readonly [start: number, count: number];

/** What products need of the backend, and two more workspaces: for deep products, and for expanded matrices. */
interface Machine extends Pick<SimdBackend, "kernels" | "address" | "workspace"> {
  readonly long: SimdBackend["workspace"];
  readonly panel: SimdBackend["workspace"];
}

/** Returns the products of floats, and with b in fewer bits. */
export function gemmOf(k: Machine): Required<Pick<Backend, "gemm" | "gemmStored">> {
  const { kernels, address, long } = k;
  /** Matrices in memory: looking up three addresses per product costs 5 % of acting for 16 rows. */
  const known = new WeakMap<Matrix, Placed>();
  const placeOf = (x: Matrix): Placed => {
    const placed = place(address(x.data), x);
    known.set(x, placed);
    return placed;
  };
  const placeStored = (x: StoredMatrix): Placed => {
    const { data, scales } = x;
    const placed =
      scales === null ? place(address(data), x, 2) : place(address(data), x, 1, address(scales));
    known.set(x, placed);
    return placed;
  };
  return {
    gemm(matrices, accumulate) {
      const y = known.get(matrices.y) ?? placeOf(matrices.y);
      const a = known.get(matrices.a) ?? placeOf(matrices.a);
      const b = known.get(matrices.b) ?? placeOf(matrices.b);
      multiply(y, a, b, accumulate ? 1 : 0);
    },
    gemmStored(matrices, accumulate) {
      const y = known.get(matrices.y) ?? placeOf(matrices.y);
      const a = known.get(matrices.a) ?? placeOf(matrices.a);
      const b = known.get(matrices.b) ?? placeStored(matrices.b);
      multiply(y, a, b, accumulate ? 1 : 0);
    },
  };

  function multiply(y: Placed, a: Placed, b: Placed, add: number): void {
    if (a.columns <= longDepth) product(k, y.at, a, b, add);
    else deep(y, a, b, add);
  }

  /** Computes y (+)= a·b in blocks of depth, which are added with compensation. */
  function deep(y: Placed, a: Placed, b: Placed, add: number): void {
    const rows = Math.max(32, Math.floor(longRoom / y.columns) & ~3); // whole tiles
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
  else if (b.bytes < 4) expanded(k, y, a, b, add);
  else if (rows >= 32 && b.columns >= 64 && depth >= 192) packed(k, y, a, b, add);
  else direct(k, y, a, b, add);
}

/**
 * Computes y (+)= a·b as dot products of rows of a and columns of b, which are contiguous. Where depth is cut, columns
 * come in groups, each in its whole depth, so that a large b is read in order.
 */
function dots(k: Machine, y: number, a: Placed, b: Placed, add: number): void {
  const { kernels } = k;
  const { rows, columns: depth, rowStep } = a;
  const { columns: n, bytes } = b;
  const cut = bytes < 4 || depth > depthBlock;
  const group = cut ? (rows > 64 ? wideGroup : columnGroup) : n;
  const panelStep = 4 * padded(depth);
  const step = bytes === 4 ? b.columnStep : panelStep;
  for (let j = 0; j < n; j += group) {
    const width = Math.min(group, n - j);
    const from = b.at + j * b.columnStep;
    const scales = b.scales + 4 * j;
    const at = bytes === 4 ? from : expand(k, b, { at: from, scales, rows: width, n: depth });
    for (let start = 0; start < depth || start === 0; start += depthBlock) {
      const block = Math.min(depthBlock, depth - start);
      const [x, w] = [a.at + 4 * start, at + 4 * start];
      const more = start > 0 ? 1 : add;
      kernels.dense(y + 4 * j, 4 * n, x, rowStep, w, step, 0, rows, width, block, 0, more);
    }
  }
}

/** Computes y (+)= a·b for a stored b, of which a block of depth is expanded at a time. */
function expanded(k: Machine, y: number, a: Placed, b: Placed, add: number): void {
  const { rows, columns: depth } = a;
  const { columns } = b;
  for (let start = 0; start < depth || start === 0; start += depthBlock) {
    const block = Math.min(depthBlock, depth - start);
    const from = { at: b.at + start * b.rowStep, scales: b.scales + 4 * start };
    const at = expand(k, b, { ...from, rows: block, n: columns });
    const rowStep = 4 * padded(columns);
    const floats = { ...b, at, rows: block, bytes: 4, rowStep, columnStep: 4 };
    product(k, y, partOf(a, [0, rows], [start, block]), floats, start > 0 ? 1 : add);
  }
}

/** Stored rows of n numbers each: the addresses of the first and of its scale, and how many. */
interface StoredRows {
  readonly at: number;
  readonly scales: number;
  readonly rows: number;
  readonly n: number;
}

/** Expands stored rows of a matrix to floats in the panel. Returns its address. */
function expand(
  { kernels, panel }: Machine,
  { bytes, transposed, rowStep, columnStep }: Placed,
  { at, scales, rows, n }: StoredRows,
): number {
  const to = panel(rows * padded(n));
  const step = transposed ? columnStep : rowStep;
  if (bytes === 2) kernels.expandHalves(to, at, step, rows, padded(n));
  else kernels.expandBytes(to, at, step, scales, rows, padded(n));
  return to;
}
/** Returns the floats of a row in the panel. */
const padded = (n: number): number => (n + 7) & ~7;

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
