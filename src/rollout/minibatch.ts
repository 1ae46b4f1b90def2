/** The part of a rollout that one pass forward and backward takes, in tensors that the loss reads. */
import type { Floats } from "../core/backend.ts";
import { input, NONE, type Tensor } from "../core/tensor.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Memory } from "../policies/network.ts";
import type { Rollout } from "./rollout.ts";

/** What an algorithm worked out for each row of a rollout. */
export interface Estimates {
  readonly advantage: Floats;
  readonly target: Floats;
}

/** Where a minibatch's rows come from: a rollout, or columns given alike. */
export type Source = Pick<
  Rollout,
  | "observation"
  | "mask"
  | "action"
  | "logProb"
  | "noise"
  | "value"
  | "reset"
  | "taken"
  | "startState"
  | "envs"
>;

/** A minibatch of more rows runs in parts: activations of more leave the cache (measured). */
const partRows = 128;

export class Minibatch {
  /** Rows of one pass. */
  readonly rows: number;
  readonly observation: Tensor;
  readonly mask: Tensor;
  readonly action: Tensor;
  readonly oldLogProb: Tensor;
  readonly oldValue: Tensor;
  /** What the actions were sampled with, where the head's entropy wants it; else NONE. */
  readonly noise: Tensor;
  readonly advantage: Tensor;
  readonly target: Tensor;
  /** 1/(taken steps of the whole minibatch), so that sums are means; 0 for others, and behind its end. */
  readonly weight: Tensor;
  readonly memory: Memory | null;
  private readonly columns: readonly (readonly [
    Tensor,
    (source: Source, e: Estimates) => Floats,
  ])[];

  /**
   * For minibatches of up to `size` rows. A recurrent model takes whole sequences of `steps`, all in one
   * pass, so there `size` is a multiple of `steps`. `whole`: in one pass for any model.
   */
  constructor(model: ActorCritic, size: number, { masked = false, steps = 1, whole = false } = {}) {
    const { backend: k } = model.parameters;
    const { head, memorySize, options } = model;
    const rows = memorySize > 0 || whole ? size : Math.min(size, partRows);
    const one = (): Tensor => input(k, [rows]);
    this.rows = rows;
    this.observation = input(k, [rows, options.observation.size]);
    this.mask = masked && head.masked > 0 ? input(k, [rows, head.masked]) : NONE;
    this.mask.data.fill(1);
    this.action = input(k, head.actionShape(rows));
    this.noise = head.samplesEntropy ? input(k, head.actionShape(rows)) : NONE;
    [this.oldLogProb, this.oldValue, this.advantage, this.target, this.weight] = [
      one(),
      one(),
      one(),
      one(),
      one(),
    ];
    this.memory =
      memorySize > 0
        ? {
            state: input(k, [rows / steps, memorySize]),
            reset: input(k, [steps, rows / steps]),
          }
        : null;
    this.columns = [
      [this.observation, (source) => source.observation],
      [this.action, (source) => source.action],
      [this.oldLogProb, (source) => source.logProb],
      [this.oldValue, (source) => source.value],
      [this.advantage, (_, { advantage }) => advantage],
      [this.target, (_, { target }) => target],
      ...(this.noise === NONE ? [] : [[this.noise, (source: Source) => source.noise] as const]),
      ...(this.mask === NONE ? [] : [[this.mask, (source: Source) => source.mask] as const]),
      ...(this.memory === null
        ? []
        : [[this.memory.reset, (source: Source) => source.reset] as const]),
    ];
  }

  /** Calls `pass` for each part of the rows order[first … end − 1], filled in. */
  forEachPart(
    source: Source,
    estimates: Estimates,
    order: Int32Array,
    first: number,
    end: number,
    pass: () => void,
  ): void {
    let taken = 0;
    for (let i = first; i < end; i++) taken += source.taken[order[i]];
    for (let start = first; start < end; start += this.rows) {
      const count = Math.min(this.rows, end - start);
      for (const [tensor, column] of this.columns) {
        copyRows(tensor.data, column(source, estimates), order, start, count, this.rows);
      }
      for (let row = 0; row < this.rows; row++) {
        this.weight.data[row] = row < count ? source.taken[order[start + row]] / taken : 0;
      }
      this.startSequences(source, order, start);
      pass();
    }
  }

  /** The memory of the environments that the first step's rows come from. */
  private startSequences({ startState, envs }: Source, order: Int32Array, start: number): void {
    if (this.memory === null) return;
    const { state } = this.memory;
    const [n, size] = state.shape;
    for (let row = 0; row < n; row++) {
      const e = order[start + row] % envs;
      for (let j = 0; j < size; j++) state.data[row * size + j] = startState[e * size + j];
    }
  }
}

/**
 * Returns where the minibatch that begins at `first` ends: after `minibatch` rows, or at the end of all `size`
 * where fewer than `least` would be left over. With `least` 2, no row is alone: it has no deviation to be
 * standardized by.
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

function copyRows(
  to: Floats,
  from: Floats,
  order: Int32Array,
  start: number,
  count: number,
  rows: number,
): void {
  const width = to.length / rows;
  for (let row = 0, at = 0; row < count; row++) {
    for (let j = 0, i = order[start + row] * width; j < width; j++) to[at++] = from[i++];
  }
}

/**
 * Puts a rollout's rows in random order, so that each stretch of `size` is a minibatch: rows for themselves,
 * or, for a recurrent model, whole environments, the rows of each stretch time first.
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
