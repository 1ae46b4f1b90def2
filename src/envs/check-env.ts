/** Checks that an environment keeps its contract: spaces, seeds, episode ends, fresh observations. */
import { append } from "../core/append.ts";
import { EnvError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Action, Dynamics, type Env, type Reset, type Step } from "./env.ts";
import type { Space } from "./space.ts";

export interface CheckEnvOptions {
  /** The number of random steps. Default 1,000. */
  readonly steps?: number;
  readonly seed?: number;
}

/**
 * Takes random steps and throws EnvError, which says what was expected and what came, at the first fault:
 * an observation of the wrong length, outside its space or not finite; a reward that is not a finite number;
 * ends that are not booleans, or both at once, or later than the step limit; a reused observation array;
 * different episodes for the same seed; a mask that is not of 0 and 1, allows nothing for one of several choices,
 * or is for actions without choices; an accepted action outside the space, or step after the end; for a
 * `Dynamics`, a `save` that loses state. For an environment in Gymnasium's shape, call
 * `checkEnv(() => fromGymnasium(new Mine()))`, which passes on the environment's own errors.
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
  const ours = make();
  if (ours instanceof Dynamics && ours.canSave) checkSaving(ours, seed);
}

function checkSpace(name: string, space: Space): void {
  if (typeof space?.sample !== "function")
    throw new EnvError(
      `${name}: expected a space such as box(…) or discrete(…), got ${typeof space}; fromGymnasium adapts plain ones`,
    );
  const random = new Random(1);
  for (let i = 0; i < 10; i++) {
    const sample = space.sample(random);
    if (!space.contains(sample))
      throw new EnvError(`${name}: does not contain its sample [${sample}]`);
  }
}

/** Takes random steps, checks each, and returns a flat record to compare. */
function play(env: Env, steps: number, seed: number): number[] {
  const random = new Random(seed);
  const record: number[] = [];
  const { maxSteps = Infinity } = env;
  let last = checkReset(env.reset({ seed }), env);
  append(record, last);
  for (let t = 0, length = 1; t < steps; t++, length++) {
    const kept = last.slice();
    const step = env.step(randomAction(env, random));
    checkStep(step, env, t);
    if (length >= maxSteps && !step.terminated && !step.truncated) {
      throw new EnvError(
        `step ${t}: expected the episode to end after ${maxSteps} steps; it continues`,
      );
    }
    if (step.observation === last) {
      throw new EnvError(
        `step ${t}: expected a fresh observation, got the array of the step before`,
      );
    }
    if (kept.some((x, i) => !Object.is(x, last[i]))) {
      throw new EnvError(`step ${t}: changed the observation that the step before returned`);
    }
    append(record, step.observation);
    record.push(step.reward, Number(step.terminated), Number(step.truncated));
    last = step.observation;
    if (step.terminated || step.truncated) {
      length = 0;
      last = checkReset(env.reset(), env);
      append(record, last);
    }
  }
  return record;
}

function checkReset(reset: Reset, env: Env): Float32Array {
  if (typeof reset !== "object" || reset === null || typeof reset.info !== "object") {
    throw new EnvError("reset: expected { observation, info }; fromGymnasium takes other forms");
  }
  checkObservation("reset", reset.observation, env.observationSpace);
  return reset.observation;
}

function checkStep(step: Step, env: Env, t: number): void {
  if (typeof step !== "object" || step === null || typeof step.info !== "object") {
    throw new EnvError(`step ${t}: expected { observation, reward, terminated, truncated, info }`);
  }
  checkObservation(`step ${t}`, step.observation, env.observationSpace);
  if (typeof step.reward !== "number" || !Number.isFinite(step.reward)) {
    throw new EnvError(`step ${t}: expected a finite reward, got ${step.reward}`);
  }
  for (const end of ["terminated", "truncated"] as const) {
    if (typeof step[end] !== "boolean") {
      throw new EnvError(`step ${t}: expected ${end} to be true or false, got ${step[end]}`);
    }
  }
  if (step.terminated && step.truncated) {
    throw new EnvError(`step ${t}: expected terminated or truncated, got both`);
  }
}

