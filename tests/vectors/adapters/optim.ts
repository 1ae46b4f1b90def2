/** Optimizers, clipping and schedules. */
import { Tape } from "../../../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../../../src/core/tensor.ts";
import { Adagrad } from "../../../src/extra/adagrad.ts";
import { Sgd } from "../../../src/extra/sgd.ts";
import * as o from "../../../src/ops/index.ts";
import { Adam, Adamax, AdamW } from "../../../src/optim/adam.ts";
import { clipGlobalNorm, clipValue } from "../../../src/optim/clip.ts";
import type { Optimized, Optimizer } from "../../../src/optim/optimizer.ts";
import { Rmsprop } from "../../../src/optim/rmsprop.ts";
import {
  constant,
  cosine,
  exponential,
  linear,
  type Schedule,
  step,
  withWarmup,
} from "../../../src/optim/schedule.ts";
import { backendFor } from "../backend.ts";
import { decode } from "../compare.ts";
import type { Adapter, Float, Output, Shared, VectorCase } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes are whatever the file says
type Attrs = Record<string, any>;

function optimizerFor(what: Optimized, a: Attrs): Optimizer {
  const [beta1, beta2] = a.betas ?? [];
  const given = { ...a, beta1, beta2, learningRate: typeof a.lr === "number" ? a.lr : 0 };
  const options = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined));
  const known: Record<string, () => Optimizer> = {
    SGD: () => new Sgd(what, options),
    RMSprop: () => new Rmsprop(what, options),
    Adam: () => new Adam(what, options),
    AdamW: () => new AdamW(what, options),
    Adamax: () => new Adamax(what, options),
    Adagrad: () => new Adagrad(what, options),
  };
  return known[a.optimizer]();
}

/** The problems' losses, as graphs of the parameters. */
function lossOf(problem: string, parameters: Parameters, shared: Shared): (() => Tensor) | null {
  const k = parameters.backend;
  if (problem === "gradients") return null;
  if (problem === "rosenbrock") {
    const [p] = parameters.list;
    return () => {
      const [x, y] = [o.slice(p, [[0, 1]]), o.slice(p, [[1, 2]])];
      const first = o.square(o.add(o.neg(x), 1));
      return o.sum(o.add(first, o.mul(o.square(o.sub(y, o.square(x))), 100)));
    };
  }
  const X = input(k, shared.X.shape, decode(shared.X));
  const Y = input(k, shared.Y.shape, decode(shared.Y));
  const [W, b] = parameters.list;
  return () => o.mse(o.add(o.matmul(X, W), b), Y);
}

function train(c: VectorCase, float: Float, shared: Shared): Record<string, Output> {
  const k = backendFor(float);
  const parameters = new Parameters(k);
  const a = c.attrs ?? {};
  for (const [name, t] of Object.entries(c.inputs)) {
    if (typeof t === "object") parameters.add(name, t.shape, decode(t));
  }
  const groups = a.groups?.map((g: Attrs) => ({
    parameters: g.params.map((name: string) => parameters.get(name)),
    learningRate: g.lr,
    weightDecay: g.weightDecay,
  }));
  const optimizer = optimizerFor(groups ?? parameters, a);
  const tape = new Tape(k, { poison: true });
  const loss = lossOf(a.problem, parameters, shared);
  const steps: number[] = c.expected.steps.data ?? c.expected.steps;
  const got: Record<string, number[]> = { loss: [], gradNorms: [] };
  const schedule = typeof a.lr === "string" ? linear(0.01, 50) : constant(a.lr);
  for (let n = 1; n <= 50; n++) {
    if (loss !== null) {
      const l = tape.run(loss);
      got.loss.push(l.data[0]);
      tape.backward(l);
    } else {
      for (const p of parameters.list) {
        const all = decode(shared[`grad${p.name.toUpperCase()}`]);
        p.grad.set(all.subarray((n - 1) * p.grad.length, n * p.grad.length));
      }
    }
    if (a.maxNorm !== undefined) got.gradNorms.push(clipGlobalNorm(optimizer.regions, a.maxNorm));
    optimizer.step(schedule(n - 1));
    if (!steps.includes(n)) continue;
    for (const { name, data } of parameters.list) got[name] = [...(got[name] ?? []), ...data];
  }
  return { ...got, steps };
}

function gradients(
  c: VectorCase,
  float: Float,
): { name: string; grad: Float32Array | Float64Array }[] {
  return Object.entries(c.inputs).map(([name, t]) => ({ name, grad: float.from(decode(t)) }));
}

const schedules: Record<string, (a: Attrs) => Schedule> = {
  constant: ({ base }) => constant(base),
  linear: ({ base, total, end }) => linear(base, total, end),
  cosine: ({ base, total, end }) => cosine(base, total, end),
  step: ({ base, every, gamma }) => step(base, every, gamma),
  exponential: ({ base, gamma }) => exponential(base, gamma),
  warmupCosine: ({ base, warmup, total, end, form }) =>
    withWarmup(base, warmup, cosine(base, total - warmup, end), form === "k/warmup"),
  warmupLinear: ({ base, warmup, total, end, form }) =>
    withWarmup(base, warmup, linear(base, total - warmup, end), form === "k/warmup"),
};

export const optim: Record<string, Adapter> = {
  optimizer: train,
  "optimizer.groups": train,
  "optimizer.pipeline": train,
  clipGlobalNorm: (c, float) => {
    const list = gradients(c, float);
    const norm = clipGlobalNorm(list, c.attrs?.maxNorm);
    return { norm: [norm], ...Object.fromEntries(list.map(({ name, grad }) => [name, grad])) };
  },
  clipValue: (c, float) => {
    const list = gradients(c, float);
    clipValue(list, c.attrs?.clip);
    return Object.fromEntries(list.map(({ name, grad }) => [name, grad]));
  },
  schedule: (c) => {
    const schedule = schedules[c.attrs?.kind](c.attrs ?? {});
    const { data } = c.expected.lr;
    return { lr: data.map((_: number, k: number) => schedule(k)) };
  },
};
