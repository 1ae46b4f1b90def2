/** The kernels of attention besides its matrix products. */
import {
  type Func,
  float,
  floats,
  type I32,
  ints,
  type Module,
  type V128,
  zero,
} from "../assembler.ts";
import { exp, type Kit } from "./functions.ts";
import { eachOfRow, type Part, type RowEnd, rowEnd, sumsOfRow } from "./walk.ts";

export function addAttention(m: Module, k: Kit): void {
  addCached(m, k);
  const { c } = k;
  /**
   * Replaces each row of scores [rows, n] by softmax(scale·score) over the allowed positions: those below
   * `seen`, which grows by `grow` per row, whose `allowed` is not 0 (an address; 0 allows all). A fully masked
   * row gets zeros.
   */
  m.func(
    "attend",
    { ...ints("w", "allowed", "rows", "n", "seen", "grow"), ...floats("scale") },
    (f, { w, allowed, rows, n, seen, grow, scale }) => {
      const end = rowEnd(f, n);
      const s = f.let(scale.splat());
      f.for(0, rows, 1, () => {
        const count = f.let(seen);
        f.if(n.lt(count), () => f.set(count, n));
        const visible: RowEnd = rowEnd(f, count);
        const max = f.let(c(-Infinity));
        const at = (part: Part): V128 => {
          const score = f.let(part.filled(w.add(part.i).vector().mul(s), c(-Infinity)));
          f.if(allowed, () =>
            f.set(score, c(-Infinity).where(allowed.add(part.i).vector().eq(zero()), score)),
          );
          return score;
        };
        f.if(count.ge(1), () =>
          eachOfRow(f, visible, (part) => {
            const score = at(part);
            part.put(w.add(part.i), score);
            f.set(max, max.pmax(score));
          }),
        );
        const top = f.let(max.largest().splat());
        f.set(top, zero().where(top.eq(c(-Infinity)), top)); // fully masked: exp(−∞ − 0) = 0
        const sum = f.let(zero());
        f.if(count.ge(1), () =>
          eachOfRow(f, visible, ({ i, zeroed, put }) => {
            const e = f.let(zeroed(exp(k, f, f.let(w.add(i).vector().sub(top)))));
            put(w.add(i), e);
            f.set(sum, sum.add(e));
          }),
        );
        const total = f.let(sum.sum());
        const by = f.let(float(1).div(total).splat());
        f.set(by, by.and(sum.sum().splat().gt(zero())));
        f.if(count.ge(1), () =>
          eachOfRow(f, visible, ({ i, put }) => put(w.add(i), w.add(i).vector().mul(by))),
        );
        clear(f, w, count, n);
        f.step(seen, grow);
        f.step(w, end.bytes);
        f.if(allowed, () => f.step(allowed, end.bytes));
      });
    },
  );
  // in place: dw becomes scale·w·(dw − Σ dw·w), the gradient of the scores
  m.func(
    "attendGrad",
    { ...ints("dw", "w", "rows", "n"), ...floats("scale") },
    (f, { dw, w, rows, n, scale }) => {
      const end = rowEnd(f, n);
      const s = f.let(scale.splat());
      f.for(0, rows, 1, () => {
        const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) =>
          f.set(partial, partial.add(zeroed(dw.add(i).vector().mul(w.add(i).vector())))),
        );
        const dot = f.let(sum.sum().splat());
        eachOfRow(f, end, ({ i, put }) =>
          put(dw.add(i), dw.add(i).vector().sub(dot).mul(w.add(i).vector()).mul(s)),
        );
        f.step(dw, end.bytes);
        f.step(w, end.bytes);
      });
    },
  );
}