function checkObservation(where: string, observation: Float32Array, space: Space): void {
  if (!(observation instanceof Float32Array) || observation.length !== space.size) {
    throw new EnvError(
      `${where}: expected an observation of ${space.size} float32 numbers, got ${describe(observation)}`,
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

/** Returns a random action that the mask, if any, allows. */
function randomAction(env: Env, random: Random): Action {
  const { actionSpace: space } = env;
  const mask = env.mask === undefined ? undefined : checkedMask(env, choicesOf(space));
  if (space.kind === "discrete") return space.sample(random, undefined, mask)[0];
  if (space.kind === "multiDiscrete") return space.sample(random, undefined, mask);
  return space.sample(random);
}

/** Returns the number of options of each choice that a mask covers. */
function choicesOf(space: Space): readonly number[] {
  if (space.kind === "discrete") return [space.n];
  if (space.kind === "multiDiscrete") return space.choices;
  throw new EnvError(
    `mask: expected none for actions of kind ${space.kind}, which have no choices`,
  );
}

/** Returns the environment's mask. Checks that it is of 0 and 1, has a 1 per choice and writes nowhere else. */
function checkedMask(env: Env, choices: readonly number[]): Float32Array {
  const size = choices.reduce((sum, n) => sum + n, 0);
  const written = new Float32Array(size + 2).fill(2);
  env.mask?.(written, 1);
  const mask = written.subarray(1, size + 1);
  if (written[0] !== 2 || written[size + 1] !== 2 || mask.some((m) => m !== 0 && m !== 1)) {
    throw new EnvError(`mask: expected ${size} numbers, each 0 or 1, got [${mask}]`);
  }
  let first = 0;
  for (const [i, n] of choices.entries()) {
    if (!mask.subarray(first, first + n).includes(1))
      throw new EnvError(`mask: expected an allowed action for choice ${i}, got none`);
    first += n;
  }
  return mask;
}

function same(what: string, a: number[], b: number[]): void {
  const at = a.findIndex((x, i) => !Object.is(x, b[i]));
  if (a.length !== b.length || at >= 0) {
    throw new EnvError(
      `reset: expected the same episodes for ${what}; number ${at} differs; draw all chance from a generator that the seed of reset seeds`,
    );
  }
}

/** Checks steps that must throw. */
function checkRefusals(env: Env): void {
  const random = new Random(3);
  for (const action of actionsOutside(env.actionSpace)) {
    env.reset({ seed: 3 });
    refuses(() => env.step(action), `action ${action}, which is outside the space`);
  }
  const { observation } = env.reset({ seed: 3 });
  if (observation === env.reset({ seed: 3 }).observation) {
    throw new EnvError("reset: expected a fresh observation, got the array of the reset before");
  }
  for (let t = 0; t < 100_000; t++) {
    const { terminated, truncated } = env.step(randomAction(env, random));
    if (terminated || truncated) {
      refuses(() => env.step(randomAction(env, random)), "a step after the episode's end");
      return;
    }
  }
}

function actionsOutside(space: Space): Action[] {
  if (space.kind === "discrete")
    return [space.start - 1, space.start + space.n, space.start + 0.5, Number.NaN];
  const { size } = space;
  const outside: Action[] = [new Float32Array(size + 1), new Float32Array(size).fill(Number.NaN)];
  const inside = space.sample(new Random(5));
  const but = (i: number, x: number): Float32Array => Float32Array.from(inside).fill(x, i, i + 1);
  for (let i = 0; i < size; i++) {
    if (space.kind === "multiDiscrete")
      outside.push(but(i, space.start[i] + space.choices[i]), but(i, space.start[i] - 1));
    if (space.kind === "multiBinary") outside.push(but(i, 2));
    if (space.kind !== "box") continue;
    for (const bound of [space.low[i], space.high[i]]) {
      const further = bound + (bound === space.high[i] ? 1 : -1) * (1 + Math.abs(bound));
      if (Number.isFinite(bound) && Math.abs(further) < 3e38) outside.push(but(i, further));
    }
  }
  return outside;
}

/** Checks that an environment repeats its steps after a save and restore. */
function checkSaving(env: Dynamics, seed: number): void {
  env.reset({ seed });
  const random = new Random(seed);
  for (let t = 0; t < 3; t++) {
    const { terminated, truncated } = env.step(randomAction(env, random));
    if (terminated || truncated) env.reset();
  }
  if (typeof env.render() !== "string") throw new EnvError("render: expected text");
  const saved = JSON.parse(JSON.stringify([env.save(), random.save()]));
  const goOn = (): number[] => {
    const record: number[] = [];
    for (let t = 0; t < 50; t++) {
      const step = env.step(randomAction(env, random));
      append(record, step.observation);
      record.push(step.reward, Number(step.terminated));
      if (step.terminated || step.truncated) append(record, env.reset().observation);
    }
    return record;
  };
  const first = goOn();
  env.restore(saved[0]);
  random.restore(saved[1]);
  if (goOn().some((x, i) => !Object.is(x, first[i]))) {
    throw new EnvError(
      "save: expected the same steps after restore; save all that changes, the generator too",
    );
  }
}

function refuses(call: () => unknown, what: string): void {
  try {
    call();
  } catch {
    return;
  }
  throw new EnvError(`step: expected an error for ${what}, got none`);
}
