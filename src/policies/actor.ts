/** Chooses actions for several environments at once. Steady-state calls allocate nothing. */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import { type Kept, numbersOf, type State } from "../core/state.ts";
import { Tape } from "../core/tape.ts";
import { free, inputs, NONE, type Tensor } from "../core/tensor.ts";
import type { ActorCritic } from "./actor-critic.ts";
import type { Memory } from "./network.ts";

export class Actor implements Kept {
  readonly model: ActorCritic;
  readonly envs: number;
  /** Fill with one observation per environment, [envs, size], before `act`. */
  readonly observation: Floats;
  /** 1 where a choice is allowed, [envs, masked]; all 1 at first. Not read without masks. */
  readonly mask: Floats;
  /** 1 where a new episode begins, [envs], which resets the state of a recurrent model. */
  readonly reset: Floats;
  /** State of a recurrent model, [envs, memorySize]. */
  readonly state: Floats;
  /** Chosen actions in the head's form for learning, [envs, actionSize]. */
  readonly action: Floats;
  /** Chosen actions in the environment's form, [envs, actionSize]. */
  readonly command: Floats;
  /** ln π of each action, [envs]. */
  logProb: Floats;
  /** V of each observation, [envs]; 0 without a critic. */
  value: Floats;
  /** Noise that the last actions were sampled with, [envs, actionSize]: uniform or normal, by the head. */
  readonly noise: Float64Array;
  private allNoise: Float64Array;
  private readonly tape: Tape;
  private readonly choose: () => void;
  private readonly valueTape: Tape;
  private readonly valueInput: Tensor;
  private readonly valueBody: () => Tensor | null;
  private readonly next: Floats;
  private readonly nothing: Floats;
  private readonly owned: readonly Tensor[];
  private readonly masked: boolean;
  private readonly withValue: boolean;
  private greedy = false;

  /** `masked`: the environment masks its actions. `value`: evaluates V with each action. */
  constructor(model: ActorCritic, envs: number, { masked = false, value = true } = {}) {
    const { backend: k } = model.parameters;
    const { head, memorySize, options } = model;
    const size = options.observation.size;
    checkInteger("Actor", "envs", envs, { min: 1 });
    const masks = masked && head.masked > 0;
    const remembers = memorySize > 0;
    const owned = inputs(k, [
      [envs, size],
      [envs, size],
      head.actionShape(envs),
      ...(masks ? [[envs, head.masked]] : []),
      ...(remembers
        ? [
            [envs, memorySize],
            [1, envs],
            [1, envs],
          ]
        : []),
    ]);
    const [observation, valueInput, action, ...others] = owned;
    const mask = masks ? (others.shift() as Tensor) : NONE;
    const next = new Float32Array(envs * memorySize);
    const [state, reset, never] = others;
    const memory: Memory | null = remembers ? { state, reset, next } : null;
    const noReset = memory && { state, reset: never };
    const noise = new Float64Array(envs * head.actionSize);
    mask.data.fill(1);
    this.model = model;
    this.envs = envs;
    this.masked = masked;
    this.withValue = value;
    this.observation = observation.data;
    this.mask = mask.data;
    this.reset = memory?.reset.data ?? new Float32Array(envs);
    this.state = memory?.state.data ?? new Float32Array(0);
    this.next = next;
    this.action = action.data;
    this.command = new Float64Array(action.data.length);
    this.logProb = new Float32Array(envs);
    this.value = new Float32Array(envs);
    this.nothing = new Float32Array(envs);
    this.noise = noise;
    this.allNoise = noise;
    this.tape = new Tape(k, { grads: false });
    this.choose = () => {
      const features = model.features(observation, memory);
      const params = model.outputs(features);
      if (this.greedy) head.mode(action.data, params, mask);
      else head.sample(action.data, params, noise, mask);
      this.logProb = head.logProb(params, action, mask).data;
      const v = value ? model.value(observation, memory, features) : null;
      if (v !== null) this.value = v.data;
    };
    this.valueInput = valueInput;
    this.owned = owned;
    this.valueTape = new Tape(k, { grads: false });
    this.valueBody = () => model.value(valueInput, noReset);
  }

  /**
   * Samples an action for each observation. Random numbers are drawn for `all` environments, of which this actor's
   * begin at `first`.
   */
  act(random: Random, all = this.envs, first = 0): void {
    const { noise, envs, model } = this;
    const width = noise.length / envs;
    if (this.allNoise.length !== all * width) this.allNoise = new Float64Array(all * width);
    if (model.head.noise === "uniform") random.fillUniform(this.allNoise);
    else random.fillNormal(this.allNoise);
    if (this.allNoise !== noise)
      noise.set(this.allNoise.subarray(first * width, (first + envs) * width));
    this.take(false);
  }

  /** Moves a generator on as `act` with `all` environments would. */
  skip(random: Random, all: number, steps: number): void {
    const numbers = all * (this.noise.length / this.envs);
    const pairs = this.model.head.noise === "uniform" ? numbers : 2 * Math.ceil(numbers / 2);
    random.skip(2 * pairs * steps); // a uniform number takes two words
  }

  /** Returns an actor of the same policy for `envs` environments. */
  part(envs: number): Actor {
    const { masked, withValue: value } = this;
    return new Actor(this.model, envs, { masked, value });
  }

  /** Takes the likeliest action for each observation. */
  actGreedily(): void {
    this.take(true);
  }

  private take(greedy: boolean): void {
    this.greedy = greedy;
    this.tape.run(this.choose);
    this.model.head.command(this.command, this.action);
    if (this.next.length > 0) this.state.set(this.next);
  }

  /** Returns V of observations [envs, size] that follow the chosen actions; valid until the next call. */
  valuesOf(observation: ArrayLike<number>): Floats {
    if (!this.model.hasCritic) return this.nothing;
    this.valueInput.data.set(observation);
    return (this.valueTape.run(this.valueBody) as Tensor).data;
  }

  /** Frees all buffers. The actor must not be used again. */
  free(): void {
    this.tape.drop();
    this.valueTape.drop();
    free(...this.owned);
  }

  save(): State {
    return { memory: this.state.slice() };
  }

  renew(): void {
    this.state.fill(0);
  }

  restore(state: State): void {
    this.state.set(numbersOf(state, "memory", this.state.length));
  }
}
