/** Layers and dropout: each by its definition. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../../src/core/tensor.ts";
import { Conv } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import * as init from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Lstm } from "../../src/nn/lstm.ts";
import { Mlp, type MlpOptions } from "../../src/nn/mlp.ts";
import { mlpTangent } from "../../src/nn/tangent.ts";

const k = loops(Float64Array);
const run = (f: () => Tensor): number[] => Array.from(new Tape(k, { grads: false }).run(f).data);
const near = (got: ArrayLike<number>, want: ArrayLike<number>, digits = 9): void => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], digits);
};
const randomize = (parameters: Parameters, seed: number, scale = 1): void => {
  const random = new Random(seed);
  for (const { data } of parameters.list)
    for (let i = 0; i < data.length; i++) data[i] = scale * random.normal();
};
const names = (parameters: Parameters): string[] =>
  parameters.list.map(({ name, shape }) => `${name} [${shape}]`);
const numbers = (n: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: n }, () => random.normal());
};

describe("layers", () => {
  test("Linear: x·Wᵀ + b, with an activation where asked; orthogonal at first, its bias 0", () => {
    const parameters = new Parameters(k);
    const layer = new Linear(parameters, "l", [3, 2], new Random(1));
    near(layer.weight.data, init.orthogonal()(new Random(1), [2, 3]), 12);
    expect([...layer.bias.data]).toEqual([0, 0]);
    layer.weight.data.set([1, 2, 3, -4, 5, -6]);
    layer.bias.data.set([0.5, -1]);
    const x = input(k, [1, 2, 3], [1, 0, 1, 0, 1, 2]);
    near(
      run(() => layer.forward(x)),
      [4.5, -11, 8.5, -8],
    );
    near(
      run(() => layer.forward(x, "relu")),
      [4.5, 0, 8.5, 0],
    );
    expect(() => new Linear(parameters, "m", [-1, 2], new Random(1))).toThrow("Linear m");
    expect(() => new Linear(parameters, "n", [1, 0.5], new Random(1))).toThrow("Linear n");
    new Linear(parameters, "none", [0, 0], new Random(1), init.zeros);
  });
  test("Conv: a window of 3 × 3 over planes, then max(0, ·)", () => {
    const parameters = new Parameters(k);
    const conv = new Conv(parameters, "c", 2, 3, new Random(1));
    expect(names(parameters)).toEqual(["c.weight [3,2,3,3]", "c.bias [3]"]);
    near(conv.weight.data, init.orthogonal(Math.SQRT2)(new Random(1), [3, 2, 3, 3]), 12);
    randomize(parameters, 4);
    const x = numbers(2 * 2 * 4 * 5, 6);
    const want: number[] = [];
    for (let b = 0; b < 2; b++)
      for (let o = 0; o < 3; o++)
        for (let r = 0; r < 2; r++)
          for (let c = 0; c < 3; c++) {
            let sum = conv.bias.data[o];
            for (let i = 0; i < 2; i++)
              for (let p = 0; p < 3; p++)
                for (let q = 0; q < 3; q++)
                  sum +=
                    x[((b * 2 + i) * 4 + r + p) * 5 + c + q] *
                    conv.weight.data[((o * 2 + i) * 3 + p) * 3 + q];
            want.push(Math.max(0, sum));
          }
    near(
      run(() => conv.forward(input(k, [2, 2, 4, 5], x))),
      want,
    );
  });
  test("Lstm: gates by hand, resets, and its state from column `at` to the next", () => {
    const [steps, n, size, inputs] = [3, 2, 2, 3];
    const parameters = new Parameters(k);
    const lstm = new Lstm(parameters, "l", inputs, size, new Random(1));
    expect(names(parameters)).toEqual([
      "l.weight_ih [8,3]",
      "l.weight_hh [8,2]",
      "l.bias_ih [8]",
      "l.bias_hh [8]",
    ]);
    const fresh = new Random(1);
    near(parameters.list[0].data, init.orthogonal()(fresh, [8, 3]), 12);
    near(parameters.list[1].data, init.orthogonal()(fresh, [8, 2]), 12);
    randomize(parameters, 4);
    const [wIh, wHh, bIh, bHh] = parameters.list.map(({ data }) => data);
    const x = numbers(steps * n * inputs, 6);
    const width = 6; // one column before, one behind
    const state = numbers(n * width, 7);
    const reset = [0, 1, 1, 0, 0, 0];
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const hs = Array.from({ length: n }, (_, e) => state.slice(e * width + 1, e * width + 3));
    const cs = Array.from({ length: n }, (_, e) => state.slice(e * width + 3, e * width + 5));
    const want: number[] = [];
    for (let t = 0; t < steps; t++)
      for (let e = 0; e < n; e++) {
        if (reset[t * n + e] === 1) {
          hs[e] = [0, 0];
          cs[e] = [0, 0];
        }
        const row = x.slice((t * n + e) * inputs, (t * n + e + 1) * inputs);
        const gate = Array.from(
          { length: 4 * size },
          (_, j) =>
            row.reduce((s, v, i) => s + v * wIh[j * inputs + i], bIh[j]) +
            hs[e].reduce((s, v, i) => s + v * wHh[j * size + i], bHh[j]),
        );
        const [i, f, g, o] = [0, 1, 2, 3].map((q) => gate.slice(q * size, (q + 1) * size));
        cs[e] = cs[e].map((c, j) => sigmoid(f[j]) * c + sigmoid(i[j]) * Math.tanh(g[j]));
        hs[e] = cs[e].map((c, j) => sigmoid(o[j]) * Math.tanh(c));
        want.push(...hs[e]);
      }
    const next = new Float64Array(n * width).fill(9);
    const got = run(() =>
      lstm.forward(
        input(k, [steps * n, inputs], x),
        input(k, [n, width], state),
        1,
        input(k, [steps, n], reset),
        next,
      ),
    );
    near(got, want);
    near(
      next,
      [0, 1].flatMap((e) => [9, ...hs[e], ...cs[e], 9]),
    );
  });
  test("Mlp: gains inside and at the end; the activation behind all but the last, or all", () => {
    const made = (o: MlpOptions = {}): [Mlp, Parameters] => {
      const parameters = new Parameters(k);
      return [new Mlp(parameters, "m", [3, 4, 2], new Random(1), o), parameters];
    };
    const gains = (o?: MlpOptions): number[] =>
      made(o)[0].layers.map(
        ({ weight }) => Math.hypot(...weight.data) / Math.sqrt(Math.min(...weight.shape)),
      );
    near(gains(), [Math.SQRT2, 1], 12);
    near(gains({ outputGain: 0.01 }), [Math.SQRT2, 0.01], 12);
    const x = numbers(6, 2);
    for (const activation of ["tanh", "relu"] as const)
      for (const outputActivation of [false, true]) {
        const [mlp, parameters] = made({ activation, outputActivation });
        randomize(parameters, 5);
        const bend = activation === "tanh" ? Math.tanh : (v: number) => Math.max(0, v);
        const layer = (rows: number[][], i: number, f: (v: number) => number): number[][] => {
          const { weight, bias } = mlp.layers[i];
          return rows.map((r) =>
            Array.from(bias.data, (b, j) =>
              f(r.reduce((s, v, c) => s + v * weight.data[j * r.length + c], b)),
            ),
          );
        };
        const hidden = layer([x.slice(0, 3), x.slice(3)], 0, bend);
        const want = layer(hidden, 1, outputActivation ? bend : (v) => v);
        near(
          run(() => mlp.forward(input(k, [2, 3], x))),
          want.flat(),
        );
      }
    expect(made()[0].activation).toBe("tanh");
    expect(() => made({ activation: "gelu" as never })).toThrow();
    expect(() => made({ outputGain: Number.NaN })).toThrow(RangeError);
  });
  test("mlpTangent: what a small step along the direction changes", () => {
    for (const activation of ["tanh", "relu"] as const)
      for (const outputActivation of [false, true])
        for (const sizes of [
          [3, 2],
          [3, 4, 2],
          [3, 4, 4, 2],
        ]) {
          const [own, along] = [new Parameters(k), new Parameters(k)];
          const options = { activation, outputActivation };
          const net = new Mlp(own, "a", sizes, new Random(1), options);
          const v = new Mlp(along, "a", sizes, new Random(1), options);
          randomize(own, 5);
          randomize(along, 6);
          const x = input(k, [2, 3], numbers(6, 2));
          const tangent = run(() => mlpTangent(net, x, v));
          const moved = (h: number): number[] => {
            const before = own.list.map(({ data }) => data.slice());
            own.list.forEach(({ data }, i) => {
              for (let j = 0; j < data.length; j++) data[j] += h * along.list[i].data[j];
            });
            const y = run(() => net.forward(x));
            own.list.forEach(({ data }, i) => {
              data.set(before[i]);
            });
            return y;
          };
          const [up, down] = [moved(1e-6), moved(-1e-6)];
          near(
            tangent,
            up.map((y, i) => (y - down[i]) / 2e-6),
            6,
          );
        }
  });
});

describe.each([
  ["loops", () => loops()],
  ["simd", () => simd({ memory: 2 ** 22 })],
] as const)("Dropout on %s", (_, make) => {
  const backend = make();
  const x = input(backend, [50], new Array(50).fill(2));
  const masks = (p: number, seed: number, places: number, runs: number): number[][] => {
    const drop = new Dropout(backend, p, new Random(seed));
    const tape = new Tape(backend, { grads: false });
    const seen: number[][] = [];
    for (let i = 0; i < runs; i++) {
      tape.run(() => {
        drop.begin();
        let last = x;
        for (let place = 0; place < places; place++) {
          last = drop.apply(x);
          seen.push([...last.data]);
        }
        return last;
      });
    }
    return seen;
  };
  test("an element is dropped where 32 random bits are below p·2³²; the rest is divided by 1 − p", () => {
    const random = new Random(4);
    const want = Array.from({ length: 6 }, () =>
      Array.from({ length: 50 }, () =>
        random.bits() < 0.25 * 2 ** 32 ? 0 : Math.fround(2 / 0.75),
      ),
    );
    const got = masks(0.25, 4, 2, 3);
    for (const [i, row] of want.entries()) near(got[i], row, 6);
  });
  test("p of 0 drops nothing; from 0 to below 1", () => {
    near(masks(0, 4, 1, 1)[0], new Array(50).fill(2));
    expect(masks(1 - 2 ** -33, 4, 1, 1)[0].filter((v) => v !== 0).length).toBe(0);
    for (const p of [-0.1, 1, Number.NaN])
      expect(() => new Dropout(backend, p, new Random(1))).toThrow(RangeError);
  });
});
