/** The kernels of attention besides its matrix products. */
import {
  type F32,
  type Func,
  float,
  floats,
  type I32,
  int,
  ints,
  type Module,
  type V128,
  zero,
} from "../assembler.ts";
import { exp, type Kit } from "./functions.ts";
import { eachOfRow, eachRow, type Part, type RowEnd, rowEnd, sumsOfRow } from "./walk.ts";

export function addAttention(m: Module, k: Kit): void {
  addAttendCached(m, k);
  addAttend(m, k);
  addAttendGrad(m);
}

/**
 * Adds a kernel that replaces each row of scores [rows, n] by softmax(scale·score) over the allowed positions: those
 * below `seen`, which grows by `grow` per row, whose `allowed` is not 0 (an address; 0 allows all), and of these the
 * last `window` (0 for all). A fully masked row gets zeros. Sums begin at the first allowed position, so that a text's bits do not depend on its place in a row
 * of several texts.
 */
function addAttend(m: Module, k: Kit): void {
  const lowest = (): V128 => k.c(-Infinity);
  m.func(
    "attend",
    { ...ints("w", "allowed", "rows", "n", "seen", "grow", "window"), ...floats("scale") },
    (f, { w, allowed, rows, n, seen, grow, window, scale }) => {
      const end = rowEnd(f, n);
      const s = f.let(scale.splat());
      f.for(0, rows, 1, () => {
        const count = f.let(seen);
        f.if(n.lt(count), () => f.set(count, n));
        const first = firstInWindow(f, window, count);
        f.if(allowed, () => skipMasked(f, allowed, first, count));
        const skipped = f.let(first.shl(2));
        const at = f.let(w.add(skipped));
        const mask = f.let(allowed.add(skipped));
        const length = f.let(count.sub(first));
        const visible: RowEnd = rowEnd(f, length);
        const eachVisible = (body: (part: Part) => void): void =>
          f.if(length.ge(1), () => eachOfRow(f, visible, body));
        const max = f.let(lowest());
        eachVisible(({ i, filled, put }) => {
          const score = f.let(filled(at.add(i).vector().mul(s), lowest()));
          f.if(allowed, () => f.set(score, lowest().where(mask.add(i).vector().eq(zero()), score)));
          put(at.add(i), score);
          f.set(max, max.pmax(score));
        });
        const top = f.let(max.largest().splat());
        f.set(top, zero().where(top.eq(lowest()), top)); // fully masked: exp(−∞ − 0) = 0
        const sum = f.let(zero());
        eachVisible(({ i, zeroed, put }) => {
          const e = f.let(zeroed(exp(k, f, f.let(at.add(i).vector().sub(top)))));
          put(at.add(i), e);
          f.set(sum, sum.add(e));
        });
        const total = f.let(sum.sum());
        const by = f.let(float(1).div(total).splat());
        f.set(by, by.and(sum.sum().splat().gt(zero())));
        eachVisible(({ i, put }) => put(at.add(i), at.add(i).vector().mul(by)));
        clear(f, w, int(0), first);
        clear(f, w, count, n);
        f.step(seen, grow);
        f.step(w, end.bytes);
        f.if(allowed, () => f.step(allowed, end.bytes));
      });
    },
  );
}

/** Returns the first of the last `window` of `count` positions; 0 where `window` is 0 or reaches beyond them. */
function firstInWindow(f: Func, window: I32, count: I32): I32 {
  const first = f.let(int(0));
  f.if(window, () => f.set(first, count.sub(window)));
  f.if(first.lt(0), () => f.set(first, int(0)));
  return first;
}

/** Moves `first` to the first of `count` positions from it on whose `allowed` is not 0, or to `count`. */
function skipMasked(f: Func, allowed: I32, first: I32, count: I32): void {
  const at = f.let(allowed.add(first.shl(2)));
  const skip = (positions: number, least: number, masked: I32): void =>
    f.while(count.sub(first).ge(least).and(masked), () => {
      f.step(first, positions);
      f.step(at, 4 * positions);
    });
  skip(4, 5, at.vector().eq(zero()).not().any().isZero());
  skip(1, 1, at.spread().eq(zero()).any());
}

