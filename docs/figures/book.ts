/** The book's pictures, by file name, drawn from what the chapters' listings compute. */
import { constant, exactReturn, leaning } from "../examples/book/01-problem.ts";
import { Scalar } from "../examples/book/02-scalar.ts";
import { best, moments, parabola } from "../examples/book/03-theorem.ts";
import { errorOf, lambdas, table } from "../examples/book/04-advantages.ts";
import { runs, slope } from "../examples/book/05-trust.ts";
import { curves, summary } from "../examples/book/06-details.ts";
import { estimators, factor } from "../examples/book/07-groups.ts";
import { effective, estimates, gaps, lengths, stepsBack } from "../examples/book/08-distance.ts";
import { curves as languageCurves } from "../examples/book/09-language.ts";
import { diagnoses } from "../examples/book/10-diagnosis.ts";
import { missesOf, orders, sizes } from "../examples/book/11-fast.ts";
import { columns, credit, replay } from "./diagrams.ts";
import { efficiency } from "./efficiency.ts";
import { engines } from "./engines.ts";
import { at, type Curve, charts, picture, textAt, withMinus } from "./svg.ts";
import { training } from "./training.ts";

const grid = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count + 1 }, (_, i) => low + ((high - low) * i) / count);
const along = (xs: readonly number[], f: (x: number) => number): [number, number][] =>
  xs.map((x) => [x, f(x)]);

function problem(): string {
  const optimum = (low: number, high: number): Curve => ({
    name: "the optimum, −33",
    points: [
      [low, -33],
      [high, -33],
    ],
    color: 3,
    dashed: true,
  });
  return charts("Exact return of two families of policies on the line world", [
    {
      title: "One number for all positions",
      x: "p, the probability of “right”",
      curves: [
        { name: "J(p)", points: along(grid(0, 1, 50), (p) => exactReturn(constant(p))), color: 1 },
        optimum(0, 1),
      ],
    },
    {
      title: "Looking at the position",
      x: "θ, how strongly it leans to the middle",
      curves: [
        { name: "J(θ)", points: along(grid(-1, 4, 50), (t) => exactReturn(leaning(t))), color: 2 },
        optimum(-1, 4),
      ],
    },
  ]);
}

/** The graph of ln π(0) of two logits: each node with its value, and below it its gradient. */
function gradients(): string {
  const [x0, x1] = [new Scalar(1), new Scalar(2)];
  const [e0, e1] = [x0.exp(), x1.exp()];
  const sum = e0.plus(e1);
  const log = sum.log();
  const out = x0.minus(log);
  out.backward();
  const nodes: [Scalar, string, number, number][] = [
    [x0, "x₀", 20, 40],
    [x1, "x₁", 20, 160],
    [e0, "exp x₀", 170, 85],
    [e1, "exp x₁", 170, 160],
    [sum, "sum", 320, 120],
    [log, "ln sum", 470, 120],
    [out, "x₀ − ln sum", 620, 40],
  ];
  const places = new Map(nodes.map(([node, , x, y]) => [node, [x, y]]));
  const parts = nodes.flatMap(([node, , x, y]) =>
    node.inputs.map((input) => {
      const [fromX, fromY] = places.get(input) ?? [0, 0];
      return `<path class="edge" d="M${fromX + 118} ${fromY + 29}L${x} ${y + 29}"/>`;
    }),
  );
  for (const [node, name, x, y] of nodes) {
    parts.push(`<rect class="paper" x="${at(x)}" y="${at(y)}" width="118" height="58" rx="6"/>`);
    parts.push(`<rect class="box" x="${at(x)}" y="${at(y)}" width="118" height="58" rx="6"/>`);
    parts.push(textAt(x + 10, y + 17, name, 'class="title"'));
    parts.push(textAt(x + 10, y + 34, `value ${withMinus(node.value.toFixed(4))}`, 'class="f1"'));
    parts.push(textAt(x + 10, y + 50, `grad ${withMinus(node.grad.toFixed(4))}`, 'class="f2"'));
  }
  parts.push(
    textAt(20, 22, "values flow to the right, gradients back to the left", 'class="soft"'),
  );
  return picture(760, 240, "The graph of ln π(0), with values and gradients", parts.join("\n"));
}

function theorem(): string {
  const variance = (b: number): number =>
    moments((e) => e.rewards.reduce((x, y) => x + y, 0) - b).variance;
  return charts("Variance of the gradient estimate against a constant baseline", [
    {
      title: "Variance of one episode's estimate",
      x: "baseline b, subtracted from the whole return",
      curves: [
        { name: "exact variance", points: parabola.map((p) => [p.b, p.variance]), color: 1 },
        { name: "no baseline", points: along([0], variance), color: 2, dots: "only" },
        { name: "b*, the least", points: along([best], variance), color: 3, dots: "only" },
      ],
    },
  ]);
}

