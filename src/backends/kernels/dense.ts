/** Dot products for linear layers of few rows, which read the weights as stored. */
import { type Func, type I32, ints, type Module, type V128, zero } from "../assembler.ts";
import { gelu, type Kit, tanh } from "./functions.ts";
import { each, eachOfRow, type Row, rowEnd } from "./walk.ts";

/** The codes of the activations of `dense`. */
export const activationCode = { none: 0, tanh: 1, relu: 2, gelu: 3 } as const;

/**
 * Adds the kernel y[rows, n] = activation(x[rows, depth]·Wᵀ + bias) for few rows: dot products along the rows
 * of W [n, depth], six outputs at a time, then four, then one. `bias` 0 means none; `accumulate` adds to y and
 * takes no activation.
 */
export function addDense(m: Module, k: Kit): void {
  m.func(
    "dense",
    ints("y", "x", "weight", "bias", "rows", "n", "depth", "activation", "accumulate"),
    (f, { y, x, weight, bias, rows, n, depth, activation, accumulate }) => {
      const end = rowEnd(f, depth);
      /** Applies an activation to a finished row, which allows overlapping vectors. */
      const activate = (code: number, formula: (v: V128) => V128): void =>
        f.if(activation.sub(code).isZero(), () => {
          const row = f.let(y.sub(n.shl(2)));
          each(f, n, (i, put) => put(row.add(i), formula(f.let(row.add(i).vector()))));
        });
      f.for(0, rows, 1, () => {
        const w = f.let(weight);
        const b = f.let(bias);
        /** Adds bias and, to accumulate, y to the sums `made`, and passes them to `put`; `at` is their byte offset. */
        const finish = (made: V128, at: number, put: (total: V128) => void): void => {
          const total = f.let(made);
          f.if(bias, () => f.set(total, total.add(b.vector(at))));
          f.if(accumulate, () => f.set(total, total.add(y.vector(at))));
          put(total);
        };
        /** Computes `count` outputs; six at a time need the fewest loads that registers allow. */
        const group = (count: 6 | 4 | 1): void => {
          const sums = dotProducts({ k, f, x, end }, w, count);
          if (count === 1) finish(sums[0].sum().splat(), 0, (total) => f.store(y, total.lane(0)));
          else {
            const [ac, de] = [halves(f, sums[0], sums[1]), halves(f, sums[2], sums[3])];
            const four = ac.shuffle(de, 0, 1, 4, 5).add(ac.shuffle(de, 2, 3, 6, 7));
            finish(four, 0, (total) => f.store(y, total));
          }
          if (count === 6) {
            const two = halves(f, sums[4], sums[5]);
            finish(two.add(two.shuffle(two, 2, 3, 0, 1)), 16, (total) => {
              f.storeLane(y, total, 0, 16);
              f.storeLane(y, total, 1, 20);
            });
          }
          f.set(w, w.add(end.bytes.mul(count)));
          f.step(y, 4 * count);
          f.step(b, 4 * count);
          f.step(left, -count);
        };
        const left = f.let(n);
        for (const count of [6, 4, 1] as const) f.while(left.ge(count), () => group(count));
        activate(activationCode.tanh, (v) => tanh(k, f, v));
        activate(activationCode.relu, (v) => v.max(zero()));
        activate(activationCode.gelu, (v) => gelu(k, f, v));
        f.step(x, end.bytes);
      });
    },
  );
}

/** Returns the dot products of x with `count` rows of W from w on, lane by lane. */
function dotProducts({ k, f, x, end }: Row, w: I32, count: number): V128[] {
  const sums = Array.from({ length: count }, () => f.let(zero()));
  const at = [f.let(w)];
  for (let r = 1; r < count; r++) at.push(f.let(at[r - 1].add(end.bytes)));
  eachOfRow(f, end, ({ i, zeroed }) => {
    const values = f.let(zeroed(x.add(i).vector()));
    sums.forEach((sum, r) => {
      f.set(sum, k.multiplyAdd(values, zeroed(at[r].vector()), sum));
      f.step(at[r], 16);
    });
  });
  return sums;
}

/** Sums pairs of lanes: a's, c's, a's, c's. */
const halves = (f: Func, a: V128, c: V128): V128 =>
  f.let(a.shuffle(c, 0, 4, 1, 5).add(a.shuffle(c, 2, 6, 3, 7)));
