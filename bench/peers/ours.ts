/** pigrad, through its public API; the backend is the argument. */
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend, Floats } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Parameters, type Tensor } from "../../src/core/tensor.ts";
import { tanh } from "../../src/ops/activations.ts";
import { add } from "../../src/ops/arithmetic.ts";
import { exp } from "../../src/ops/elementwise.ts";
import { layerNorm } from "../../src/ops/normalization.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { gae } from "../../src/returns/gae.ts";
import { options as actOptions } from "../act.ts";
import { ppoUpdate, type UpdateSize } from "../workloads.ts";
import { columns, losses, serve, some, tensor, type Work } from "./contender.ts";

/** Values of the data's tensors, in the order of the parameters: weights and biases by turns. */
function fill(parameters: Parameters): void {
  parameters.list.forEach(({ shape, data }, k) => {
    const scale = shape.length === 2 ? 1.7 / Math.sqrt(shape[1]) : 0.1;
    data.set(tensor(k, data.length, scale));
  });
}

function update(k: Backend, { sizes }: Work) {
  const size = { ...sizes, continuous: sizes.continuous === 1 } as unknown as UpdateSize;
  const { step, parameters, data } = ppoUpdate(k, size);
  fill(parameters);
  for (const name of ["observation", "advantage", "oldValue", "target"] as const) {
    data[name].set(tensor(columns[name], data[name].length));
  }
  if (size.continuous) data.action.set(tensor(columns.action, data.action.length));
  return { step, check: () => losses(step) };
}

function act(k: Backend) {
  const model = new ActorCritic(k, { ...actOptions, critic: false }, new Random(1));
  fill(model.parameters);
  const actor = new Actor(model, 1);
  const observation = input(k, [1, 4], tensor(columns.observation, 4));
  actor.observation.set(observation.data);
  const random = new Random(1);
  const tape = new Tape(k, { grads: false });
  const check = () => [...tape.run(() => logSoftmax(model.forward(observation))).data];
  return { step: () => actor.act(random), check };
}

/** What a step leaves in y. */
function after(step: () => void, y: ArrayLike<number>): number[] {
  step();
  return some(y);
}

function gemm(k: Backend, { sizes: { n } }: Work) {
  const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
  a.set(tensor(30, n * n));
  b.set(tensor(31, n * n));
  const step = () => k.gemm(y, 0, a, 0, b, 0, n, n, n, false, false, false);
  return { step, check: () => after(step, y) };
}

function rows(k: Backend, { op = "" }: Work) {
  const n = 1000;
  const x = input(k, [n, n], tensor(40, n * n, 3));
  const [weight, bias] = [input(k, [n], new Float32Array(n).fill(1)), input(k, [n])];
  const ops: Readonly<Record<string, () => Tensor>> = {
    add: () => add(x, x),
    tanh: () => tanh(x),
    exp: () => exp(x),
    softmax: () => softmax(x),
    layerNorm: () => layerNorm(x, weight, bias),
  };
  const tape = new Tape(k, { grads: false });
  return { step: () => tape.run(ops[op]), check: () => some(tape.run(ops[op]).data) };
}

function advantages(k: Backend, { sizes: { steps, envs } }: Work) {
  const n = steps * envs;
  const own = (values: ArrayLike<number>): Floats => {
    const x = k.alloc(n);
    x.set(values);
    return x;
  };
  const every = (m: number) => Float32Array.from({ length: n }, (_, i) => (i % m === 0 ? 1 : 0));
  const [reward, value, nextValue] = [50, 51, 52].map((i) => own(tensor(i, n)));
  const [terminated, truncated] = [97, 89].map((m) => own(every(m)));
  const r = { envs, reward, value, nextValue, terminated, truncated };
  const out = k.alloc(n);
  const step = () => gae(out, r, 0.99, 0.95, k);
  return { step, check: () => after(step, out) };
}

const k = (): Backend => (process.argv[2] === "loops" ? loops() : simd());
await serve({
  update: (work) => update(k(), work),
  act: () => act(k()),
  gemm: (work) => gemm(k(), work),
  rows: (work) => rows(k(), work),
  gae: (work) => advantages(k(), work),
});
