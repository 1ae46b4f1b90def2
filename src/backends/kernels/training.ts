/** The Adam kernel. */
import { ints, type Module, zero } from "../assembler.ts";
import type { Kit } from "./functions.ts";
import { each } from "./walk.ts";

export function addTraining(m: Module, { multiplyAdd }: Kit): void {
  // m = β₁m + (1 − β₁)g;  v = β₂v + (1 − β₂)g²;  w = keep·w − rate·m/(√v·rootScale + eps); clears g
  // p: β₁, 1 − β₁, β₂, 1 − β₂, rate, rootScale, eps, l2 and keep, in memory
  m.func(
    "adam",
    ints("w", "grad", "first", "second", "n", "p"),
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
}
