/**
 * A policy over an environment's actions, with or without a critic: two networks, or one body with two heads. Any body
 * goes with any head.
 */
import type { Backend } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { Parameters, type Tensor } from "../core/tensor.ts";
import type { Space } from "../envs/space.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";
import { orthogonal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { add } from "../ops/arithmetic.ts";
import { reshape } from "../ops/layout.ts";
import { linear } from "../ops/matmul.ts";
import { type Head, type HeadOptions, headFor } from "./head.ts";
import { type Memory, Network, type NetworkOptions } from "./network.ts";
import { PopArt } from "./pop-art.ts";

const flat = Object.freeze([-1]);

export interface ActorCriticOptions extends NetworkOptions, HeadOptions {
  readonly observation: Space;
  readonly action: Space;
  /** Adds a critic. */
  readonly critic: boolean;
  /** Uses one body for policy and critic. Default false. */
  readonly shared?: boolean;
  /** Makes the critic's last layer predict standardized targets: see pop-art.ts. Default false. */
  readonly popArt?: boolean;
}

/** Rows of decisions to evaluate. */
export interface Decisions {
  /** [rows, size] */
  readonly observation: Tensor;
  /** In the head's form for learning. */
  readonly action: Tensor;
  /** 1 where a choice is allowed, [rows, masked]; NONE without masks. */
  readonly actionMask: Tensor;
  /** null unless the policy is recurrent. */
  readonly memory: Memory | null;
  /** Noise that each action was sampled with; NONE unless the head's entropy needs it. */
  readonly noise: Tensor;
}

function describeActions(space: Space): string {
  if (space.kind === "discrete") return `discrete(${space.n}, ${space.start})`;
  if (space.kind === "multiDiscrete") {
    const from = space.start.some((first) => first !== 0) ? ` from ${space.start.join(", ")}` : "";
    return `multiDiscrete(${space.choices.join(", ")}${from})`;
  }
  return `${space.kind}(${space.size})`;
}

export class ActorCritic {
  readonly parameters: Parameters;
  readonly options: ActorCriticOptions;
  readonly head: Head;
  readonly hasCritic: boolean;
  /** Numbers that a recurrent model carries from step to step; 0 for other models. */
  readonly memorySize: number;
  /** Statistics of the critic's targets; null without PopArt. */
  readonly popArt: PopArt | null;
  private readonly body: Network;
  private readonly policy: Linear;
  private readonly criticBody: Network | null;
  private readonly critic: Linear | null;

  /** Initializes weights as orthogonal matrices: gain √2 inside, 0.01 before the policy's head, 1 before the value. */
  constructor(k: Backend, options: ActorCriticOptions, random: Random) {
    const { observation, action, critic, shared = false } = options;
    this.options = options;
    this.parameters = new Parameters(k);
    const { parameters } = this;
    const network = (name: string): Network =>
      new Network(parameters, name, observation.shape, options, random);
    const linearFor = (name: string, body: Network, outputs: number, gain: number): Linear =>
      new Linear(parameters, `${name}.head`, [body.features, outputs], random, orthogonal(gain));
    try {
      this.body = network(shared && critic ? "body" : "policy");
      this.head = headFor(action, parameters, options);
      this.policy = linearFor("policy", this.body, this.head.outputs, 0.01);
      this.criticBody = critic && !shared ? network("critic") : null;
      this.critic = critic ? linearFor("critic", this.criticBody ?? this.body, 1, 1) : null;
      this.popArt =
        this.critic !== null && options.popArt === true
          ? new PopArt(k, this.critic.weight.data, (this.critic.bias as Tensor).data)
          : null;
    } catch (error) {
      parameters.free(); // memory may have run out
      throw error;
    }
    this.hasCritic = critic;
    this.memorySize = this.body.memorySize + (this.criticBody?.memorySize ?? 0);
  }

  /** Returns log-probabilities, values, and entropies if wanted, of a chunk's rows, on the tape: each [rows]. */
  evaluate(
    { observation, action, actionMask, memory, noise }: Decisions,
    wanted: { readonly entropy: boolean },
  ): PolicyOutputs {
    const features = this.features(observation, memory);
    const params = this.outputs(features);
    const logProb = this.head.logProb(params, action, actionMask);
    const entropy = wanted.entropy ? this.head.entropy(params, actionMask, noise) : null;
    return { logProb, entropy, value: this.value(observation, memory, features) };
  }

  /** observation [rows, size] → inputs of the head, [rows, outputs]. */
  forward(observation: Tensor, memory: Memory | null = null): Tensor {
    return this.outputs(this.features(observation, memory));
  }

  /** observation [rows, size] → inputs of the policy's last layer, [rows, features]. */
  features(observation: Tensor, memory: Memory | null = null): Tensor {
    return this.body.forward(observation, memory);
  }

  /** `features` → inputs of the head, [rows, outputs]. */
  outputs(features: Tensor): Tensor {
    return this.policy.forward(features);
  }

  /**
   * observation [rows, size] → V [rows]; null without a critic. Given the result of `features` for this observation in
   * the same run, a shared body does not run twice.
   */
  value(
    observation: Tensor,
    memory: Memory | null = null,
    features: Tensor | null = null,
  ): Tensor | null {
    if (this.critic === null) return null;
    const output = this.critic.forward(this.criticFeatures(observation, memory, features));
    return reshape(this.popArt === null ? output : this.popArt.value(output), flat);
  }

  private criticFeatures(x: Tensor, memory: Memory | null, shared: Tensor | null): Tensor {
    if (this.criticBody !== null) return this.criticBody.forward(x, memory, this.body.memorySize);
    return shared ?? this.body.forward(x, memory);
  }

  /** Throws ShapeError unless observations and actions have the policy's shapes. */
  mustFit(where: string, observation: Space, action: Space): void {
    const own = this.options;
    if (observation.size !== own.observation.size) {
      throw new ShapeError(
        `${where}: expected observations of ${own.observation.size} numbers, as the policy has, ` +
          `got ${observation.size}`,
      );
    }
    const [policy, environment] = [own.action, action].map(describeActions);
    if (policy !== environment)
      throw new ShapeError(
        `${where}: expected actions ${policy}, as the policy has, got ${environment}`,
      );
  }

  /** Returns the directional derivative of `forward` along the parameters of `v`, a model with the same options. */
  tangent(observation: Tensor, v: ActorCritic): Tensor {
    const h = this.body.forward(observation);
    const moved = v.policy.forward(h);
    const dh = this.body.tangent(observation, v.body);
    return dh === null ? moved : add(moved, linear(dh, this.policy.weight));
  }
}
