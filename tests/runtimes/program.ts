/**
 * What `npm run test:runtimes` runs everywhere, bundled into one script: with fixed seeds it acts, trains 200
 * PPO updates on CartPole and 50 GRPO updates on a token task, and walks through the kernels, on each backend
 * there is, and steps through environments; then an exported policy plays. Says one line of JSON: hashes of every weight's bits and every
 * figure, and the mean return. A runtime that must not compile from bytes hands the compiled kernels in as
 * `pigradKernels`.
 */
import { ppoSettings, ppo as trainPpo } from "../../src/algos/ppo.ts";
import { Training } from "../../src/algos/training.ts";
import { loops } from "../../src/backends/loops.ts";
import { type SimdBackend, simd, simdAvailable } from "../../src/backends/simd.ts";
import type { WasmModule } from "../../src/backends/webassembly.ts";
import { type Backend, type Floats, matrix, transpose } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import { categoricalLogProb } from "../../src/distributions/categorical.ts";
import { Breakout } from "../../src/envs/breakout.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import { Crossing } from "../../src/envs/crossing.ts";
import { Dive } from "../../src/envs/dive.ts";
import { Dodge } from "../../src/envs/dodge.ts";
import { Driving } from "../../src/envs/driving.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { Game2048 } from "../../src/envs/game-2048.ts";
import { Lander } from "../../src/envs/lander.ts";
import { Portfolio } from "../../src/envs/portfolio.ts";
import { Reacher } from "../../src/envs/reacher.ts";
import { Recommend } from "../../src/envs/recommend.ts";
import { Shoot } from "../../src/envs/shoot.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { presets } from "../../src/estimators/presets.ts";
import { surrogateLoss } from "../../src/estimators/surrogate.ts";
import { tokenWeights } from "../../src/estimators/weights.ts";
import { generate } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { reshape } from "../../src/ops/layout.ts";
import { Adam } from "../../src/optim/adam.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { groupStandardize } from "../../src/returns/group.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";

