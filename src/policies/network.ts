/**
 * The body of a policy or a critic, from observations to features: convolutions over image planes, dense layers, and an
 * LSTM, all optional.
 */
import type { Floats } from "../core/backend.ts";
import { SettingError, UsageError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { type Parameters, type Shape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { Conv } from "../nn/conv.ts";
import { Lstm } from "../nn/lstm.ts";
import { Mlp } from "../nn/mlp.ts";
import { mlpTangent } from "../nn/tangent.ts";
import { reshape } from "../ops/layout.ts";

export interface NetworkOptions {
  /** Sizes of the dense layers; empty for none. */
  readonly hidden: readonly number[];
  /** Activation after each dense layer. Default "tanh". */
  readonly activation?: "tanh" | "relu";
  /**
   * Channels of 3 × 3 convolutions, each followed by ReLU, over observations [planes, height, width]. Default: none.
   */
  readonly filters?: readonly number[];
  /** Size of an LSTM after the dense layers. Default 0: none. */
  readonly memory?: number;
}

/** State of a recurrent network for `n` sequences. */
export interface Memory {
  /** h and c of each LSTM before the first step, [n, 2·memory] for one network. */
  readonly state: Tensor;
  /** 1 where a new episode begins with this step, [steps, n]. */
  readonly reset: Tensor;
  /** Written by `forward` if given: the state after the last step, in the layout of `state`. */
  readonly next?: Floats;
}

export class Network {
  /** Number of features per observation. */
  readonly features: number;
  /** Numbers of state per sequence. */
  readonly memorySize: number;
  private readonly image: Shape;
  private readonly filters: readonly Conv[];
  private readonly dense: Mlp | null;
  private readonly lstm: Lstm | null;

  /** `shape` is the shape of one observation. Adds parameters under `name.…`. */
  constructor(
    parameters: Parameters,
    name: string,
    shape: Shape,
    { hidden, activation = "tanh", filters = [], memory = 0 }: NetworkOptions,
    random: Random,
  ) {
    if (filters.length > 0 && shape.length !== 3) {
      throw new SettingError(
        `filters: expected observations [planes, height, width], got ${show(shape)}`,
      );
    }
    const side = 2 * filters.length; // each convolution takes a pixel off every side
    if (filters.length > 0 && Math.min(shape[1], shape[2]) <= side)
      throw new SettingError(
        `filters: expected planes of more than ${side} by ${side} for ${filters.length} convolutions, got ${show(shape)}; give fewer`,
      );
    this.image = [-1, ...shape];
    let [planes, height, width] = shape;
    this.filters = filters.map((channels, i) => {
      const conv = new Conv(parameters, `${name}.conv${i}`, planes, channels, random);
      [planes, height, width] = [channels, height - 2, width - 2];
      return conv;
    });
    const inputs = filters.length > 0 ? planes * height * width : sizeOf(shape);
    const sizes = [inputs, ...hidden];
    const options = { activation, outputGain: Math.SQRT2, outputActivation: true };
    this.dense = hidden.length > 0 ? new Mlp(parameters, name, sizes, random, options) : null;
    const features = sizes[sizes.length - 1];
    this.lstm = memory > 0 ? new Lstm(parameters, `${name}.lstm`, features, memory, random) : null;
    this.features = memory > 0 ? memory : features;
    this.memorySize = 2 * memory;
  }

  /**
   * x [rows, size] → [rows, features]. A recurrent network takes rows of [steps, n], time first, and reads its part of
   * the memory's state from number `at` of each row on.
   */
  forward(x: Tensor, memory: Memory | null = null, at = 0): Tensor {
    let h = this.filters.length > 0 ? reshape(x, this.image) : x;
    for (const conv of this.filters) h = conv.forward(h);
    if (this.filters.length > 0) h = reshape(h, [x.shape[0], -1]);
    if (this.dense !== null) h = this.dense.forward(h);
    if (this.lstm === null) return h;
    if (memory === null) throw new UsageError("Network: expected a memory for a recurrent network");
    return this.lstm.forward(h, memory.state, at, memory.reset, memory.next);
  }

  /** Returns the directional derivative of the features along `v`. Throws SettingError unless all layers are dense. */
  tangent(x: Tensor, v: Network): Tensor | null {
    if (this.filters.length > 0 || this.lstm !== null) {
      throw new SettingError("natural gradients: expected a network of dense layers only");
    }
    return this.dense && v.dense && mlpTangent(this.dense, x, v.dense);
  }
}
