/**
 * Steps of several environments under a policy, in arrays allocated once. Columns are [steps, envs], time first, as
 * scans read them; or, with `bySequence`, [envs, steps], as estimators on whole episodes read them.
 */
import type { Floats } from "../core/backend.ts";
import { checkInteger } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import { runNow, type Waiting } from "../core/waiting.ts";
import type { Actor } from "../policies/actor.ts";
import type { Transitions } from "../returns/transitions.ts";
import type { VectorEnv } from "./vector-env.ts";

/** A column: an array of any kind of number. */
export type Numbers = Floats | Int32Array | Uint8Array;

export class Rollout implements Transitions {
  readonly env: VectorEnv;
  /** Holds the state of a recurrent model, of all environments. */
  readonly actor: Actor;
  readonly steps: number;
  readonly envs: number;
  /** Rows of each column: steps·envs. */
  readonly size: number;
  readonly observation: Float32Array;
  /** 1 where a choice was allowed, [rows, masked]; empty unless the environment masks its actions. */
  readonly actionMask: Float32Array;
  readonly action: Float32Array;
  readonly logProb: Float32Array;
  /** Noise that each action was sampled with; empty unless the head's entropy needs it. */
  readonly noise: Float32Array;
  readonly reward: Float32Array;
  /** V of the state acted in; 0 without a critic. */
  readonly value: Float32Array;
  /** V of the state reached; 0 without a critic. */
  readonly nextValue: Float32Array;
  readonly terminated: Float32Array;
  readonly truncated: Float32Array;
  /** 1 where the step was the first of its episode (`VectorEnv.fresh`); resets the state of a recurrent model. */
  readonly reset: Float32Array;
  /** 1 where a step was taken; 0 where the environment rested after its episode. `actionMask` is another mask. */
  readonly mask: Float32Array;
  /** State of a recurrent model before the first step, [envs, memorySize]. */
  readonly startState: Float32Array;
  /** Steps taken by the last `collect`. */
  count = 0;
  /** Return, length and success of the `episodes` episodes that ended in the last `collect`, in order of their ends. */
  readonly episodeReturn: Float64Array;
  readonly episodeLength: Int32Array;
  readonly episodeSuccess: Float32Array;
  episodes = 0;

  private readonly stepStride: number;
  private readonly envStride: number;
  /** Acts in this member's environments, if they are not all. */
  private part: Actor | null = null;
  /** State of a recurrent model after the last step, [envs, memorySize]. */
  readonly endState: Float32Array;
  /** Steps that each member took. */
  readonly taken: Int32Array;
  /** Return, length and success of the episode that ended with a step, per row. */
  private readonly ends: readonly [Float64Array, Int32Array, Float32Array];

  constructor(env: VectorEnv, actor: Actor, steps: number, { bySequence = false } = {}) {
    const { head, memorySize } = actor.model;
    const envs = env.envs.length;
    const [{ observationSpace, actionSpace }] = env.envs;
    actor.model.mustFit("Rollout", observationSpace, actionSpace);
    checkInteger("Rollout", "the actor's environments", actor.envs, { min: envs, max: envs });
    checkInteger("Rollout", "steps", steps, { min: 1 });
    const n = steps * envs;
    this.env = env;
    this.actor = actor;
    this.steps = steps;
    this.envs = envs;
    this.size = n;
    [this.stepStride, this.envStride] = bySequence ? [1, steps] : [envs, 1];
    const { team } = env;
    const column = (width = 1): Float32Array => team.floats(n * width);
    this.observation = column(env.observationSize);
    this.actionMask = column(actor.mask.length > 0 ? head.masked : 0).fill(1);
    this.action = column(head.actionSize);
    this.logProb = column();
    this.noise = column(head.samplesEntropy ? head.actionSize : 0);
    this.reward = column();
    this.value = column();
    this.nextValue = column();
    this.terminated = column();
    this.truncated = column();
    this.reset = column();
    this.mask = column();
    this.startState = new Float32Array(envs * memorySize);
    this.endState = team.floats(envs * memorySize);
    this.ends = [team.doubles(n), team.ints(n), team.floats(n)];
    this.taken = team.ints(team.size);
    env.helpers?.offer(this);
    this.episodeReturn = new Float64Array(n);
    this.episodeLength = new Int32Array(n);
    this.episodeSuccess = new Float32Array(n);
  }

