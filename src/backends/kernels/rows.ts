/** Kernels that process the rows of a matrix [rows, n] independently. */
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
import { exp, type Kit, log } from "./functions.ts";
import { addTo, eachBlock, eachOfRow, longSum, type RowEnd, rowEnd, sumsOfRow } from "./walk.ts";

export function addRows(m: Module, k: Kit): void {
  const { c, multiplyAdd } = k;
  const lowest = (): V128 => c(-Infinity);

  /** Returns a row's maximum. Four independent chains hide latency. */
  const largestOfRow = (f: Func, x: I32, end: RowEnd): V128 => {
    const chains = Array.from({ length: 4 }, () => f.let(lowest()));
    const wide = f.let(end.whole.and(~63));
    f.for(0, wide, 64, (i) => {
      const at = f.let(x.add(i));
      chains.forEach((max, v) => {
        f.set(max, max.pmax(at.vector(16 * v)));
      });
    });
    const [max, ...others] = chains;
    for (const other of others) f.set(max, max.pmax(other));
    f.for(wide, end.whole, 16, (i) => f.set(max, max.pmax(x.add(i).vector())));
    f.if(end.rest, () => f.set(max, max.pmax(x.add(end.whole).vector().where(end.mask, lowest()))));
    return f.let(max.largest().splat());
  };
  /** Returns Σ exp(x − max); `keep` receives each term and may store it. */
  const sumExp = (
    f: Func,
    x: I32,
    max: V128,
    end: RowEnd,
    keep: (i: I32, e: V128, put: (at: I32, v: V128) => void) => void = () => {},
  ): V128 => {
    const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed, put }, [partial]) => {
      const e = f.let(exp(k, f, f.let(x.add(i).vector().sub(max))));
      keep(i, e, put);
      f.set(partial, partial.add(zeroed(e)));
    });
    return sum;
  };

  m.func("softmax", ints("y", "x", "rows", "n"), (f, { y, x, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const max = largestOfRow(f, x, end);
      const sum = sumExp(f, x, max, end, (i, e, put) => put(y.add(i), e));
      const scale = f.let(float(1).div(sum.sum()).splat());
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), y.add(i).vector().mul(scale)));
      f.step(x, end.bytes);
      f.step(y, end.bytes);
    });
  });
  // dx += y·(dy − Σ dy·y)
  m.func("softmaxGrad", ints("dx", "dy", "y", "rows", "n"), (f, { dx, dy, y, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const any = f.let(zero());
      const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) => {
        const d = f.let(zeroed(dy.add(i).vector()));
        f.set(any, any.or(d.abs()));
        f.set(partial, partial.add(zeroed(d.mul(y.add(i).vector()))));
      });
      const dot = f.let(sum.sum().splat());
      f.if(any.any(), () =>
        eachOfRow(f, end, ({ i, put }) =>
          put(
            dx.add(i),
            multiplyAdd(dy.add(i).vector().sub(dot), y.add(i).vector(), dx.add(i).vector()),
          ),
        ),
      );
      for (const p of [dx, dy, y]) f.step(p, end.bytes);
    });
  });

  /** Returns the logarithm of the sum of all lanes, in all lanes. */
  const logOfSum = (f: Func, sum: V128): V128 =>
    f.let(log(k, f, f.let(sum.sum().splat()), (x) => m.bits(x)));
  m.func("logSoftmax", ints("y", "x", "rows", "n"), (f, { y, x, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const max = largestOfRow(f, x, end);
      const logSum = logOfSum(f, sumExp(f, x, max, end));
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), x.add(i).vector().sub(max).sub(logSum)));
      f.step(x, end.bytes);
      f.step(y, end.bytes);
    });
  });
  // dx += dy − exp(y)·Σ dy
  m.func("logSoftmaxGrad", ints("dx", "dy", "y", "rows", "n"), (f, { dx, dy, y, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const any = f.let(zero());
      const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) => {
        const d = f.let(zeroed(dy.add(i).vector()));
        f.set(any, any.or(d.abs()));
        f.set(partial, partial.add(d));
      });
      const total = f.let(sum.sum().splat());
      f.if(any.any(), () =>
        eachOfRow(f, end, ({ i, put }) => {
          const p = exp(k, f, f.let(y.add(i).vector()));
          const d = dy.add(i).vector().sub(p.mul(total));
          put(dx.add(i), dx.add(i).vector().add(d));
        }),
      );
      for (const p of [dx, dy, y]) f.step(p, end.bytes);
    });
  });
  // each row's maximum, and ln Σ exp(x − maximum)
  m.func("logSums", ints("sums", "x", "rows", "n"), (f, { sums, x, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const max = largestOfRow(f, x, end);
      f.store(sums, max.lane(0));
      f.store(sums, logOfSum(f, sumExp(f, x, max, end)).lane(0), 4);
      f.step(x, end.bytes);
      f.step(sums, 8);
    });
  });
  // dx += by·weight[row]·exp(x − sums[row, 0] − sums[row, 1]); a row of weight 0 is not read
  m.func(
    "accumulateExp",
    { ...ints("dx", "x", "sums", "weight"), ...floats("by"), ...ints("rows", "n") },
    (f, { dx, x, sums, weight, by, rows, n }) => {
      const end = rowEnd(f, n);
      f.for(0, rows, 1, () => {
        const max = f.let(sums.spread());
        const rest = f.let(sums.spread(4));
        const w = f.let(weight.float().mul(by).splat());
        f.if(w.abs().any(), () =>
          eachOfRow(f, end, ({ i, put }) => {
            const p = exp(k, f, f.let(x.add(i).vector().sub(max).sub(rest)));
            put(dx.add(i), multiplyAdd(p, w, dx.add(i).vector()));
          }),
        );
        for (const p of [dx, x]) f.step(p, end.bytes);
        f.step(sums, 8);
        f.step(weight, 4);
      });
    },
  );

  addLayerNorm(m, k);
  addRowSums(m);
}