/** Adds the gradient of the scores in place: dw becomes scale·w·(dw − Σ dw·w). */
function addAttendGrad(m: Module): void {
  m.func(
    "attendGrad",
    { ...ints("dw", "w", "rows", "n"), ...floats("scale") },
    (f, { dw, w, rows, n, scale }) => {
      const end = rowEnd(f, n);
      const s = f.let(scale.splat());
      eachRow(f, rows, end, [dw, w], () => {
        const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) =>
          f.set(partial, partial.add(zeroed(dw.add(i).vector().mul(w.add(i).vector())))),
        );
        const dot = f.let(sum.sum().splat());
        eachOfRow(f, end, ({ i, put }) =>
          put(dw.add(i), dw.add(i).vector().sub(dot).mul(w.add(i).vector()).mul(s)),
        );
      });
    },
  );
}

/**
 * Adds attention of one position at a time, from a cache; ops/self-attention.ts and ops/grouped-attention.ts have the
 * definitions. Writes rows of k and v to keys [n, keyHeads, D, room] and values [n, keyHeads, room, D], then computes y;
 * each key head serves `group` query heads. `qRow` and `kvRow` are the bytes from one row to the next. `w` is room for
 * one row of weights; its length, `room`, is a multiple of 4.
 */
function addAttendCached(m: Module, k: Kit): void {
  m.func(
    "attendCached",
    {
      ...ints("y", "q", "qRow", "k", "v", "kvRow", "keys", "values", "sequence", "position"),
      ...ints("w", "rows", "keyHeads", "group", "D", "room", "window"),
      ...floats("scale"),
    },
    (f, { y, scale, ...at }) => {
      const cache: Cache = {
        ...at,
        headBytes: f.let(at.D.mul(at.room).shl(2)),
        roomBytes: f.let(at.room.shl(2)),
        end: rowEnd(f, at.D),
      };
      eachCachedRow(f, cache, (i, head, position) => addToCache(f, cache, i, head, position));
      const s = f.let(scale.splat());
      const to = f.let(y);
      const last = f.let(cache.D.shl(2));
      eachCachedRow(f, cache, (i, head, position) => {
        const q = f.let(cache.q.add(i.mul(cache.qRow)));
        const count = f.let(position.add(1));
        const skipped = firstInWindow(f, cache.window, count);
        f.set(count, count.sub(skipped));
        const visible = rowEnd(f, count);
        f.for(0, cache.keyHeads, 1, () => {
          const keys = f.let(cache.keys.add(head).add(skipped.shl(2)));
          const values = f.let(cache.values.add(head).add(skipped.mul(cache.end.bytes)));
          f.for(0, cache.group, 1, () => {
            const sum = expOfScores(k, f, cache, { q, last, keys, visible, scale: s });
            meanOfValues(k, f, cache, { to, values, visible, sum });
            f.step(to, cache.end.bytes);
            f.step(q, cache.end.bytes);
          });
          f.step(head, cache.headBytes);
        });
      });
    },
  );
}
const widths = [4, 1]; // independent chains hide latency

/** The addresses and sizes of a cache and of the rows that enter it. */
interface Cache
  extends Readonly<
    Record<
      | ("q" | "qRow" | "k" | "v" | "kvRow" | "keys" | "values" | "sequence" | "position" | "w")
      | ("rows" | "keyHeads" | "group" | "D" | "window"),
      I32
    >
  > {
  /** The bytes of a head's keys or values, and of a row of keys. */
  readonly headBytes: I32;
  readonly roomBytes: I32;
  /** The end of a row of D floats. */
  readonly end: RowEnd;
}

/** Runs `body` with each row's number, the offset of its first head in the cache, and its position. */
function eachCachedRow(
  f: Func,
  { sequence, position, rows, keyHeads, headBytes }: Cache,
  body: (i: I32, head: I32, position: I32) => void,
): void {
  f.for(0, rows, 1, (i) => {
    const at = f.let(position.add(i.shl(2)).float().toInt());
    const n = sequence.add(i.shl(2)).float().toInt();
    const head = f.let(n.mul(keyHeads).mul(headBytes));
    body(i, head, at);
  });
}

