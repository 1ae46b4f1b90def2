/**
 * A policy over an environment's actions, and a critic beside it where one is wanted: two networks, or one
 * body with two heads. Any body goes with any head.
 */
import type { Backend } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { Parameters, type Tensor } from "../core/tensor.ts";
import type { Space } from "../envs/space.ts";
import { orthogonal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { add } from "../ops/arithmetic.ts";
import { reshape } from "../ops/layout.ts";
import { linear } from "../ops/matmul.ts";
import { type Head, type HeadOptions, headFor } from "./head.ts";
import { type Memory, Network, type NetworkOptions } from "./network.ts";

const flat = Object.freeze([-1]);

export interface ActorCriticOptions extends NetworkOptions, HeadOptions {
  readonly observation: Space;
  readonly action: Space;
  readonly critic: boolean;
  /** One body for policy and critic. Default false. */
  readonly shared?: boolean;
}

export class ActorCritic {
  readonly parameters: Parameters;
  readonly options: ActorCriticOptions;
  readonly head: Head;
  readonly hasCritic: boolean;
  /** Numbers that a recurrent model carries from step to step; 0 for others. */
  readonly memorySize: number;
  private readonly body: Network;
  private readonly policy: Linear;
  private readonly criticBody: Network | null;
  private readonly critic: Linear | null;
  private features: Tensor | null = null;

  /** Weights are orthogonal: gain √2 inside, 0.01 before the policy's head, 1 before the value. */
  constructor(k: Backend, options: ActorCriticOptions, random: Random) {
    const { observation, action, critic, shared = false } = options;
    this.options = options;
    this.parameters = new Parameters(k);
    const { parameters } = this;
    const network = (name: string): Network =>
      new Network(parameters, name, observation.shape, options, random);
    const linearFor = (name: string, body: Network, outputs: number, gain: number): Linear =>
      new Linear(parameters, `${name}.head`, body.features, outputs, random, orthogonal(gain));
    this.body = network(shared && critic ? "body" : "policy");
    this.head = headFor(action, parameters, options);
    this.policy = linearFor("policy", this.body, this.head.outputs, 0.01);
    this.criticBody = critic && !shared ? network("critic") : null;
    this.critic = critic ? linearFor("critic", this.criticBody ?? this.body, 1, 1) : null;
    this.hasCritic = critic;
    this.memorySize = this.body.memorySize + (this.criticBody?.memorySize ?? 0);
  }

  /** observation [rows, size] → what the head takes, [rows, outputs]. */
  forward(observation: Tensor, memory: Memory | null = null): Tensor {
    this.features = this.body.forward(observation, memory);
    return this.policy.forward(this.features);
  }

  /**
   * observation [rows, size] → V [rows]; null without a critic. Where policy and critic share a body, it
   * goes on from the `forward` of the same run.
   */
  value(observation: Tensor, memory: Memory | null = null): Tensor | null {
    if (this.critic === null) return null;
    const features =
      this.criticBody?.forward(observation, memory, this.body.memorySize) ?? this.features;
    if (features === null) throw new UsageError("ActorCritic.value: call forward first");
    return reshape(this.critic.forward(features), flat);
  }

  /** Takes the memory on to behind the last step of the run that just ended. */
  carry(state: Tensor): void {
    this.body.carry(state, 0);
    this.criticBody?.carry(state, this.body.memorySize);
  }

  /** The directional derivative of `forward` along the parameters of `v`, a model with the same options. */
  tangent(observation: Tensor, v: ActorCritic): Tensor {
    const h = this.body.forward(observation);
    const moved = v.policy.forward(h);
    const dh = this.body.tangent(observation, v.body);
    return dh === null ? moved : add(moved, linear(dh, this.policy.weight));
  }
}
