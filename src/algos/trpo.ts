/**
 * Trust region policy optimization: Schulman et al. 2015, arXiv:1502.05477, appendix C. Without its line search it is
 * the natural policy gradient: Kakade 2001.
 *
 * Differences from the paper:
 *   1. advantages are GAE's, standardized over the rollout; the critic is a second network, fitted by Adam;
 *   2. Fisher-vector products are exact (estimators/fisher.ts), over every `fisherEvery`-th state;
 *   3. an episode cut short (truncated) bootstraps from the value of its final state.
 */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { flag, integer, real, settle, type Values } from "../core/settings.ts";
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
import { type TrustRegion, trustRegion } from "../policies/trust-region.ts";
import { explainedVariance, standardize } from "../returns/normalize.ts";
import { Rollout } from "../rollout/rollout.ts";
import { RolloutChunks, shuffleRows } from "../rollout/rollout-chunks.ts";
import { Flat } from "./flat.ts";
import { collected, mustBeFinite, type Report, type Training } from "./training.ts";

export const trpoSettings = {
  envs: integer(2, "environments side by side", { min: 1, max: 4096 }),
  rollout: integer(512, "steps per environment between updates", { min: 2, max: 100_000 }),
  maxKl: real(0.01, "largest KL between the policies before and after a step", { min: 1e-9 }),
  damping: real(0.1, "added to the Fisher matrix's diagonal", { min: 0 }),
  conjugateSteps: integer(15, "iterations of conjugate gradient", { min: 1, max: 1000 }),
  fisherEvery: integer(1, "the Fisher matrix is estimated on every n-th state", { min: 1 }),
  lineSearch: flag(
    true,
    "halve the step until the loss falls and the KL is in bounds; false: natural gradient",
  ),
  gamma: real(0.99, "discount per step", { min: 0, max: 1 }),
  lambda: real(0.98, "GAE's trace decay", { min: 0, max: 1 }),
  standardize: flag(true, "standardize advantages over the rollout"),
  criticRate: real(1e-3, "Adam's step size for the critic", { min: 0, max: 10 }),
  criticEpochs: integer(10, "passes of the critic over a rollout", { min: 1, max: 1000 }),
  minibatch: integer(
    128,
    "environment steps per optimizer step of the critic, at most a rollout's",
    { min: 1 },
  ),
};
export type TrpoConfig = Values<typeof trpoSettings>;

export interface TrpoReport extends Report {
  readonly policyLoss: number;
  readonly valueLoss: number;
  readonly entropy: number;
  /** Exact KL to the old policy, mean over the rollout's states. */
  readonly kl: number;
  /** Fraction of the full step that was taken: 1, ½, ¼, …; 0 for none. */
  readonly stepFraction: number;
  readonly explainedVariance: number;
  readonly gradNorm: number;
}

/**
 * Sets up or resumes a training at once. Then trains for as long as the caller takes reports, one after each update.
 */
export function trpo(t: Training, given: Partial<TrpoConfig>): Generator<TrpoReport, never> {
  const c = settle(trpoSettings, given);
  const { model, env, random } = t;
  if (model.options.shared)
    throw new SettingError("trpo: expected policy and critic without shared layers, got shared");
  if (model.memorySize > 0) throw new SettingError("trpo: expected a policy without memory");
  const actor = new Actor(model, env.envs.length, { masked: env.mask !== null });
  const rollout = new Rollout(env, actor, c.rollout);
  const { size } = rollout;
  const [advantage, target, weight] = [0, 1, 2].map(() => new Float32Array(size));
  const order = Int32Array.from({ length: size }, (_, i) => i);
  const direction = new ActorCritic(
    model.parameters.backend,
    { ...model.options, critic: false },
    random.split(),
  );
  const region = trustRegion(model, direction);
  const policy = new Flat(model.parameters.list.filter(({ name }) => name.startsWith("policy.")));
  const objective = new Objective(model, rollout, region, policy);
  const product = fisherProduct({ model, direction, rollout, region, policy, config: c });
  const critic = new CriticFit(model, rollout, { target, weight, config: c });
  const [theta, g, step] = [0, 1, 2].map(() => new Float64Array(policy.size));

  t.learned = { rollout, advantage };
  t.restoreOrStart({ adam: critic.adam, actor });
  return (function* (): Generator<TrpoReport, never> {
    for (;;) {
      t.next();
      yield* collected(rollout, random);
      t.count(rollout);
      gaeAdvantages({ advantage, target }, rollout, c.gamma, c.lambda);
      const variance = explainedVariance(rollout.value, target);
      if (c.standardize) standardize(advantage, advantage);
      meanWeights(weight, rollout.mask, order);
      product.fill();
      objective.fill(order, advantage, weight);
      const gradNorm = objective.gradient(g);
      mustBeFinite(gradNorm, objective.tape, t.update);
      const slope = naturalStep(step, g, product.of, c);
      policy.read(theta);
      const evaluate = () => objective.evaluate(theta);
      let stepFraction = 1;
      if (c.lineSearch) stepFraction = lineSearch(theta, step, slope, evaluate, { maxKl: c.maxKl });
      else for (let i = 0; i < theta.length; i++) theta[i] += step[i];
      const { loss: policyLoss, kl, entropy } = evaluate();
      policy.clearGradients();
      const valueLoss = critic.fit(random);
      yield {
        ...t.report(),
        policyLoss,
        valueLoss,
        entropy,
        kl,
        stepFraction,
        explainedVariance: variance,
        gradNorm,
      };
    }
  })();
}

