/**
 * Adapts environments in Gymnasium's shape: a plain object with spaces, `reset` and `step` becomes a `Dynamics`,
 * which every trainer accepts. Each result is checked; errors name the step and what was got.
 */
import type { Floats } from "../core/backend.ts";
import {
  EnvError,
  MaskError,
  NumericError,
  SettingError,
  ShapeError,
  UsageError,
} from "../core/errors.ts";
import { isPromise } from "../core/waiting.ts";
import { type ActionForm, actionForm } from "./action-form.ts";
import { Dynamics } from "./env.ts";
import {
  isFloat32,
  isList,
  kindOf,
  numberKind,
  type PlainSpace,
  readValue,
  seenSpace,
  spaceOf,
} from "./plain-space.ts";
import { decodeValue, encodeValue } from "./saved-value.ts";
import { type Scene, textScene } from "./scene.ts";
import { flatSize, type Space } from "./space.ts";

/** An environment in Gymnasium's shape. Only the first four members are required. */
export interface GymnasiumEnv {
  readonly observationSpace: Space | PlainSpace;
  readonly actionSpace: Space | PlainSpace;
  /**
   * Begins an episode. May return a promise, and then `step` may, too. A seed, if given, decides it and those after it. Returns the observation,
   * `[observation, info]` or `{ observation, info }`. An observation is a number, a list (typed or nested), or
   * values by name.
   */
  reset(options: { readonly seed?: number }): unknown;
  /**
   * Takes an action: a number for a discrete space, values by name for a Dict, a list for others. Returns
   * `[observation, reward, terminated, truncated, info]` or an object of these; `info` may be left out.
   * `info.actionMask` is the mask of the next action, `info.success` says whether the episode reached its goal.
   */
  step(action: never): unknown;
  /** If given, the most steps of an episode. */
  readonly maxSteps?: number;
  /** Returns 1 or true for each allowed choice, 0 or false for the others. */
  mask?(out: Floats, at: number): unknown;
  /** Returns the state as text; another result is ignored. */
  render?(): unknown;
  scene?(): Scene;
  /** Returns all that the next steps depend on, including the generator, as plain data. */
  save?(): unknown;
  /** Resumes from what `save` returned. */
  restore?(saved: never): void;
  close?(): void;
}

/**
 * Returns the environment as a `Dynamics`. Resets it once, with seed 0, to see that it works and whether it gives
 * masks. Throws SettingError for a missing method and for an invalid space.
 */
export function fromGymnasium(env: GymnasiumEnv | (() => GymnasiumEnv)): GymnasiumDynamics {
  return new GymnasiumDynamics(typeof env === "function" ? env() : env);
}

/** The source of masks: the method `mask`, or this entry of `info`. */
type MaskSource = "mask" | "actionMask" | "action_mask" | null;

export class GymnasiumDynamics extends Dynamics {
  readonly env: GymnasiumEnv;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** The observation, then the mask; the environment's own state is in `save`. */
  readonly state: Float64Array;
  private readonly given: Space;
  private readonly form: ActionForm;
  private readonly masked: MaskSource;
  /** The number of options of each choice that a mask covers. */
  private readonly choices: readonly number[];
  /** The seed of the next reset; null to continue with the environment's generator. */
  private nextSeed: number | null = 0;
  private steps = 0;
  /** The first reset of an environment that answers later; null for others. */
  private readonly opening: PromiseLike<unknown> | null;

  constructor(env: GymnasiumEnv) {
    mustHaveMethods(env);
    super(env.maxSteps ?? Infinity);
    this.env = env;
    this.given = spaceOf(env.observationSpace, "observationSpace");
    this.observationSpace = seenSpace(this.given);
    this.form = actionForm(spaceOf(env.actionSpace, "actionSpace"));
    const actions = this.form.space;
    this.actionSpace = actions;
    const { size } = this.observationSpace;
    const first: unknown = env.reset({ seed: 0 });
    this.opening = isPromise(first) ? first : null;
    const info = isPromise(first) ? {} : readReset(this.given, first, new Float64Array(size));
    this.masked = maskSource(env, info);
    this.choices =
      actions.kind === "discrete"
        ? [actions.n]
        : actions.kind === "multiDiscrete"
          ? actions.choices
          : [];
    if (this.masked !== null && this.choices.length === 0)
      throw new SettingError(`mask: expected none for actions in a ${actions.kind}`);
    this.state = new Float64Array(size + (this.masked === null ? 0 : flatSize(actions)));
    if (this.masked === null) return;
    this.state.fill(1, size);
    this.mask = (out, at) => {
      for (let i = size; i < this.state.length; i++) out[at + i - size] = this.state[i];
    };
  }

  /** Writes an observation in the environment's form as the flat numbers that a policy sees, [size]. */
  read(observation: unknown, out: Floats): void {
    readValue(this.given, observation, out, 0, () => "observation");
  }