/** FNV-1a over bytes. */
class Hash {
  private h = 0x811c9dc5;
  bytes(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.h = Math.imul(this.h ^ bytes[i], 0x01000193);
  }
  floats(x: Floats): void {
    this.bytes(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
  }
  /** By their bits: QuickJS does not write all numbers in the fewest digits. NaN is one number. */
  numbers(x: readonly number[]): void {
    this.floats(Float64Array.from(x, (v) => (Number.isNaN(v) ? -0 : v)));
  }
  get value(): string {
    return (this.h >>> 0).toString(16).padStart(8, "0");
  }
}

/** 300 random steps in each environment. */
function walks(envs: readonly Dynamics[]): string {
  const hash = new Hash();
  for (const env of envs) {
    const random = new Random(9);
    const observation = new Float32Array(env.observationSpace.size);
    const { actionSpace } = env;
    const allowed = new Float32Array(actionSpace.kind === "discrete" ? actionSpace.n : 0).fill(1);
    env.seed(9);
    env.start();
    for (let t = 0; t < 300; t++) {
      if (env.terminated || env.truncated) env.start();
      env.mask?.(allowed, 0);
      let action = actionSpace.sample(random);
      while (allowed[action[0]] === 0) action = actionSpace.sample(random);
      env.act(action, 0);
      env.observe(observation, 0);
      hash.floats(observation);
      hash.numbers([env.reward, ...env.state]);
    }
  }
  return hash.value;
}

/** Environments whose motion is computed with most of our mathematics. */
const moves = (): string =>
  walks([new Reacher(), new Lander({ wind: 1 }), new Driving({ sensors: "lidar" })]);
const games = (): string =>
  walks([
    ...[new Breakout(), new ConnectFour(), new Crossing(), new Dive(), new Dodge(), new Game2048()],
    ...[new Portfolio(), new Recommend(), new Shoot()],
  ]);

/** 300 decisions of a policy with a critic, on observations that follow no model. */
function infers(k: Backend): string {
  const hash = new Hash();
  const options = {
    observation: box(-1, 1, [4]),
    action: discrete(3),
    hidden: [32, 32],
    critic: true,
  };
  const random = new Random(3);
  const actor = new Actor(new ActorCritic(k, options, random), 3);
  for (let i = 0; i < 100; i++) {
    random.fillNormal(actor.observation);
    actor.act(random);
    for (const x of [actor.action, actor.logProb, actor.value]) hash.floats(x);
  }
  return hash.value;
}

function ppo(k: Backend): string {
  const hash = new Hash();
  const random = new Random(11);
  const envs = [new CartPole(), new CartPole()];
  const env = new VectorEnv(envs, { normalizeObservation: true });
  env.seed(random);
  const { observationSpace: observation, actionSpace: action } = envs[0];
  const options = { observation, action, hidden: [16, 16], critic: true };
  const model = new ActorCritic(k, options, random.split());
  const config = settle(ppoSettings, { envs: 2, rollout: 16, minibatch: 32, epochs: 2 });
  const reports = trainPpo(new Training(model, env, random.split(), 6400), config);
  for (let i = 0; i < 200; i++) hash.numbers(Object.values(reports.next().value));
  for (const { data } of model.parameters.list) hash.floats(data);
  return hash.value;
}

/** Texts of six tokens, the better the more often a token is one more than the one before. */
function grpo(k: Backend): string {
  const hash = new Hash();
  const [vocab, steps, group] = [6, 5, 8];
  const random = new Random(21);
  const options = { vocab, context: steps + 1, layers: 1, heads: 2, width: 16 };
  const gpt = new Gpt(k, options, random);
  const adam = new Adam(gpt.parameters, { learningRate: 3e-3 });
  const shape = [group, steps];
  const [tokens, positions, action, old, weight] = Array.from({ length: 5 }, () => input(k, shape));
  const advantage = input(k, [group]);
  const reward = new Float64Array(group);
  tokenWeights(weight.data, new Float32Array(group * steps).fill(1), steps, presets.grpo);
  const tape = new Tape(k);
  const rows = [group * steps];
  const loss = (): Tensor => {
    const logits = reshape(gpt.logits(gpt.hidden(tokens, positions)), [...rows, vocab]);
    const logProb = reshape(categoricalLogProb(logits, reshape(action, rows)), shape);
    return surrogateLoss(logProb, old, advantage, weight, presets.grpo.surrogate);
  };
  for (let update = 0; update < 50; update++) {
    for (let g = 0; g < group; g++) {
      let before = 0;
      reward[g] = 0;
      const text = generate(gpt, [before], random);
      for (let t = 0, i = g * steps; t < steps; t++, i++) {
        const { token, logProb } = text.next().value as { token: number; logProb: number };
        tokens.data[i] = before;
        positions.data[i] = t;
        action.data[i] = token;
        old.data[i] = logProb;
        if (token === (before + 1) % vocab) reward[g]++;
        before = token;
      }
    }
    groupStandardize(advantage.data, reward, group);
    tape.backward(tape.run(loss));
    adam.step();
    hash.floats(reward);
  }
  for (const { data } of gpt.parameters.list) hash.floats(data);
  return hash.value;
}

/** Every kernel that the small models do not reach, on numbers of any size. */
function kernels(k: SimdBackend): string {
  const hash = new Hash();
  const n = 200;
  const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
  const random = new Random(5);
  random.fillNormal(a);
  random.fillNormal(b);
  for (const [ta, tb] of [
    [false, false],
    [true, true],
  ]) {
    const [left, right] = [matrix(a, n, n), matrix(b, n, n)];
    const product = {
      y: matrix(y, n, n),
      a: ta ? transpose(left) : left,
      b: tb ? transpose(right) : right,
    };
    k.gemm(product, false);
    hash.floats(y);
  }
  const [at, bt, yt] = [a, b, y].map((x) => k.address(x));
  for (const map of ["exp", "tanh", "sigmoid", "gelu"]) {
    k.kernels[map](yt, at, n * n);
    hash.floats(y);
  }
  for (const row of ["softmax", "logSoftmax"]) {
    k.kernels[row](yt, at, n, n);
    hash.floats(y);
  }
  k.kernels.layerNorm(yt, at, bt, bt + 4 * n, bt + 8 * n, n, n, 1e-5, 1 / n);
  hash.floats(y);
  return hash.value;
}

/** Mean return of ten episodes of CartPole, of a policy exported as a module. */
export function plays(act: (observation: ArrayLike<number>) => number): number {
  let total = 0;
  for (let seed = 0; seed < 10; seed++) {
    const env = new CartPole();
    let { observation } = env.reset({ seed });
    for (let done = false; !done; ) {
      const step = env.step(act(observation));
      observation = step.observation;
      total += step.reward;
      done = step.terminated || step.truncated;
    }
  }
  return total / 10;
}

interface Host {
  readonly pigradKernels?: WasmModule;
  readonly console?: { log(text: string): void };
  readonly print?: (text: string) => void;
  pigradResult?: string;
}
const host = globalThis as Host;

/** Hashes of every part on each backend there is. */
export function hashes(): Record<string, Record<string, string>> {
  const all = (k: Backend) => ({ infers: infers(k), ppo: ppo(k), grpo: grpo(k) });
  const plain = { ...all(loops()), moves: moves(), games: games() };
  const { pigradKernels: module } = host;
  if (module === undefined && !simdAvailable()) return { loops: plain };
  const options = { memory: 2 ** 24, ...(module === undefined ? {} : { module }) };
  const fast = { ...all(simd(options)), kernels: kernels(simd(options)) };
  return { loops: plain, simd: fast };
}

/** Prints, and leaves where a page or a worker finds it. */
export function say(results: object): void {
  host.pigradResult = JSON.stringify(results);
  (host.console?.log ?? host.print)?.(host.pigradResult);
}
