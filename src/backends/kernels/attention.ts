/** What attention needs between its matrix products. */
import { type Func, float, type I32, type Module, type V128, zero } from "../assembler.ts";
import { exp, type Kit } from "./functions.ts";
import { eachOfRow, type Part, type RowEnd, rowEnd } from "./walk.ts";

export function addAttention(m: Module, k: Kit): void {
  const { c } = k;
  /**
   * In place: each row of scores [rows, n] becomes softmax(scale·score) over the positions allowed: those
   * below `seen`, which grows by `grow` a row, whose `allowed` is not 0 (an address; 0 for all). A row that
   * may attend nowhere gets zeros.
   */
  m.func(
    "attend",
    {
      w: "i32",
      allowed: "i32",
      rows: "i32",
      n: "i32",
      seen: "i32",
      grow: "i32",
      scale: "f32",
    },
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
        f.set(top, zero().where(top.eq(c(-Infinity)), top)); // nowhere: exp(−∞ − 0) = 0
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
    { dw: "i32", w: "i32", rows: "i32", n: "i32", scale: "f32" },
    (f, { dw, w, rows, n, scale }) => {
      const end = rowEnd(f, n);
      const s = f.let(scale.splat());
      f.for(0, rows, 1, () => {
        const sum = f.let(zero());
        eachOfRow(f, end, ({ i, zeroed }) =>
          f.set(sum, sum.add(zeroed(dw.add(i).vector().mul(w.add(i).vector())))),
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

/** Zeros from element `from` of a row to its end. */
function clear(f: Func, row: I32, from: I32, n: I32): void {
  const first = f.let(from);
  f.if(first.lt(0), () => f.set(first, first.and(0)));
  f.for(first, n, 1, (j) => f.store(row.add(j.shl(2)), float(0)));
}
