/** Whole episodes, one of each environment at a time, in arrays made once: [steps, envs], time first. */
import type { Random } from "../core/random.ts";
import type { Dynamics } from "../envs/env.ts";
import type { Actor } from "../policies/actor.ts";

export class Episodes {
  readonly envs: number;
  readonly steps: number;
  readonly observationSize: number;
  readonly observation: Float32Array;
  readonly action: Float32Array;
  readonly reward: Float32Array;
  readonly terminated: Float32Array;
  readonly truncated: Float32Array;
  /** 1 where a step was taken; 0 after the episode's end. */
  readonly mask: Float32Array;
  /** The observation after each episode's last step, [envs, size]. */
  readonly finalObservation: Float32Array;
  /** Undiscounted return and length of each episode, [envs]. */
  readonly episodeReturn: Float64Array;
  readonly length: Int32Array;

  constructor(envs: readonly Dynamics[]) {
    this.envs = envs.length;
    this.steps = Math.max(...envs.map((env) => env.maxSteps));
    this.observationSize = envs[0].observationSpace.size;
    const n = this.steps * this.envs;
    this.observation = new Float32Array(n * this.observationSize);
    this.action = new Float32Array(n);
    this.reward = new Float32Array(n);
    this.terminated = new Float32Array(n);
    this.truncated = new Float32Array(n);
    this.mask = new Float32Array(n);
    this.finalObservation = new Float32Array(this.envs * this.observationSize);
    this.episodeReturn = new Float64Array(this.envs);
    this.length = new Int32Array(this.envs);
  }

  /** Plays one episode in each environment with sampled actions. Returns the steps taken. */
  collect(envs: readonly Dynamics[], actor: Actor, random: Random): number {
    const { observationSize: size } = this;
    for (const column of [this.reward, this.terminated, this.truncated, this.mask]) column.fill(0);
    this.episodeReturn.fill(0);
    const look = actor.observation.data;
    for (let e = 0; e < envs.length; e++) {
      envs[e].start();
      envs[e].observe(look, e * size);
    }
    let taken = 0;
    for (let t = 0, running = envs.length; t < this.steps && running > 0; t++) {
      actor.act(random);
      for (let e = 0; e < envs.length; e++) {
        const env = envs[e];
        if (env.terminated || env.truncated) continue;
        const i = t * this.envs + e;
        for (let j = 0; j < size; j++) this.observation[i * size + j] = look[e * size + j];
        env.act(actor.action, e);
        env.observe(look, e * size);
        this.action[i] = actor.action[e];
        this.reward[i] = env.reward;
        this.mask[i] = 1;
        this.terminated[i] = env.terminated ? 1 : 0;
        this.truncated[i] = env.truncated ? 1 : 0;
        this.episodeReturn[e] += env.reward;
        taken++;
        if (env.terminated || env.truncated) {
          env.observe(this.finalObservation, e * size);
          this.length[e] = t + 1;
          running--;
        }
      }
    }
    return taken;
  }
}
