/** A policy at work: observations in, actions out, for several environments at once; allocates nothing. */
import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import {
  categoricalLogProb,
  categoricalMode,
  categoricalSample,
} from "../distributions/categorical.ts";
import type { ActorCritic } from "./actor-critic.ts";

export class Actor {
  /** Fill with one observation an environment, [envs, size], then `act`. */
  readonly observation: Tensor;
  /** The actions chosen, [envs]. */
  readonly action: Floats;
  /** ln π of each action, [envs]; and V of each observation, where the model has a critic and it was asked. */
  logProb: Floats = new Float32Array(0);
  value: Floats = new Float32Array(0);
  private readonly tape: Tape;
  private readonly noise: Float64Array;
  private readonly choose: () => void;

  constructor(model: ActorCritic, envs: number, { value = false } = {}) {
    const k = model.parameters.backend;
    const { observation, tape, noise } = {
      observation: input(k, [envs, model.options.observationSize]),
      tape: new Tape(k, { grads: false }),
      noise: new Float64Array(envs),
    };
    const action = input(k, [envs]);
    this.observation = observation;
    this.action = action.data;
    this.tape = tape;
    this.noise = noise;
    this.choose = () => {
      const logits = model.logits(observation);
      if (this.greedy) categoricalMode(action.data, logits);
      else categoricalSample(action.data, logits, noise);
      this.logProb = categoricalLogProb(logits, action).data;
      const v = value ? model.value(observation) : null;
      if (v !== null) this.value = v.data;
    };
  }
  private greedy = false;

  /** Samples an action for each observation. */
  act(random: Random): void {
    random.fillUniform(this.noise);
    this.greedy = false;
    this.tape.run(this.choose);
  }

  /** Takes the likeliest action for each observation. */
  actGreedily(): void {
    this.greedy = true;
    this.tape.run(this.choose);
  }
}
