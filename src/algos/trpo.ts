/**
 * Trust region policy optimization: Schulman et al. 2015, arXiv:1502.05477, appendix C; and without its line
 * search the natural policy gradient: Kakade 2001.
 *
 * Differences from the paper:
 *   1. advantages are GAE's, standardized over the rollout; the critic is a second network, fitted by Adam;
 *   2. Fisher-vector products are exact (estimators/fisher.ts), over every `fisherEvery`-th state;
 *   3. an episode cut short (truncated) bootstraps from the value of its final state.
 */
import { SettingError } from "../core/errors.ts";
import { flag, integer, real, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { gaeAdvantages } from "../estimators/advantages.ts";
import {
  conjugateGradient,
  type FisherProduct,
  lineSearch,
  trustRegionScale,
} from "../estimators/natural.ts";
import { surrogateDefaults, surrogateLoss } from "../estimators/surrogate.ts";
import { valueLoss } from "../estimators/value.ts";
import { meanWeights } from "../estimators/weights.ts";
import { mean } from "../ops/reduce.ts";
import { Adam } from "../optim/adam.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { trustRegion } from "../policies/trust-region.ts";
import { explainedVariance, standardize } from "../returns/normalize.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutChunks, shuffleRows } from "../rollout/rollout-chunks.ts";
import { Flat } from "./flat.ts";
import { mustBeFinite, type Report, type Training } from "./training.ts";

export const trpoSettings = {
  envs: integer(2, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(512, "steps an environment takes between updates", { min: 2, max: 100_000 }),
  maxKl: real(0.01, "KL that a step may move the policy by", { min: 1e-9 }),
  damping: real(0.1, "added to the Fisher matrix's diagonal", { min: 0 }),
  conjugateSteps: integer(15, "iterations of conjugate gradient", { min: 1, max: 1000 }),
  fisherEvery: integer(1, "states between those that the Fisher matrix is of", { min: 1 }),
  lineSearch: flag(true, "halve the step until loss and KL agree; false: natural gradient"),
  gamma: real(0.99, "discount a step", { min: 0, max: 1 }),
  lambda: real(0.98, "GAE's trace decay", { min: 0, max: 1 }),
  standardize: flag(true, "standardize advantages over the rollout"),
  criticRate: real(1e-3, "Adam's step size for the critic", { min: 0, max: 10 }),
  criticEpochs: integer(10, "passes of the critic over a rollout", { min: 1, max: 1000 }),
  minibatch: integer(128, "steps that the critic learns from at a time", { min: 1 }),
};
export type TrpoConfig = Values<typeof trpoSettings>;

export interface TrpoReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  /** Exact, mean over the rollout's states. */
  readonly kl: number;
  /** Of the full step: 1, ½, ¼, …; 0 where none was taken. */
  readonly stepFraction: number;
  readonly explainedVariance: number;
  readonly gradNorm: number;
}

const ratioForm = Object.freeze({ ...surrogateDefaults, form: "ratio" as const });

/**
 * Sets up, or goes on where a saved training stood, at once; then trains for as long as the caller takes reports,
 * one after each update.
 */
export function trpo(t: Training, c: TrpoConfig): Generator<TrpoReport, never> {
  const { model, env, random } = t;
  const { backend: k } = model.parameters;
  if (model.options.shared)
    throw new SettingError("trpo: want policy and critic apart, not shared");
  if (model.memorySize > 0) throw new SettingError("trpo: want a policy without memory");
  const size = c.envs * c.rollout;
  const { list } = model.parameters;
  const policy = new Flat(list.filter(({ name }) => name.startsWith("policy.")));
  const critic = list.filter(({ name }) => name.startsWith("critic."));
  const adam = new Adam([{ parameters: critic }], { learningRate: c.criticRate, eps: 1e-5 });

  // ---- acting
  const masked = env.mask !== null;
  const actor = new Actor(model, c.envs, { masked });
  const rollout = new Rollout(env, actor, c.rollout);
  const [advantage, target, weight] = [0, 1, 2].map(() => new Float32Array(size));
  const order = Int32Array.from({ length: size }, (_, i) => i);

  // ---- surrogate and KL over the whole rollout; a second model holds the direction of Fisher-vector products
  const direction = new ActorCritic(k, { ...model.options, critic: false }, random.split());
  const along = new Flat(direction.parameters.list);
  const region = trustRegion(model, direction);
  const chunk = new RolloutChunks(model, rollout, size, { masked, whole: true });
  const [oldLogProb, surrogateAdvantage, surrogateWeight] = [0, 1, 2].map(() => chunk.column());
  const oldParams = input(k, [size, model.head.outputs]);
  let entropy = 0;
  let kl = 0;
  const learning = new Tape(k);
  const surrogate = (): Tensor => {
    const params = model.forward(chunk.observation);
    const logProb = model.head.logProb(params, chunk.action, chunk.actionMask);
    entropy = mean(model.head.entropy(params, chunk.actionMask, chunk.noise)).data[0];
    kl = mean(region.kl(oldParams, params, chunk.actionMask)).data[0];
    return surrogateLoss(logProb, oldLogProb, surrogateAdvantage, surrogateWeight, ratioForm);
  };
  const [theta, g, step] = [0, 1, 2].map(() => new Float64Array(policy.size));
  const evaluate = (): { loss: number; kl: number } => {
    policy.write(theta);
    const loss = learning.run(surrogate).data[0];
    return { loss, kl };
  };

  // ---- Fisher-vector products
  const states = new RolloutChunks(model, rollout, Math.ceil(size / c.fisherEvery), {
    masked,
    whole: true,
  });
  const some = order.filter((i) => i % c.fisherEvery === 0);
  const curving = new Tape(k);
  const form = (): Tensor => {
    const params = model.forward(states.observation);
    const tangent = model.tangent(states.observation, direction);
    return region.fisher(params, tangent, states.actionMask);
  };
  curving.run(form); // refuses, before anything is played, what has no Fisher matrix here
  const product: FisherProduct = (out, v) => {
    along.write(v);
    policy.clearGradients();
    curving.backward(curving.run(form));
    policy.readGradients(out);
    for (let i = 0; i < out.length; i++) out[i] += c.damping * v[i];
  };

  // ---- the critic's loss
  const fitted = new RolloutChunks(model, rollout, c.minibatch, { masked });
  const [fittedTarget, fittedWeight] = [0, 1].map(() => fitted.column());
  const fitting = new Tape(k);
  const criticLoss = (): Tensor =>
    valueLoss(model.value(fitted.observation) as Tensor, fittedTarget, fittedWeight);
  let valueLosses = 0;
  const fit = (): void => {
    fitted.fill(fittedTarget, target);
    fitted.fill(fittedWeight, weight);
    const loss = fitting.run(criticLoss);
    valueLosses += loss.data[0];
    fitting.backward(loss);
  };

  // ---- collect, estimate, improve
  const shuffled = order.slice();
  t.restoreOrStart({ adam, actor });
  return (function* (): Generator<TrpoReport, never> {
    for (;;) {
      t.next();
      rollout.collect(random);
      t.count(rollout);
      gaeAdvantages({ advantage, target }, rollout, c.gamma, c.lambda);
      const variance = explainedVariance(rollout.value, target);
      if (c.standardize) standardize(advantage, advantage);
      meanWeights(weight, rollout.mask, order);
      chunk.forEachChunk(order, 0, size, () => {
        chunk.fill(oldLogProb, rollout.logProb);
        chunk.fill(surrogateAdvantage, advantage);
        chunk.fill(surrogateWeight, weight);
      });
      states.forEachChunk(some, 0, some.length, () => {});

      region.remember();
      learning.run(() => oldParams.data.set(model.forward(chunk.observation).data));
      policy.clearGradients();
      learning.backward(learning.run(surrogate));
      policy.readGradients(g);
      const gradNorm = Math.sqrt(g.reduce((squares, x) => squares + x * x, 0));
      mustBeFinite(gradNorm, learning, t.update);
      const { x } = conjugateGradient(product, g, c.conjugateSteps);
      const scale = trustRegionScale(product, x, c.maxKl);
      let slope = 0;
      for (let i = 0; i < x.length; i++) {
        step[i] = -scale * x[i];
        slope += scale * x[i] * g[i];
      }
      policy.read(theta);
      let stepFraction = 1;
      if (c.lineSearch) stepFraction = lineSearch(theta, step, slope, evaluate, { maxKl: c.maxKl });
      else for (let i = 0; i < theta.length; i++) theta[i] += step[i];
      const { loss: policyLoss } = evaluate();
      policy.clearGradients();

      valueLosses = 0;
      for (let epoch = 0; epoch < c.criticEpochs; epoch++) {
        shuffleRows(shuffled, random, null);
        for (let first = 0; first < size; first += c.minibatch) {
          const end = Math.min(first + c.minibatch, size);
          meanWeights(weight, rollout.mask, shuffled.subarray(first, end));
          fitted.forEachChunk(shuffled, first, end, fit);
          adam.step();
        }
      }
      const fits = c.criticEpochs * Math.ceil(size / c.minibatch);
      yield {
        ...t.report(),
        policyLoss,
        valueLoss: valueLosses / fits,
        entropy,
        kl,
        stepFraction,
        explainedVariance: variance,
        gradNorm,
      };
    }
  })();
}
