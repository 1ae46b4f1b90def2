/**
 * The body of a policy or a critic, from observations to features: convolutions over image planes, then
 * dense layers, then an LSTM; each where asked for.
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
  /** Sizes of the dense layers. */
  readonly hidden: readonly number[];
  /** Behind each dense layer. Default "tanh". */
  readonly activation?: "tanh" | "relu";
  /** Channels of 3 × 3 convolutions, each followed by ReLU, over observations [planes, height, width]. */
  readonly filters?: readonly number[];
  /** Size of an LSTM behind the dense layers. Default 0: none. */
  readonly memory?: number;
}

/** What a recurrent network remembers of the past of `n` sequences. */
export interface Memory {
  /** h and c of each LSTM before the first step, [n, 2·memory] for one network. */
  readonly state: Tensor;
  /** 1 where a new episode begins with this step, [steps, n]. */
  readonly reset: Tensor;
  /** Written by `forward`, where given: the state after the last step, laid out as `state`. */
  readonly next?: Floats;
}

export class Network {
  /** Numbers that `forward` gives for one observation. */
  readonly features: number;
  /** Numbers of the state that one sequence carries on. */
  readonly memorySize: number;
  private readonly image: Shape;
  private readonly filters: readonly Conv[];
  private readonly dense: Mlp | null;
  private readonly lstm: Lstm | null;

  /** `shape` is that of one observation. Adds `name.…` to `parameters`. */
  constructor(
    parameters: Parameters,
    name: string,
    shape: Shape,
    { hidden, activation = "tanh", filters = [], memory = 0 }: NetworkOptions,
    random: Random,
  ) {
    if (filters.length > 0 && shape.length !== 3) {
      throw new SettingError(
        `filters: want observations [planes, height, width], got ${show(shape)}`,
      );
    }
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
   * x [rows, size] → [rows, features]. A recurrent network takes rows of [steps, n], time first, and its
   * part of the memory's state, from number `at` of each row on.
   */
  forward(x: Tensor, memory: Memory | null = null, at = 0): Tensor {
    let h = this.filters.length > 0 ? reshape(x, this.image) : x;
    for (const conv of this.filters) h = conv.forward(h);
    if (this.filters.length > 0) h = reshape(h, [x.shape[0], -1]);
    if (this.dense !== null) h = this.dense.forward(h);
    if (this.lstm === null) return h;
    if (memory === null) throw new UsageError("Network: want a memory for a recurrent network");
    return this.lstm.forward(h, memory.state, at, memory.reset, memory.next);
  }

  /** The directional derivative of the features along `v`, of a network of dense layers only. */
  tangent(x: Tensor, v: Network): Tensor | null {
    if (this.filters.length > 0 || this.lstm !== null) {
      throw new SettingError("natural gradients: want a network of dense layers only");
    }
    return this.dense && v.dense && mlpTangent(this.dense, x, v.dense);
  }
}
