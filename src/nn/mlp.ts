/** A multilayer perceptron. */
import { checkFinite, checkName } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import { orthogonal } from "./init.ts";
import { Linear } from "./linear.ts";

export interface MlpOptions {
  /** The activation between layers. Default "tanh". */
  readonly activation?: "tanh" | "relu";
  /** The gain of the last layer's orthogonal weights: 0.01 for a policy's head, 1 for a value's. Default 1. */
  readonly outputGain?: number;
  /** Applies the activation after the last layer too. Default false. */
  readonly outputActivation?: boolean;
}

/** Linear layers of the given sizes, with orthogonal weights (gain √2 except for the last layer) and zero biases. */
export class Mlp {
  readonly layers: readonly Linear[];
  readonly activation: "tanh" | "relu";
  /** The number of layers, from the first, that apply the activation. */
  readonly active: number;

  /** Adds `name.0.weight`, `name.0.bias`, `name.1.weight`, … to `parameters`. */
  constructor(
    parameters: Parameters,
    name: string,
    sizes: readonly number[],
    random: Random,
    { activation = "tanh", outputGain = 1, outputActivation = false }: MlpOptions = {},
  ) {
    checkName("Mlp", "an activation", activation, ["tanh", "relu"]);
    checkFinite("Mlp", "outputGain", outputGain);
    const last = sizes.length - 2;
    if (last < 0)
      throw new RangeError(`Mlp: expected at least two sizes, got [${sizes.join(", ")}]`);
    this.activation = activation;
    this.active = outputActivation ? last + 1 : last;
    this.layers = sizes.slice(1).map((outputs, i) => {
      const init = orthogonal(i === last ? outputGain : Math.SQRT2);
      return new Linear(parameters, `${name}.${i}`, [sizes[i], outputs], random, init);
    });
  }

  /** Maps x […, sizes[0]] to […, sizes.at(-1)]. */
  forward(x: Tensor): Tensor {
    let h = x;
    for (let i = 0; i < this.layers.length; i++) {
      h = this.layers[i].forward(h, i < this.active ? this.activation : "none");
    }
    return h;
  }
}
