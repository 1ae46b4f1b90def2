/** Every optimizer a second time, number by number in float64, with each of its options on and off. */

import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { Adagrad } from "../../src/extra/adagrad.ts";
import { Sgd } from "../../src/extra/sgd.ts";
import { Adam, Adamax, AdamW } from "../../src/optim/adam.ts";
import { clipGlobalNorm, clipValue, globalNorm } from "../../src/optim/clip.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { Rmsprop } from "../../src/optim/rmsprop.ts";
import {
  constant,
  cosine,
  exponential,
  linear,
  step,
  withWarmup,
} from "../../src/optim/schedule.ts";

type Options = Record<string, number | boolean>;
/** w after the gradients g₁, g₂, …, from w₀. */
type Definition = (
  w: number,
  g: (k: number, w: number) => number,
  steps: number,
  o: Options,
) => number;
const n = (x: number | boolean | undefined, initial: number): number => Number(x ?? initial);

const sgd: Definition = (w, g, steps, o) => {
  const [lr, mu, damp] = [n(o.learningRate, 0.01), n(o.momentum, 0), n(o.dampening, 0)];
  let m = 0;
  for (let k = 1; k <= steps; k++) {
    const d = g(k, w) + n(o.weightDecay, 0) * w;
    m = k === 1 ? d : mu * m + (1 - damp) * d;
    w -= lr * (mu === 0 ? d : o.nesterov ? d + mu * m : m);
  }
  return w;
};
const adam: Definition = (w, g, steps, o) => {
  const [lr, b1, b2] = [n(o.learningRate, 1e-3), n(o.beta1, 0.9), n(o.beta2, 0.999)];
  const [eps, decay] = [n(o.eps, 1e-8), n(o.weightDecay, 0)];
  let [m, v, most] = [0, 0, 0];
  for (let k = 1; k <= steps; k++) {
    const d = g(k, w) + (o.decoupled ? 0 : decay * w);
    m = b1 * m + (1 - b1) * d;
    v = b2 * v + (1 - b2) * d * d;
    most = Math.max(most, v);
    if (o.decoupled) w -= lr * decay * w;
    w -= (lr * m) / (1 - b1 ** k) / (Math.sqrt((o.amsgrad ? most : v) / (1 - b2 ** k)) + eps);
  }
  return w;
};
const adamax: Definition = (w, g, steps, o) => {
  const [lr, b1, b2] = [n(o.learningRate, 2e-3), n(o.beta1, 0.9), n(o.beta2, 0.999)];
  let [m, u] = [0, 0];
  for (let k = 1; k <= steps; k++) {
    const d = g(k, w) + n(o.weightDecay, 0) * w;
    m = b1 * m + (1 - b1) * d;
    u = Math.max(b2 * u, Math.abs(d) + n(o.eps, 1e-8));
    w -= ((lr / (1 - b1 ** k)) * m) / u;
  }
  return w;
};
const rmsprop: Definition = (w, g, steps, o) => {
  const [lr, a, eps] = [n(o.learningRate, 0.01), n(o.alpha, 0.99), n(o.eps, 1e-8)];
  let [squares, mean, b] = [0, 0, 0];
  for (let k = 1; k <= steps; k++) {
    const d = g(k, w) + n(o.weightDecay, 0) * w;
    squares = a * squares + (1 - a) * d * d;
    mean = a * mean + (1 - a) * d;
    const v = o.centered ? squares - mean * mean : squares;
    b = n(o.momentum, 0) * b + d / (o.epsInsideRoot ? Math.sqrt(v + eps) : Math.sqrt(v) + eps);
    w -= lr * b;
  }
  return w;
};
const adagrad: Definition = (w, g, steps, o) => {
  let s = 0;
  for (let k = 1; k <= steps; k++) {
    const d = g(k, w) + n(o.weightDecay, 0) * w;
    s += d * d;
    w -= (n(o.learningRate, 0.01) * d) / (Math.sqrt(s) + n(o.eps, 1e-10));
  }
  return w;
};

type Make = (what: Parameters, options: Options) => Optimizer;
const optimizers: Record<string, [Make, Definition, Options[]]> = {
  Sgd: [
    (p, o) => new Sgd(p, o),
    sgd,
    [{ momentum: 0.9 }, { momentum: 0.8, dampening: 0.3 }, { momentum: 0.9, nesterov: true }],
  ],
  Adam: [
    (p, o) => new Adam(p, o),
    adam,
    [
      { beta1: 0.5 },
      { beta2: 0.9 },
      { eps: 0.1 },
      { amsgrad: true, beta2: 0.5 },
      { decoupled: true },
    ],
  ],
  AdamW: [
    (p, o) => new AdamW(p, o),
    (w, g, steps, o) => adam(w, g, steps, { weightDecay: 0.01, ...o, decoupled: true }),
    [{ amsgrad: true, beta2: 0.5 }, { eps: 0.1 }],
  ],
  Adamax: [(p, o) => new Adamax(p, o), adamax, [{ beta1: 0.5 }, { beta2: 0.5 }, { eps: 0.1 }]],
  Rmsprop: [
    (p, o) => new Rmsprop(p, o),
    rmsprop,
    [
      { alpha: 0.5 },
      { eps: 0.1 },
      { momentum: 0.9 },
      { centered: true, alpha: 0.7 },
      { epsInsideRoot: true, eps: 0.1 },
    ],
  ],
  Adagrad: [(p, o) => new Adagrad(p, o), adagrad, [{ eps: 0.1 }]],
};
const start = [1.5, -0.5, 2, 0.25];
const gradient = (i: number) => (k: number, w: number) => (i - 1.2) * (k % 3) + 0.3 * w + 0.1;