/** Writes the natural gradient step that the KL bound allows. Returns the decrease of the loss to first order. */
function naturalStep(
  step: Float64Array,
  g: Float64Array,
  product: FisherProduct,
  { conjugateSteps, maxKl }: TrpoConfig,
): number {
  const { x } = conjugateGradient(product, g, conjugateSteps);
  const scale = trustRegionScale(product, x, maxKl);
  let slope = 0;
  for (let i = 0; i < x.length; i++) {
    step[i] = -scale * x[i];
    slope += scale * x[i] * g[i];
  }
  return slope;
}

const ratioForm = Object.freeze({ ...surrogateDefaults, form: "ratio" as const });

/** The unclipped surrogate and the KL over a whole rollout. */
class Objective {
  readonly tape: Tape;
  private readonly model: ActorCritic;
  private readonly rollout: Rollout;
  private readonly region: TrustRegion;
  private readonly policy: Flat;
  private readonly chunk: RolloutChunks;
  private readonly oldLogProb: Tensor;
  private readonly advantage: Tensor;
  private readonly weight: Tensor;
  private readonly oldParams: Tensor;
  private entropy = 0;
  private kl = 0;

  constructor(model: ActorCritic, rollout: Rollout, region: TrustRegion, policy: Flat) {
    const { backend: k } = model.parameters;
    const { size, env } = rollout;
    this.model = model;
    this.rollout = rollout;
    this.region = region;
    this.policy = policy;
    this.tape = new Tape(k);
    this.chunk = new RolloutChunks(model, rollout, size, {
      masked: env.mask !== null,
      whole: true,
    });
    this.oldLogProb = this.chunk.column();
    this.advantage = this.chunk.column();
    this.weight = this.chunk.column();
    this.oldParams = input(k, [size, model.head.outputs]);
  }

  /** Copies the rollout, its advantages and weights, and remembers the policy as the old one. */
  fill(order: Int32Array, advantage: Floats, weight: Floats): void {
    const { chunk, model, tape, oldParams } = this;
    chunk.forEachChunk(order, 0, order.length, () => {
      chunk.fill(this.oldLogProb, this.rollout.logProb);
      chunk.fill(this.advantage, advantage);
      chunk.fill(this.weight, weight);
    });
    this.region.remember();
    tape.run(() => oldParams.data.set(model.forward(chunk.observation).data));
  }

  private readonly surrogate = (): Tensor => {
    const { model, chunk, region, oldParams } = this;
    const params = model.forward(chunk.observation);
    const logProb = model.head.logProb(params, chunk.action, chunk.actionMask);
    this.entropy = mean(model.head.entropy(params, chunk.actionMask, chunk.noise)).data[0];
    this.kl = mean(region.kl(oldParams, params, chunk.actionMask)).data[0];
    return surrogateLoss(logProb, this.oldLogProb, this.advantage, this.weight, ratioForm);
  };

  /** Writes the gradient of the surrogate to `g`. Returns its norm. */
  gradient(g: Float64Array): number {
    const { policy, tape } = this;
    policy.clearGradients();
    tape.backward(tape.run(this.surrogate));
    policy.readGradients(g);
    return Math.sqrt(g.reduce((squares, x) => squares + x * x, 0));
  }

