/** pigrad through its public API; the argument is the backend. */
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { type Backend, type Floats, matrix } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Parameters, type Tensor } from "../../src/core/tensor.ts";
import { loadModel } from "../../src/models/load.ts";
import { Lora } from "../../src/models/lora.ts";
import { Decoder } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Sampler } from "../../src/nn/sampler.ts";
import type { WeightForm } from "../../src/nn/stored.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { tanh } from "../../src/ops/activations.ts";
import { add } from "../../src/ops/arithmetic.ts";
import { exp } from "../../src/ops/elementwise.ts";
import { crossEntropy } from "../../src/ops/loss.ts";
import { layerNorm } from "../../src/ops/normalization.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { AdamW } from "../../src/optim/adam.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { gae } from "../../src/returns/gae.ts";
import { options as actOptions } from "../act.ts";
import { convolutions } from "../conv.ts";
import { type GptSize, gptStep } from "../gpt.ts";
import { ppoUpdate, type UpdateSize } from "../workloads.ts";
import {
  columns,
  gptScale,
  labels,
  losses,
  serve,
  some,
  tensor,
  tokens,
  type Work,
} from "./contender.ts";

/** Fills parameters with the data's tensors in order: weights and biases alternate. */
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

/** Returns entries of y after a step. */
function after(step: () => void, y: ArrayLike<number>): number[] {
  step();
  return some(y);
}

function gemm(k: Backend, { sizes: { n } }: Work) {
  const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
  a.set(tensor(30, n * n));
  b.set(tensor(31, n * n));
  const product = { y: matrix(y, n, n), a: matrix(a, n, n), b: matrix(b, n, n) };
  const step = () => k.gemm(product, false);
  return { step, check: () => after(step, y) };
}

function conv(k: Backend) {
  const scale = [1, 0.3, 0.1, 1];
  const { weight, learn } = convolutions(k, (data, i) =>
    data.set(tensor(60 + i, data.length, scale[i])),
  );
  return { step: learn, check: () => after(learn, weight.grad) };
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

/** Computes advantages as trainers do, on a rollout's own arrays. */
function advantages({ sizes: { steps, envs } }: Work) {
  const n = steps * envs;
  const own = (values: ArrayLike<number>): Floats => Float32Array.from(values);
  const every = (m: number) => Float32Array.from({ length: n }, (_, i) => (i % m === 0 ? 1 : 0));
  const [reward, value, nextValue] = [50, 51, 52].map((i) => own(tensor(i, n)));
  const [terminated, truncated] = [97, 89].map((m) => own(every(m)));
  const r = { envs, reward, value, nextValue, terminated, truncated };
  const out = new Float32Array(n);
  const step = () => gae(out, r, 0.99, 0.95);
  return { step, check: () => after(step, out) };
}

/** Fills a GPT by the contenders' formula: matrices by their number in the list, norms 1, biases 0. */
function fillGpt({ list }: Parameters): void {
  list.forEach(({ shape, data }, i) => {
    if (shape.length === 2) data.set(tensor(i, data.length, gptScale));
  });
}

function train(k: Backend, { sizes }: Work) {
  const { gpt, tokens: x, labels: y, step } = gptStep(k, sizes as unknown as GptSize);
  fillGpt(gpt.parameters);
  x.data.set(tokens(x.data.length, sizes.vocab));
  y.data.set(labels(y.data.length, sizes.vocab));
  return { step, check: () => losses(step) };
}

function generate(k: Backend, { sizes: { vocab, width, layers, context } }: Work) {
  const gpt = new Gpt(k, { vocab, width, layers, context, heads: 4 }, new Random(1));
  fillGpt(gpt.parameters);
  const decoder = new Decoder(gpt, 1);
  const sampler = new Sampler(vocab);
  const random = new Random(1);
  const noise = new Float64Array(1);
  const text = (next: (t: number) => number): void => {
    decoder.clear(0);
    decoder.push(0, 0);
    for (let t = 1; t < context; t++) {
      decoder.run();
      decoder.push(0, next(t));
    }
  };
  const sampled = (): number => {
    random.fillUniform(noise);
    sampler.choose(decoder.logits, 0, noise);
    return sampler.token;
  };
  const given = tokens(context, vocab);
  const check = () => {
    text((t) => given[t]);
    return some(decoder.logits);
  };
  return { step: () => text(sampled), check };
}

const loaded = (k: Backend, { model, op }: Work) =>
  loadModel(k, modelFolder(model as string), {
    context: 256,
    frozen: true,
    weights: op as WeightForm,
  }).model;

/** Reads texts from their first token on, `atOnce` tokens of each at a time: all of a prompt, or one after the other. */
function read(k: Backend, work: Work) {
  const { texts, tokens: length, atOnce } = work.sizes;
  const model = loaded(k, work);
  const decoder = new Decoder(model, texts);
  const given = tokens(texts * length, model.options.vocab);
  const step = (): void => {
    decoder.clearAll();
    for (let t = 0; t < length; t += atOnce) {
      for (let text = 0; text < texts; text++)
        for (let i = t; i < t + atOnce; i++) decoder.push(text, given[text * length + i]);
      decoder.run();
    }
  };
  return { step, check: () => after(step, decoder.logits) };
}

/** A step of AdamW on adapters of rank 8 of queries and values. */
function lora(k: Backend, work: Work) {
  const { texts, tokens: length } = work.sizes;
  const model = loaded(k, work);
  const targets = ["q_proj", "v_proj"];
  const { adapters } = new Lora(model, { rank: 8, alpha: 16, targets }, new Random(1));
  for (const [i, { a, b }] of adapters.entries()) {
    a.data.set(tensor(2 * i, a.data.length, gptScale));
    b.data.set(tensor(2 * i + 1, b.data.length, gptScale));
  }
  const [x, positions] = [0, 1].map(() => input(k, [texts, length]));
  const following = input(k, [texts, length]);
  x.data.set(tokens(texts * length, model.options.vocab));
  following.data.set(labels(texts * length, model.options.vocab));
  for (let i = 0; i < texts * length; i++) positions.data[i] = i % length;
  const adam = new AdamW(model.parameters, { learningRate: 3e-4, weightDecay: 0.1 });
  const tape = new Tape(k);
  const loss = () => crossEntropy(model.logits(model.hidden(x, positions)), following);
  const step = (): number => {
    const made = tape.run(loss);
    tape.backward(made);
    adam.step();
    return made.data[0];
  };
  return { step, check: () => losses(step) };
}

const k = (): Backend => (process.argv[2] === "loops" ? loops() : simd());
/** Published models run on simd alone: loops take minutes for a step. */
const large = <T>(work: Work, make: (k: Backend, work: Work) => T): T | null =>
  process.argv[2] === "loops" ? null : make(simd({ memory: 2 ** 32 - 2 ** 16 }), work);
await serve({
  update: (work) => update(k(), work),
  act: () => act(k()),
  gemm: (work) => gemm(k(), work),
  conv: () => conv(k()),
  rows: (work) => rows(k(), work),
  gae: advantages,
  train: (work) => train(k(), work),
  generate: (work) => generate(k(), work),
  read: (work) => large(work, read),
  lora: (work) => large(work, lora),
});