  /** Returns the step and the environment of a row. */
  placeOf(row: number): { readonly step: number; readonly env: number } {
    return {
      step: Math.floor(row / this.stepStride) % this.steps,
      env: Math.floor(row / this.envStride) % this.envs,
    };
  }

  /** Takes `steps` steps from the environments' current states with sampled actions; fewer if all environments rest. */
  collect(random: Random): void {
    runNow(this.collecting(random), "collect");
  }

  /** `collect` for environments whose steps return promises. */
  *collecting(random: Random): Waiting<void> {
    const { helpers } = this.env;
    if (helpers === null) yield* this.collectingHere(random);
    else {
      this.startState.set(this.actor.state);
      yield* helpers.sample(this, random);
    }
  }

  /** `collecting` without the environments' helpers. */
  *collectingHere(random: Random): Waiting<void> {
    const { env, actor } = this;
    const { team } = env;
    this.startState.set(actor.state);
    const acting = this.actingIn(env.end - env.first);
    let t = 0;
    if (acting !== null) {
      const { later } = env;
      if (later !== null) yield* later.ready();
      this.begin(acting);
      for (let running = acting.envs; t < this.steps && running > 0; t++) {
        this.act(acting, t, random);
        if (later === null) env.step(acting.command);
        else yield* later.stepping(acting.command);
        running = this.record(acting, t);
      }
      this.finish(acting, t);
    }
    this.taken[team.index] = t;
    team.barrier();
    if (acting !== actor) actor.state.set(this.endState);
    if (env.isShared && team.index === 0)
      env.rewardScaler?.scale(this.reward, this.reward, this.terminated, this.truncated);
    this.join(random, Math.max(...this.taken) - t);
    team.barrier(); // `taken` is written again by the next call
  }

  /** Counts what all have collected, and moves the generator on by the steps that others took. */
  join(random: Random, steps: number): void {
    this.actor.skip(random, this.envs, steps);
    this.count = this.mask.reduce((sum, taken) => sum + taken, 0);
    this.listEpisodes();
  }

  /** Returns an actor for this member's environments; null if it has none. */
  private actingIn(envs: number): Actor | null {
    if (envs === 0) return null;
    if (envs === this.envs) return this.actor;
    if (this.part?.envs !== envs) {
      this.part?.free();
      this.part = this.actor.part(envs);
    }
    return this.part;
  }

  /** Returns the columns that a step writes, each with a whole number of elements per row. */
  columns(): readonly Numbers[] {
    const { observation, actionMask, action, logProb, noise, reward, value, nextValue } = this;
    const { terminated, truncated, reset, mask, ends } = this;
    const decided = [observation, actionMask, action, logProb, noise, value];
    return [...decided, reward, nextValue, terminated, truncated, reset, mask, ...ends];
  }

  private begin(acting: Actor): void {
    const { first, end } = this.env;
    for (let t = 0; t < this.steps; t++)
      for (let e = first; e < end; e++) this.mask[this.row(t, e)] = 0;
    if (acting !== this.actor) acting.state.set(this.own(this.actor.state));
  }

  /** Returns the part of an array of every environment, [envs, width], that is of this member's. */
  private own<T extends Floats>(x: T): T {
    const { first, end } = this.env;
    const width = x.length / this.envs;
    return x.subarray(first * width, end * width) as T;
  }

  /** Acts on the current observations; stores observation, action, log-probability and value of step t. */
  private act(acting: Actor, t: number, random: Random): void {
    const { env } = this;
    const { first, end } = env;
    this.observe(acting, t);
    acting.act(random, this.envs, first);
    this.write(this.action, acting.action, t);
    this.write(this.logProb, acting.logProb, t);
    if (this.noise.length > 0) this.write(this.noise, acting.noise, t);
    this.write(this.value, acting.value, t);
    for (let e = first; e < end; e++) this.mask[this.row(t, e)] = env.resting(e) ? 0 : 1;
  }

