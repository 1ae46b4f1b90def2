/** Dot products: linear layers of few rows, weights as they are stored. */
import { type Module, type V128, zero } from "../assembler.ts";
import { gelu, type Kit, tanh } from "./functions.ts";
import { each, rowEnd } from "./walk.ts";

/** What `dense` does to a sum: its codes. */
export const activationCode = { none: 0, tanh: 1, relu: 2, gelu: 3 } as const;

/**
 * y[rows, n] = activation(x[rows, depth]·Wᵀ + bias) for few rows: dot products along the contiguous rows
 * of W [n, depth], four outputs at a time. `bias` 0 is none; `accumulate` adds to y, before no activation.
 */
export function addDense(m: Module, k: Kit): void {
  const { multiplyAdd } = k;
  m.func(
    "dense",
    {
      y: "i32",
      x: "i32",
      weight: "i32",
      bias: "i32",
      rows: "i32",
      n: "i32",
      depth: "i32",
      activation: "i32",
      accumulate: "i32",
    },
    (f, { y, x, weight, bias, rows, n, depth, activation, accumulate }) => {
      const end = rowEnd(f, depth);
      /** Of a finished row, which lets vectors overlap. */
      const activate = (code: number, formula: (v: V128) => V128): void =>
        f.if(activation.sub(code).isZero(), () => {
          const row = f.let(y.sub(n.shl(2)));
          each(f, n, (i, put) => put(row.add(i), formula(f.let(row.add(i).vector()))));
        });
      f.for(0, rows, 1, () => {
        const w = f.let(weight);
        const b = f.let(bias);
        /** Dot products of x with `count` rows of W. */
        const group = (count: number): void => {
          const sums = Array.from({ length: count }, () => f.let(zero()));
          const at = [f.let(w)];
          for (let r = 1; r < count; r++) at.push(f.let(at[r - 1].add(end.bytes)));
          const from = f.let(x);
          const add = (vectors: number): void => {
            for (let v = 0; v < vectors; v++) {
              const values = f.let(from.vector(16 * v));
              sums.forEach((sum, r) => {
                f.set(sum, multiplyAdd(values, at[r].vector(16 * v), sum));
              });
            }
            for (const p of [from, ...at]) f.step(p, 16 * vectors);
          };
          const stop = f.let(x.add(end.whole));
          const pairs = f.let(x.add(depth.and(~7).shl(2)));
          f.while(from.lt(pairs), () => add(2));
          f.if(from.lt(stop), () => add(1));
          f.if(end.rest, () => {
            const v = f.let(from.vector().and(end.mask));
            sums.forEach((sum, r) => {
              const u = at[r].vector().and(end.mask);
              f.set(sum, multiplyAdd(v, u, sum));
            });
          });
          if (count === 4) {
            const [a, c, d, e] = sums;
            const ac = f.let(a.shuffle(c, 0, 4, 1, 5).add(a.shuffle(c, 2, 6, 3, 7)));
            const de = f.let(d.shuffle(e, 0, 4, 1, 5).add(d.shuffle(e, 2, 6, 3, 7)));
            const total = f.let(ac.shuffle(de, 0, 1, 4, 5).add(ac.shuffle(de, 2, 3, 6, 7)));
            f.if(bias, () => f.set(total, total.add(b.vector())));
            f.if(accumulate, () => f.set(total, total.add(y.vector())));
            f.store(y, total);
          } else {
            const total = f.let(sums[0].sum());
            f.if(bias, () => f.set(total, total.add(b.float())));
            f.if(accumulate, () => f.set(total, total.add(y.float())));
            f.store(y, total);
          }
          f.set(w, w.add(end.bytes.mul(count)));
          f.step(y, 4 * count);
          f.step(b, 4 * count);
        };
        f.for(0, f.let(n.and(~3)), 4, () => group(4));
        f.for(f.let(n.and(~3)), n, 1, () => group(1));
        activate(activationCode.tanh, (v) => tanh(k, f, v));
        activate(activationCode.relu, (v) => v.max(zero()));
        activate(activationCode.gelu, (v) => gelu(k, f, v));
        f.step(x, end.bytes);
      });
    },
  );
}