/** Writes a row's keys and values to the cache. */
function addToCache(f: Func, cache: Cache, i: I32, head: I32, position: I32): void {
  const { keys, values, keyHeads, D, headBytes, roomBytes, end } = cache;
  const from = f.let(cache.k.add(i.mul(cache.kvRow)));
  const fromValue = f.let(cache.v.add(i.mul(cache.kvRow)));
  f.for(0, keyHeads, 1, () => {
    const key = f.let(keys.add(head).add(position.shl(2)));
    f.for(0, D, 1, (d) => {
      f.store(key, from.add(d.shl(2)).float());
      f.step(key, roomBytes);
    });
    const value = f.let(values.add(head).add(position.mul(end.bytes)));
    eachOfRow(f, end, ({ i: at, put }) => put(value.add(at), fromValue.add(at).vector()));
    f.step(from, end.bytes);
    f.step(fromValue, end.bytes);
    f.step(head, headBytes);
  });
}

/** Writes the mean of a head's visible values, weighted by w/Σw, to `to`. */
function meanOfValues(
  k: Kit,
  f: Func,
  { w, end }: Cache,
  at: { readonly to: I32; readonly values: I32; readonly visible: RowEnd; readonly sum: V128 },
): void {
  const by = f.let(float(1).div(at.sum.sum()).splat());
  // before the weighted sum, as over whole sequences, so that a cached position has the same bits
  eachOfRow(f, at.visible, ({ i }) => f.store(w.add(i), w.add(i).vector().mul(by)));
  const mean = (part: Part): void => {
    const from = [at.values.add(part.i), end.bytes] as const;
    const totals = weightedSum(k, f, part.vectors, [w, at.visible.bytes], from);
    for (const [v, total] of totals.entries()) part.put(at.to.add(part.i).add(16 * v), total);
  };
  eachOfRow(f, end, mean, widths);
}

/** One head's query q, of `last` bytes, its first visible key in the cache, the visible positions and the scale. */
interface Query extends Readonly<Record<"q" | "last" | "keys", I32>> {
  readonly visible: RowEnd;
  readonly scale: V128;
}

/** Writes exp(score − maximum) of a head's visible positions to w; returns their sum. */
function expOfScores(
  k: Kit,
  f: Func,
  { w, roomBytes }: Cache,
  { q, last, keys, visible, scale }: Query,
): V128 {
  const max = f.let(k.c(-Infinity));
  const scores = ({ i, vectors, filled }: Part): void => {
    const dots = weightedSum(k, f, vectors, [q, last], [keys.add(i), roomBytes]);
    for (const [v, dot] of dots.entries()) {
      const score = f.let(filled(f.let(dot.mul(scale)), k.c(-Infinity)));
      f.store(w.add(i), score, 16 * v);
      f.set(max, max.pmax(score));
    }
  };
  eachOfRow(f, visible, scores, widths);
  const top = f.let(max.largest().splat());
  const sum = f.let(zero());
  eachOfRow(f, visible, ({ i, zeroed }) => {
    const e = f.let(zeroed(exp(k, f, f.let(w.add(i).vector().sub(top)))));
    f.store(w.add(i), e);
    f.set(sum, sum.add(e));
  });
  return sum;
}

/** Returns Σⱼ xⱼ·(vectors at `start` + j·step) over the `bytes` of x. */
function weightedSum(
  { multiplyAdd }: Kit,
  f: Func,
  vectors: number,
  [x, bytes]: readonly [I32, I32],
  [start, step]: readonly [I32, I32],
): V128[] {
  const at = f.let(start);
  const totals = Array.from({ length: vectors }, () => f.let(zero()));
  f.for(0, bytes, 4, (j) => {
    const xj = f.let(x.add(j).spread());
    totals.forEach((total, v) => {
      f.set(total, multiplyAdd(xj, at.vector(16 * v), total));
    });
    f.step(at, step);
  });
  return totals;
}

/** Clears a row from element `from` up to `to`. */
function clear(f: Func, row: I32, from: I32, to: I32): void {
  const first = f.let(from);
  f.if(first.lt(0), () => f.set(first, int(0)));
  const at = f.let(row.add(first.shl(2)));
  const put = (positions: number, value: V128 | F32): void =>
    f.while(to.sub(first).ge(positions), () => {
      f.store(at, value);
      f.step(at, 4 * positions);
      f.step(first, positions);
    });
  put(4, zero());
  put(1, float(0));
}