  private finish(acting: Actor, steps: number): void {
    const { first, end } = this.env;
    for (let rest = steps; rest < this.steps; rest++)
      for (let e = first; e < end; e++) this.clear(this.row(rest, e));
    this.fillNextValues(acting, steps);
    this.own(this.endState).set(acting.state);
  }

  private observe(acting: Actor, t: number): void {
    const { env } = this;
    const observation = this.own(env.observation);
    acting.observation.set(observation);
    this.write(this.observation, observation, t);
    if (env.mask !== null && acting.mask.length > 0) {
      const mask = this.own(env.mask);
      acting.mask.set(mask);
      this.write(this.actionMask, mask, t);
    }
    const fresh = this.own(env.fresh);
    acting.reset.set(fresh);
    this.write(this.reset, fresh, t);
  }

  /** Stores rewards and ends of step t. Returns the number of environments that do not rest. */
  private record(acting: Actor, t: number): number {
    const { env } = this;
    const { first, end } = env;
    let running = 0;
    let cut = false;
    for (let e = first; e < end; e++) {
      const i = this.row(t, e);
      if (this.mask[i] === 0) {
        this.clear(i);
        continue;
      }
      this.reward[i] = env.reward[e];
      this.terminated[i] = env.terminated[e];
      this.truncated[i] = env.truncated[e];
      cut ||= env.truncated[e] !== 0;
      if (env.terminated[e] !== 0 || env.truncated[e] !== 0) {
        const [returns, lengths, successes] = this.ends;
        returns[i] = env.finalReturn[e];
        lengths[i] = env.finalLength[e];
        successes[i] = env.finalSuccess[e];
      }
      if (!env.resting(e)) running++;
    }
    if (cut) {
      const final = acting.valuesOf(this.own(env.finalObservation));
      for (let e = first; e < end; e++)
        if (env.truncated[e] !== 0) this.nextValue[this.row(t, e)] = final[e - first];
    }
    return running;
  }

  private clear(i: number): void {
    this.reward[i] = 0;
    this.terminated[i] = 1; // nothing follows
    this.truncated[i] = 0;
    this.value[i] = 0;
    this.mask[i] = 0;
  }

  /** Writes V of the state reached; `record` has written it where the episode was cut short. */
  private fillNextValues(acting: Actor, steps: number): void {
    const { env, nextValue, value, truncated } = this;
    const { first, end } = env;
    const lastValue = acting.valuesOf(this.own(env.observation));
    for (let t = 0; t < steps; t++) {
      for (let e = first; e < end; e++) {
        const i = this.row(t, e);
        if (truncated[i] === 0)
          nextValue[i] = t + 1 < steps ? value[this.row(t + 1, e)] : lastValue[e - first];
      }
    }
  }

  /** Lists the episodes that ended, in order of their ends. */
  private listEpisodes(): void {
    const { mask, terminated, truncated, ends } = this;
    const [returns, lengths, successes] = ends;
    this.episodes = 0;
    for (let t = 0; t < this.steps; t++) {
      for (let e = 0; e < this.envs; e++) {
        const i = this.row(t, e);
        if (mask[i] === 0 || (terminated[i] === 0 && truncated[i] === 0)) continue;
        this.episodeReturn[this.episodes] = returns[i];
        this.episodeLength[this.episodes] = lengths[i];
        this.episodeSuccess[this.episodes++] = successes[i];
      }
    }
  }

  /** Returns the row of step t of environment e in each column. */
  row(t: number, e: number): number {
    return t * this.stepStride + e * this.envStride;
  }

  /** Copies numbers of this member's environments, [end − first, width], to step t of a column. */
  private write(column: Float32Array, from: ArrayLike<number>, t: number): void {
    const { first, end } = this.env;
    const width = from.length / (end - first);
    for (let e = first, i = 0; e < end; e++) {
      const at = this.row(t, e) * width;
      for (let j = 0; j < width; j++) column[at + j] = from[i++];
    }
  }
}
