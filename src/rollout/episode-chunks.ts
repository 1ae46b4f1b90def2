/** The chunks of a rollout by sequence, whose units are whole episodes, for estimators that compare episodes. */
import type { Floats } from "../core/backend.ts";
import { input, type Parameters, type Tensor } from "../core/tensor.ts";
import type { PolicyOutputs } from "../estimators/policy-loss.ts";
import { reshape } from "../ops/layout.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";
import type { Chunks, WantedOutputs } from "./chunks.ts";
import type { Rollout } from "./rollout.ts";
import { RolloutChunks } from "./rollout-chunks.ts";

export interface EpisodeChunksOptions {
  readonly masked: boolean;
  /**
   * Number of whole episodes per chunk, for losses on sequences: columns are [together, steps]. null: a chunk holds
   * rows of taken steps, [rows], regardless of episodes.
   */
  readonly together: number | null;
}

/** Units are episodes of a rollout whose columns are [envs, steps]. */
export class EpisodeChunks implements Chunks {
  readonly parameters: Parameters;
  readonly capacity: number;
  count = 0;
  private readonly rollout: Rollout;
  private readonly together: number | null;
  private readonly rows: RolloutChunks;
  private readonly order: Int32Array;
  private readonly shape: readonly number[] | null;
  private episodes: ArrayLike<number> = []; // of the current chunk

  constructor(model: ActorCritic, rollout: Rollout, { masked, together }: EpisodeChunksOptions) {
    const { steps, size } = rollout;
    const options = { masked, whole: together !== null };
    this.parameters = model.parameters;
    this.rollout = rollout;
    this.together = together;
    this.rows = new RolloutChunks(
      model,
      rollout,
      together === null ? size : together * steps,
      options,
    );
    this.order = new Int32Array(size);
    this.shape = together === null ? null : [together, steps];
    this.capacity = together ?? this.rows.capacity;
  }

  forEachChunk(order: ArrayLike<number>, first: number, end: number, pass: () => void): void {
    const { together } = this;
    const each = together ?? end - first;
    for (let start = first; start < end; start += each) {
      this.episodes = Array.from({ length: each }, (_, i) => order[start + i]);
      const rows = this.expand(together !== null);
      this.rows.forEachChunk(this.order, 0, rows, () => {
        this.count = together ?? this.rows.count;
        pass();
      });
    }
  }

  /** Writes the rows of the chunk's episodes to `order`. Returns their number. */
  private expand(whole: boolean): number {
    const { steps, mask } = this.rollout;
    let rows = 0;
    for (let i = 0; i < this.episodes.length; i++) {
      const start = this.episodes[i] * steps;
      for (let row = start; row < start + steps; row++)
        if (whole || mask[row] !== 0) this.order[rows++] = row;
    }
    return rows;
  }

  column(of: Floats): Tensor {
    const { rollout, rows, shape } = this;
    if (shape === null) return rows.column();
    return input(this.parameters.backend, of.length === rollout.size ? shape : shape.slice(0, 1));
  }

  fill(to: Tensor, column: Floats): void {
    if (column.length === this.rollout.size) this.rows.fill(to, column);
    else for (let i = 0; i < to.data.length; i++) to.data[i] = column[this.episodes[i]];
  }

  spill(from: Tensor, column: Floats): void {
    this.rows.spill(from, column);
  }

  evaluate(options: WantedOutputs): PolicyOutputs {
    const { logProb, entropy, value } = this.rows.evaluate(options);
    const shaped = (x: Tensor): Tensor => (this.shape === null ? x : reshape(x, this.shape));
    return { logProb: shaped(logProb), entropy: entropy && shaped(entropy), value };
  }
}
