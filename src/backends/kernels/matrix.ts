/**
 * Matrix kernels. A tile of 4 rows by 8 columns keeps eight sums in registers; the loop over k is not
 * unrolled, because V8 of Node 20 then spills. Strides are in bytes.
 */
import { type Func, type I32, ints, type Module, type V128, zero } from "../assembler.ts";
import type { Kit } from "./functions.ts";
import { storeFirst } from "./walk.ts";

const tileRows = 4;
const tileVectors = 2;

/** The sums of a tile, `rows` by `vectors` of four columns. */
type Tile = readonly (readonly V128[])[];
const newTile = (f: Func, rows: number, vectors: number): Tile =>
  Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.let(zero())));

/** The place of a tile in y, whose rows are yRow bytes apart; with `rest`, the last vector has only that many columns. */
interface Place {
  readonly at: I32;
  readonly yRow: I32;
  readonly accumulate: I32;
  readonly rest?: I32 | undefined;
}

/** Writes y = tile or y += tile. */
function write(f: Func, tile: Tile, { at: first, yRow, accumulate, rest }: Place): void {
  const put = (add: boolean): void => {
    const at = f.let(first);
    for (const row of tile) {
      row.forEach((sums, v) => {
        const value = add ? at.vector(16 * v).add(sums) : sums;
        if (rest !== undefined) storeFirst(f, at, value, rest);
        else f.store(at, value, 16 * v);
      });
      f.step(at, yRow);
    }
  };
  f.if(
    accumulate,
    () => put(true),
    () => put(false),
  );
}

export function addMatrices(m: Module, k: Kit): void {
  addDirect(m, k);
  addPacked(m, k);
  addPacking(m);
  addTranspose(m);
}

/** y (+)= A·B of any sizes. A has any strides, so it may be Aᵀ; the rows of B and y are contiguous. */
function addDirect(m: Module, { multiplyAdd }: Kit): void {
  m.func(
    "gemm",
    ints("y", "yRow", "a", "aRow", "aStep", "b", "bRow", "rows", "columns", "depth", "accumulate"),
    (f, { y, yRow, a, aRow, aStep, b, bRow, rows, columns, depth, accumulate }) => {
      const wholeRows = f.let(rows.and(~(tileRows - 1)));
      /** Multiplies all rows for the columns from byte j on: `vectors` of four, or the last `rest` columns. */
      const panel = (j: I32, vectors: number, rest?: I32): void => {
        const strip = (i: I32, height: number): void => {
          const at = Array.from({ length: height }, (_, r) => f.let(a.add(i.add(r).mul(aRow))));
          const bAt = f.let(b.add(j));
          const tile = newTile(f, height, vectors);
          f.for(0, depth, 1, () => {
            const bs = Array.from({ length: vectors }, (_, v) => f.let(bAt.vector(16 * v)));
            f.step(bAt, bRow);
            tile.forEach((row, r) => {
              const x = f.let(at[r].spread());
              f.step(at[r], aStep);
              row.forEach((sum, v) => {
                f.set(sum, multiplyAdd(x, bs[v], sum));
              });
            });
          });
          write(f, tile, { at: f.let(y.add(i.mul(yRow)).add(j)), yRow, accumulate, rest });
        };
        f.for(0, wholeRows, tileRows, (i) => strip(i, tileRows));
        f.for(wholeRows, rows, 1, (i) => strip(i, 1));
      };
      const wide = f.let(columns.and(~(4 * tileVectors - 1)).shl(2));
      const whole = f.let(columns.and(~3).shl(2));
      const rest = f.let(columns.and(3));
      f.for(0, wide, 16 * tileVectors, (j) => panel(j, tileVectors));
      f.if(wide.lt(whole), () => panel(wide, 1));
      f.if(rest, () => panel(whole, 1, rest));
    },
  );
}