function addLayerNorm(m: Module, { multiplyAdd }: Kit): void {
  // y = x̂·weight + bias; each row's mean and 1/√(variance + eps) go to stats. Returns 1 if the squares of a row
  // overflow float32, else 0.
  m.func(
    "layerNorm",
    { ...ints("y", "x", "weight", "bias", "stats", "rows", "n"), ...floats("eps", "perElement") },
    (f, { y, x, weight, bias, stats, rows, n, eps, perElement }) => {
      const end = rowEnd(f, n);
      const overflow = f.let(zero());
      f.for(0, rows, 1, () => {
        const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) =>
          f.set(partial, partial.add(zeroed(x.add(i).vector()))),
        );
        const mean = f.let(sum.sum().mul(perElement));
        const mu = f.let(mean.splat());
        const [squares] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) => {
          const d = f.let(zeroed(x.add(i).vector().sub(mu)));
          f.set(partial, multiplyAdd(d, d, partial));
        });
        f.set(overflow, overflow.or(squares.sub(squares)));
        const rstd = f.let(float(1).div(squares.sum().mul(perElement).add(eps).sqrt()));
        const scale = f.let(rstd.splat());
        f.store(stats, mean);
        f.store(stats, rstd, 4);
        eachOfRow(f, end, ({ i, put }) => {
          const hat = x.add(i).vector().sub(mu).mul(scale);
          put(y.add(i), multiplyAdd(hat, weight.add(i).vector(), bias.add(i).vector()));
        });
        for (const p of [x, y]) f.step(p, end.bytes);
        f.step(stats, 8);
      });
      return overflow.any();
    },
  );
  // dweight += dy·x̂, dbias += dy; with g = dy·weight: dx += rstd·(g − mean(g) − x̂·mean(g·x̂))
  m.func(
    "layerNormGrad",
    {
      ...ints("dx", "dweight", "dbias", "dy", "x", "weight", "stats", "rows", "n"),
      ...floats("perElement"),
    },
    (f, { dx, dweight, dbias, dy, x, weight, stats, rows, n, perElement }) => {
      const end = rowEnd(f, n);
      f.for(0, rows, 1, () => {
        const mu = f.let(stats.spread());
        const rstd = f.let(stats.spread(4));
        const any = f.let(zero());
        const [sumG, sumGX] = sumsOfRow(f, end, 2, ({ i, zeroed, put }, [g1, gx1]) => {
          const d = f.let(zeroed(dy.add(i).vector()));
          f.set(any, any.or(d.abs()));
          const hat = f.let(zeroed(x.add(i).vector().sub(mu).mul(rstd)).except(d.eq(zero())));
          const g = f.let(zeroed(d.mul(weight.add(i).vector())));
          f.set(g1, g1.add(g));
          f.set(gx1, multiplyAdd(g, hat, gx1));
          put(dweight.add(i), multiplyAdd(d, hat, dweight.add(i).vector()));
          put(dbias.add(i), dbias.add(i).vector().add(d));
        });
        const meanG = f.let(sumG.sum().mul(perElement).splat());
        const meanGX = f.let(sumGX.sum().mul(perElement).splat());
        f.if(any.any(), () =>
          eachOfRow(f, end, ({ i, put }) => {
            const hat = x.add(i).vector().sub(mu).mul(rstd);
            const g = dy.add(i).vector().mul(weight.add(i).vector()).sub(meanG);
            put(dx.add(i), multiplyAdd(g.sub(hat.mul(meanGX)), rstd, dx.add(i).vector()));
          }),
        );
        for (const p of [dx, dy, x]) f.step(p, end.bytes);
        f.step(stats, 8);
      });
    },
  );
}

function addRowSums(m: Module): void {
  // writes bias to each row of y
  m.func("repeatRow", ints("y", "bias", "rows", "n"), (f, { y, bias, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), bias.add(i).vector()));
      f.step(y, end.bytes);
    });
  });
  // dbias += Σ over rows of dy
  m.func("sumRows", ints("dbias", "dy", "rows", "n"), (f, { dbias, dy, rows, n }) => {
    const end = rowEnd(f, n);
    const column = (i: I32, put: (at: I32, v: V128) => void): void => {
      const long = longSum(f);
      const at = f.let(dy.add(i));
      eachBlock(f, rows, 1, (count) => {
        const sum = f.let(zero());
        f.for(0, count, 1, () => {
          f.set(sum, sum.add(at.vector()));
          f.step(at, end.bytes);
        });
        addTo(f, long, sum);
      });
      put(dbias.add(i), dbias.add(i).vector().add(long.total));
    };
    eachOfRow(f, end, ({ i, put }) => column(i, put));
  });
  // y[i] = x[index[i]], and x[index[i]] += y[i]: rows of n floats; indices are whole numbers stored as floats
  m.func("gatherRows", ints("y", "x", "index", "rows", "n"), (f, { y, x, index, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const from = f.let(x.add(index.float().toInt().mul(end.bytes)));
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), from.add(i).vector()));
      f.step(y, end.bytes);
      f.step(index, 4);
    });
  });
  m.func("scatterRows", ints("x", "y", "index", "rows", "n"), (f, { x, y, index, rows, n }) => {
    const end = rowEnd(f, n);
    f.for(0, rows, 1, () => {
      const to = f.let(x.add(index.float().toInt().mul(end.bytes)));
      eachOfRow(f, end, ({ i, put }) => put(to.add(i), to.add(i).vector().add(y.add(i).vector())));
      f.step(y, end.bytes);
      f.step(index, 4);
    });
  });
}
