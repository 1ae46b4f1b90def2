/** Base of the optimizers: parameter groups, learning rates, flat regions of parameters with their state. */
import type { Backend, Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { type Kept, numberOf, numbersOf, partOf, type State } from "../core/state.ts";
import { type Parameter, Parameters, type Region } from "../core/tensor.ts";

/** Parameters with their own settings. */
export interface Group {
  readonly parameters: readonly Parameter[];
  readonly learningRate?: number;
  readonly weightDecay?: number;
}

/** One flat region of parameters: values, gradients, settings, and arrays of the optimizer's state. */
export interface OptimizedRegion extends Region {
  readonly backend: Backend;
  readonly state: readonly Floats[];
  readonly learningRate: number | undefined;
  readonly weightDecay: number;
}

type Regions = Omit<Group, "parameters"> & { readonly parameters: readonly Region[] };

/** Parameters to optimize: a whole model, in few flat regions, or groups, with one region per parameter. */
export type Optimized = Parameters | readonly Group[];

export abstract class Optimizer implements Kept {
  /** Learning rate of every group without its own. Assign to it, or pass one to `step`. */
  learningRate: number;
  /** Steps taken. */
  steps = 0;
  readonly regions: readonly OptimizedRegion[];
  private readonly model: Parameters | null;
  /** Number of the model's parameters when the optimizer was made. */
  private readonly count: number;
  /** Running products of decay rates, for bias corrections. */
  protected readonly powers = Float64Array.of(1, 1);

  /** `stateSize` is the number of state arrays per region. */
  constructor(what: Optimized, learningRate: number, weightDecay: number, stateSize: number) {
    atLeast("learningRate", learningRate, 0);
    atLeast("weightDecay", weightDecay, 0);
    this.learningRate = learningRate;
    this.model = what instanceof Parameters ? what : null;
    this.count = this.model?.list.length ?? 0;
    const groups = (
      this.model === null ? what : [{ parameters: this.model.regions() }]
    ) as Regions[];
    for (const group of groups) {
      atLeast("a group's learningRate", group.learningRate ?? 0, 0);
      atLeast("a group's weightDecay", group.weightDecay ?? 0, 0);
    }
    this.regions = groups.flatMap((group) =>
      group.parameters.map(({ data, grad, backend }) => ({
        data,
        grad,
        backend,
        state: Array.from({ length: stateSize }, () => backend.alloc(data.length)),
        learningRate: group.learningRate,
        weightDecay: group.weightDecay ?? weightDecay,
      })),
    );
  }

  /** Updates every parameter by its gradient, then clears the gradients. */
  step(learningRate = this.learningRate): void {
    if (this.model !== null && this.model.list.length !== this.count) {
      const added = this.model.list[this.count].name;
      throw new UsageError(
        `optimizer: parameter "${added}" was added after the optimizer; make the optimizer when the model is complete`,
      );
    }
    atLeast("optimizer.step: learningRate", learningRate, 0);
    this.steps++;
    this.advancePowers();
    for (const region of this.regions) {
      this.update(region, region.learningRate ?? learningRate);
      region.grad.fill(0);
    }
  }

  /** Returns the steps taken and the state of all parameters, but not the parameters. */
  save(): State {
    const runs = this.regions.map(({ state }) => state.map((x) => x.slice()));
    return { steps: this.steps, learningRate: this.learningRate, powers: [...this.powers], runs };
  }

  restore(state: State): void {
    const saved = this.regions.map((region, i) =>
      region.state.map((x, j) =>
        numbersOf(partOf(partOf(state, "runs"), `${i}`), `${j}`, x.length),
      ),
    );
    const powers = numbersOf(state, "powers", 2);
    this.steps = numberOf(state, "steps");
    this.learningRate = numberOf(state, "learningRate");
    this.powers.set(powers);
    for (const [i, region] of this.regions.entries()) {
      for (const [j, x] of region.state.entries()) x.set(saved[i][j]);
    }
  }

  /** Frees the state's buffers. The optimizer must not be used again. */
  free(): void {
    for (const { backend, state } of this.regions) for (const x of state) backend.free(x);
  }

  /** Called once per step, before the updates, to multiply `powers`. */
  protected advancePowers(): void {}
  protected abstract update(region: OptimizedRegion, learningRate: number): void;
}

/** Throws RangeError unless value ≥ low (and < below, where given). */
export function atLeast(name: string, value: number, low: number, below = Infinity): void {
  if (!(value >= low && value < below)) {
    const bound = below === Infinity ? "" : ` and < ${below}`;
    throw new RangeError(`${name}: expected ≥ ${low}${bound}, got ${value}`);
  }
}
