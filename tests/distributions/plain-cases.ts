import { Random } from "../../src/core/random.ts";
import { NONE, type Tensor } from "../../src/core/tensor.ts";
import * as bernoulli from "../../src/distributions/bernoulli.ts";
import * as categorical from "../../src/distributions/categorical.ts";
import * as gaussian from "../../src/distributions/gaussian.ts";
import * as multi from "../../src/distributions/multi-categorical.ts";
import * as squashed from "../../src/distributions/squashed-gaussian.ts";

export const rows = 3;
const random = new Random(7);
const normals = (n: number): number[] => Array.from({ length: n }, () => random.normal());
export const total = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

export type List = readonly number[];
/** One row of each input → the row's value, or values. */
type Plain = (...row: List[]) => number | number[];
export interface Case {
  readonly name: string;
  readonly op: (...inputs: Tensor[]) => Tensor;
  readonly plain: Plain;
  /** [rows, n], or [n] for one that all rows share. */
  readonly inputs: readonly { readonly shape: number[]; readonly data: number[] }[];
  /** Which inputs may have a gradient. */
  readonly smooth: readonly boolean[];
}

const logSoftmax = (x: List, mask: List | null): number[] => {
  const open = x.map((v, i) => (mask === null || mask[i] ? v : -Infinity));
  const all = Math.log(total(open.map(Math.exp)));
  return open.map((v) => v - all);
};
const expected = (p: List, f: (i: number) => number): number =>
  total(p.map((l, i) => (l === -Infinity ? 0 : Math.exp(l) * f(i))));
const segments = (x: List, sizes: List): number[][] => {
  const ends = sizes.map((_, i) => total(sizes.slice(0, i + 1)));
  return ends.map((end, i) => x.slice(end - sizes[i], end));
};
const each = (n: number, data = normals(rows * n)) => ({ shape: [rows, n], data });
const shared = (n: number) => ({ shape: [n], data: normals(n) });
const halfLog2Pi = 0.5 * Math.log(2 * Math.PI);
const density = (mean: List, l: List, x: List): number =>
  total(x.map((v, i) => -0.5 * ((v - mean[i]) / Math.exp(l[i])) ** 2 - l[i] - halfLog2Pi));

