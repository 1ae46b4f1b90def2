/** Activation functions. */
import * as math from "../core/math.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, type Tensor } from "../core/tensor.ts";
import { unary } from "./unary.ts";

/** y = max(x, 0); the gradient at 0 is 0 */
export const relu = (x: Tensor): Tensor => apply(reluOp, x);
export const reluOp: Op<"x"> = {
  name: "relu",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] > 0 || Number.isNaN(x[i]) ? x[i] : 0;
  },
  backward({ dy, x, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (x[i] > 0) dx[i] += dy[i];
  },
};

/** y = x where x > 0, else slope·x */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  apply(leakyReluOp, x, NONE, NONE, slope);
const leakyReluOp: Op<"x", { numbers: "slope" }> = {
  name: "leakyRelu",
  inputs: ["x"],
  numbers: ["slope"],
  forward({ y, x, slope }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
  },
  backward({ dy, x, dx, slope }) {
    if (dx)
      for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (x[i] > 0 ? 1 : slope);
  },
};

/** y = x where x > 0, else α(eˣ − 1) */
export const elu = (x: Tensor, alpha = 1): Tensor => apply(eluOp, x, NONE, NONE, alpha);
const eluOp: Op<"x", { numbers: "alpha" }> = {
  name: "elu",
  inputs: ["x"],
  numbers: ["alpha"],
  forward({ y, x, alpha }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] > 0 ? x[i] : alpha * math.expm1(x[i]);
  },
  backward({ dy, x, dx, alpha }) {
    if (dx)
      for (let i = 0; i < dy.length; i++)
        if (dy[i] !== 0) dx[i] += dy[i] * (x[i] > 0 ? 1 : alpha * math.exp(x[i]));
  },
};

/** y = tanh x */
export const tanh = (x: Tensor): Tensor => apply(tanhOp, x);
export const tanhOp: Op<"x"> = {
  name: "tanh",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = math.tanh(x[i]);
  },
  backward({ dy, y, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (1 - y[i] * y[i]);
  },
};

/** y = σ(x) = 1/(1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => apply(sigmoidOp, x);
export const sigmoidOp: Op<"x"> = {
  name: "sigmoid",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = math.sigmoid(x[i]);
  },
  backward({ dy, y, dx }) {
    if (dx)
      for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * (y[i] * (1 - y[i]));
  },
};

/** y = ln σ(x) */
export const logSigmoid = (x: Tensor): Tensor => apply(logSigmoidOp, x);
const logSigmoidOp = /* @__PURE__ */ unary("logSigmoid", math.logSigmoid, (x) => math.sigmoid(-x));

/** y = ln(1 + eˣ) */
export const softplus = (x: Tensor): Tensor => apply(softplusOp, x);
const softplusOp = /* @__PURE__ */ unary("softplus", math.softplus, math.sigmoid);

/** y = x·σ(x) */
export const silu = (x: Tensor): Tensor => apply(siluOp, x);
const siluOp: Op<"x"> = {
  name: "silu",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] * math.sigmoid(x[i]);
  },
  backward({ dy, x, dx }) {
    if (!dx) return;
    for (let i = 0; i < dy.length; i++) {
      const s = math.sigmoid(x[i]);
      if (dy[i] !== 0) dx[i] += dy[i] * (s * (1 + x[i] * (1 - s)));
    }
  },
};

/** y = x·Φ(x) with the normal distribution's Φ, exact or in GPT-2's tanh form. */
export const gelu = (x: Tensor, approximate: "erf" | "tanh" = "tanh"): Tensor =>
  apply(approximate === "tanh" ? geluTanhOp : geluOp, x);
const geluOp = /* @__PURE__ */ unary(
  "gelu",
  (x) => x * Phi(x),
  (x) => Phi(x) + x * (0.3989422804014327 * math.exp(-0.5 * x * x)), // Φ(x) + x·φ(x)
);
const Phi = (x: number): number => 0.5 * (1 + math.erf(x * Math.SQRT1_2));
export const geluTanhOp: Op<"x"> = {
  name: "geluTanh",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = geluOf(x[i]);
  },
  backward({ dy, x, dx }) {
    if (dx) for (let i = 0; i < dy.length; i++) if (dy[i] !== 0) dx[i] += dy[i] * geluSlopeOf(x[i]);
  },
};
/** GELU's tanh form for one number. */
export const geluOf = (x: number): number => 0.5 * x * (1 + math.tanh(inner(x)));
/** The slope of `geluOf`: with u = √(2/π)(x + 0.044715x³), ½(1 + tanh u) + ½x(1 − tanh²u)·u′. */
export function geluSlopeOf(x: number): number {
  const t = math.tanh(inner(x));
  const slope = rootTwoOverPi * (1 + 3 * 0.044715 * x * x);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
}
const rootTwoOverPi = 0.7978845608028654;
const inner = (x: number): number => rootTwoOverPi * (x + 0.044715 * x * x * x);
