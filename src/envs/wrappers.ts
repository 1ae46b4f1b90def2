/**
 * Wrappers of environments: another time limit, stacked frames, scaled observations, clipped or rescaled
 * actions.
 */
import type { Floats } from "../core/backend.ts";
import { checkFinite } from "../core/check.ts";
import { UsageError } from "../core/errors.ts";
import { Dynamics } from "./env.ts";
import type { Scene } from "./scene.ts";
import { type Box, box, type Space } from "./space.ts";

interface Changes {
  readonly maxSteps?: number;
  readonly observationSpace?: Space;
  readonly actionSpace?: Space;
}

/** Forwards everything to `env`; a subclass overrides a part. */
export abstract class Wrapper extends Dynamics {
  readonly env: Dynamics;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** The wrapper's own state; `save` includes the environment's. */
  readonly state: Float64Array = new Float64Array(0);

  constructor(env: Dynamics, changes: Changes = {}) {
    super(Math.min(changes.maxSteps ?? Infinity, env.maxSteps));
    this.env = env;
    this.observationSpace = changes.observationSpace ?? env.observationSpace;
    this.actionSpace = changes.actionSpace ?? env.actionSpace;
    if (env.mask !== undefined) this.mask = (out, at) => env.mask?.(out, at);
  }

  override seed(seed: number): void {
    this.env.seed(seed);
  }

  override get isSeeded(): boolean {
    return this.env.isSeeded;
  }

  override get isAsync(): boolean {
    return this.env.isAsync;
  }

  protected begin(): void {
    this.env.start();
    this.pending = this.env.pending;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { env } = this;
    env.act(actions, at);
    if (env.pending === null) this.take();
    else this.pending = this.after(() => this.take(), env.pending);
  }

  /** Takes over the result of the environment's step. */
  private take(): void {
    const { env } = this;
    this.reward = env.reward;
    this.terminated = env.terminated;
    this.truncated = env.truncated;
    this.success = env.success;
  }

  observe(out: Floats, at: number): void {
    this.env.observe(out, at);
  }

  override get canSave(): boolean {
    return this.env.canSave;
  }

  override close(): void {
    this.env.close();
  }

  override save(): number[] {
    return [...super.save(), ...this.env.save()];
  }

  override restore(saved: readonly number[]): void {
    const own = super.save().length;
    super.restore(saved.slice(0, own));
    this.env.restore(saved.slice(own));
  }

  render(): string {
    return this.env.render();
  }

  override scene(): Scene {
    return this.env.scene();
  }
}

/** Truncates episodes after `maxSteps`, unless the environment ends them sooner. */
export class TimeLimit extends Wrapper {
  constructor(env: Dynamics, maxSteps: number) {
    super(env, { maxSteps });
  }
}

/** Observes the last `frames` observations, oldest first; at the start, copies of the first. */
export class FrameStack extends Wrapper {
  override readonly state: Float64Array;

  constructor(env: Dynamics, frames: number) {
    const { size, shape, names } = env.observationSpace;
    const { low, high } = boundsOf("FrameStack", env.observationSpace);
    if (!(Number.isInteger(frames) && frames >= 1)) {
      throw new RangeError(`FrameStack: expected a whole number of frames ≥ 1, got ${frames}`);
    }
    const repeated = (bounds: Float64Array): Float64Array =>
      new Float64Array(frames * size).map((_, i) => bounds[i % size]);
    const past = Array.from({ length: frames * size }, (_, i) => {
      const ago = frames - 1 - Math.floor(i / size);
      return `${names?.[i % size]}${ago > 0 ? `, ${ago} ago` : ""}`;
    });
    const seen = names === null ? null : past;
    super(env, { observationSpace: box(repeated(low), repeated(high), [frames, ...shape], seen) });
    this.state = new Float64Array(frames * size);
  }

  protected override begin(): void {
    super.begin();
    const { size } = this.env.observationSpace;
    for (let at = 0; at < this.state.length; at += size) this.env.observe(this.state, at);
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    super.advance(actions, at);
    const { size } = this.env.observationSpace;
    this.state.copyWithin(0, size);
    this.env.observe(this.state, this.state.length - size);
  }

  override observe(out: Floats, at: number): void {
    for (let i = 0; i < this.state.length; i++) out[at + i] = this.state[i];
  }
}

/** Accepts any numbers as actions and clips them to the environment's bounds. */
export class ClipAction extends Wrapper {
  private readonly bounds: Box;
  private readonly clipped: Float64Array;

  constructor(env: Dynamics) {
    const bounds = asBox("ClipAction", "actions", env.actionSpace);
    super(env, { actionSpace: box(-Infinity, Infinity, bounds.shape, bounds.names) });
    this.bounds = bounds;
    this.clipped = new Float64Array(bounds.size);
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    const { clipped } = this;
    const { low, high } = this.bounds;
    for (let i = 0; i < clipped.length; i++) {
      clipped[i] = Math.min(Math.max(actions[at + i], low[i]), high[i]);
    }
    super.advance(clipped, 0);
  }
}

/**
 * Maps actions from `low` to `high` (default −1 to 1; one number, or one per dimension) linearly to the
 * environment's bounds.
 */
export class RescaleAction extends Wrapper {
  private readonly bounds: Box;
  private readonly from: Box;
  private readonly rescaled: Float64Array;

  constructor(env: Dynamics, low: number | ArrayLike<number> = -1, high: typeof low = 1) {
    const bounds = asBox("RescaleAction", "actions", env.actionSpace);
    const from = box(low, high, bounds.shape, bounds.names);
    const all = [bounds.low, bounds.high, from.low, from.high].flatMap((b) => Array.from(b));
    if (!all.every(Number.isFinite) || !from.low.every((x, i) => x < from.high[i])) {
      throw new RangeError("RescaleAction: expected finite bounds with low < high");
    }
    super(env, { actionSpace: from });
    this.bounds = bounds;
    this.from = from;
    this.rescaled = new Float64Array(bounds.size);
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    const { rescaled, from, bounds } = this;
    for (let i = 0; i < rescaled.length; i++) {
      const share = (actions[at + i] - from.low[i]) / (from.high[i] - from.low[i]);
      rescaled[i] = bounds.low[i] + share * (bounds.high[i] - bounds.low[i]);
    }
    super.advance(rescaled, 0);
  }
}

/**
 * Multiplies observations by a number, such as 1/255 for pixels of 0 to 255. Policies learn poorly from large
 * numbers; unlike running statistics, a fixed scale is the same from the first step on.
 */
export class ScaleObservation extends Wrapper {
  private readonly scale: number;

  constructor(env: Dynamics, scale: number) {
    checkFinite("ScaleObservation", "scale", scale, { min: Number.MIN_VALUE });
    const { low, high } = boundsOf("ScaleObservation", env.observationSpace);
    const { shape, names } = env.observationSpace;
    const scaled = (bounds: Float64Array): Float64Array => bounds.map((x) => x * scale);
    super(env, { observationSpace: box(scaled(low), scaled(high), shape, names) });
    this.scale = scale;
  }

  override observe(out: Floats, at: number): void {
    this.env.observe(out, at);
    for (let i = at, end = at + this.observationSpace.size; i < end; i++) out[i] *= this.scale;
  }
}

function asBox(who: string, what: string, space: Space): Box {
  if (space.kind !== "box")
    throw new UsageError(`${who}: expected ${what} in a box, got ${space.kind}`);
  return space;
}

/** Returns the flat bounds of observations in a box or a dictionary. */
function boundsOf(who: string, space: Space): Pick<Box, "low" | "high"> {
  return space.kind === "dict" ? space : asBox(who, "observations", space);
}