function advantagesPicture(): string {
  const column = (i: number, part: "bias" | "variance"): [number, number][] =>
    lambdas.map((lambda, row) => [lambda, table[row][i][part]]);
  const names = ["exact V", "half of V", "V̂ = 0"];
  const colors = [3, 1, 2] as const;
  const three = (part: "bias" | "variance"): Curve[] =>
    names.map((name, i) => ({ name, points: column(i, part), color: colors[i], dots: true }));
  return charts("Bias, variance and error of generalized advantages against λ", [
    { title: "Bias, as a fraction of ‖∇J‖", x: "λ", curves: three("bias") },
    { title: "Variance of one episode's estimate", x: "λ", curves: three("variance") },
    {
      title: "Error of the mean of n, half of V",
      x: "λ",
      curves: [4, 64, 4096].map((n, i) => ({
        name: `n = ${n}`,
        points: lambdas.map((lambda, row) => [lambda, errorOf(table[row][1], n)]),
        color: colors[i],
        dots: true,
      })),
      logY: true,
    },
  ]);
}

function trust(): string {
  const both = (key: "promised" | "J", name: string, dashed: boolean): Curve[] =>
    Object.entries(runs).map(([run, points], i) => ({
      name: `${run}: ${name}`,
      points: points.filter(({ epoch }) => epoch > 0).map((point) => [point.epoch, point[key]]),
      color: i === 0 ? 2 : 1,
      dashed,
    }));
  /** −ℓ = min(ρÂ, clip(ρ)Â), as the integral of its slope from ρ = 1. */
  const objective = (A: number): [number, number][] => {
    const clipped = (ratio: number): number => Math.min(Math.max(ratio, 0.8), 1.2) * A;
    return along(grid(0.5, 1.5, 100), (ratio) =>
      slope(ratio, A, 0.2) === 0 ? clipped(ratio) : ratio * A,
    );
  };
  return charts("The clip's two arms, and many epochs on one batch", [
    {
      title: "min(ρÂ, clip(ρ)Â) at ε = 0.2",
      x: "ratio ρ",
      curves: [
        { name: "Â = 1", points: objective(1), color: 3 },
        { name: "Â = −1", points: objective(-1), color: 4 },
      ],
    },
    {
      title: "200 epochs on batches of four episodes",
      x: "epochs on the same batch",
      logX: true,
      curves: [...both("promised", "promised", true), ...both("J", "exact J", false)],
    },
  ]);
}

function groups(): string {
  const chances = grid(0.02, 0.98, 48);
  const shown = ["RLOO", "Dr. GRPO", "GRPO", "MaxRL"] as const;
  return charts("Factors of the mean gradient, and groups that teach nothing", [
    {
      title: "E ĝ / ∇p, groups of 8",
      x: "p, the prompt's chance of success",
      curves: shown.map((name, i) => ({
        name,
        points: along(chances, (p) => factor(estimators[name], p, 8)),
        color: ([3, 4, 1, 2] as const)[i],
      })),
    },
    {
      title: "Share of groups with equal rewards",
      x: "p, the prompt's chance of success",
      curves: ([2, 8, 32] as const).map((K, i) => ({
        name: `groups of ${K}`,
        points: along(chances, (p) => p ** K + (1 - p) ** K),
        color: ([3, 1, 2] as const)[i],
      })),
    },
  ]);
}

function distances(): string {
  const colors = [2, 3, 1, 4] as const;
  return charts("Estimators of the KL, the way back from a sure policy, and stale sequences", [
    {
      title: "The three estimates of one token",
      x: "ratio ref/π of the token",
      curves: Object.entries(estimates).map(([name, { value }], i) => ({
        name,
        points: along(grid(0.2, 3, 56), (ratio) => value(Math.log(ratio))),
        color: colors[i],
      })),
    },
    {
      title: "Steps until the right arm has 0.9",
      x: "logit gap to climb",
      logY: true,
      curves: [0, 0.1, 0.4].map((beta, i) => ({
        name: `entropy weight β = ${beta}`,
        points: along(gaps, (gap) => stepsBack(gap, beta)),
        color: colors[i],
        dots: true,
      })),
    },
    {
      title: "Effective share of a stale batch",
      x: "tokens per sequence",
      logX: true,
      curves: [0.05, 0.1, 0.2, 0.4].map((drift, i) => ({
        name: `logits moved by ${drift}`,
        points: along(lengths, (length) => effective(drift, length)),
        color: colors[i],
        dots: true,
      })),
    },
  ]);
}

