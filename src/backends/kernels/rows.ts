/** Kernels that process the rows of a matrix [rows, n] independently. */
import {
  type Func,
  float,
  floats,
  type I32,
  int,
  ints,
  type Module,
  type V128,
  zero,
} from "../assembler.ts";
import { exp, type Kit, log } from "./functions.ts";
import {
  addTo,
  eachBlock,
  eachOfRow,
  eachRow,
  longSum,
  type Part,
  type Row,
  rowEnd,
  sumsOfRow,
} from "./walk.ts";

export function addRows(m: Module, k: Kit): void {
  addSoftmax(m, k);
  addLogSoftmax(m, k);
  addLogSums(m, k);
  addLayerNorm(m, k);
  addLayerNormGrad(m, k);
  addRowSums(m);
}

/** Returns a row's maximum. Four independent chains hide latency. */
function largestOf({ k, f, x, end }: Row): V128 {
  const lowest = (): V128 => k.c(-Infinity);
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
}

/** Returns Σ exp(x − max); `keep` receives each term and may store it. */
function sumExp(
  { k, f, x, end }: Row,
  max: V128,
  keep: (i: I32, e: V128, put: (at: I32, v: V128) => void) => void = () => {},
): V128 {
  const [sum] = sumsOfRow(f, end, 1, ({ i, zeroed, put }, [partial]) => {
    const e = f.let(exp(k, f, f.let(x.add(i).vector().sub(max))));
    keep(i, e, put);
    f.set(partial, partial.add(zeroed(e)));
  });
  return sum;
}

/** Returns the logarithm of the sum of all lanes, in all lanes. */
const logOfSum = (m: Module, k: Kit, f: Func, sum: V128): V128 =>
  f.let(log(k, f, f.let(sum.sum().splat()), (x) => m.bits(x)));

/** The numbers of a row's gradient at byte i: what a softmax's rules read. */
interface GradientAt {
  readonly f: Func;
  readonly dy: V128;
  readonly y: V128;
  readonly dx: V128;
}

/** Adds dx = next(…, Σ term) over rows; rows of dy = 0 are left alone. */
function addGradient(
  m: Module,
  name: string,
  term: (d: V128, y: V128, zeroed: Part["zeroed"]) => V128,
  next: (at: GradientAt, sum: V128) => V128,
): void {
  m.func(name, ints("dx", "dy", "y", "rows", "n"), (f, { dx, dy, y, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [dx, dy, y], () => {
      const any = f.let(zero());
      const [partials] = sumsOfRow(f, end, 1, ({ i, zeroed }, [partial]) => {
        const d = f.let(zeroed(dy.add(i).vector()));
        f.set(any, any.or(d.abs()));
        f.set(partial, partial.add(term(d, y.add(i).vector(), zeroed)));
      });
      const sum = f.let(partials.sum().splat());
      f.if(any.any(), () =>
        eachOfRow(f, end, ({ i, put }) => {
          const [dyAt, yAt, dxAt] = [dy, y, dx].map((p) => p.add(i).vector());
          put(dx.add(i), next({ f, dy: dyAt, y: yAt, dx: dxAt }, sum));
        }),
      );
    });
  });
}

function addSoftmax(m: Module, k: Kit): void {
  m.func("softmax", ints("y", "x", "rows", "n"), (f, { y, x, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [x, y], () => {
      const row = { k, f, x, end };
      const sum = sumExp(row, largestOf(row), (i, e, put) => put(y.add(i), e));
      const scale = f.let(float(1).div(sum.sum()).splat());
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), y.add(i).vector().mul(scale)));
    });
  });
  // dx += y·(dy − Σ dy·y)
  addGradient(
    m,
    "softmaxGrad",
    (d, y, zeroed) => zeroed(d.mul(y)),
    ({ dy, y, dx }, dot) => k.multiplyAdd(dy.sub(dot), y, dx),
  );
}

