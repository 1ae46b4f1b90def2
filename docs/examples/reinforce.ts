/**
 * REINFORCE (Williams 1992) with the mean return as its baseline, in one file. It learns CartPole, whose episodes
 * end after 500 steps at the latest, from whole episodes.
 */
import * as pg from "pigrad";
import { CartPole } from "pigrad/envs/cartpole";

const seed = 1;
const updates = 100;
const episodes = 8; // per update
const learningRate = 0.01;
const gamma = 0.99; // discount

const backend = pg.simd();
const random = new pg.Random(seed);
const parameters = new pg.Parameters(backend);
const policy = new pg.Mlp(parameters, "policy", [4, 32, 2], random, { outputGain: 0.01 });
const adam = new pg.Adam(parameters, { learningRate });
const actTape = new pg.Tape(backend);
const lossTape = new pg.Tape(backend);
const env = new CartPole();
env.seed(seed);
const current = pg.input(backend, [1, 4]); // the state in which the policy acts
const chosen = new Float32Array(1);
const noise = new Float64Array(1);

for (let update = 1; update <= updates; update++) {
  // 1. Sample episodes with the current policy.
  const states: number[] = [];
  const actions: number[] = [];
  const returns: number[] = []; // from each step to its episode's end
  for (let episode = 0; episode < episodes; episode++) {
    const rewards: number[] = [];
    let { observation } = env.reset();
    for (let done = false; !done; ) {
      current.data.set(observation);
      random.fillUniform(noise);
      actTape.run(() => pg.categoricalSample(chosen, policy.forward(current), noise));
      const step = env.step(chosen[0]);
      states.push(...observation);
      actions.push(chosen[0]);
      rewards.push(step.reward);
      observation = step.observation;
      done = step.terminated || step.truncated;
    }
    // 2. Estimate, backward in time: return = reward + γ · the next step's return.
    const first = returns.length;
    let G = 0;
    for (let t = rewards.length - 1; t >= 0; t--) {
      G = rewards[t] + gamma * G;
      returns[first + t] = G;
    }
  }
  const count = actions.length;
  if (update % 10 === 0)
    console.log(`update ${update}: mean return ${(count / episodes).toFixed(1)}`);

  // 3. Improve: one gradient step up the mean of ln π(action | state) · advantage.
  const state = pg.input(backend, [count, 4], states);
  const action = pg.input(backend, [count], actions);
  const advantage = pg.input(backend, [count], returns);
  pg.standardize(advantage.data, advantage.data); // subtracts the baseline
  const loss = lossTape.run(() => {
    const logProb = pg.categoricalLogProb(policy.forward(state), action);
    return pg.neg(pg.mean(pg.mul(logProb, advantage)));
  });
  lossTape.backward(loss);
  adam.step();
  lossTape.drop(); // the next batch has another size, so its tensors have too
  pg.free(state, action, advantage);
}
