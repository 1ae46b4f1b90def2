/**
 * Products x·Wᵀ, which read the weights as stored: the linear layers. Each output is one dot product with one tree
 * of sums, so that its bits do not depend on the number of rows, or on the tile that computes it.
 */
import { type Func, type I32, int, ints, type Module, type V128, zero } from "../assembler.ts";
import { gelu, type Kit, tanh } from "./functions.ts";
import { each, eachOfRow, type RowEnd, rowEnd } from "./walk.ts";

/** The codes of the activations of `dense`. */
export const activationCode = { none: 0, tanh: 1, relu: 2, gelu: 3 } as const;

/** The rows of x that are read at a time, which a cache holds. */
const blockRows = 128;

/**
 * Adds the kernel y[rows, n] = activation(x[rows, depth]·Wᵀ + bias), W [n, depth]; rows of y, x and W are `yRow`,
 * `xRow` and `wRow` bytes apart. `bias` 0 means none; `accumulate` adds to y and takes no activation. An activation
 * takes a y without gaps.
 */
export function addDense(m: Module, k: Kit): void {
  m.func(
    "dense",
    {
      ...ints("y", "yRow", "x", "xRow", "w", "wRow", "bias", "rows", "n", "depth"),
      ...ints("activation", "accumulate"),
    },
    (f, { y, yRow, x, xRow, w, wRow, bias, rows, n, depth, activation, accumulate }) => {
      const end = rowEnd(f, depth);
      f.while(rows.ge(1), () => {
        const count = f.let(rows);
        f.if(int(blockRows).lt(rows), () => f.set(count, int(blockRows)));
        const walk: Walk = {
          ...{ end, x, xRow, wRow, yRow, bias, accumulate, rows: count },
          ...{ y: f.let(y), w: f.let(w), b: f.let(bias), left: f.let(n) },
        };
        // tiles with the fewest loads that registers allow
        const all = (
          tiles: readonly (readonly [columns: number, heights: readonly number[]])[],
        ) => {
          for (const [width, heights] of tiles)
            f.while(walk.left.ge(width), () => columns(k, f, walk, width, heights));
        };
        const single = (): void => all([6, 4, 1].map((width) => [width, []]));
        f.if(count.lt(2), single, () =>
          all([
            [4, [2, 1]],
            [1, [4, 1]],
          ]),
        );
        /** Applies an activation to the finished rows, which allows overlapping vectors. */
        const activate = (code: number, formula: (v: V128) => V128): void =>
          f.if(activation.sub(code).isZero(), () =>
            each(f, f.let(count.mul(n)), (i, put) =>
              put(y.add(i), formula(f.let(y.add(i).vector()))),
            ),
          );
        activate(activationCode.tanh, (v) => tanh(k, f, v));
        activate(activationCode.relu, (v) => v.max(zero()));
        activate(activationCode.gelu, (v) => gelu(k, f, v));
        f.step(x, count.mul(xRow));
        f.step(y, count.mul(yRow));
        f.step(rows, count.mul(-1));
      });
    },
  );
}

/** A walk over the columns of y: y, w and b are at the current one, `left` columns are left. */
interface Walk
  extends Readonly<
    Record<
      "x" | "xRow" | "w" | "wRow" | "y" | "yRow" | "bias" | "b" | "rows" | "left" | "accumulate",
      I32
    >
  > {
  readonly end: RowEnd;
}

/** Computes `count` columns of all rows, as many of `heights` at once as there are; without heights, of one row. */
function columns(k: Kit, f: Func, walk: Walk, count: number, heights: readonly number[]): void {
  const { x, xRow, w, wRow, y, yRow, b, rows, left } = walk;
  if (heights.length === 0) tile(k, f, walk, { x, y, height: 1, count });
  else {
    const from = f.let(x);
    const to = f.let(y);
    const rest = f.let(rows);
    for (const height of heights) {
      f.while(rest.ge(height), () => {
        tile(k, f, walk, { x: from, y: to, height, count });
        f.step(from, xRow.mul(height));
        f.step(to, yRow.mul(height));
        f.step(rest, -height);
      });
    }
  }
  f.step(w, wRow.mul(count));
  f.step(y, 4 * count);
  f.step(b, 4 * count);
  f.step(left, -count);
}