function addLogSoftmax(m: Module, k: Kit): void {
  m.func("logSoftmax", ints("y", "x", "rows", "n"), (f, { y, x, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [x, y], () => {
      const row = { k, f, x, end };
      const max = largestOf(row);
      const logSum = logOfSum(m, k, f, sumExp(row, max));
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), x.add(i).vector().sub(max).sub(logSum)));
    });
  });
  // dx += dy − exp(y)·Σ dy
  addGradient(
    m,
    "logSoftmaxGrad",
    (d) => d,
    ({ f, dy, y, dx }, total) => dx.add(dy.sub(exp(k, f, f.let(y)).mul(total))),
  );
}

function addLogSums(m: Module, k: Kit): void {
  // each row's maximum, and ln Σ exp(x − maximum)
  m.func("logSums", ints("sums", "x", "rows", "n"), (f, { sums, x, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [x, [sums, 8]], () => {
      const row = { k, f, x, end };
      const max = largestOf(row);
      f.store(sums, max.lane(0));
      f.store(sums, logOfSum(m, k, f, sumExp(row, max)).lane(0), 4);
    });
  });
  // dx += by·weight[row]·exp(x − sums[row, 0] − sums[row, 1]); a row of weight 0 is not read
  m.func(
    "accumulateExp",
    { ...ints("dx", "x", "sums", "weight"), ...floats("by"), ...ints("rows", "n") },
    (f, { dx, x, sums, weight, by, rows, n }) => {
      const end = rowEnd(f, n);
      eachRow(f, rows, end, [dx, x, [sums, 8], [weight, 4]], () => {
        const max = f.let(sums.spread());
        const rest = f.let(sums.spread(4));
        const w = f.let(weight.float().mul(by).splat());
        f.if(w.abs().any(), () =>
          eachOfRow(f, end, ({ i, put }) => {
            const p = exp(k, f, f.let(x.add(i).vector().sub(max).sub(rest)));
            put(dx.add(i), k.multiplyAdd(p, w, dx.add(i).vector()));
          }),
        );
      });
    },
  );
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
      eachRow(f, rows, end, [x, y, [stats, 8]], () => {
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
      });
      return overflow.any();
    },
  );
}

function addLayerNormGrad(m: Module, { multiplyAdd }: Kit): void {
  // dweight += dy·x̂, dbias += dy; with g = dy·weight: dx += rstd·(g − mean(g) − x̂·mean(g·x̂))
  m.func(
    "layerNormGrad",
    {
      ...ints("dx", "dweight", "dbias", "dy", "x", "weight", "stats", "rows", "n"),
      ...floats("perElement"),
    },
    (f, { dx, dweight, dbias, dy, x, weight, stats, rows, n, perElement }) => {
      const end = rowEnd(f, n);
      eachRow(f, rows, end, [dx, dy, x, [stats, 8]], () => {
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
      });
    },
  );
}

function addRowSums(m: Module): void {
  // writes bias to each row of y
  m.func("repeatRow", ints("y", "bias", "rows", "n"), (f, { y, bias, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [y], () =>
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), bias.add(i).vector())),
    );
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
  // y[i] = x[index[i]], 0 where the index, a whole number of 32 bits, is below 0
  m.func("gather", ints("y", "x", "index", "n"), (f, { y, x, index, n }) => {
    f.for(0, n, 1, () => {
      const i = f.let(index.int());
      f.store(y, int(0));
      f.if(i.ge(0), () => f.store(y, x.add(i.shl(2)).float()));
      f.step(y, 4);
      f.step(index, 4);
    });
  });
  // y[i] = x[index[i]], and x[index[i]] += y[i]: rows of n floats; indices are whole numbers stored as floats
  m.func("gatherRows", ints("y", "x", "index", "rows", "n"), (f, { y, x, index, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [y, [index, 4]], () => {
      const from = f.let(x.add(index.float().toInt().mul(end.bytes)));
      eachOfRow(f, end, ({ i, put }) => put(y.add(i), from.add(i).vector()));
    });
  });
  m.func("scatterRows", ints("x", "y", "index", "rows", "n"), (f, { x, y, index, rows, n }) => {
    const end = rowEnd(f, n);
    eachRow(f, rows, end, [y, [index, 4]], () => {
      const to = f.let(x.add(index.float().toInt().mul(end.bytes)));
      eachOfRow(f, end, ({ i, put }) => put(to.add(i), to.add(i).vector().add(y.add(i).vector())));
    });
  });
}
