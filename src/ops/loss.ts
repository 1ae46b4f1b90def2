/**
 * Losses. Each gives one number per element; `reduction` "mean" (default) or "sum" reduces them to a
 * scalar, "none" does not.
 */
import type { Floats } from "../core/backend.ts";
import { checkFinite, checkInteger, checkName, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import * as math from "../core/math.ts";
import type { AnyOp, GradRun, Op, Run } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { broadcastLike } from "./layout.ts";
import { mean, sum } from "./reduce.ts";

export type Reduction = "none" | "mean" | "sum";

const reduced = (losses: Tensor, reduction: Reduction): Tensor =>
  reduction === "none" ? losses : reduction === "sum" ? sum(losses) : mean(losses);

const reductions: readonly Reduction[] = ["none", "mean", "sum"];

function pairwise(op: AnyOp, x: Tensor, target: Tensor, reduction: Reduction, p = 0): Tensor {
  checkName(op.name, "a reduction", reduction, reductions);
  return reduced(
    apply(op, broadcastLike(x, target, op.name), broadcastLike(target, x, op.name), NONE, p),
    reduction,
  );
}

/** (x − target)² */
export const mse = (x: Tensor, target: Tensor, reduction: Reduction = "mean"): Tensor =>
  pairwise(mseOp, x, target, reduction);
const mseOp: Op<"x" | "t"> = {
  name: "mse",
  inputs: ["x", "t"],
  forward({ y, x, t }) {
    for (let i = 0; i < y.length; i++) y[i] = (x[i] - t[i]) * (x[i] - t[i]);
  },
  backward({ dy, x, dx, t, dt }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const d = 2 * dy[i] * (x[i] - t[i]);
      if (dx) dx[i] += d;
      if (dt) dt[i] -= d;
    }
  },
};

/** |x − target|; the gradient at 0 is 0. */
export const l1 = (x: Tensor, target: Tensor, reduction: Reduction = "mean"): Tensor =>
  pairwise(l1Op, x, target, reduction);
const l1Op: Op<"x" | "t"> = {
  name: "l1",
  inputs: ["x", "t"],
  forward({ y, x, t }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.abs(x[i] - t[i]);
  },
  backward({ dy, x, dx, t, dt }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const d = dy[i] * Math.sign(x[i] - t[i]);
      if (dx) dx[i] += d;
      if (dt) dt[i] -= d;
    }
  },
};

/** With d = x − target: ½d² where |d| ≤ delta, else delta·(|d| − ½delta). */
export function huber(x: Tensor, target: Tensor, delta = 1, reduction: Reduction = "mean"): Tensor {
  checkFinite("huber", "delta", delta, { min: Number.MIN_VALUE });
  return pairwise(huberOp, x, target, reduction, delta);
}
const huberOp: Op<"x" | "t", { numbers: "delta" }> = {
  name: "huber",
  inputs: ["x", "t"],
  numbers: ["delta"],
  forward({ y, x, t, delta }) {
    for (let i = 0; i < y.length; i++) {
      const d = Math.abs(x[i] - t[i]);
      y[i] = d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
    }
  },
  backward({ dy, x, dx, t, dt, delta }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const d = dy[i] * Math.min(Math.max(x[i] - t[i], -delta), delta);
      if (dx) dx[i] += d;
      if (dt) dt[i] -= d;
    }
  },
};

/** huber/beta with delta = beta (PyTorch's smooth L1); |x − target| for beta 0. */
export function smoothL1(
  x: Tensor,
  target: Tensor,
  beta = 1,
  reduction: Reduction = "mean",
): Tensor {
  checkFinite("smoothL1", "beta", beta, { min: 0 });
  if (beta === 0) return l1(x, target, reduction);
  return pairwise(smoothL1Op, x, target, reduction, beta);
}
const smoothL1Op: Op<"x" | "t", { numbers: "beta" }> = {
  name: "smoothL1",
  inputs: ["x", "t"],
  numbers: ["beta"],
  forward({ y, x, t, beta }) {
    for (let i = 0; i < y.length; i++) {
      const d = Math.abs(x[i] - t[i]);
      y[i] = d < beta ? (0.5 * d * d) / beta : d - 0.5 * beta;
    }
  },
  backward({ dy, x, dx, t, dt, beta }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      const d = dy[i] * Math.min(Math.max((x[i] - t[i]) / beta, -1), 1);
      if (dx) dx[i] += d;
      if (dt) dt[i] -= d;
    }
  },
};

/**
 * Quantile regression: Dabney et al. 2017, arXiv:1710.10044, equation 10. x […, N] are quantiles at τᵢ = (i + ½)/N,
 * target […, M] samples of the distribution; with u = targetⱼ − xᵢ and Huber's L of threshold κ:
 *
 *   Σᵢ (1/M) Σⱼ |τᵢ − 1[u < 0]|·L(u)/κ      one loss per row: […]
 */
