/** A policy at work: observations in, actions out, for several environments at once; allocates nothing. */
import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { categoricalMode, categoricalSample } from "../distributions/categorical.ts";
import type { ActorCritic } from "./actor-critic.ts";

export class Actor {
  /** Fill with one observation an environment, [envs, size], then `act`. */
  readonly observation: Tensor;
  /** The actions chosen, [envs]. */
  readonly action: Floats;
  private readonly tape: Tape;
  private readonly noise: Float64Array;
  private readonly look: () => Tensor;

  constructor(model: ActorCritic, envs: number) {
    const k = model.parameters.backend;
    this.observation = input(k, [envs, model.options.observationSize]);
    this.action = new Float32Array(envs);
    this.tape = new Tape(k, { grads: false });
    this.noise = new Float64Array(envs);
    this.look = () => model.logits(this.observation);
  }

  /** Samples an action for each observation. */
  act(random: Random): void {
    random.fillUniform(this.noise);
    categoricalSample(this.action, this.tape.run(this.look), this.noise);
  }

  /** Takes the likeliest action for each observation. */
  actGreedily(): void {
    categoricalMode(this.action, this.tape.run(this.look));
  }
}
