/** Kernels of what Llama's blocks have and GPT-2's have not: RMS norm, rotations, SwiGLU's product. */
import { float, floats, ints, type Module, type V128, zero } from "../assembler.ts";
import { type Kit, sigmoid } from "./functions.ts";
import { each, eachOfRow, eachRow, rowEnd, sumsOfRow } from "./walk.ts";

export function addLlama(m: Module, k: Kit): void {
  addRmsNorm(m, k);
  addRmsNormGrad(m, k);
  addRotate(m);
  addSiluGate(m, k);
}

function addRmsNorm(m: Module, { multiplyAdd }: Kit): void {
  // y = x·scale·weight; each row's scale, 1/√(mean x² + eps), goes to `scales`. Returns 1 if the squares of a row
  // overflow float32, else 0.
  m.func(
    "rmsNorm",
    { ...ints("y", "x", "weight", "scales", "rows", "n"), ...floats("eps", "perElement") },
    (f, { y, x, weight, scales, rows, n, eps, perElement }) => {
      const end = rowEnd(f, n);
      const overflow = f.let(zero());
      eachRow(f, rows, end, [x, y, [scales, 4]], () => {
        const [squares] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) => {
          const v = f.let(zeroed(x.add(i).vector()));
          f.set(partial, multiplyAdd(v, v, partial));
        });
        f.set(overflow, overflow.or(squares.sub(squares)));
        f.store(scales, float(1).div(squares.sum().mul(perElement).add(eps).sqrt()));
        const scale = f.let(scales.spread());
        eachOfRow(f, end, ({ i, put }) =>
          put(y.add(i), x.add(i).vector().mul(scale).mul(weight.add(i).vector())),
        );
      });
      return overflow.any();
    },
  );
}

function addRmsNormGrad(m: Module, { multiplyAdd }: Kit): void {
  // with g = dy·weight and x̂ = x·scale: dx += scale·(g − x̂·mean(g·x̂)), dweight += dy·x̂; `dweight` may be 0 for none
  m.func(
    "rmsNormGrad",
    {
      ...ints("dx", "dweight", "dy", "x", "weight", "scales", "rows", "n"),
      ...floats("perElement"),
    },
    (f, { dx, dweight, dy, x, weight, scales, rows, n, perElement }) => {
      const end = rowEnd(f, n);
      eachRow(f, rows, end, [dx, dy, x, [scales, 4]], () => {
        const scale = f.let(scales.spread());
        const any = f.let(zero());
        const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed, put }, [partial]) => {
          const d = f.let(zeroed(dy.add(i).vector()));
          f.set(any, any.or(d.abs()));
          const hat = f.let(zeroed(x.add(i).vector().mul(scale)).except(d.eq(zero())));
          f.set(partial, multiplyAdd(zeroed(d.mul(weight.add(i).vector())), hat, partial));
          f.if(dweight, () => put(dweight.add(i), multiplyAdd(d, hat, dweight.add(i).vector())));
        });
        const mean = f.let(sum.sum().mul(perElement).splat());
        f.if(any.any(), () =>
          eachOfRow(f, end, ({ i, put }) => {
            const hat = x.add(i).vector().mul(scale);
            const g = dy.add(i).vector().mul(weight.add(i).vector());
            put(dx.add(i), multiplyAdd(g.sub(hat.mul(mean)), scale, dx.add(i).vector()));
          }),
        );
      });
    },
  );
}

function addRotate(m: Module): void {
  /** Adds a kernel over pairs (a, b) of x, with the cosine and sine of their angle. */
  const pairs = (
    name: string,
    made: (a: V128, b: V128, angle: readonly [cos: V128, sin: V128]) => readonly [V128, V128],
    adds: boolean,
  ): void =>
    m.func(name, ints("y", "x", "positions", "table", "rows", "heads", "half"), (f, at) => {
      const { y, x, positions, table } = at;
      const end = rowEnd(f, at.half);
      const bytes = end.bytes;
      f.for(0, at.rows, 1, (row) => {
        const position = positions.add(row.shl(2)).float().toInt();
        const cos = f.let(table.add(position.mul(bytes).shl(1)));
        const sin = f.let(cos.add(bytes));
        f.for(0, at.heads, 1, () => {
          eachOfRow(f, end, ({ i, put }) => {
            const [first, second] = [i, f.let(bytes.add(i))];
            const [a, b] = [f.let(x.add(first).vector()), f.let(x.add(second).vector())];
            const angle = [f.let(cos.add(i).vector()), f.let(sin.add(i).vector())] as const;
            const next = made(a, b, angle).map((v) => f.let(v));
            for (const [v, to] of [y.add(first), y.add(second)].entries())
              put(to, adds ? to.vector().add(next[v]) : next[v]);
          });
          f.step(x, bytes.shl(1));
          f.step(y, bytes.shl(1));
        });
      });
    });
  pairs("rotate", (a, b, [c, s]) => [a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], false);
  pairs("rotateGrad", (a, b, [c, s]) => [a.mul(c).add(b.mul(s)), b.mul(c).sub(a.mul(s))], true);
}

function addSiluGate(m: Module, k: Kit): void {
  const { c, multiplyAdd } = k;
  m.func("siluGate", ints("y", "gate", "up", "n"), (f, at) =>
    each(f, at.n, (i, put) => {
      const gate = f.let(at.gate.add(i).vector());
      put(at.y.add(i), gate.mul(sigmoid(k, f, gate)).mul(at.up.add(i).vector()));
    }),
  );
  // with s = sigmoid(gate): dgate += dy*up*s*(1 + gate*(1 - s)), dup += dy*gate*s
  m.func("siluGateGrad", ints("dgate", "dup", "dy", "gate", "up", "n"), (f, at) =>
    each(f, at.n, (i, put) => {
      const d = f.let(at.dy.add(i).vector());
      const gate = f.let(at.gate.add(i).vector());
      const s = f.let(sigmoid(k, f, gate));
      const slope = s.mul(multiplyAdd(gate, c(1).sub(s), c(1)));
      const zeroed = (v: V128): V128 => v.except(d.eq(zero()));
      const ofGate = f.let(d.mul(zeroed(at.up.add(i).vector().mul(slope))));
      put(at.dgate.add(i), at.dgate.add(i).vector().add(ofGate));
      put(at.dup.add(i), multiplyAdd(d, zeroed(gate.mul(s)), at.dup.add(i).vector()));
    }),
  );
}
