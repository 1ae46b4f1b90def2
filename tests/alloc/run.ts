/**
 * `npm run test:alloc` (needs --expose-gc): after warm-up a training step keeps nothing: typed-array memory
 * does not grow, the heap by less than 64 bytes a step, no slot is recorded twice, and a run on a poisoned
 * tape gives the same bits, so nothing stale is read.
 */

import { gptGeneration, gptStep } from "../../bench/gpt.ts";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../src/distributions/categorical.ts";
import { reinforceLoss } from "../../src/extra/reinforce-loss.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import * as o from "../../src/ops/index.ts";
import { Adam } from "../../src/optim/adam.ts";
import { clipGlobalNorm } from "../../src/optim/clip.ts";
import { configOf, openControl, openText } from "../support/sessions.ts";

const warmUp = 2000; // until the engine has compiled everything, which takes heap too
const steps = 1000;
const most = 64; // bytes a step
const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("run with --expose-gc");

/** An actor and a critic on one minibatch, and the step that trains them. */
function actorCritic(k: Backend, poison: boolean) {
  const random = new Random(1);
  const parameters = new Parameters(k);
  const policy = new Mlp(parameters, "policy", [4, 64, 64, 2], random, { outputGain: 0.01 });
  const critic = new Mlp(parameters, "critic", [4, 64, 64, 1], random);
  const adam = new Adam(parameters);
  const tape = new Tape(k, { poison });
  const observation = input(k, [64, 4]);
  const [action, advantage, target] = [0, 1, 2].map(() => input(k, [64]));
  random.fillNormal(observation.data);
  random.fillNormal(advantage.data);
  random.fillNormal(target.data);
  action.data.forEach((_, i) => {
    action.data[i] = random.below(2);
  });
  const shape = [64];
  const loss = (): Tensor => {
    const logits = policy.forward(observation);
    const policyLoss = reinforceLoss(categoricalLogProb(logits, action), advantage);
    const valueLoss = o.mse(o.reshape(critic.forward(observation), shape), target);
    const entropy = o.mean(categoricalEntropy(logits));
    return o.add(o.add(policyLoss, o.mul(valueLoss, 0.5)), o.mul(entropy, -0.01));
  };
  const step = (): void => {
    tape.backward(tape.run(loss));
    clipGlobalNorm(adam.regions, 0.5);
    adam.step();
  };
  return { step, tape, parameters };
}

interface Memory {
  readonly heap: number;
  readonly buffers: number;
}
function memory(): Memory {
  for (let i = 0; i < 4; i++) gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}

let failures = 0;
function check(what: string, holds: boolean, figures: string): void {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}: ${figures}`);
  if (!holds) failures++;
}

/** Returns the number of steps that it took. */
function measure(name: string, step: () => void): number {
  for (let i = 0; i < warmUp; i++) step();
  const rounds: Memory[] = [];
  const least = (of: keyof Memory): number => Math.min(...rounds.map((round) => round[of]));
  // a leak is in every round, what the engine keeps is not
  while (rounds.length < 3 && !(least("heap") < most && least("buffers") <= 0)) {
    const before = memory();
    for (let i = 0; i < steps; i++) step();
    const after = memory();
    rounds.push({
      heap: (after.heap - before.heap) / steps,
      buffers: after.buffers - before.buffers,
    });
  }
  const buffers = least("buffers");
  const each = rounds.map((round) => round.heap.toFixed(1)).join(", ");
  check(`${name}, heap`, least("heap") < most, `${each} bytes a step in rounds of ${steps} steps`);
  check(`${name}, typed arrays`, buffers <= 0, `${buffers} bytes a round`);
  return warmUp + rounds.length * steps;
}

for (const make of [loops, simd]) {
  const name = `actor-critic step, ${make().name}`;
  const plain = actorCritic(make(), false);
  plain.step();
  const recorded = plain.tape.recorded;
  const taken = measure(name, plain.step);
  const slots = `${recorded} recorded, ${plain.tape.recorded} after`;
  check(`${name}, slots`, plain.tape.recorded === recorded, slots);

  const poisoned = actorCritic(make(), true);
  for (let i = 0; i < 1 + taken; i++) poisoned.step();
  const same = plain.parameters.list.every(({ data }, i) => {
    const other = poisoned.parameters.list[i].data;
    return data.every((x, j) => Object.is(x, other[j]));
  });
  check(`${name}, poisoned`, same, same ? "the same weights, bit for bit" : "weights differ");
}

const fewSteps = { envs: 4, rollout: 16 };
for (const [task, algo, settings] of [
  ["bandit", "reinforce", { envs: 8 }],
  ["cartpole", "a2c", fewSteps],
  ["cartpole", "ppo", { ...fewSteps, epochs: 2, minibatch: 32, annealClip: false }],
  ["pendulum", "ppo", { ...fewSteps, epochs: 2, minibatch: 32, normalizeObservation: true }],
  ["cartpole", "trpo", { envs: 2, rollout: 32, conjugateSteps: 3, criticEpochs: 2 }],
  ["cartpole", "impala", fewSteps],
  ["cartpole", "a3c", { workers: 2, rollout: 16 }],
] as const) {
  const { reports } = openControl(configOf({ task, algo, settings, steps: 1e9 }));
  measure(`${algo} update on ${task}, whole trainer`, () => void reports.next());
}

const tiny = { vocab: 16, width: 16, layers: 1, context: 8, batch: 2 };
for (const k of [loops(), simd({ memory: 2 ** 24 })]) {
  measure(`GPT training step on ${k.name}`, gptStep(k, tiny).step);
  measure(`GPT generation on ${k.name}`, gptGeneration(k, tiny));
}
const small = { width: 16, layers: 1, sftUpdates: 0, prompts: 2, groupSize: 4 };
for (const algo of ["grpo", "ppo"]) {
  const run = { task: "tokens", algo, seed: 1, steps: 1e9, settings: small };
  const { reports } = openText(run, { backend: simd({ memory: 2 ** 24 }) });
  measure(`${algo} update of a language model, whole trainer`, () => void reports.next());
}

process.exitCode = failures > 0 ? 1 : 0;
