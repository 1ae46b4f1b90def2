/** One training step of a policy network, and one decision of it: what a trainer repeats. */
import { loops } from "../src/backends/loops.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, type Tensor } from "../src/core/tensor.ts";
import { categoricalLogProb } from "../src/distributions/categorical.ts";
import { reinforceLoss } from "../src/estimators/reinforce.ts";
import { Adam } from "../src/optim/adam.ts";
import { clipGlobalNorm } from "../src/optim/clip.ts";
import { Actor } from "../src/policies/actor.ts";
import { ActorCritic } from "../src/policies/actor-critic.ts";
import type { BenchCase, Suite } from "./harness.ts";

const options = { observationSize: 4, actions: 2, hidden: [64, 64], critic: false };

function trainingStep(batch: number): BenchCase {
  const k = loops();
  const random = new Random(1);
  const model = new ActorCritic(k, options, random);
  const adam = new Adam(model.parameters);
  const tape = new Tape(k);
  const observation = input(k, [batch, 4]);
  const [action, advantage] = [input(k, [batch]), input(k, [batch])];
  random.fillNormal(observation.data);
  random.fillNormal(advantage.data);
  const loss = (): Tensor =>
    reinforceLoss(categoricalLogProb(model.logits(observation), action), advantage);
  const run = (): void => {
    tape.backward(tape.run(loss));
    clipGlobalNorm(adam.runs, 0.5);
    adam.step();
  };
  return { name: `training step, batch ${batch}`, amount: batch, unit: "samples", run };
}

export const mlp: Suite = {
  about: "policy 4-64-64-2, tanh: REINFORCE step with Adam, and acting",
  make() {
    const random = new Random(1);
    const actor = new Actor(new ActorCritic(loops(), options, random), 1);
    const act = {
      name: "act, batch 1",
      amount: 1,
      unit: "decisions",
      run: () => actor.act(random),
    };
    return [act, trainingStep(64), trainingStep(256)];
  },
};
