/**
 * Steps of several environments under a policy, in arrays allocated once. Columns are [steps, envs], time first, as
 * scans read them; or, with `bySequence`, [envs, steps], as estimators on whole episodes read them.
 */
import { checkInteger } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import { runNow, type Waiting } from "../core/waiting.ts";
import type { Actor } from "../policies/actor.ts";
import type { Transitions } from "../returns/transitions.ts";
import type { VectorEnv } from "./vector-env.ts";

export class Rollout implements Transitions {
  readonly env: VectorEnv;
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
    this.observation = new Float32Array(n * env.observationSize);
    this.actionMask = new Float32Array(actor.mask.length > 0 ? n * head.masked : 0).fill(1);
    this.action = new Float32Array(n * head.actionSize);
    this.logProb = new Float32Array(n);
    this.noise = new Float32Array(head.samplesEntropy ? n * head.actionSize : 0);
    this.reward = new Float32Array(n);
    this.value = new Float32Array(n);
    this.nextValue = new Float32Array(n);
    this.terminated = new Float32Array(n);
    this.truncated = new Float32Array(n);
    this.reset = new Float32Array(n);
    this.mask = new Float32Array(n);
    this.startState = new Float32Array(envs * memorySize);
    this.episodeReturn = new Float64Array(n);
    this.episodeLength = new Int32Array(n);
    this.episodeSuccess = new Float32Array(n);
  }

  /** Takes `steps` steps from the environments' current states with sampled actions; fewer if all environments rest. */
  collect(random: Random): void {
    runNow(this.collecting(random), "collect");
  }

  /** `collect` for environments whose steps return promises. */
  *collecting(random: Random): Waiting<void> {
    const { env, actor } = this;
    const { later } = env;
    if (later !== null) yield* later.ready();
    this.begin();
    let t = 0;
    for (let running = this.envs; t < this.steps && running > 0; t++) {
      this.act(t, random);
      if (later === null) env.step(actor.command);
      else yield* later.stepping(actor.command);
      running = this.record(t);
    }
    this.finish(t);
  }

  private begin(): void {
    this.count = 0;
    this.episodes = 0;
    this.mask.fill(0);
    this.startState.set(this.actor.state);
  }

  /** Acts on the current observations; stores observation, action, log-probability and value of step t. */
  private act(t: number, random: Random): void {
    const { actor, env, envs } = this;
    this.observe(t);
    actor.act(random);
    this.write(this.action, actor.action, t);
    this.write(this.logProb, actor.logProb, t);
    if (this.noise.length > 0) this.write(this.noise, actor.noise, t);
    this.write(this.value, actor.value, t);
    for (let e = 0; e < envs; e++) this.mask[this.row(t, e)] = env.resting(e) ? 0 : 1;
  }

  private finish(steps: number): void {
    for (let rest = steps; rest < this.steps; rest++)
      for (let e = 0; e < this.envs; e++) this.clear(this.row(rest, e));
    this.fillNextValues(steps);
  }

  private observe(t: number): void {
    const { env, actor } = this;
    actor.observation.set(env.observation);
    this.write(this.observation, env.observation, t);
    if (env.mask !== null && actor.mask.length > 0) {
      actor.mask.set(env.mask);
      this.write(this.actionMask, env.mask, t);
    }
    actor.reset.set(env.fresh);
    this.write(this.reset, env.fresh, t);
  }

  /** Stores rewards and ends of step t. Returns the number of environments that do not rest. */
  private record(t: number): number {
    const { env, envs, actor } = this;
    let running = 0;
    let cut = false;
    for (let e = 0; e < envs; e++) {
      const i = this.row(t, e);
      if (this.mask[i] === 0) {
        this.clear(i);
        continue;
      }
      this.count++;
      this.reward[i] = env.reward[e];
      this.terminated[i] = env.terminated[e];
      this.truncated[i] = env.truncated[e];
      cut ||= env.truncated[e] !== 0;
      if (env.terminated[e] !== 0 || env.truncated[e] !== 0) {
        this.episodeReturn[this.episodes] = env.finalReturn[e];
        this.episodeLength[this.episodes] = env.finalLength[e];
        this.episodeSuccess[this.episodes++] = env.finalSuccess[e];
      }
      if (!env.resting(e)) running++;
    }
    if (cut) {
      const final = actor.valuesOf(env.finalObservation);
      for (let e = 0; e < envs; e++)
        if (env.truncated[e] !== 0) this.nextValue[this.row(t, e)] = final[e];
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
  private fillNextValues(steps: number): void {
    const { env, envs, actor, nextValue, value, truncated } = this;
    const lastValue = actor.valuesOf(env.observation);
    for (let t = 0; t < steps; t++) {
      for (let e = 0; e < envs; e++) {
        const i = this.row(t, e);
        if (truncated[i] === 0)
          nextValue[i] = t + 1 < steps ? value[this.row(t + 1, e)] : lastValue[e];
      }
    }
  }

  /** Returns the row of step t of environment e in each column. */
  row(t: number, e: number): number {
    return t * this.stepStride + e * this.envStride;
  }

  /** Copies numbers of every environment, [envs, width], to step t of a column. */
  private write(column: Float32Array, from: ArrayLike<number>, t: number): void {
    const width = from.length / this.envs;
    for (let e = 0, i = 0; e < this.envs; e++) {
      const at = this.row(t, e) * width;
      for (let j = 0; j < width; j++) column[at + j] = from[i++];
    }
  }
}
