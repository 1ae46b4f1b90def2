/** Environments around environments: another time limit, stacked frames, clipped or rescaled actions. */
import type { Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { Dynamics } from "./env.ts";
import type { Scene } from "./scene.ts";
import { type Box, box, type Space } from "./space.ts";

interface Changes {
  readonly maxSteps?: number;
  readonly observationSpace?: Space;
  readonly actionSpace?: Space;
}

/** Passes everything on to `env`; a subclass changes a part. */
abstract class Wrapper extends Dynamics {
  readonly env: Dynamics;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** The wrapper's own; `save` has the environment's too. */
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

  protected begin(): void {
    this.env.start();
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { env } = this;
    env.act(actions, at);
    this.reward = env.reward;
    this.terminated = env.terminated;
    this.success = env.success;
  }

  observe(out: Floats, at: number): void {
    this.env.observe(out, at);
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

/** Cuts episodes short after `maxSteps`, if the environment does not sooner. */
export class TimeLimit extends Wrapper {
  constructor(env: Dynamics, maxSteps: number) {
    super(env, { maxSteps });
  }
}

/** Observes the last `frames` observations, oldest first; at the start the first one fills them all. */
export class FrameStack extends Wrapper {
  override readonly state: Float64Array;

  constructor(env: Dynamics, frames: number) {
    const { size, shape } = env.observationSpace;
    const { low, high } = asBox("FrameStack", "observations", env.observationSpace);
    if (!(Number.isInteger(frames) && frames >= 1)) {
      throw new RangeError(`FrameStack: want frames ≥ 1, got ${frames}`);
    }
    const repeated = (bounds: Float64Array): Float64Array =>
      new Float64Array(frames * size).map((_, i) => bounds[i % size]);
    super(env, { observationSpace: box(repeated(low), repeated(high), [frames, ...shape]) });
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

/** Lets any number be an action: the environment gets the nearest within its bounds. */
export class ClipAction extends Wrapper {
  private readonly bounds: Box;
  private readonly clipped: Float64Array;

  constructor(env: Dynamics) {
    const bounds = asBox("ClipAction", "actions", env.actionSpace);
    super(env, { actionSpace: box(-Infinity, Infinity, bounds.shape) });
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

/** Maps actions from `low` to `high` (default −1 to 1) linearly to the environment's bounds. */
export class RescaleAction extends Wrapper {
  private readonly bounds: Box;
  private readonly rescaled: Float64Array;
  private readonly low: number;
  private readonly high: number;

  constructor(env: Dynamics, low = -1, high = 1) {
    const bounds = asBox("RescaleAction", "actions", env.actionSpace);
    if (![...bounds.low, ...bounds.high, low, high].every(Number.isFinite) || !(low < high)) {
      throw new RangeError("RescaleAction: want finite bounds, low < high");
    }
    super(env, { actionSpace: box(low, high, bounds.shape) });
    this.bounds = bounds;
    this.rescaled = new Float64Array(bounds.size);
    this.low = low;
    this.high = high;
  }

  protected override advance(actions: ArrayLike<number>, at: number): void {
    const { rescaled, low, high, bounds } = this;
    for (let i = 0; i < rescaled.length; i++) {
      const share = (actions[at + i] - low) / (high - low);
      rescaled[i] = bounds.low[i] + share * (bounds.high[i] - bounds.low[i]);
    }
    super.advance(rescaled, 0);
  }
}

function asBox(who: string, what: string, space: Space): Box {
  if (space.kind !== "box")
    throw new UsageError(`${who}: want ${what} in a box, got ${space.kind}`);
  return space;
}
