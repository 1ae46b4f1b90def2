/** The Adam kernels. */
import { type Func, type I32, ints, lanes, type Module, type V128, zero } from "../assembler.ts";
import type { Kit } from "./functions.ts";
import { each } from "./walk.ts";

/** Loads β₁, 1 − β₁, β₂, 1 − β₂, rate, rootScale, eps, l2 and keep from memory. */
const numbersAt = (f: Func, p: I32): V128[] =>
  Array.from({ length: 9 }, (_, i) => f.let(p.spread(4 * i)));

export function addTraining(m: Module, { multiplyAdd }: Kit): void {
  // m = β₁m + (1 − β₁)g;  v = β₂v + (1 − β₂)g²;  w = keep·w − rate·m/(√v·rootScale + eps); clears g
  m.func(
    "adam",
    ints("w", "grad", "first", "second", "n", "p"),
    (f, { w, grad, first, second, n, p }) => {
      const [beta1, rest1, beta2, rest2, rate, rootScale, eps, l2, keep] = numbersAt(f, p);
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
  // The same on words of two BF16 numbers, m above v: `stepBf16` of optim/adam-bf16.ts, bit for bit
  m.func(
    "adamBf16",
    ints("w", "grad", "moments", "n", "p", "key"),
    (f, { w, grad, moments, n, p, key }) => {
      const bits = (x: number): V128 => m.bits(x);
      const [beta1, rest1, beta2, rest2, rate, rootScale, eps, l2, keep] = numbersAt(f, p);
      const upper = f.let(bits(-0x10000));
      const keys = f.let(lanes().shl(2).addInt(key.splat()));
      each(f, n, (i, put) => {
        const x = f.let(w.add(i).vector());
        const word = f.let(moments.add(i).vector());
        const g = f.let(l2.mul(x).add(grad.add(i).vector()));
        const m1 = f.let(word.and(upper).mul(beta1).add(rest1.mul(g)));
        const m2 = f.let(
          word
            .shl(16)
            .mul(beta2)
            .add(rest2.mul(g.mul(g))),
        );
        const h = f.let(keys.addInt(i.splat()));
        f.set(h, h.xor(h.shr(16)).mulInt(bits(0x85ebca6b | 0)));
        f.set(h, h.xor(h.shr(13)).mulInt(bits(0xc2b2ae35 | 0)));
        const even = m1.shr(16).and(bits(1)).addInt(bits(0x7fff));
        const above = m1.addInt(even).and(upper);
        put(moments.add(i), above.or(m2.addInt(h.shr(16)).shr(16)));
        const root = m2.sqrt().mul(rootScale).add(eps);
        put(w.add(i), keep.mul(x).sub(rate.mul(m1).div(root)));
        put(grad.add(i), zero());
      });
    },
  );
}
