/** A long short-term memory layer over sequences, its state carried from segment to segment. */
import { UsageError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import { reshape, slice } from "../ops/layout.ts";
import { type CellWeights, lstm } from "../ops/recurrent.ts";
import { orthogonal } from "./init.ts";

export class Lstm {
  readonly size: number;
  private readonly weights: CellWeights;
  private last: { readonly h: Tensor; readonly c: Tensor } | null = null;

  /** Adds `name.weight_ih`, `name.weight_hh` (orthogonal), `name.bias_ih`, `name.bias_hh` (zeros). */
  constructor(parameters: Parameters, name: string, inputs: number, size: number, random: Random) {
    this.size = size;
    const add = (part: string, columns: number) => {
      const shape = [4 * size, columns];
      return parameters.add(`${name}.${part}`, shape, orthogonal()(random, shape));
    };
    this.weights = {
      wIh: add("weight_ih", inputs),
      wHh: add("weight_hh", size),
      bIh: parameters.add(`${name}.bias_ih`, [4 * size]),
      bHh: parameters.add(`${name}.bias_hh`, [4 * size]),
    };
  }

  /**
   * x [steps·n, in], time first → all h [steps·n, size]. `state` [n, …] holds h and c from column `at` on;
   * `reset` [steps, n] is 1 where a new episode begins.
   */
  forward(x: Tensor, state: Tensor, at: number, reset: Tensor): Tensor {
    const { size } = this;
    const [steps, n] = reset.shape;
    const part = (first: number): Tensor =>
      slice(state, [
        [0, n],
        [first, first + size],
      ]);
    const sequence = reshape(x, [steps, n, x.shape[1]]);
    const { ys, h, c } = lstm(sequence, part(at), part(at + size), this.weights, reset);
    this.last = { h, c };
    return reshape(ys, [steps * n, size]);
  }

  /** Writes h and c behind the last step of the last `forward` into `state`, from column `at` on. */
  carry(state: Tensor, at: number): void {
    if (this.last === null) throw new UsageError("Lstm.carry: call forward first");
    const { size } = this;
    const [n, stride] = state.shape;
    for (let row = 0; row < n; row++) {
      for (let j = 0; j < size; j++) {
        state.data[row * stride + at + j] = this.last.h.data[row * size + j];
        state.data[row * stride + at + size + j] = this.last.c.data[row * size + j];
      }
    }
  }
}