  override get canSave(): boolean {
    return this.env.save !== undefined;
  }

  override seed(seed: number): void {
    super.seed(seed);
    this.nextSeed = seed;
  }

  protected begin(): void {
    const seed = this.nextSeed;
    this.nextSeed = null;
    this.random.bits(); // counts episodes for `restore`
    this.steps = 0;
    const options = seed === null ? {} : { seed };
    const read = (result: unknown): void =>
      this.readMask(readReset(this.given, result, this.state), "reset");
    const { opening, env } = this;
    if (opening === null) read(env.reset(options));
    else
      this.pending = Promise.resolve(opening)
        .then(() => env.reset(options))
        .then(read);
  }

  override get isAsync(): boolean {
    return this.opening !== null;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const where = `step ${++this.steps}`;
    const result = this.env.step(this.form.value(actions, at) as never);
    if (this.opening === null) this.readStep(result, where);
    else this.pending = Promise.resolve(result).then((step) => this.readStep(step, where));
  }

  private readStep(result: unknown, where: string): void {
    const { given } = this;
    const { observation, reward, terminated, truncated, info } = stepOf(result, where);
    readValue(given, observation, this.state, 0, () => `${where}: observation`);
    this.reward = reward;
    this.terminated = terminated;
    this.truncated = truncated;
    this.success = successOf(info);
    if (!terminated && !truncated) this.readMask(info, where);
  }

  /** Reads the mask into the state. */
  private readMask(info: Info, where: string): void {
    const { env, masked, choices } = this;
    if (masked === null) {
      const given = infoMask(info);
      if (given !== null)
        throw new EnvError(
          `${where}: expected no ${given}, as ${this.isAsync ? "masks of an environment that answers later come from" : "the first reset gave none; give one there, or"} a method mask(out, at)`,
        );
      return;
    }
    const { size } = this.observationSpace;
    const length = this.state.length - size;
    const out = new Float64Array(length);
    const result = masked === "mask" ? env.mask?.(out, 0) : info[masked];
    const nested = Array.isArray(result) && isList(result[0]) ? result : null;
    const list = nested?.flatMap((part) => Array.from(part as ArrayLike<unknown>)) ?? result;
    const flat = masked === "mask" && result === undefined ? out : (list as ArrayLike<unknown>);
    if (flat?.length !== length)
      throw new ShapeError(`${where}: expected a mask of ${length} numbers, got ${kindOf(result)}`);
    for (let i = 0; i < length; i++) {
      const m = Number(flat[i]);
      if (m !== 0 && m !== 1)
        throw new NumericError(
          `${where}: expected a mask of 0 and 1, got ${kindOf(flat[i])} at ${i}`,
        );
      this.state[size + i] = m;
    }
    for (let i = 0, first = size; i < choices.length; first += choices[i++]) {
      if (!this.state.subarray(first, first + choices[i]).includes(1))
        throw new MaskError(
          `${where}: expected a mask with an allowed action${choices.length > 1 ? ` for choice ${i}` : ""}, got none; end the episode instead`,
        );
    }
  }

  observe(out: Floats, at: number): void {
    for (let i = 0; i < this.observationSpace.size; i++) out[at + i] = this.state[i];
  }

  render(): string {
    const text = this.env.render?.();
    if (typeof text === "string") return text;
    const { size } = this.observationSpace;
    if (size > 40) return `step ${this.steps}, reward ${this.reward}`;
    const { names } = this.observationSpace;
    return Array.from({ length: size }, (_, i) => `${names?.[i] ?? i}: ${this.state[i]}`).join(
      "\n",
    );
  }

  override scene(): Scene {
    return this.env.scene?.() ?? textScene(this.render());
  }

  override close(): void {
    const close = (): void => this.env.close?.();
    if (this.opening === null) close();
    else Promise.all([this.opening, this.pending]).then(close, close); // once it has answered
  }

  /** Throws UsageError: the environment's states are unknown here. */
  override startFrom(): never {
    throw new UsageError("startFrom: expected an environment with known states; use restore");
  }

  override save(): number[] {
    const own = [...super.save(), this.nextSeed ?? -1, this.steps];
    const { env } = this;
    return env.save === undefined ? own : [...own, ...encodeValue(synchronous(env.save(), "save"))];
  }

  /** Resumes; without the environment's own `save`, a new episode follows, whose seed the old one decides. */
  override restore(saved: readonly number[]): void {
    const own = super.save().length;
    super.restore(saved.slice(0, own));
    const [seed, steps] = saved.slice(own);
    this.nextSeed = seed < 0 ? null : seed;
    this.steps = steps;
    if (this.env.save !== undefined) {
      synchronous(this.env.restore?.(decodeValue(saved.slice(own + 2)) as never), "restore");
      return;
    }
    this.nextSeed ??= this.random.bits();
    this.started = false;
  }
}

