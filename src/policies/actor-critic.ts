/** A policy over discrete actions, and a critic beside it where one is wanted: two separate networks. */
import type { Backend } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { Parameters, type Tensor } from "../core/tensor.ts";
import { Mlp } from "../nn/mlp.ts";
import { reshape } from "../ops/layout.ts";

const flat = Object.freeze([-1]);

export interface ActorCriticOptions {
  readonly observationSize: number;
  readonly actions: number;
  readonly hidden: readonly number[];
  readonly critic: boolean;
}

export class ActorCritic {
  readonly parameters: Parameters;
  readonly options: ActorCriticOptions;
  private readonly policy: Mlp;
  private readonly critic: Mlp | null;

  constructor(k: Backend, options: ActorCriticOptions, random: Random) {
    const { observationSize, actions, hidden, critic } = options;
    this.options = options;
    this.parameters = new Parameters(k);
    const sizes = [observationSize, ...hidden];
    this.policy = new Mlp(this.parameters, "policy", [...sizes, actions], random, {
      outputGain: 0.01,
    });
    this.critic = critic ? new Mlp(this.parameters, "critic", [...sizes, 1], random) : null;
  }

  /** observation [batch, size] → logits [batch, actions] */
  logits(observation: Tensor): Tensor {
    return this.policy.forward(observation);
  }

  /** observation [batch, size] → V [batch]; null without a critic. */
  value(observation: Tensor): Tensor | null {
    return this.critic && reshape(this.critic.forward(observation), flat);
  }
}
