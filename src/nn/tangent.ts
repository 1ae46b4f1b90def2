/** Directional derivatives of networks, computed forward through the layers. */
import type { Tensor } from "../core/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { greater } from "../ops/compare.ts";
import { square } from "../ops/elementwise.ts";
import { stopGradient } from "../ops/layout.ts";
import { linear } from "../ops/matmul.ts";
import type { Mlp } from "./mlp.ts";

/**
 * Returns the exact derivative of net.forward(x) along `v`, a network of the same sizes that holds the
 * direction, by the chain rule. Passes no gradient.
 */
export function mlpTangent(net: Mlp, x: Tensor, v: Mlp): Tensor {
  let h = x;
  let dh: Tensor | null = null; // x itself does not change
  for (let i = 0; i < net.layers.length; i++) {
    const { weight } = net.layers[i];
    const moved = v.layers[i].forward(h);
    dh = dh === null ? moved : add(moved, linear(dh, weight));
    if (i >= net.active) break;
    h = net.layers[i].forward(h, net.activation);
    const slope = net.activation === "tanh" ? add(mul(square(h), -1), 1) : greater(h, mul(h, 0));
    dh = mul(dh, slope);
  }
  return stopGradient(dh as Tensor);
}