function mustHaveMethods(env: GymnasiumEnv): void {
  if (typeof env !== "object" || env === null)
    throw new SettingError(`fromGymnasium: expected an environment, got ${kindOf(env)}`);
  if (isPromise(env))
    throw new SettingError("fromGymnasium: expected an environment, got a promise; await it first");
  for (const name of ["reset", "step"] as const)
    if (typeof env[name] !== "function")
      throw new SettingError(`fromGymnasium: expected a method ${name}, got ${kindOf(env[name])}`);
  for (const [name, pythons] of [
    ["observationSpace", "observation_space"],
    ["actionSpace", "action_space"],
  ] as const)
    if (env[name] === undefined && pythons in env)
      throw new SettingError(`fromGymnasium: expected ${name}, got ${pythons}: rename it`);
  for (const name of ["mask", "render", "scene", "save", "restore", "close"] as const)
    if (env[name] !== undefined && typeof env[name] !== "function")
      throw new SettingError(
        `fromGymnasium: expected ${name} as a method, got ${kindOf(env[name])}`,
      );
  if ((env.save === undefined) !== (env.restore === undefined))
    throw new SettingError("fromGymnasium: expected both save and restore, or neither");
}

type Info = Readonly<Record<string, unknown>>;

const maskSource = (env: GymnasiumEnv, info: Info): MaskSource =>
  env.mask !== undefined ? "mask" : infoMask(info);

const infoMask = (info: Info): Exclude<MaskSource, "mask"> =>
  (["actionMask", "action_mask"] as const).find((name) => info[name] !== undefined) ?? null;

const successOf = (info: Info): boolean | null => {
  const { success = info.is_success } = info;
  return typeof success === "boolean" ? success : null;
};

/** Returns the result. Throws EnvError for a promise. */
function synchronous<T>(result: T, where: string): T {
  if (isPromise(result))
    throw new EnvError(
      `${where}: expected a result, got a promise; where reset answers at once, step must, too`,
    );
  return result;
}

const isPlain = (x: unknown): x is Info =>
  typeof x === "object" && x !== null && !Array.isArray(x) && !ArrayBuffer.isView(x);

/** Reads the result of `reset` into `state`; returns its info. */
function readReset(space: Space, result: unknown, state: Float64Array): Info {
  synchronous(result, "reset");
  let [observation, info] = [result, undefined as unknown];
  const isPart = space.kind === "dict" && space.parts.some(({ name }) => name === "observation");
  if (isPlain(result) && "observation" in result && !(isPart && !isPlain(result.observation)))
    [observation, info] = [result.observation, result.info];
  else if (
    Array.isArray(result) &&
    result.length === 2 &&
    isPlain(result[1]) &&
    !isPair(space, result)
  )
    [observation, info] = result;
  readValue(space, observation, state, 0, () => "reset: observation");
  return infoOf(info, "reset");
}

/** Returns whether [x, y] is the observation of a tuple of two parts, and not an observation with its info. */
const isPair = (space: Space, [first]: readonly unknown[]): boolean =>
  space.kind === "dict" &&
  space.isTuple === true &&
  space.parts.length === 2 &&
  space.parts[1].space.kind === "dict" &&
  !isPlain(Object(first)[1]);

function infoOf(info: unknown, where: string): Info {
  if (info === undefined || info === null) return {};
  if (isPlain(info)) return info;
  throw new EnvError(`${where}: expected info to be an object, got ${kindOf(info)}`);
}

const form = "[observation, reward, terminated, truncated, info] or an object of these";

function stepOf(result: unknown, where: string) {
  synchronous(result, where);
  if (Array.isArray(result) && result.length === 4 && isPlain(result[3]))
    throw new EnvError(
      `${where}: expected ${form}, got a list of 4; split done into terminated and truncated`,
    );
  const isStep = Array.isArray(result)
    ? result.length === 4 || result.length === 5
    : isPlain(result);
  if (!isStep) throw new EnvError(`${where}: expected ${form}, got ${kindOf(result)}`);
  const { observation, reward, terminated, truncated, info } = Array.isArray(result)
    ? (([a, b, c, d, e]) => ({ observation: a, reward: b, terminated: c, truncated: d, info: e }))(
        result,
      )
    : (result as Info);
  if (observation === undefined)
    throw new EnvError(`${where}: expected ${form}, got no observation`);
  if (!isFloat32(reward))
    throw new NumericError(
      `${where}: expected a finite number as reward, got ${numberKind(reward)}`,
    );
  for (const [name, end] of Object.entries({ terminated, truncated }))
    if (typeof end !== "boolean")
      throw new EnvError(`${where}: expected ${name} to be true or false, got ${kindOf(end)}`);
  return {
    observation,
    reward,
    terminated: terminated as boolean,
    truncated: truncated as boolean,
    info: infoOf(info, where),
  };
}

export type { PlainSpace };
