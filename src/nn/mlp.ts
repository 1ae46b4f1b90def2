/** A multilayer perceptron. */
import { checkFinite, checkName } from "../core/check.ts";
import type { Random } from "../core/random.ts";
import type { Parameters, Tensor } from "../core/tensor.ts";
import { orthogonal } from "./init.ts";
import { Linear } from "./linear.ts";

export interface MlpOptions {
  /** Between the layers; default "tanh". */
  readonly activation?: "tanh" | "relu";
  /** Gain of the last layer's orthogonal weights: 0.01 for a policy's head, 1 for a value's. Default 1. */
  readonly outputGain?: number;
  /** Put the activation behind the last layer too. Default false. */
  readonly outputActivation?: boolean;
}

/** Linear layers of the given sizes, orthogonal with gain √2 inside, zero biases. */
export class Mlp {
  readonly layers: readonly Linear[];
  readonly activation: "tanh" | "relu";
  /** How many layers, from the first, have the activation behind them. */
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
      return new Linear(parameters, `${name}.${i}`, sizes[i], outputs, random, init);
    });
  }

  /** x […, sizes[0]] → […, sizes.at(-1)] */
  forward(x: Tensor): Tensor {
    let h = x;
    for (let i = 0; i < this.layers.length; i++) {
      h = this.layers[i].forward(h, i < this.active ? this.activation : "none");
    }
    return h;
  }
}