/** Adds attention of one position at a time, from a cache; ops/self-attention.ts has the definition. */
function addCached(m: Module, k: Kit): void {
  const { c, multiplyAdd } = k;
  const widths = [4, 1]; // independent chains hide latency
  /** Returns Σⱼ xⱼ·(vectors at `at` + j·row) over the floats of x. */
  const sums = (f: Func, x: I32, bytes: I32, at: I32, row: I32, vectors: number): V128[] => {
    const totals = Array.from({ length: vectors }, () => f.let(zero()));
    f.for(0, bytes, 4, (j) => {
      const xj = f.let(x.add(j).spread());
      totals.forEach((total, v) => {
        f.set(total, multiplyAdd(xj, at.vector(16 * v), total));
      });
      f.step(at, row);
    });
    return totals;
  };
  /**
   * Writes rows of qkv [rows, 3·heads·D] to keys [n, heads, D, room] and values [n, heads, room, D], then
   * computes y. `w` is room for one row of weights; its length, `room`, is a multiple of 4.
   */
  m.func(
    "attendCached",
    {
      ...ints(
        "y",
        "qkv",
        "keys",
        "values",
        "sequence",
        "position",
        "w",
        "rows",
        "heads",
        "D",
        "room",
      ),
      ...floats("scale"),
    },
    (f, { y, qkv, keys, values, sequence, position, w, rows, heads, D, room, scale }) => {
      const headBytes = f.let(D.mul(room).shl(2));
      const width = f.let(heads.mul(D).shl(2));
      const roomBytes = f.let(room.shl(2));
      const end = rowEnd(f, D);
      /** Runs `body` with each row's first query, its first head in the cache, and its position. */
      const eachRow = (body: (x: I32, head: I32, at: I32) => void): void =>
        f.for(0, rows, 1, (i) => {
          const at = f.let(position.add(i.shl(2)).float().toInt());
          const n = sequence.add(i.shl(2)).float().toInt();
          const head = f.let(n.mul(heads).mul(headBytes));
          body(f.let(qkv.add(i.mul(width).mul(3))), head, at);
        });
      eachRow((x, head, at) => {
        const from = f.let(x.add(width));
        f.for(0, heads, 1, () => {
          const key = f.let(keys.add(head).add(at.shl(2)));
          f.for(0, D, 1, (d) => {
            f.store(key, from.add(d.shl(2)).float());
            f.step(key, roomBytes);
          });
          const value = f.let(values.add(head).add(at.mul(end.bytes)));
          eachOfRow(f, end, ({ i, put }) => put(value.add(i), from.add(width).add(i).vector()));
          f.step(from, end.bytes);
          f.step(head, headBytes);
        });
      });
      const s = f.let(scale.splat());
      const to = f.let(y);
      eachRow((q, head, at) => {
        const count = f.let(at.add(1));
        const visible = rowEnd(f, count);
        const last = f.let(D.shl(2));
        f.for(0, heads, 1, () => {
          const max = f.let(c(-Infinity));
          const scores = ({ i, vectors, filled }: Part): void => {
            const dots = sums(f, q, last, f.let(keys.add(head).add(i)), roomBytes, vectors);
            for (const [v, dot] of dots.entries()) {
              const score = f.let(filled(f.let(dot.mul(s)), c(-Infinity)));
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
          const by = f.let(float(1).div(sum.sum()).splat());
          const bytes = f.let(count.shl(2));
          const mean = ({ i, vectors, put }: Part): void => {
            const totals = sums(f, w, bytes, f.let(values.add(head).add(i)), end.bytes, vectors);
            for (const [v, total] of totals.entries()) put(to.add(i).add(16 * v), total.mul(by));
          };
          eachOfRow(f, end, mean, widths);
          f.step(to, end.bytes);
          f.step(q, end.bytes);
          f.step(head, headBytes);
        });
      });
    },
  );
}

/** Clears a row from element `from` to its end. */
function clear(f: Func, row: I32, from: I32, n: I32): void {
  const first = f.let(from);
  f.if(first.lt(0), () => f.set(first, first.and(0)));
  f.for(first, n, 1, (j) => f.store(row.add(j.shl(2)), float(0)));
}