export function quantileHuber(
  x: Tensor,
  target: Tensor,
  kappa = 1,
  reduction: Reduction = "mean",
): Tensor {
  checkFinite("quantileHuber", "kappa", kappa, { min: Number.MIN_VALUE });
  checkName("quantileHuber", "a reduction", reduction, reductions);
  return reduced(apply(quantileHuberOp, x, target, NONE, kappa), reduction);
}
/** The sizes of N quantiles against M samples per row. */
interface QuantilePlan {
  readonly n: number;
  readonly m: number;
}
const quantileHuberOp: Op<"x" | "t", { numbers: "kappa"; plan: QuantilePlan }> = {
  name: "quantileHuber",
  inputs: ["x", "t"],
  numbers: ["kappa"],
  shape({ x, t }) {
    const fits = x.length >= 1 && sameShape(x.slice(0, -1), t.slice(0, -1));
    if (!fits || t.length !== x.length || x[x.length - 1] < 1 || t[x.length - 1] < 1) {
      throw new ShapeError(
        `quantileHuber: expected x […, N] and target […, M], got ${show(x)} and ${show(t)}`,
      );
    }
    return x.slice(0, -1);
  },
  plan: ({ x, t }) => ({ n: x[x.length - 1], m: t[t.length - 1] }),
  forward({ y, x, t, kappa, plan: { n, m } }) {
    for (let row = 0; row < y.length; row++) {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const tau = (i + 0.5) / n;
        for (let j = 0; j < m; j++) {
          const u = t[row * m + j] - x[row * n + i];
          const d = Math.abs(u);
          const l = d <= kappa ? 0.5 * d * d : kappa * (d - 0.5 * kappa);
          sum += (Math.abs(tau - (u < 0 ? 1 : 0)) * l) / kappa;
        }
      }
      y[row] = sum / m;
    }
  },
  backward({ dy, x, dx, t, dt, kappa, plan: { n, m } }) {
    for (let row = 0; row < dy.length; row++) {
      if (dy[row] === 0) continue;
      for (let i = 0; i < n; i++) {
        const tau = (i + 0.5) / n;
        for (let j = 0; j < m; j++) {
          const u = t[row * m + j] - x[row * n + i];
          const slope = Math.min(Math.max(u, -kappa), kappa) / kappa;
          const d = (dy[row] * Math.abs(tau - (u < 0 ? 1 : 0)) * slope) / m;
          if (dx) dx[row * n + i] -= d;
          if (dt) dt[row * m + j] += d;
        }
      }
    }
  },
};

/** −t·ln σ(x) − (1 − t)·ln(1 − σ(x)) for targets t in [0, 1]; finite for any logit. */
export const bceWithLogits = (x: Tensor, target: Tensor, reduction: Reduction = "mean"): Tensor =>
  pairwise(bceOp, x, target, reduction);
const bceOp: Op<"x" | "t"> = {
  name: "bceWithLogits",
  inputs: ["x", "t"],
  forward({ y, x, t }) {
    for (let i = 0; i < y.length; i++) {
      y[i] = Math.max(x[i], 0) - x[i] * t[i] + math.log1p(math.exp(-Math.abs(x[i])));
    }
  },
  backward({ dy, x, dx, t, dt }) {
    for (let i = 0; i < dy.length; i++) {
      if (dy[i] === 0) continue;
      if (dx) dx[i] += dy[i] * (math.sigmoid(x[i]) - t[i]);
      if (dt) dt[i] -= dy[i] * x[i];
    }
  },
};