/** Weights after `steps` steps, of float64 loops unless a backend is given. */
function run(make: Make, options: Options, steps: number, k = loops(Float64Array)): number[] {
  const parameters = new Parameters(k);
  const w = parameters.add("w", [start.length], start);
  const optimizer = make(parameters, options);
  for (let s = 1; s <= steps; s++) {
    for (let i = 0; i < start.length; i++) w.grad[i] = gradient(i)(s, w.data[i]);
    optimizer.step();
  }
  return [...w.data];
}

describe.each(Object.entries(optimizers))("%s", (_, [make, definition, each]) => {
  const plain = each.map((options) => [options]);
  const decayed = [{}, ...each].map((o) => [{ ...o, weightDecay: 0.1 }]);
  const faster = [
    [{ learningRate: 0.05 }],
    [{ learningRate: 0.05, ...each[0], weightDecay: 0.02 }],
  ];
  test.each([[{}], ...plain, ...decayed, ...faster] as [Options][])("with %j", (options) => {
    const got = run(make, options, 5);
    const want = start.map((w, i) => definition(w, gradient(i), 5, options));
    got.forEach((w, i) => {
      expect(w).toBeCloseTo(want[i], 11);
    });
    run(make, options, 5, simd({ memory: 2 ** 20 })).forEach((w, i) => {
      expect(Math.abs(w - want[i])).toBeLessThan(2e-5);
    });
  });

  test("saved and restored into another, it goes on to the last bit", () => {
    for (const k of [loops(), simd({ memory: 2 ** 23 })]) {
      const before = k.name === "simd" ? (k as ReturnType<typeof simd>).live() : 0;
      const random = new Random(3);
      const models = [0, 1].map(() => {
        const parameters = new Parameters(k);
        parameters.add("a", [3], [1, 2, 3]);
        parameters.add("b", [2], [4, 5]);
        return { parameters, optimizer: make(parameters, { ...each[0], learningRate: 0.1 }) };
      });
      const [first, second] = models;
      const move = ({ parameters, optimizer }: (typeof models)[0], seed: number): void => {
        const own = new Random(seed);
        for (const { grad } of parameters.list) own.fillNormal(grad);
        optimizer.step();
      };
      for (let i = 0; i < 3; i++) move(first, random.below(100));
      second.optimizer.restore(first.optimizer.save());
      for (const [i, { data }] of second.parameters.list.entries())
        data.set(first.parameters.list[i].data);
      expect(second.optimizer.steps).toBe(3);
      expect(second.optimizer.learningRate).toBe(0.1);
      for (let i = 0; i < 3; i++) for (const one of models) move(one, i);
      for (const [i, { data, grad }] of second.parameters.list.entries()) {
        expect([...data]).toEqual([...first.parameters.list[i].data]);
        expect([...grad]).toEqual(new Array(grad.length).fill(0));
      }
      for (const { optimizer, parameters } of models) {
        optimizer.free();
        parameters.free();
      }
      if (k.name === "simd") expect((k as ReturnType<typeof simd>).live()).toBe(before);
    }
  });
});

test("a parameter that came after the optimizer is an error that names it", () => {
  const parameters = new Parameters(loops());
  parameters.add("a", [1], [1]);
  const optimizer = new Sgd(parameters);
  parameters.add("late", [1], [1]);
  expect(() => optimizer.step()).toThrow('parameter "late" was added after the optimizer');
});

test("settings are refused outside their bounds, taken on them", () => {
  const make = (options: Options) => () => {
    const parameters = new Parameters(loops());
    parameters.add("a", [1], [1]);
    const [of] = Object.entries(options);
    const kind = of[0] === "alpha" ? Rmsprop : of[0].startsWith("beta") ? Adam : Sgd;
    return new kind(parameters, options);
  };
  for (const name of ["beta1", "beta2", "alpha", "momentum"]) {
    expect(make({ [name]: 0 })).not.toThrow();
    expect(make({ [name]: 1 - 2 ** -20 })).not.toThrow();
    expect(make({ [name]: -0.1 })).toThrow(RangeError);
    expect(make({ [name]: 1 })).toThrow(`${name}: expected ≥ 0 and < 1, got 1`);
  }
  expect(make({ dampening: -0.1 })).toThrow("dampening: expected ≥ 0, got -0.1");
  expect(make({ nesterov: true, momentum: 0.5, dampening: 0.1 })).toThrow(/nesterov/);
  expect(make({ nesterov: true, momentum: 0 })).toThrow(/nesterov/);
});

