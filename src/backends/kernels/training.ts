/** Kernels of a training step beside the network: Adam, and GAE with four environments a vector. */
import { type I32, type Module, type V128, zero } from "../assembler.ts";
import type { Kit } from "./functions.ts";
import { each } from "./walk.ts";

export function addTraining(m: Module, { multiplyAdd }: Kit): void {
  // m = β₁m + (1 − β₁)g;  v = β₂v + (1 − β₂)g²;  w = keep·w − rate·m/(√v·rootScale + eps); and clears g
  // p: β₁, 1 − β₁, β₂, 1 − β₂, rate, rootScale, eps, l2 and keep, in memory
  m.func(
    "adam",
    { w: "i32", grad: "i32", first: "i32", second: "i32", n: "i32", p: "i32" },
    (f, { w, grad, first, second, n, p }) => {
      const [beta1, rest1, beta2, rest2, rate, rootScale, eps, l2, keep] = Array.from(
        { length: 9 },
        (_, i) => f.let(p.spread(4 * i)),
      );
      each(f, n, (i, put) => {
        const x = f.let(w.add(i).vector());
        const g = f.let(multiplyAdd(l2, x, grad.add(i).vector()));
        const m1 = f.let(multiplyAdd(first.add(i).vector(), beta1, rest1.mul(g)));
        const m2 = f.let(multiplyAdd(second.add(i).vector(), beta2, rest2.mul(g.mul(g))));
        put(first.add(i), m1);
        put(second.add(i), m2);
        const root = m2.sqrt().mul(rootScale).add(eps);
        put(w.add(i), keep.mul(x).sub(rate.mul(m1).div(root)));
        put(grad.add(i), zero());
      });
    },
  );

  // Â of `columns` environments from the given addresses on, `row` bytes from one step to the next
  m.func(
    "gae",
    {
      advantage: "i32",
      reward: "i32",
      value: "i32",
      nextValue: "i32",
      terminated: "i32",
      truncated: "i32",
      steps: "i32",
      row: "i32",
      columns: "i32",
      gamma: "f32",
      lambda: "f32",
    },
    (f, { steps, row, columns, gamma, lambda, ...at }) => {
      const g = f.let(gamma.splat());
      const decay = f.let(gamma.mul(lambda).splat());
      const last = f.let(steps.sub(1).mul(row));
      const column = (first: I32, vectors: number): void => {
        const i = f.let(last.add(first));
        const A = Array.from({ length: vectors }, () => f.let(zero()));
        f.while(i.ge(first), () => {
          A.forEach((sum, v) => {
            const load = (p: I32): V128 => p.add(i).vector(16 * v);
            const goesOn = f.let(load(at.terminated).eq(zero()));
            const next = load(at.nextValue).and(goesOn).mul(g);
            const delta = load(at.reward).add(next).sub(load(at.value));
            const open = goesOn.and(load(at.truncated).eq(zero()));
            f.set(sum, multiplyAdd(decay, sum.and(open), delta));
            f.store(at.advantage.add(i), sum, 16 * v);
          });
          f.set(i, i.sub(row));
        });
      };
      const wide = f.let(columns.and(~15).shl(2));
      f.for(0, wide, 64, (first) => column(first, 4));
      f.for(wide, f.let(columns.and(~3).shl(2)), 16, (first) => column(first, 1));
    },
  );
}