export interface CrossEntropyOptions {
  readonly reduction?: Reduction;
  /** Rows with this label have no loss and are not counted by "mean". Default: none. */
  readonly ignoreIndex?: number;
  /** ε: the target is (1 − ε) at the label plus ε/classes everywhere. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * −ln softmax(logits)[label]: logits […, classes], labels […]. "mean" divides by the number of counted
 * labels; NaN for none (PyTorch). Throws RangeError for a label outside 0 … classes − 1.
 */
export const crossEntropy = (
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = noOptions,
): Tensor => apply(crossEntropyOp, logits, labels, NONE, 0, 0, options);
/** −logProbs[label]: crossEntropy for rows of log-probabilities. */
export const nllLoss = (
  logProbs: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = noOptions,
): Tensor => apply(nllOp, logProbs, labels, NONE, 0, 0, options);
const noOptions: CrossEntropyOptions = {};

type Labelled = { set: CrossEntropyOptions; bound: Floats };
type LabelOp = Op<"x" | "labels", Labelled>;

/** Builds both losses. They save each row's maximum and ln Σ exp(x − maximum), its weight, and the labels counted. */
const labelled = (name: string, rules: Partial<LabelOp>): LabelOp => ({
  name,
  inputs: ["x", "labels"],
  shape({ x, labels, set }) {
    if (x.length !== labels.length + 1 || labels.some((n, i) => n !== x[i])) {
      throw new ShapeError(
        `${name}: expected […, classes] and labels […], got ${show(x)} and ${show(labels)}`,
      );
    }
    const { reduction = "mean", ignoreIndex, labelSmoothing = 0 } = set;
    checkName(name, "a reduction", reduction, reductions);
    checkNumber(name, "labelSmoothing", labelSmoothing, { min: 0, max: 1 });
    if (ignoreIndex !== undefined) checkInteger(name, "ignoreIndex", ignoreIndex);
    return reduction === "none" ? labels : [];
  },
  saves: ({ labels }) => 3 * sizeOf(labels) + 1,
  bind: ({ labels, saved }) => saved.subarray(2 * labels.length, 3 * labels.length), // the rows' weights
  ...rules,
});

const crossEntropyOp = /* @__PURE__ */ labelled("crossEntropy", {
  forward(run) {
    const { x, labels, backend, saved } = run;
    const rows = labels.length;
    const n = x.length / rows;
    if (backend.logSums !== undefined) backend.logSums(saved, x, rows);
    else {
      for (let row = 0; row < rows; row++) {
        let max = -Infinity;
        for (let j = 0; j < n; j++) max = Math.max(max, x[row * n + j]);
        let total = 0;
        for (let j = 0; j < n; j++) total += math.exp(x[row * n + j] - max);
        saved[2 * row] = max;
        saved[2 * row + 1] = math.log(total);
      }
    }
    labelLosses("crossEntropy", run);
  },
  // dx = dy·(softmax − target)
  backward(run) {
    const { x, dx, labels, backend, saved, bound: weights } = run;
    if (!dx) return;
    subtractTargets(run, dx);
    if (backend.accumulateExp !== undefined) {
      backend.accumulateExp(dx, x, saved, weights, 1);
      return;
    }
    const n = x.length / labels.length;
    for (let row = 0; row < labels.length; row++) {
      const max = saved[2 * row];
      const rest = saved[2 * row + 1];
      const weight = weights[row];
      if (weight === 0) continue;
      for (let j = row * n; j < (row + 1) * n; j++) {
        dx[j] += weight * math.exp(x[j] - max - rest);
      }
    }
  },
});

const nllOp = /* @__PURE__ */ labelled("nllLoss", {
  forward(run) {
    run.saved.fill(0);
    labelLosses("nllLoss", run);
  },
  backward(run) {
    if (run.dx) subtractTargets(run, run.dx);
  },
});

/** Subtracts dy·target from dx, and writes ∂loss/∂(loss of a row) to the rows' weights. */
function subtractTargets(
  { dy, labels, set, saved, bound: weights }: GradRun<"x" | "labels", Labelled>,
  dx: Floats,
): void {
  const { reduction, ignoreIndex, labelSmoothing: smooth = 0 } = set;
  const n = dx.length / labels.length;
  const counted = saved[3 * labels.length];
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    const whole = reduction === "none" ? dy[row] : reduction === "sum" ? dy[0] : dy[0] / counted;
    const d = label === ignoreIndex ? 0 : whole;
    weights[row] = d;
    if (d === 0) continue;
    dx[row * n + label] -= d * (1 - smooth);
    if (smooth > 0) for (let j = row * n; j < (row + 1) * n; j++) dx[j] -= (d * smooth) / n;
  }
}

/** Writes each row's loss, or their reduction, to y, given each row's log-sum in `saved`. */
function labelLosses(
  name: string,
  { y, x, labels, set, saved }: Run<"x" | "labels", Labelled>,
): void {
  const { reduction = "mean", ignoreIndex, labelSmoothing = 0 } = set;
  const n = x.length / labels.length;
  let kept = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    let loss = 0;
    if (label !== ignoreIndex) {
      if (!(label >= 0 && label < n && Number.isInteger(label))) {
        throw new RangeError(
          `${name}: expected a label from 0 to ${n - 1}, got ${label} in row ${row}`,
        );
      }
      kept++;
      const max = saved[2 * row];
      const rest = saved[2 * row + 1];
      loss = (1 - labelSmoothing) * (rest + (max - x[row * n + label]));
      if (labelSmoothing > 0) {
        let sumX = 0;
        for (let j = 0; j < n; j++) sumX += x[row * n + j];
        loss += labelSmoothing * (rest + (max - sumX / n));
      }
    }
    if (reduction === "none") y[row] = loss;
    total += loss;
  }
  saved[3 * labels.length] = kept;
  if (reduction === "sum") y[0] = total;
  else if (reduction === "mean") y[0] = total / kept;
}
