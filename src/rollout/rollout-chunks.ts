/** The chunks of a rollout: rows copied into tensors that an actor-critic evaluates. */
import type { Floats } from "../core/backend.ts";
import { input, NONE, type Parameters, type Tensor } from "../core/tensor.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";
import type { ActorCritic, Decisions } from "../policies/actor-critic.ts";
import type { Memory } from "../policies/network.ts";
import type { Chunks, WantedOutputs } from "./chunks.ts";
import type { Rollout } from "./rollout.ts";

/** The rollout columns that rows are copied from. */
export type RolloutColumns = Pick<
  Rollout,
  "observation" | "actionMask" | "action" | "noise" | "reset" | "startState" | "envs"
>;

export interface RolloutChunksOptions {
  /** true if the environment masks its actions. Default false. */
  readonly masked?: boolean;
  /** Steps per sequence. A recurrent model takes whole sequences, all of a minibatch in one chunk. Default 1. */
  readonly steps?: number;
  /** Puts a minibatch into one chunk for any model. Default false. */
  readonly whole?: boolean;
}

/** Most rows per chunk: activations of more rows leave the cache (`npx tsx bench update`). */
const chunkRows = 128;

/** Units are rows of a rollout. */
export class RolloutChunks implements Chunks, Decisions {
  readonly parameters: Parameters;
  readonly capacity: number;
  readonly observation: Tensor;
  readonly action: Tensor;
  readonly actionMask: Tensor;
  readonly noise: Tensor;
  readonly memory: Memory | null;
  count = 0;
  private readonly model: ActorCritic;
  private readonly columns: RolloutColumns;
  private readonly inputs: readonly (readonly [Tensor, Floats])[];
  private order: ArrayLike<number> = [];
  private first = 0;

  /** For minibatches of up to `size` rows, a multiple of `steps`. */
  constructor(
    model: ActorCritic,
    columns: RolloutColumns,
    size: number,
    { masked = false, steps = 1, whole = false }: RolloutChunksOptions = {},
  ) {
    const { backend: k } = model.parameters;
    const { head, memorySize, options } = model;
    const rows = memorySize > 0 || whole ? size : Math.min(size, chunkRows);
    this.model = model;
    this.parameters = model.parameters;
    this.columns = columns;
    this.capacity = rows;
    this.observation = input(k, [rows, options.observation.size]);
    this.actionMask = masked && head.masked > 0 ? input(k, [rows, head.masked]) : NONE;
    this.actionMask.data.fill(1);
    this.action = input(k, head.actionShape(rows));
    this.noise = head.samplesEntropy ? input(k, head.actionShape(rows)) : NONE;
    this.memory =
      memorySize > 0
        ? {
            state: input(k, [rows / steps, memorySize]),
            reset: input(k, [steps, rows / steps]),
          }
        : null;
    const { actionMask, noise, memory } = this;
    this.inputs = [
      [this.observation, columns.observation],
      [this.action, columns.action],
      ...(noise === NONE ? [] : [[noise, columns.noise] as const]),
      ...(actionMask === NONE ? [] : [[actionMask, columns.actionMask] as const]),
      ...(memory === null ? [] : [[memory.reset, columns.reset] as const]),
    ];
  }

  forEachChunk(order: ArrayLike<number>, first: number, end: number, pass: () => void): void {
    this.order = order;
    for (let start = first; start < end; start += this.capacity) {
      this.first = start;
      this.count = Math.min(this.capacity, end - start);
      for (const [tensor, column] of this.inputs) this.copy(tensor, column);
      this.startSequences();
      pass();
    }
  }

  column(): Tensor {
    return input(this.parameters.backend, [this.capacity]);
  }

  fill(to: Tensor, column: Floats): void {
    if (this.count < this.capacity) to.data.fill(0);
    this.copy(to, column);
  }

  spill({ data }: Tensor, column: Floats): void {
    for (let row = 0; row < this.count; row++) column[this.order[this.first + row]] = data[row];
  }

  evaluate(options: Pick<WantedOutputs, "entropy">): PolicyOutputs {
    return this.model.evaluate(this, options);
  }

  private copy({ data }: Tensor, column: Floats): void {
    const { order, first, count } = this;
    const width = data.length / this.capacity;
    for (let row = 0, at = 0; row < count; row++) {
      for (let j = 0, i = order[first + row] * width; j < width; j++) data[at++] = column[i++];
    }
  }

  /** Copies the recurrent state at the start of each sequence. */
  private startSequences(): void {
    if (this.memory === null) return;
    const { startState, envs } = this.columns;
    const { state } = this.memory;
    const [n, size] = state.shape;
    for (let row = 0; row < n; row++) {
      const e = this.order[this.first + row] % envs;
      for (let j = 0; j < size; j++) state.data[row * size + j] = startState[e * size + j];
    }
  }
}

/**
 * Returns the end of the minibatch that begins at `first`: after `minibatch` rows, or at `size` if fewer than `least`
 * rows would be left over. With `least` 2 no minibatch has a single row, which has no standard deviation.
 */
export function minibatchEnd(
  first: number,
  minibatch: number,
  size: number,
  least: number,
): number {
  const end = first + minibatch;
  return size - end < least ? size : end;
}

/**
 * Writes a rollout's rows in random order. For a recurrent model, with `sequences`, environments are shuffled instead,
 * and each minibatch of `size` rows has step 0 of all its environments, then step 1, and so on.
 */
export function shuffleRows(
  order: Int32Array,
  random: { shuffle(array: Int32Array): void },
  sequences: { readonly steps: number; readonly envs: number; readonly size: number } | null,
): void {
  if (sequences === null) {
    for (let i = 0; i < order.length; i++) order[i] = i;
    random.shuffle(order);
    return;
  }
  const { steps, envs, size } = sequences;
  const chosen = Int32Array.from({ length: envs }, (_, e) => e);
  random.shuffle(chosen);
  const together = size / steps;
  for (let first = 0, at = 0; first < envs; first += together) {
    for (let t = 0; t < steps; t++) {
      for (let e = first; e < first + together; e++) order[at++] = t * envs + chosen[e];
    }
  }
}