function categoricals(n: number, masked: boolean): Case[] {
  const mask = Array.from({ length: rows * n }, (_, i) => Number(i % 3 !== 1));
  const allowed = masked ? [{ shape: [rows, n], data: mask }] : [];
  const m = (row: List | undefined): List | null => row ?? null;
  const none = masked ? [false] : [];
  const closed = (row: number, a: number): boolean => masked && (row * n + a) % 3 === 1;
  const chosen = [0, n - 1, Math.min(2, n - 1)].map((a, row) => (closed(row, a) ? a - 1 : a));
  const action = { shape: [rows], data: chosen };
  const name = `of ${n}${masked ? ", masked" : ""}`;
  return [
    {
      name: `log-probability ${name}`,
      op: (x, a, c = NONE) => categorical.categoricalLogProb(x, a, c),
      plain: (x, a, c) => logSoftmax(x, m(c))[a[0]],
      inputs: [each(n), action, ...allowed],
      smooth: [true, false, ...none],
    },
    {
      name: `entropy ${name}`,
      op: (x, c = NONE) => categorical.categoricalEntropy(x, c),
      plain: (x, c) => {
        const l = logSoftmax(x, m(c));
        return expected(l, (i) => -l[i]);
      },
      inputs: [each(n), ...allowed],
      smooth: [true, ...none],
    },
    {
      name: `divergence ${name}`,
      op: (p, q, c = NONE) => categorical.categoricalKl(p, q, c),
      plain: (p, q, c) => {
        const [a, b] = [logSoftmax(p, m(c)), logSoftmax(q, m(c))];
        return expected(a, (i) => a[i] - b[i]);
      },
      inputs: [each(n), each(n), ...allowed],
      smooth: [true, true, ...none],
    },
    {
      name: `probabilities ${name}`,
      op: (x, c = NONE) => categorical.categoricalProbs(x, c),
      plain: (x, c) => logSoftmax(x, m(c)).map(Math.exp),
      inputs: [each(n), ...allowed],
      smooth: [true, ...none],
    },
  ];
}
function multis(masked: boolean): Case[] {
  const sizes = [2, 3, 1];
  const mask = { shape: [rows, 6], data: [1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1] };
  const allowed = masked ? [mask] : [];
  const action = {
    shape: [rows, 3],
    data: masked ? [0, 1, 0, 1, 2, 0, 1, 0, 0] : [1, 2, 0, 0, 0, 0, 1, 1, 0],
  };
  const parts = (x: List, c: List | undefined): number[][] => {
    const masks = c === undefined ? [] : segments(c, sizes);
    return segments(x, sizes).map((part, i) => logSoftmax(part, masks[i] ?? null));
  };
  const none = masked ? [false] : [];
  const name = masked ? ", masked" : "";
  return [
    {
      name: `several choices: log-probability${name}`,
      op: (x, a, c = NONE) => multi.multiCategoricalLogProb(x, a, sizes, c),
      plain: (x, a, c) => total(parts(x, c).map((l, i) => l[a[i]])),
      inputs: [each(6), action, ...allowed],
      smooth: [true, false, ...none],
    },
    {
      name: `several choices: entropy${name}`,
      op: (x, c = NONE) => multi.multiCategoricalEntropy(x, sizes, c),
      plain: (x, c) => total(parts(x, c).map((l) => expected(l, (i) => -l[i]))),
      inputs: [each(6), ...allowed],
      smooth: [true, ...none],
    },
    {
      name: `several choices: divergence${name}`,
      op: (p, q, c = NONE) => multi.multiCategoricalKl(p, q, sizes, c),
      plain: (p, q, c) => {
        const [a, b] = [parts(p, c), parts(q, c)];
        return total(a.map((l, j) => expected(l, (i) => l[i] - b[j][i])));
      },
      inputs: [each(6), each(6), ...allowed],
      smooth: [true, true, ...none],
    },
  ];
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const bits = { shape: [rows, 2], data: [1, 0, 0, 0, 1, 1] };
const bernoullis: Case[] = [
  {
    name: "bits: log-probability",
    op: bernoulli.bernoulliLogProb,
    plain: (x, v) => total(x.map((l, i) => v[i] * l - Math.log(1 + Math.exp(l)))),
    inputs: [each(2), bits],
    smooth: [true, true],
  },
  {
    name: "bits: entropy",
    op: bernoulli.bernoulliEntropy,
    plain: (x) => total(x.map(sigmoid).map((p) => -p * Math.log(p) - (1 - p) * Math.log(1 - p))),
    inputs: [each(2)],
    smooth: [true],
  },
  {
    name: "bits: divergence",
    op: bernoulli.bernoulliKl,
    plain: (x, y) =>
      total(
        x.map((l, i) => {
          const [p, q] = [sigmoid(l), sigmoid(y[i])];
          return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
        }),
      ),
    inputs: [each(2), each(2)],
    smooth: [true, true],
  },
];
function gaussians(l: () => { shape: number[]; data: number[] }, name: string): Case[] {
  const bounds = { low: [-1, 0], high: [2, 5] };
  const slope = (u: List): number =>
    total(
      u.map(
        (v, i) => Math.log(1 - Math.tanh(v) ** 2) + Math.log((bounds.high[i] - bounds.low[i]) / 2),
      ),
    );
  return [
    {
      name: `Gaussian, ${name}: log-density`,
      op: gaussian.gaussianLogProb,
      plain: density,
      inputs: [each(2), l(), each(2)],
      smooth: [true, true, true],
    },
    {
      name: `Gaussian, ${name}: entropy`,
      op: gaussian.gaussianEntropy,
      plain: (_, s) => total(s.map((v) => v + 0.5 + halfLog2Pi)),
      inputs: [each(2), l()],
      smooth: [false, true],
    },
    {
      name: `Gaussian, ${name}: divergence`,
      op: gaussian.gaussianKl,
      plain: (p, s, q, r) =>
        total(
          p.map(
            (v, i) =>
              r[i] - s[i] + (Math.exp(2 * s[i]) + (v - q[i]) ** 2) / (2 * Math.exp(2 * r[i])) - 0.5,
          ),
        ),
      inputs: [each(2), l(), each(2), l()],
      smooth: [true, true, true, true],
    },
    {
      name: `Gaussian, ${name}: sample`,
      op: gaussian.gaussianRsample,
      plain: (m, s, e) => m.map((v, i) => v + Math.exp(s[i]) * e[i]),
      inputs: [each(2), l(), each(2)],
      smooth: [true, true, true],
    },
    {
      name: `squashed, ${name}: log-density`,
      op: (m, s, u) => squashed.squashedLogProb(m, s, u, bounds),
      plain: (m, s, u) => density(m, s, u) - slope(u),
      inputs: [each(2), l(), each(2)],
      smooth: [true, true, true],
    },
    {
      name: `squashed, ${name}: log-density of an action`,
      op: (m, s, a) => squashed.squashedLogProbOfAction(m, s, a, bounds),
      plain: (m, s, a) => {
        const u = a.map((v, i) =>
          Math.atanh((2 * (v - bounds.low[i])) / (bounds.high[i] - bounds.low[i]) - 1),
        );
        return density(m, s, u) - slope(u);
      },
      inputs: [each(2), l(), each(2, [1.5, 0.5, -0.5, 4, 0.3, 2.5])],
      smooth: [true, true, true],
    },
    {
      name: `squashed, ${name}: entropy by a sample`,
      op: (m, s, e) => squashed.squashedEntropySample(m, s, e, bounds),
      plain: (m, s, e) => {
        const u = m.map((v, i) => v + Math.exp(s[i]) * e[i]);
        return slope(u) - density(m, s, u);
      },
      inputs: [each(2), l(), each(2)],
      smooth: [true, true, true],
    },
  ];
}
const squashes: Case[] = [
  {
    name: "squash",
    op: (u) => squashed.squash(u, { low: [-1, 0], high: [2, 5] }),
    plain: (u) => u.map((v, i) => [-1, 0][i] + ((Math.tanh(v) + 1) / 2) * [3, 5][i]),
    inputs: [each(2)],
    smooth: [true],
  },
];
export const cases: readonly Case[] = [
  ...[2, 5, 11].flatMap((n) =>
    [false, true].flatMap((masked) => (n === 2 && masked ? [] : categoricals(n, masked))),
  ),
  ...[false, true].flatMap(multis),
  ...bernoullis,
  ...gaussians(() => shared(2), "one ln σ"),
  ...gaussians(() => each(2), "ln σ of each row"),
  ...squashes,
];