/** y (+)= A·B from packed panels: A as 4 × depth, B as depth × 8, both contiguous along k. */
function addPacked(m: Module, { multiplyAdd }: Kit): void {
  m.func(
    "gemmPacked",
    ints("y", "yRow", "a", "b", "rowPanels", "columnPanels", "depth", "accumulate"),
    (f, { y, yRow, a, b, rowPanels, columnPanels, depth, accumulate }) => {
      const bBytes = f.let(depth.shl(5));
      f.for(0, columnPanels, 1, () => {
        const aAt = f.let(a);
        const yAt = f.let(y);
        f.for(0, rowPanels, 1, () => {
          const bAt = f.let(b);
          const tile = newTile(f, tileRows, tileVectors);
          f.for(0, depth, 1, () => {
            const bs = [f.let(bAt.vector()), f.let(bAt.vector(16))];
            tile.forEach((row, r) => {
              const x = f.let(aAt.spread(4 * r));
              row.forEach((sum, v) => {
                f.set(sum, multiplyAdd(x, bs[v], sum));
              });
            });
            f.step(aAt, 4 * tileRows);
            f.step(bAt, 16 * tileVectors);
          });
          write(f, tile, { at: yAt, yRow, accumulate });
          f.step(yAt, yRow.mul(tileRows));
        });
        f.step(y, 16 * tileVectors);
        f.step(b, bBytes);
      });
    },
  );
}

/** Adds kernels that copy A and B, of any strides, to panels of 4 rows and of 8 columns. */
function addPacking(m: Module): void {
  m.func(
    "packA",
    ints("to", "a", "aRow", "aStep", "panels", "depth"),
    (f, { to, a, aRow, aStep, panels, depth }) => {
      f.for(0, panels, 1, () => {
        const at = Array.from({ length: tileRows }, (_, r) => f.let(a.add(aRow.mul(r))));
        f.for(0, depth, 1, () => {
          at.forEach((p, r) => {
            f.store(to, p.float(), 4 * r);
            f.step(p, aStep);
          });
          f.step(to, 4 * tileRows);
        });
        f.step(a, aRow.mul(tileRows));
      });
    },
  );
  m.func(
    "packB",
    ints("to", "b", "bRow", "panels", "depth"),
    (f, { to, b, bRow, panels, depth }) => {
      f.for(0, panels, 1, () => {
        const at = f.let(b);
        f.for(0, depth, 1, () => {
          f.store(to, at.vector());
          f.store(to, at.vector(16), 16);
          f.step(to, 32);
          f.step(at, bRow);
        });
        f.step(b, 32);
      });
    },
  );
}

/** Adds the kernel to[columns, rows] = xᵀ for x[rows, columns]; rows of `to` and x are `toRow` and `xRow` bytes apart. */
function addTranspose(m: Module): void {
  m.func(
    "transpose",
    ints("to", "toRow", "x", "xRow", "rows", "columns"),
    (f, { to, toRow, x, xRow, rows, columns }) => {
      const wholeRows = f.let(rows.and(~3));
      const wholeColumns = f.let(columns.and(~3));
      const copy = (i: I32, from: I32 | number): void =>
        f.for(from, columns, 1, (j) =>
          f.store(to.add(j.mul(toRow)).add(i.shl(2)), x.add(i.mul(xRow)).add(j.shl(2)).float()),
        );
      f.for(0, wholeRows, 4, (i) => {
        const from = f.let(x.add(i.mul(xRow)));
        const into = f.let(to.add(i.shl(2)));
        f.for(0, wholeColumns, 4, () => {
          const at = f.let(from);
          const [a, b, c, d] = [0, 1, 2, 3].map(() => {
            const row = f.let(at.vector());
            f.step(at, xRow);
            return row;
          });
          const low = f.let(a.shuffle(b, 0, 4, 1, 5));
          const high = f.let(a.shuffle(b, 2, 6, 3, 7));
          const low2 = f.let(c.shuffle(d, 0, 4, 1, 5));
          const high2 = f.let(c.shuffle(d, 2, 6, 3, 7));
          for (const column of [
            low.shuffle(low2, 0, 1, 4, 5),
            low.shuffle(low2, 2, 3, 6, 7),
            high.shuffle(high2, 0, 1, 4, 5),
            high.shuffle(high2, 2, 3, 6, 7),
          ]) {
            f.store(into, column);
            f.step(into, toRow);
          }
          f.step(from, 16);
        });
        for (const r of [0, 1, 2, 3]) copy(f.let(i.add(r)), wholeColumns);
      });
      f.for(wholeRows, rows, 1, (i) => copy(i, 0));
    },
  );
}
