/** Holds an environment to its contract: spaces, seeds, episode ends, fresh observations. */
import { EnvError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Action, Env, Reset, Step } from "./env.ts";
import type { Space } from "./space.ts";

export interface CheckEnvOptions {
  /** Random steps taken. Default 1,000. */
  readonly steps?: number;
  readonly seed?: number;
}

/**
 * Takes random steps and throws EnvError, saying what was wanted and what came, at the first fault:
 * an observation of the wrong length, outside its space or not finite; a reward that is no finite number;
 * ends that are not booleans; an observation array used again; the same seed giving another episode;
 * an action outside the space, or a step after the end, that is let through.
 */
export function checkEnv(make: () => Env, { steps = 1000, seed = 1 }: CheckEnvOptions = {}): void {
  const env = make();
  checkSpace("observationSpace", env.observationSpace);
  checkSpace("actionSpace", env.actionSpace);
  const first = play(make(), steps, seed);
  same("the same seed, in a new environment", first, play(make(), steps, seed));
  const reused = make();
  play(reused, Math.min(steps, 50), seed + 1);
  same("the same seed, in a used environment", first, play(reused, steps, seed));
  checkRefusals(make());
}

function checkSpace(name: string, space: Space): void {
  const random = new Random(1);
  for (let i = 0; i < 10; i++) {
    const sample = space.sample(random);
    if (!space.contains(sample))
      throw new EnvError(`${name}: does not contain its sample [${sample}]`);
  }
}

/** A random walk, checked at each step, as a flat record to compare. */
function play(env: Env, steps: number, seed: number): number[] {
  const random = new Random(seed);
  const record: number[] = [];
  let last = checkReset(env.reset({ seed }), env);
  record.push(...last);
  for (let t = 0; t < steps; t++) {
    const kept = last.slice();
    const step = env.step(actionOf(env.actionSpace, random));
    checkStep(step, env, t);
    if (step.observation === last) {
      throw new EnvError(`step ${t}: want a fresh observation, got the array of the step before`);
    }
    if (kept.some((x, i) => !Object.is(x, last[i]))) {
      throw new EnvError(`step ${t}: changed the observation that the step before returned`);
    }
    record.push(...step.observation, step.reward, Number(step.terminated), Number(step.truncated));
    last = step.observation;
    if (step.terminated || step.truncated) {
      last = checkReset(env.reset(), env);
      record.push(...last);
    }
  }
  return record;
}

function checkReset(reset: Reset, env: Env): Float32Array {
  if (typeof reset !== "object" || reset === null || typeof reset.info !== "object") {
    throw new EnvError("reset: want { observation, info }");
  }
  checkObservation("reset", reset.observation, env.observationSpace);
  return reset.observation;
}

function checkStep(step: Step, env: Env, t: number): void {
  if (typeof step !== "object" || step === null || typeof step.info !== "object") {
    throw new EnvError(`step ${t}: want { observation, reward, terminated, truncated, info }`);
  }
  checkObservation(`step ${t}`, step.observation, env.observationSpace);
  if (typeof step.reward !== "number" || !Number.isFinite(step.reward)) {
    throw new EnvError(`step ${t}: want a finite reward, got ${step.reward}`);
  }
  for (const end of ["terminated", "truncated"] as const) {
    if (typeof step[end] !== "boolean") {
      throw new EnvError(`step ${t}: want ${end} to be true or false, got ${step[end]}`);
    }
  }
}

function checkObservation(where: string, observation: Float32Array, space: Space): void {
  if (!(observation instanceof Float32Array) || observation.length !== space.size) {
    throw new EnvError(
      `${where}: want an observation of ${space.size} float32 numbers, got ${describe(observation)}`,
    );
  }
  const bad = observation.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw new EnvError(`${where}: observation[${bad}] is ${observation[bad]}`);
  if (!space.contains(observation)) {
    throw new EnvError(`${where}: observation [${observation}] is outside its space`);
  }
}
const describe = (x: unknown): string =>
  ArrayBuffer.isView(x) ? `${x.constructor.name}(${(x as Float32Array).length})` : typeof x;

const actionOf = (space: Space, random: Random): Action => {
  const sample = space.sample(random);
  return space.kind === "discrete" ? sample[0] : sample;
};

function same(what: string, a: number[], b: number[]): void {
  const at = a.findIndex((x, i) => !Object.is(x, b[i]));
  if (a.length !== b.length || at >= 0) {
    throw new EnvError(`reset: want the same episodes for ${what}; number ${at} differs`);
  }
}

/** Steps that must throw. */
function checkRefusals(env: Env): void {
  const random = new Random(3);
  const outside =
    env.actionSpace.kind === "discrete" ? [-1, env.actionSpace.n, 0.5, Number.NaN] : [];
  for (const action of outside) {
    env.reset({ seed: 3 });
    refuses(() => env.step(action), `action ${action}, which is outside the space`);
  }
  const { observation } = env.reset({ seed: 3 });
  if (observation === env.reset({ seed: 3 }).observation) {
    throw new EnvError("reset: want a fresh observation, got the array of the reset before");
  }
  for (let t = 0; t < 100_000; t++) {
    const { terminated, truncated } = env.step(actionOf(env.actionSpace, random));
    if (terminated || truncated) {
      refuses(() => env.step(actionOf(env.actionSpace, random)), "a step after the episode's end");
      return;
    }
  }
}

function refuses(call: () => unknown, what: string): void {
  try {
    call();
  } catch {
    return;
  }
  throw new EnvError(`step: want an error for ${what}; it was let through`);
}
