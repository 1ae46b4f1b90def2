/**
 * PopArt, for the last layer of a critic: van Hasselt et al. 2016, arXiv:1602.07714, algorithm 1. The layer predicts
 * targets standardized by their running mean and standard deviation, so that one step size fits rewards of any scale:
 *
 *   V(s) = σ·(w·h + b) + μ        μ = E G,  σ² = E G² − μ², moving at rate β, unbiased from the first batch on
 *
 * When the statistics change, w and b are rescaled so that every V stays the same:
 *
 *   w' = w·σ/σ'        b' = (σ·b + μ − μ')/σ'
 */
import type { Backend, Floats } from "../core/backend.ts";
import { checkFinite } from "../core/check.ts";
import { type Kept, numbersOf, type State } from "../core/state.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";

const leastDeviation = 1e-4;

export class PopArt implements Kept {
  /** μ, σ and 1/σ², each [1]. */
  readonly mean: Tensor;
  readonly deviation: Tensor;
  readonly inverseVariance: Tensor;
  private readonly weight: Floats;
  private readonly bias: Floats;
  /** E G, E G², and the weight that their initial value 0 still has. */
  private readonly moments = Float64Array.of(0, 0, 1);

  /** `weight` and `bias` are those of the layer with one output. */
  constructor(k: Backend, weight: Floats, bias: Floats) {
    this.weight = weight;
    this.bias = bias;
    this.mean = input(k, [1]);
    this.deviation = input(k, [1], [1]);
    this.inverseVariance = input(k, [1], [1]);
  }

  /** Output of the layer → V. */
  value(output: Tensor): Tensor {
    return add(mul(output, this.deviation), this.mean);
  }

  /** Updates the statistics with a batch of targets at rate `beta`, above 0 and up to 1, and rescales the layer. */
  update(target: Floats, beta: number): void {
    checkFinite("PopArt.update", "beta", beta, { min: Number.MIN_VALUE, max: 1 });
    if (target.length === 0) return;
    const { moments } = this;
    let [sum, squares] = [0, 0];
    for (let i = 0; i < target.length; i++) {
      sum += target[i];
      squares += target[i] * target[i];
    }
    moments[0] += beta * (sum / target.length - moments[0]);
    moments[1] += beta * (squares / target.length - moments[1]);
    moments[2] *= 1 - beta;
    this.rescale();
  }

  private rescale(): void {
    const { weight, bias, mean, deviation } = this;
    const [oldMean, oldDeviation] = [mean.data[0], deviation.data[0]];
    this.measure();
    const ratio = oldDeviation / deviation.data[0];
    for (let i = 0; i < weight.length; i++) weight[i] *= ratio;
    bias[0] = (oldDeviation * bias[0] + oldMean - mean.data[0]) / deviation.data[0];
  }

  /** Computes μ and σ from the moments. */
  private measure(): void {
    const [first, second, start] = this.moments;
    const mean = first / (1 - start);
    this.mean.data[0] = mean;
    const variance = Math.max(second / (1 - start) - mean * mean, leastDeviation * leastDeviation);
    this.deviation.data[0] = Math.sqrt(variance);
    const rounded = this.deviation.data[0]; // in the tensor's precision
    this.inverseVariance.data[0] = 1 / (rounded * rounded);
  }

  save(): State {
    return { moments: this.moments.slice() };
  }

  /** Restores the statistics; the layer's weights are restored with the model. */
  restore(state: State): void {
    this.moments.set(numbersOf(state, "moments", this.moments.length));
    if (this.moments[2] < 1) this.measure();
  }
}