describe("clipping", () => {
  const parts = (...lists: number[][]) => lists.map((list) => ({ grad: Float64Array.from(list) }));
  test("the norm over all parts, where squares are ordinary, overflow, or vanish", () => {
    expect(globalNorm(parts([3, 0], [], [-4]))).toBe(5);
    for (const scale of [1e-200, 1e-30, 1e-16, 1e-15, 1, 1e18, 1e19, 1e200])
      expect(globalNorm(parts([3 * scale], [4 * scale])) / scale).toBeCloseTo(5, 12);
    expect(globalNorm(parts([0, 0], []))).toBe(0);
    expect(globalNorm([])).toBe(0);
    for (const part of [null, undefined, {}, { grad: [1] }])
      expect(() => globalNorm([part] as never)).toThrow(ShapeError);
    expect(globalNorm(parts([1, Infinity]))).toBe(Infinity);
    expect(globalNorm(parts([1, Number.NaN]))).toBeNaN();
    expect(globalNorm(parts([Infinity], [Number.NaN]))).toBeNaN();
  });
  test("scales all by maxNorm/(norm + 10⁻⁶) where that is below 1, and not at all otherwise", () => {
    const grads = parts([3], [4]);
    expect(clipGlobalNorm(grads, 2)).toBe(5);
    const scale = 2 / (5 + 1e-6);
    expect(grads.map(({ grad }) => grad[0])).toEqual([3 * scale, 4 * scale]);
    const small = parts([3e-6], [4e-6]);
    clipGlobalNorm(small, 5.9e-6); // norm 5e-6 plus 1e-6 is above
    expect(small[0].grad[0]).toBeLessThan(3e-6);
    const kept = parts([3], [4]);
    clipGlobalNorm(kept, 5.1);
    expect(kept.map(({ grad }) => grad[0])).toEqual([3, 4]);
    expect(() => clipGlobalNorm(kept, -1)).toThrow(RangeError);
    const none = parts([3]);
    clipGlobalNorm(none, 0);
    expect(none[0].grad[0]).toBe(0);
  });
  test("by value, on both sides", () => {
    const grads = parts([-3, -2, 0.5], [2, 2.5]);
    clipValue(grads, 2);
    expect(grads.map(({ grad }) => [...grad])).toEqual([
      [-2, -2, 0.5],
      [2, 2],
    ]);
  });
  test("simd's sums and scaling are the loops'", () => {
    const k = simd({ memory: 2 ** 20 });
    const parameters = new Parameters(k);
    const w = parameters.add("w", [37], new Array(37).fill(0));
    new Random(1).fillNormal(w.grad);
    const plain = [{ grad: Float64Array.from(w.grad) }];
    expect(clipGlobalNorm(parameters.regions(), 0.5)).toBeCloseTo(clipGlobalNorm(plain, 0.5), 5);
    w.grad.forEach((g, i) => {
      expect(g).toBeCloseTo(plain[0].grad[i], 6);
    });
  });
});

test("schedules, update by update", () => {
  const first = (of: (k: number) => number, count: number) =>
    Array.from({ length: count }, (_, k) => of(k));
  const close = (got: number[], want: number[]): void => {
    expect(got).toHaveLength(want.length);
    got.forEach((x, i) => {
      expect(x).toBeCloseTo(want[i], 12);
    });
  };
  close(first(constant(0.3), 2), [0.3, 0.3]);
  close(first(linear(1, 4, 0.2), 6), [1, 0.8, 0.6, 0.4, 0.2, 0.2]);
  const half = Math.SQRT1_2;
  close(first(cosine(2, 4, 1), 6), [2, 1.5 + half / 2, 1.5, 1.5 - half / 2, 1, 1]);
  close(first(step(8, 2, 0.5), 5), [8, 8, 4, 4, 2]);
  close(first(exponential(8, 0.5), 4), [8, 4, 2, 1]);
  close(first(withWarmup(1, 2, linear(1, 2)), 6), [0, 0.5, 1, 0.5, 0, 0]);
  close(first(withWarmup(1, 3, constant(1), false), 4), [0.25, 0.5, 0.75, 1]);
  close(first(withWarmup(1, 0, constant(1)), 2), [1, 1]);
  expect(() => withWarmup(1, -5, constant(1))).toThrow(RangeError);
  close(first(withWarmup(1, 0, constant(7)), 2), [7, 7]);
  for (const make of [
    () => linear(-1, 1),
    () => linear(1, 0),
    () => cosine(1, 1, -1),
    () => step(1, Number.NaN, 1),
    () => exponential(1, -0.5),
    () => withWarmup(Infinity, 1, constant(1)),
  ])
    expect(make).toThrow(RangeError);
});