  /** Writes `theta` to the policy. Returns the surrogate, the KL to the old policy, and the entropy there. */
  evaluate(theta: Float64Array): { loss: number; kl: number; entropy: number } {
    this.policy.write(theta);
    const loss = this.tape.run(this.surrogate).data[0];
    const { kl, entropy } = this;
    return { loss, kl, entropy };
  }
}

/** The parts of a Fisher-vector product; `direction` is a model that holds the vector. */
interface FisherParts {
  readonly model: ActorCritic;
  readonly direction: ActorCritic;
  readonly rollout: Rollout;
  readonly region: TrustRegion;
  readonly policy: Flat;
  readonly config: Pick<TrpoConfig, "fisherEvery" | "damping">;
}

/** Damped Fisher-vector products over every `fisherEvery`-th state of the rollout that `fill` copies. */
function fisherProduct({ model, direction, rollout, region, policy, config }: FisherParts): {
  readonly of: FisherProduct;
  readonly fill: () => void;
} {
  const { fisherEvery, damping } = config;
  const { size, env } = rollout;
  const rows = Int32Array.from(
    { length: Math.ceil(size / fisherEvery) },
    (_, i) => i * fisherEvery,
  );
  const masked = env.mask !== null;
  const states = new RolloutChunks(model, rollout, rows.length, { masked, whole: true });
  const vector = new Flat(direction.parameters.list);
  const tape = new Tape(model.parameters.backend);
  const form = (): Tensor => {
    const params = model.forward(states.observation);
    const tangent = model.tangent(states.observation, direction);
    return region.fisher(params, tangent, states.actionMask);
  };
  tape.run(form); // throws before training starts where a layer has no tangent
  return {
    fill: () => states.forEachChunk(rows, 0, rows.length, () => {}),
    of(out, v) {
      vector.write(v);
      policy.clearGradients();
      tape.backward(tape.run(form));
      policy.readGradients(out);
      for (let i = 0; i < out.length; i++) out[i] += damping * v[i];
    },
  };
}

/** The rollout's targets, the weights of its steps, and the settings that the critic is fitted with. */
interface CriticFitOptions {
  readonly target: Floats;
  readonly weight: Floats;
  readonly config: Pick<TrpoConfig, "criticRate" | "criticEpochs" | "minibatch">;
}

/** Fits the critic to the targets of a rollout. */
class CriticFit {
  readonly adam: Adam;
  private readonly rollout: Rollout;
  private readonly options: CriticFitOptions;
  private readonly chunks: RolloutChunks;
  private readonly target: Tensor;
  private readonly weight: Tensor;
  private readonly tape: Tape;
  private readonly loss: () => Tensor;
  private readonly order: Int32Array;

  constructor(model: ActorCritic, rollout: Rollout, options: CriticFitOptions) {
    const { criticRate, minibatch } = options.config;
    const { backend, list } = model.parameters;
    const parameters = list.filter(({ name }) => name.startsWith("critic."));
    this.adam = new Adam([{ parameters }], { learningRate: criticRate, eps: 1e-5 });
    this.rollout = rollout;
    this.options = options;
    this.chunks = new RolloutChunks(model, rollout, minibatch, {
      masked: rollout.env.mask !== null,
    });
    this.target = this.chunks.column();
    this.weight = this.chunks.column();
    this.tape = new Tape(backend);
    this.loss = () => {
      const value = model.value(this.chunks.observation) as Tensor;
      return valueLoss(value, this.target, this.weight);
    };
    this.order = Int32Array.from({ length: rollout.size }, (_, i) => i);
  }

  /** Runs the epochs. Returns the mean loss of a minibatch. */
  fit(random: Random): number {
    const { rollout, order, chunks, tape, adam } = this;
    const { target, weight, config } = this.options;
    const { criticEpochs, minibatch } = config;
    let losses = 0;
    const pass = (): void => {
      chunks.fill(this.target, target);
      chunks.fill(this.weight, weight);
      const loss = tape.run(this.loss);
      losses += loss.data[0];
      tape.backward(loss);
    };
    for (let epoch = 0; epoch < criticEpochs; epoch++) {
      shuffleRows(order, random, null);
      for (let first = 0; first < order.length; first += minibatch) {
        const end = Math.min(first + minibatch, order.length);
        meanWeights(weight, rollout.mask, order.subarray(first, end));
        chunks.forEachChunk(order, first, end, pass);
        adam.step();
      }
    }
    return losses / (criticEpochs * Math.ceil(order.length / minibatch));
  }
}