/** A tile of y, `height` rows by `count` columns: its first row of x, and its place in y. */
interface Tile {
  readonly x: I32;
  readonly y: I32;
  readonly height: number;
  readonly count: number;
}

/** Computes a tile for the walk's current columns. */
function tile(k: Kit, f: Func, walk: Walk, { x, y, height, count }: Tile): void {
  const { xRow, w, wRow, yRow, bias, b, accumulate, end } = walk;
  const xs = strided(f, x, xRow, height);
  const sums = dotProducts(k, f, end, xs, strided(f, w, wRow, count));
  /** Adds bias and, to accumulate, y. `read` loads either from an address. */
  const finish = (made: V128, to: I32, offset: number, read: (at: I32) => V128): V128 => {
    const total = f.let(made);
    f.if(bias, () => f.set(total, total.add(read(offset === 0 ? b : b.add(offset)))));
    f.if(accumulate, () => f.set(total, total.add(read(to))));
    return total;
  };
  const ys = strided(f, y, yRow, height);
  if (count === 1) {
    const column = f.let(
      sumLanes(
        f,
        [0, 1, 2, 3].map((r) => sums[r % height][0]),
      ),
    );
    for (const [r, at] of ys.entries()) {
      const lane = height === 1 ? column : column.shuffle(column, r, r, r, r);
      f.store(at, finish(lane, at, 0, (p) => p.spread()).lane(0));
    }
    return;
  }
  const whole = (at: I32): V128 => at.vector();
  for (const [r, at] of ys.entries()) {
    f.store(at, finish(sumLanes(f, sums[r]), at, 0, whole));
    if (count === 4) continue;
    const next = f.let(at.add(16));
    const pair = halves(f, sums[r][4], sums[r][5]);
    const two = finish(pair.add(pair.shuffle(pair, 2, 3, 0, 1)), next, 16, whole);
    f.storeLane(next, two, 0);
    f.storeLane(next, two, 1, 4);
  }
}

/** Returns the addresses of `count` rows that are `step` bytes apart. */
function strided(f: Func, at: I32, step: I32, count: number): I32[] {
  const rows = [at];
  for (let r = 1; r < count; r++) rows.push(f.let(rows[r - 1].add(step)));
  return rows;
}

/** Returns the dot products of each of `xs` with each of `ws`, lane by lane. */
function dotProducts(k: Kit, f: Func, end: RowEnd, xs: readonly I32[], ws: readonly I32[]) {
  const tile = xs.map(() => ws.map(() => f.let(zero())));
  const at = ws.map((w) => f.let(w));
  eachOfRow(f, end, ({ i, zeroed }) => {
    const values = xs.map((x) => f.let(zeroed(x.add(i).vector())));
    for (const [c, w] of at.entries()) {
      const v = xs.length === 1 ? zeroed(w.vector()) : f.let(zeroed(w.vector()));
      tile.forEach((sums, r) => {
        f.set(sums[c], k.multiplyAdd(values[r], v, sums[c]));
      });
      f.step(w, 16);
    }
  });
  return tile;
}

/** Returns the sum of the lanes of each of four vectors, (0 + 2) + (1 + 3). */
function sumLanes(f: Func, [a, b, c, d]: readonly V128[]): V128 {
  const [ab, cd] = [halves(f, a, b), halves(f, c, d)];
  return ab.shuffle(cd, 0, 1, 4, 5).add(ab.shuffle(cd, 2, 3, 6, 7));
}

/** Sums pairs of lanes: a's, b's, a's, b's. */
const halves = (f: Func, a: V128, b: V128): V128 =>
  f.let(a.shuffle(b, 0, 4, 1, 5).add(a.shuffle(b, 2, 6, 3, 7)));
