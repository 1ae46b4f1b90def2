/** Elementwise kernels: y, x and the rest are addresses, n counts floats. */
import { type Func, type I32, type Module, type V128, zero } from "../assembler.ts";
import { expOfAny, gelu, geluSlope, type Kit, sigmoid, tanh } from "./functions.ts";
import { each } from "./walk.ts";

type Formula = (f: Func, x: V128) => V128;
type Formula2 = (f: Func, a: V128, b: V128) => V128;

export function addMaps(m: Module, k: Kit): void {
  const { c, multiplyAdd } = k;

  /** y = formula(x); may be in place */
  const map = (name: string, formula: Formula): void =>
    m.func(name, { y: "i32", x: "i32", n: "i32" }, (f, { y, x, n }) =>
      each(f, n, (i, put) => put(y.add(i), formula(f, f.let(x.add(i).vector())))),
    );
  map("exp", (f, x) => expOfAny(k, f, x));
  map("tanh", (f, x) => tanh(k, f, x));
  map("sigmoid", (f, x) => sigmoid(k, f, x));
  map("gelu", (f, x) => gelu(k, f, x));
  map("relu", (_, x) => x.max(zero()));
  map("negate", (_, x) => x.neg());

  /** y = formula(a, b) */
  const map2 = (name: string, formula: Formula2): void =>
    m.func(name, { y: "i32", a: "i32", b: "i32", n: "i32" }, (f, { y, a, b, n }) =>
      each(f, n, (i, put) =>
        put(y.add(i), formula(f, f.let(a.add(i).vector()), f.let(b.add(i).vector()))),
      ),
    );
  map2("add", (_, a, b) => a.add(b));
  map2("mul", (_, a, b) => a.mul(b));
  // ∂loss/∂x from ∂loss/∂y and what forward kept: y of tanh, sigmoid and ReLU, x of GELU and exp's y
  const slopes: Record<string, Formula> = {
    tanh: (_, y) => c(1).sub(y.mul(y)),
    sigmoid: (_, y) => y.mul(c(1).sub(y)),
    relu: (_, y) => c(1).and(y.gt(zero())),
    gelu: (f, x) => geluSlope(k, f, x),
    exp: (_, y) => y,
  };
  for (const [name, slope] of Object.entries(slopes)) {
    map2(`${name}Slope`, (f, dy, kept) => dy.mul(slope(f, kept))); // dx = dy·slope
    m.func(
      `${name}Grad`, // dx += dy·slope
      { dx: "i32", dy: "i32", kept: "i32", n: "i32" },
      (f, { dx, dy, kept, n }) =>
        each(f, n, (i, put) => {
          const s = slope(f, f.let(kept.add(i).vector()));
          put(dx.add(i), multiplyAdd(dy.add(i).vector(), s, dx.add(i).vector()));
        }),
    );
  }

  // y += x;  y += x·by;  y ·= by
  m.func("accumulate", { y: "i32", x: "i32", n: "i32" }, (f, { y, x, n }) =>
    each(f, n, (i, put) => put(y.add(i), y.add(i).vector().add(x.add(i).vector()))),
  );
  m.func("accumulateProduct", { y: "i32", a: "i32", b: "i32", n: "i32" }, (f, { y, a, b, n }) =>
    each(f, n, (i, put) =>
      put(y.add(i), multiplyAdd(a.add(i).vector(), b.add(i).vector(), y.add(i).vector())),
    ),
  );
  m.func("scale", { y: "i32", x: "i32", by: "f32", n: "i32" }, (f, { y, x, by, n }) => {
    const s = f.let(by.splat());
    each(f, n, (i, put) => put(y.add(i), x.add(i).vector().mul(s)));
  });
  m.func("accumulateScaled", { y: "i32", x: "i32", by: "f32", n: "i32" }, (f, { y, x, by, n }) => {
    const s = f.let(by.splat());
    each(f, n, (i, put) => put(y.add(i), multiplyAdd(x.add(i).vector(), s, y.add(i).vector())));
  });

  // y = x·by where keep is not 0, else 0; and y += that
  const kept = (name: string, put: (y: V128, made: V128) => V128): void =>
    m.func(
      name,
      { y: "i32", x: "i32", keep: "i32", by: "f32", n: "i32" },
      (f, { y, x, keep, by, n }) => {
        const s = f.let(by.splat());
        each(f, n, (i, write) => {
          const made = x.add(i).vector().mul(s).except(keep.add(i).vector().eq(zero()));
          write(y.add(i), put(y.add(i).vector(), made));
        });
      },
    );
  kept("dropout", (_, made) => made);
  kept("dropoutGrad", (y, made) => y.add(made));

  addSums(m, k);
}

/** Σ x and Σ x², in eight sums side by side. */
function addSums(m: Module, { multiplyAdd }: Kit): void {
  const reduce = (name: string, add: (sum: V128, x: V128) => V128): void =>
    m.func(name, { x: "i32", n: "i32" }, (f, { x, n }) => {
      const sums = [f.let(zero()), f.let(zero())];
      const at: I32 = x;
      f.while(n.ge(8), () => {
        sums.forEach((sum, i) => {
          f.set(sum, add(sum, f.let(at.vector(16 * i))));
        });
        f.step(at, 32);
        f.step(n, -8);
      });
      const total = f.let(sums[0].add(sums[1]).sum());
      f.while(n.ge(1), () => {
        f.set(total, total.add(add(zero(), f.let(at.float().splat())).lane(0)));
        f.step(at, 4);
        f.step(n, -1);
      });
      return total;
    });
  reduce("sum", (sum, x) => sum.add(x));
  reduce("sumOfSquares", (sum, x) => multiplyAdd(x, x, sum));
}
