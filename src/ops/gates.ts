/** Products of an activation and a second input. */
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { sameShape, show, type Tensor } from "../core/tensor.ts";

/**
 * Returns silu(gate)·up for two tensors of one shape, silu(x) = x·σ(x): the product in SwiGLU, Shazeer 2020,
 * arXiv:2002.05202, equation 5.
 */
export const siluGate = (gate: Tensor, up: Tensor): Tensor => apply(siluGateOp, gate, up);
export const siluGateOp: Op<"gate" | "up"> = {
  name: "siluGate",
  inputs: ["gate", "up"],
  shape({ gate, up }) {
    if (!sameShape(gate, up))
      throw new ShapeError(`siluGate: expected equal shapes, got ${show(gate)} and ${show(up)}`);
    return gate;
  },
  forward({ y, gate, up }) {
    for (let i = 0; i < y.length; i++) y[i] = gate[i] * math.sigmoid(gate[i]) * up[i];
  },
  // silu′(x) = σ(x)·(1 + x·(1 − σ(x)))
  backward({ dy, gate, dgate, up, dup }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const [g, s] = [gate[i], math.sigmoid(gate[i])];
      if (dgate) dgate[i] += dy[i] * up[i] * (s * (1 + g * (1 - s)));
      if (dup) dup[i] += dy[i] * (g * s);
    }
  },
};