/** Curves of chapter 6's variants: the mean of the seeds, between dashed ends of its 95 % interval. */
function details(): string {
  const panel = (title: string, names: readonly string[]) => ({
    title,
    x: "steps / 1,000",
    range: [0, 540] as const,
    curves: names.flatMap((name, i): Curve[] => {
      const color = ([1, 2, 3] as const)[i];
      const points = curves[name][0].map((_, at) => summary(curves[name].map((run) => run[at])));
      const line = (side: number): [number, number][] =>
        points.map(({ mean, half }, at) => [
          10 * (at + 1),
          Math.min(540, Math.max(0, mean + side * half)),
        ]);
      return [
        { name, points: line(0), color, dots: true },
        { name: "", points: line(-1), color, dashed: true },
        { name: "", points: line(1), color, dashed: true },
      ];
    }),
  });
  return charts("Mean return over training with 95 % intervals, one detail changed at a time", [
    panel("A limit of 20 steps, judged on 500", ["limit 20, truncated", "limit 20, as an end"]),
    panel("Units", ["usual units", "small units", "small units, normalized"]),
    panel("Weights before the logits", [
      "usual units",
      "gain 1 before the logits",
      "gain 10 before the logits",
    ]),
  ]);
}

function language(): string {
  return charts("Share of right answers over sampled tokens", [
    {
      title: "Share of right answers",
      x: "sampled tokens",
      range: [0, 1],
      curves: Object.entries(languageCurves).map(([name, points], i) => ({
        name,
        points: points.map(({ tokens, reward }) => [tokens, reward]),
        color: ([1, 3, 2] as const)[i],
      })),
    },
  ]);
}

function fast(): string {
  const names = Object.keys(orders) as (keyof typeof orders)[];
  return charts("Cache misses of three loop orders against the size of the matrices", [
    {
      title: "Cache misses per multiplication",
      x: "n, for matrices of n × n",
      curves: names.map((name, i) => ({
        name,
        points: along(sizes, (n) => missesOf(name, n)),
        color: ([2, 1, 3] as const)[i],
        dots: true,
      })),
    },
  ]);
}

function anywhere(): string {
  const difference = (n: number): number => {
    const values = Array.from({ length: n }, (_, i) => Math.fround(1 / (i + 1)));
    const sum = (list: readonly number[]): number => list.reduce((a, b) => Math.fround(a + b), 0);
    return Math.abs(sum(values) / sum(values.reverse()) - 1);
  };
  const counts = [100, 300, 1000, 3000, 10_000, 30_000, 100_000];
  return charts("Relative difference of a float32 sum forwards and backwards", [
    {
      title: "1 + ½ + ⅓ + … forwards against backwards",
      x: "terms",
      logX: true,
      logY: true,
      curves: [
        { name: "relative difference", points: along(counts, difference), color: 1, dots: true },
      ],
    },
  ]);
}

/** Entropy and explained variance of each planted fault, with its number of steps. */
function diagnosis(): string {
  const parts = [
    textAt(20, 24, "fault", 'class="title"'),
    textAt(250, 24, "steps of 500", 'class="title"'),
    textAt(430, 24, "entropy in nats", 'class="title"'),
    textAt(610, 24, "explained variance", 'class="title"'),
  ];
  diagnoses.forEach(({ fault, length, entropy, explained }, row) => {
    const y = 52 + 28 * row;
    parts.push(textAt(20, y, fault));
    const shares = [length / 500, entropy / Math.LN2, explained];
    const texts = [
      length.toFixed(0),
      entropy.toFixed(2),
      explained.toFixed(2).replace(/^-0.00$/, "0.00"),
    ];
    shares.forEach((share, i) => {
      const width = Number.isNaN(share) ? 0 : 100 * Math.min(1, Math.max(0, share));
      const x = 250 + 180 * i;
      parts.push(
        `<rect class="f${i + 1}" x="${x}" y="${y - 12}" width="${at(width)}" height="15"/>`,
      );
      parts.push(textAt(x + width + 6, y, texts[i].replace("-", "−"), 'class="soft"'));
    });
  });
  return picture(770, 320, "Metrics of nine runs, one fault each", parts.join("\n"));
}

export const figures: Readonly<Record<string, () => string>> = {
  "01-problem": problem,
  "02-gradients": gradients,
  "02-replay": replay,
  "03-theorem": theorem,
  "04-advantages": advantagesPicture,
  "04-columns": columns,
  "05-trust": trust,
  "06-details": details,
  "07-groups": groups,
  "07-credit": credit,
  "08-distance": distances,
  "09-language": language,
  "10-diagnosis": diagnosis,
  "11-fast": fast,
  "12-anywhere": anywhere,
  "12-engines": engines,
  training,
  efficiency,
};
