/** Elementwise kernels. y, x and others are addresses; n counts floats. */
import { type Func, floats, ints, type Module, type V128, zero } from "../assembler.ts";
import { expOfAny, gelu, geluSlope, type Kit, sigmoid, tanh } from "./functions.ts";
import { addTo, each, eachBlock, longSum } from "./walk.ts";

type Formula = (f: Func, x: V128) => V128;
type Formula2 = (f: Func, a: V128, b: V128) => V128;

export function addMaps(m: Module, k: Kit): void {
  addFunctions(m, k);
  addSlopes(m, k);
  addArithmetic(m, k);
  addDropout(m);
  addSums(m, k);
}

/** Adds a kernel y = formula(x), which may run in place. */
const map = (m: Module, name: string, formula: Formula): void =>
  m.func(name, ints("y", "x", "n"), (f, { y, x, n }) =>
    each(f, n, (i, put) => put(y.add(i), formula(f, f.let(x.add(i).vector())))),
  );

/** Adds a kernel y = formula(a, b). */
const map2 = (m: Module, name: string, formula: Formula2): void =>
  m.func(name, ints("y", "a", "b", "n"), (f, { y, a, b, n }) =>
    each(f, n, (i, put) =>
      put(y.add(i), formula(f, f.let(a.add(i).vector()), f.let(b.add(i).vector()))),
    ),
  );

function addFunctions(m: Module, k: Kit): void {
  map(m, "exp", (f, x) => expOfAny(k, f, x));
  map(m, "tanh", (f, x) => tanh(k, f, x));
  map(m, "sigmoid", (f, x) => sigmoid(k, f, x));
  map(m, "gelu", (f, x) => gelu(k, f, x));
  map(m, "relu", (_, x) => x.max(zero()));
  map2(m, "add", (_, a, b) => a.add(b));
  map2(m, "mul", (_, a, b) => a.mul(b));
}

function addSlopes(m: Module, k: Kit): void {
  const { c, multiplyAdd } = k;
  // slopes as functions of what forward saved: y for tanh, sigmoid, ReLU and exp, x for GELU. Where ∂loss/∂y is 0,
  // so is ∂loss/∂x, even if the slope is infinite or NaN
  const slopes: Record<string, Formula> = {
    tanh: (_, y) => c(1).sub(y.mul(y)),
    sigmoid: (_, y) => y.mul(c(1).sub(y)),
    relu: (_, y) => c(1).and(y.gt(zero())),
    gelu: (f, x) => geluSlope(k, f, x),
    exp: (_, y) => y,
  };
  for (const [name, slope] of Object.entries(slopes)) {
    map2(m, `${name}Slope`, (f, dy, kept) => dy.mul(slope(f, kept).except(dy.eq(zero())))); // dx = dy·slope
    m.func(
      `${name}Grad`, // dx += dy·slope
      ints("dx", "dy", "kept", "n"),
      (f, { dx, dy, kept, n }) =>
        each(f, n, (i, put) => {
          const d = f.let(dy.add(i).vector());
          const s = slope(f, f.let(kept.add(i).vector())).except(d.eq(zero()));
          put(dx.add(i), multiplyAdd(d, s, dx.add(i).vector()));
        }),
    );
  }
}

function addArithmetic(m: Module, { multiplyAdd }: Kit): void {
  // y += x;  y += x·by;  y ·= by
  m.func("accumulate", ints("y", "x", "n"), (f, { y, x, n }) =>
    each(f, n, (i, put) => put(y.add(i), y.add(i).vector().add(x.add(i).vector()))),
  );
  // y += a·b; adds 0 where a is 0
  m.func("accumulateProduct", ints("y", "a", "b", "n"), (f, { y, a, b, n }) =>
    each(f, n, (i, put) => {
      const d = f.let(a.add(i).vector());
      const by = b.add(i).vector().except(d.eq(zero()));
      put(y.add(i), multiplyAdd(d, by, y.add(i).vector()));
    }),
  );
  m.func("scale", { ...ints("y", "x"), ...floats("by"), ...ints("n") }, (f, { y, x, by, n }) => {
    const s = f.let(by.splat());
    each(f, n, (i, put) => put(y.add(i), x.add(i).vector().mul(s)));
  });
  m.func(
    "accumulateScaled",
    { ...ints("y", "x"), ...floats("by"), ...ints("n") },
    (f, { y, x, by, n }) => {
      const s = f.let(by.splat());
      each(f, n, (i, put) => put(y.add(i), multiplyAdd(x.add(i).vector(), s, y.add(i).vector())));
    },
  );
}

function addDropout(m: Module): void {
  // y = x·by where keep is not 0, else 0; and the same with y +=
  const kept = (name: string, put: (y: V128, made: V128) => V128): void =>
    m.func(
      name,
      { ...ints("y", "x", "keep"), ...floats("by"), ...ints("n") },
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
}

function addSums(m: Module, { multiplyAdd }: Kit): void {
  // Σ x², in eight independent sums
  m.func("sumOfSquares", { x: "i32", n: "i32" }, (f, { x, n }) => {
    const longs = [longSum(f), longSum(f)];
    const sums = [f.let(zero()), f.let(zero())];
    eachBlock(f, f.let(n.and(~7)), 8, (count) => {
      f.for(0, count, 8, () => {
        sums.forEach((sum, i) => {
          const v = f.let(x.vector(16 * i));
          f.set(sum, multiplyAdd(v, v, sum));
        });
        f.step(x, 32);
      });
      for (const [i, long] of longs.entries()) {
        addTo(f, long, sums[i]);
        f.set(sums[i], zero());
      }
    });
    const total = f.let(longs[0].total.add(longs[1].total).sum());
    f.for(0, f.let(n.and(7)), 1, () => {
      const v = f.let(x.float());
      f.set(total, total.add(v.mul(v)));
      f.step(x, 4);
    });
    return total;
  });
  // total += x; `lost` holds the rounding error (Kahan 1965)
  m.func("addCompensated", ints("total", "lost", "x", "n"), (f, at) =>
    each(f, at.n, (i, put) => {
      const total = f.let(at.total.add(i).vector());
      const corrected = f.let(at.x.add(i).vector().sub(at.lost.add(i).vector()));
      const next = f.let(total.add(corrected));
      put(at.lost.add(i), next.sub(total).sub(corrected));
      put(at.total.add(i), next);
    }),
  );
  // 1 where a number is NaN or infinite, else 0
  m.func("anyNotFinite", { x: "i32", n: "i32" }, (f, { x, n }) => {
    const bad = f.let(zero());
    const rest = f.let(n.and(3));
    f.for(0, f.let(n.and(~3)), 4, () => {
      const v = f.let(x.vector());
      f.set(bad, bad.or(v.sub(v)));
      f.step(x, 16);
    });
    f.for(0, rest, 1, () => {
      const v = f.let(x.spread());
      f.set(bad, bad.or(v.sub(v)));
      f.step(x, 4);
    });
    return bad.any();
  });
}
