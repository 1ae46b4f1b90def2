/** A long short-term memory layer over sequences, whose state continues from segment to segment. */
import type { Floats } from "../core/backend.ts";
import type { Random } from "../core/random.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import { reshape, slice } from "../ops/layout.ts";
import { type CellWeights, lstm } from "../ops/recurrent.ts";
import { orthogonal } from "./init.ts";

export class Lstm {
  readonly size: number;
  private readonly weights: CellWeights;

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
   * Maps x [steps·n, in], time first, to all h [steps·n, size]. `state` [n, …] holds h and c from column `at` on;
   * `reset` [steps, n] is 1 where a new episode begins. Writes h and c after the last step to `next`, if given,
   * in the layout of `state`; `next` must not be the state itself.
   */
  forward(x: Tensor, state: Tensor, at: number, reset: Tensor, next?: Floats): Tensor {
    const { size } = this;
    const [steps, n] = reset.shape;
    const part = (first: number): Tensor =>
      slice(state, [
        [0, n],
        [first, first + size],
      ]);
    const sequence = reshape(x, [steps, n, x.shape[1]]);
    const { ys, h, c } = lstm(sequence, part(at), part(at + size), this.weights, reset);
    if (next !== undefined) this.write(next, h.data, c.data, state.shape[1], at);
    return reshape(ys, [steps * n, size]);
  }

  private write(next: Floats, h: Floats, c: Floats, stride: number, at: number): void {
    const { size } = this;
    for (let i = 0, row = at; i < h.length; i += size, row += stride) {
      for (let j = 0; j < size; j++) {
        next[row + j] = h[i + j];
        next[row + size + j] = c[i + j];
      }
    }
  }
}
