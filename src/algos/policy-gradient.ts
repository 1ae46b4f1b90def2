/** The update that A2C, A3C, IMPALA and REINFORCE share: one step per rollout on −Â·ln π, the value and the entropy. */
import { surrogateDefaults } from "../estimators/surrogate.ts";
import { valueDefaults } from "../estimators/value.ts";
import { meanWeights } from "../estimators/weights.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Rollout } from "../rollout/rollout.ts";
import { RolloutChunks, type RolloutChunksOptions } from "../rollout/rollout-chunks.ts";
import { Learner } from "./improve.ts";

/** The surrogate whose gradient is that of −Â·ln π. */
export const policyGradient = Object.freeze({ ...surrogateDefaults, form: "reinforce" as const });

export interface RolloutGradientOptions extends Pick<RolloutChunksOptions, "whole"> {
  readonly entropyWeight: number;
  readonly valueWeight: number;
}

/** The gradient of the policy-gradient loss, mean per step over a rollout. */
export class RolloutGradient {
  /** Advantage and target of each step, [steps, envs]; the trainer writes them before `accumulate`. */
  readonly advantage: Float32Array;
  readonly target: Float32Array;
  /** Every row of the rollout, time first, as recurrent policies need it. */
  readonly rows: Int32Array;
  readonly chunks: RolloutChunks;
  readonly learner: Learner;
  private readonly rollout: Rollout;
  private readonly weight: Float32Array;

  constructor(model: ActorCritic, rollout: Rollout, options: RolloutGradientOptions) {
    const { size, steps, logProb: oldLogProb, value: oldValue } = rollout;
    const { entropyWeight, valueWeight, whole = false } = options;
    const [advantage, target, weight] = [0, 1, 2].map(() => new Float32Array(size));
    this.rollout = rollout;
    this.advantage = advantage;
    this.target = target;
    this.weight = weight;
    this.rows = Int32Array.from({ length: size }, (_, i) => i);
    const masked = rollout.env.mask !== null;
    this.chunks = new RolloutChunks(model, rollout, size, { masked, steps, whole });
    this.learner = new Learner(
      this.chunks,
      { oldLogProb, advantage, weight, target, oldValue },
      {
        surrogate: policyGradient,
        value: valueDefaults,
        entropyWeight,
        valueWeight,
        valueScale: model.popArt?.inverseVariance,
      },
      rollout.env.team,
    );
  }

  /** Adds the gradient of the mean loss over the steps taken among `rows`. */
  accumulate(rows: ArrayLike<number> = this.rows): void {
    const { learner } = this;
    meanWeights(this.weight, this.rollout.mask, rows);
    learner.metrics.clear();
    learner.accumulate(rows, 0, rows.length);
  }
}
