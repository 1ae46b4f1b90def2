/** Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347), the whole algorithm: solves CartPole. */
import * as pg from "pigrad";
import { CartPole } from "pigrad/envs/cartpole";

const seed = 1;
const updates = 400;
const envCount = 8; // environments stepped together
const batchSize = 256; // transitions per update: 32 steps of each environment
const epochs = 10; // passes over a batch
const minibatchSize = 128; // transitions per gradient step
const learningRate = 1.5e-3; // annealed to 0
const clipRange = 0.2;
const gamma = 0.98; // discount
const lambda = 0.8; // trace decay of the advantage estimate

const backend = pg.simd();
const random = new pg.Random(seed);
const parameters = new pg.Parameters(backend);
const actor = new pg.Mlp(parameters, "actor", [4, 64, 64, 2], random, { outputGain: 0.01 });
const critic = new pg.Mlp(parameters, "critic", [4, 64, 64, 1], random);
const adam = new pg.Adam(parameters, { eps: 1e-5 });
const actTape = new pg.Tape(backend);
const valueTape = new pg.Tape(backend);
const lossTape = new pg.Tape(backend);

const env = new pg.VectorEnv(Array.from({ length: envCount }, () => new CartPole()));
env.seed(random);
env.start();
const observation = pg.input(backend, [envCount, 4]); // what the actor sees now
const chosen = pg.input(backend, [envCount]); // what it does
const noise = new Float64Array(envCount);

// a batch: transition i is of environment i % envCount, and the next one of that environment is i + envCount
const state = pg.input(backend, [batchSize, 4]);
const nextState = pg.input(backend, [batchSize, 4]);
const action = pg.input(backend, [batchSize]);
const oldLogProb = pg.input(backend, [batchSize]);
const advantage = pg.input(backend, [batchSize]);
const valueTarget = pg.input(backend, [batchSize, 1]);
const reward = new Float32Array(batchSize);
const terminated = new Float32Array(batchSize);
const done = new Float32Array(batchSize); // terminated or truncated
const order = Int32Array.from({ length: batchSize }, (_, i) => i);
const minibatch = pg.input(backend, [minibatchSize]); // which transitions are in it
const select = (column: pg.Tensor): pg.Tensor => pg.indexSelect(column, minibatch);
let meanReturn = 0; // moving average over about 20 episodes

for (let update = 1; update <= updates; update++) {
  // 1. Collect: act with the current policy.
  for (let i = 0; i < batchSize; i += envCount) {
    observation.data.set(env.observation);
    random.fillUniform(noise);
    const logProb = actTape.run(() => {
      const logits = actor.forward(observation);
      pg.categoricalSample(chosen.data, logits, noise);
      return pg.categoricalLogProb(logits, chosen);
    });
    env.step(chosen.data);
    state.data.set(observation.data, 4 * i);
    nextState.data.set(env.finalObservation, 4 * i); // not yet the first of the next episode
    action.data.set(chosen.data, i);
    oldLogProb.data.set(logProb.data, i);
    reward.set(env.reward, i);
    terminated.set(env.terminated, i);
    done.set(env.fresh, i);
    for (let e = 0; e < envCount; e++)
      if (env.fresh[e]) meanReturn += 0.05 * (env.finalReturn[e] - meanReturn);
  }

  // 2. Estimate: generalized advantages, backward in time. A terminated state is worth 0 afterwards.
  const value = valueTape.run(() => pg.concat([critic.forward(state), critic.forward(nextState)]));
  for (let i = batchSize - 1; i >= 0; i--) {
    const nextValue = terminated[i] ? 0 : value.data[batchSize + i];
    const delta = reward[i] + gamma * nextValue - value.data[i];
    const ends = done[i] || i + envCount >= batchSize;
    advantage.data[i] = delta + (ends ? 0 : gamma * lambda * advantage.data[i + envCount]);
    valueTarget.data[i] = advantage.data[i] + value.data[i];
  }
  pg.standardize(advantage.data, advantage.data);

  // 3. Improve: several epochs of gradient steps on shuffled minibatches.
  for (let i = 0; i < epochs * batchSize; i += minibatchSize) {
    const first = i % batchSize;
    if (first === 0) random.shuffle(order);
    minibatch.data.set(order.subarray(first, first + minibatchSize));
    const loss = lossTape.run(() => {
      const logProb = pg.categoricalLogProb(actor.forward(select(state)), select(action));
      const ratio = pg.exp(pg.sub(logProb, select(oldLogProb)));
      const clipped = pg.clip(ratio, 1 - clipRange, 1 + clipRange);
      const A = select(advantage);
      const objective = pg.mean(pg.minimum(pg.mul(ratio, A), pg.mul(clipped, A)));
      const valueLoss = pg.mse(critic.forward(select(state)), select(valueTarget));
      return pg.sub(pg.mul(valueLoss, 0.25), objective);
    });
    lossTape.backward(loss);
    pg.clipGlobalNorm(parameters.regions(), 0.5);
    adam.step(learningRate * (1 - update / updates));
  }
  if (update % 40 === 0) console.log(`update ${update}: mean return ${meanReturn.toFixed(1)}`);
}
