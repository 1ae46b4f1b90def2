/**
 * The policy objective of PPO and related algorithms as one op: a loss on log-probabilities [batch] or [batch, steps]
 * whose gradient is minus an estimate of ∇J. Algorithms differ by its settings; `presets.ts` names common combinations.
 *
 *   loss = Σ w·ℓ        w from `tokenWeights`; a weight of 0 masks its token out
 *   ρ = exp(logProb − oldLogProb), by `ratioLevel`
 *
 *   form "reinforce"   ℓ = −Â·logProb                                  Williams 1992
 *   form "clip"        ℓ = −min(min(ρ, δ)·Â, clip(ρ, 1 − εₗ, 1 + εₕ)·Â)   Schulman et al. 2017, equation 7
 *                      and with dualClip c, where Â < 0: ℓ = min(that, −c·Â)   Ye et al. 2020, arXiv:1912.09729
 *   form "ratio"       ℓ = −ρ·Â                                        the same, unclipped
 *   form "cispo"       ℓ = −stop(clip(ρ, 1 − εₗ, 1 + εₕ))·Â·logProb      MiniMax 2025, arXiv:2506.13585
 *   form "tv"          ℓ = −ρ·Â, and 0 where Â > 0 and π − π_old > εₕ, or Â < 0 and π_old − π > εₗ: DPPO with the
 *                      binary total variation, Qi et al. 2026, arXiv:2602.04879, equations 11 to 13
 *
 * At a bound of the clip the gradient passes, as in PyTorch's clamp. Inside the range both arguments of the minimum are
 * ρ·Â.
 */
import type { Floats } from "../core/backend.ts";
import { checkName, checkNumber } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import type { Op, RunOf } from "../core/op.ts";
import { runOf } from "../core/slot.ts";
import { apply } from "../core/tape.ts";
import { listOf, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";
import { k3Of } from "./kl.ts";

export interface SurrogateSettings {
  readonly form: "reinforce" | "clip" | "ratio" | "cispo" | "tv";
  /**
   * "token": one ρ per token. "sequence": one ρ per sequence, exp of the mean log-ratio (GSPO, Zheng et al. 2025,
   * arXiv:2507.18071). "sequenceToken": GSPO's ratio, with the gradient through each token's own logProb.
   * "sequenceSum": one ρ per sequence, exp of the sum of log-ratios (RLOO).
   */
  readonly ratioLevel: "token" | "sequence" | "sequenceToken" | "sequenceSum";
  /** εₗ and εₕ; different ones are DAPO's clip-higher. Infinity leaves a side open. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /** c > 1: bounds the loss of an action with a negative advantage; null: no bound. */
  readonly dualClip: number | null;
  /** δ: cap of ρ in the unclipped argument; null: no cap (two-sided clipping, INTELLECT-2, arXiv:2505.07291). */
  readonly delta: number | null;
}

export const surrogateDefaults: SurrogateSettings = Object.freeze({
  form: "clip",
  ratioLevel: "token",
  clipLow: 0.2,
  clipHigh: 0.2,
  dualClip: null,
  delta: null,
});

/**
 * Returns the loss, []. `logProb` carries the gradient. `oldLogProb` and `weight` have its shape; so has `advantage`,
 * or it is [batch], one per sequence.
 */
export function surrogateLoss(
  logProb: Tensor,
  oldLogProb: Tensor,
  advantage: Tensor,
  weight: Tensor,
  settings: SurrogateSettings = surrogateDefaults,
): Tensor {
  return apply(surrogateOp, logProb, oldLogProb, advantage, 0, 0, settings, listOf(weight));
}

/** Sizes and clip range that the loops read. */
interface Layout {
  readonly sequences: number;
  readonly steps: number;
  /** true: one advantage per sequence. */
  readonly shared: boolean;
  /** The clip range of ρ. */
  readonly low: number;
  readonly high: number;
  /** Of the last run. */
  readonly diagnostics: Diagnostics;
}

const surrogateOp: Op<
  "logProb" | "old" | "advantage" | "weight",
  { set: SurrogateSettings; plan: Layout }
> = {
  name: "surrogateLoss",
  inputs: ["logProb", "old", "advantage", "weight"],
  shape({ logProb, old, advantage, weight, set }) {
    const full = sameShape(logProb, old) && sameShape(logProb, weight);
    const fits = sameShape(advantage, logProb) || sameShape(advantage, logProb.slice(0, 1));
    if (!full || !fits || logProb.length < 1 || logProb.length > 2) {
      const got = [logProb, old, advantage, weight].map(show).join(", ");
      throw new ShapeError(
        `surrogateLoss: expected logProb, oldLogProb, advantage and weight [batch] or [batch, steps], got ${got}`,
      );
    }
    checkSettings(set);
    return [];
  },
  plan({ logProb, advantage, set }) {
    const [sequences, steps = 1] = logProb;
    const shared = sizeOf(advantage) !== sizeOf(logProb);
    const [low, high] = [1 - set.clipLow, 1 + set.clipHigh];
    return { sequences, steps, shared, low, high, diagnostics: { ...noDiagnostics } };
  },
  saves: ({ logProb }) => 2 * sizeOf(logProb), // ∂loss/∂logProb of each token, then its ratio
  forward(run) {
    const { y, logProb, old, advantage, weight, plan, set: s, saved } = run;
    const { sequences, steps, shared, low, high } = plan;
    const n = logProb.length;
    let loss = 0;
    for (let row = 0; row < sequences; row++) {
      ratiosOf(run, row * steps);
      for (let i = row * steps; i < (row + 1) * steps; i++) {
        saved[i] = 0;
        const A = advantage[shared ? row : i];
        if (weight[i] === 0 || A === 0) continue; // 0·ρ is 0 where ρ overflows, too
        const ratio = saved[n + i];
        // ℓ, and dℓ/d(the log of the ratio) or, in the two forms with logProb, dℓ/dlogProb
        let l = -ratio * A;
        let slope = l;
        if (s.form === "reinforce") {
          l = -A * logProb[i];
          slope = -A;
        } else if (s.form === "cispo") {
          slope = -Math.min(Math.max(ratio, low), high) * A;
          l = slope * logProb[i];
        } else if (s.form === "tv") {
          if (shifted(logProb[i], old[i], A, s)) {
            l = 0;
            slope = 0;
          }
        } else if (s.form === "clip") {
          const capped = s.delta === null ? ratio : Math.min(ratio, s.delta);
          const clipped = Math.min(Math.max(ratio, low), high);
          l = -Math.min(capped * A, clipped * A);
          if (clipped * A < capped * A)
            slope = 0; // the clipped argument is the minimum: it is constant
          else if (s.delta !== null && ratio > s.delta) slope = 0;
          if (s.dualClip !== null && A < 0 && l > -s.dualClip * A) {
            l = -s.dualClip * A;
            slope = 0;
          }
        }
        loss += weight[i] * l;
        saved[i] = weight[i] * slope;
      }
      if (s.form !== "reinforce" && s.form !== "cispo") combineSlopes(run, row * steps);
    }
    y[0] = loss;
    diagnose(run);
  },
  backward({ dy, dlogProb, saved }) {
    if (!dlogProb) return;
    for (let i = 0; i < dlogProb.length; i++) dlogProb[i] += dy[0] * saved[i];
  },
};

export const surrogateForms = ["reinforce", "clip", "ratio", "cispo", "tv"];
export const ratioLevels = ["token", "sequence", "sequenceToken", "sequenceSum"];

function checkSettings(s: SurrogateSettings): void {
  checkName("surrogateLoss", "a form", s.form, surrogateForms);
  checkName("surrogateLoss", "a ratioLevel", s.ratioLevel, ratioLevels);
  checkNumber("surrogateLoss", "clipLow", s.clipLow, { min: 0 });
  checkNumber("surrogateLoss", "clipHigh", s.clipHigh, { min: 0 });
  if (s.dualClip !== null) checkNumber("surrogateLoss", "dualClip", s.dualClip, { min: 1 });
  if (s.delta !== null) checkNumber("surrogateLoss", "delta", s.delta, { min: 1 });
}

/** Returns true if a token's probability has changed by more than the range, in the direction of its advantage. */
const shifted = (logProb: number, old: number, A: number, s: SurrogateSettings): boolean => {
  const shift = exp(logProb) - exp(old);
  return (A > 0 && shift > s.clipHigh) || (A < 0 && -shift > s.clipLow);
};

type SurrogateRun = RunOf<typeof surrogateOp>;

/** Writes the ratio of each token of one sequence. */
function ratiosOf(
  { logProb, old, weight, plan: { steps }, set, saved }: SurrogateRun,
  start: number,
) {
  const n = logProb.length;
  if (set.ratioLevel === "token") {
    for (let i = start; i < start + steps; i++) {
      saved[n + i] = exp(weight[i] === 0 ? 0 : logProb[i] - old[i]);
    }
    return;
  }
  let sum = 0;
  let count = 0;
  for (let i = start; i < start + steps; i++) {
    if (weight[i] === 0) continue;
    sum += logProb[i] - old[i];
    count++;
  }
  if (set.ratioLevel !== "sequenceSum" && count > 0) sum /= count;
  // exp per token, not per sequence: the engine inlines only hot code, and a call would box its number
  for (let i = start; i < start + steps; i++) saved[n + i] = exp(sum);
}

/** Combines the slopes of a sequence whose tokens share one ratio: each token gets their mean or their sum. */
function combineSlopes({ weight, plan: { steps }, set, saved }: SurrogateRun, start: number) {
  if (set.ratioLevel === "token" || set.ratioLevel === "sequenceToken") return;
  let sum = 0;
  let count = 0;
  for (let i = start; i < start + steps; i++) {
    if (weight[i] === 0) continue;
    sum += saved[i];
    count++;
  }
  const slope = set.ratioLevel === "sequence" ? sum / count : sum;
  for (let i = start; i < start + steps; i++) if (weight[i] !== 0) saved[i] = slope;
}

/** Diagnostics of an update, over the tokens with a weight. */
export interface Diagnostics {
  /**
   * Mean of ρ − 1 − ln ρ (k3), an unbiased estimate of KL(old‖new) that is never negative (Schulman's note of 2020).
   */
  approximateKl: number;
  /** Mean of −ln ρ (k1). */
  approximateKlK1: number;
  /** Fraction of ratios (one per token, or per sequence) whose loss the clip made constant. */
  clipFraction: number;
  /** Fraction of ratios outside the clip range, on either side (SB3's clip_fraction). */
  outsideFraction: number;
  minRatio: number;
  maxRatio: number;
  /** (Σρ)²/(n·Σρ²), from 1/n to 1: the effective sample size as a fraction of the batch. */
  effectiveSampleSize: number;
  /** Mean of −ln π of the tokens, an estimate of the entropy in nats. */
  sampledEntropy: number;
  tokens: number;
}

const noDiagnostics = {
  approximateKl: 0,
  approximateKlK1: 0,
  clipFraction: 0,
  outsideFraction: 0,
  minRatio: 0,
  maxRatio: 0,
  effectiveSampleSize: 0,
  sampledEntropy: 0,
  tokens: 0,
};

function diagnose({ logProb, old, advantage, weight, plan, set: s, saved }: SurrogateRun) {
  const { steps, shared, low, high, diagnostics: d } = plan;
  const n = logProb.length;
  const onePerSequence = s.ratioLevel === "sequence" || s.ratioLevel === "sequenceSum";
  let k3 = 0;
  let k1 = 0;
  let surprise = 0;
  let tokens = 0;
  let clipped = 0;
  let outside = 0;
  let count = 0;
  let sum = 0;
  let squares = 0;
  let min = Infinity;
  let max = -Infinity;
  let counted = -1; // the last sequence whose ratio was counted
  for (let i = 0; i < n; i++) {
    if (weight[i] === 0) continue;
    const logRatio = logProb[i] - old[i];
    k3 += k3Of(logRatio);
    k1 -= logRatio;
    surprise -= logProb[i];
    tokens++;
    const row = Math.floor(i / steps);
    if (onePerSequence && row === counted) continue;
    counted = row;
    const ratio = saved[n + i];
    const A = advantage[shared ? row : i];
    const below = ratio < low;
    const above = ratio > high;
    const cut =
      s.form === "tv"
        ? shifted(logProb[i], old[i], A, s)
        : s.form === "cispo"
          ? below || above
          : (below && A < 0) || (above && A > 0);
    if (cut) clipped++;
    if (below || above) outside++;
    count++;
    sum += ratio;
    squares += ratio * ratio;
    min = Math.min(min, ratio);
    max = Math.max(max, ratio);
  }

  const per = count === 0 ? 0 : 1 / count;
  d.approximateKl = tokens === 0 ? 0 : k3 / tokens;
  d.approximateKlK1 = tokens === 0 ? 0 : k1 / tokens;
  d.clipFraction = clipped * per;
  d.outsideFraction = outside * per;
  d.minRatio = min;
  d.maxRatio = max;
  d.effectiveSampleSize =
    squares < Infinity ? (count === 0 ? 0 : (sum * sum) / (count * squares)) : per;
  d.sampledEntropy = tokens === 0 ? 0 : surprise / tokens;
  d.tokens = tokens;
}

/** Returns the diagnostics of a `surrogateLoss` of the last run, in an object that the next run overwrites. */
export const diagnostics = (loss: Tensor): Readonly<Diagnostics> =>
  runOf("diagnostics", loss, surrogateOp).plan.diagnostics;

/** Returns the ratio per token of a `surrogateLoss` of the last run: a view, valid until the next run. */
export function ratios(loss: Tensor): Floats {
  const { logProb, saved } = runOf("ratios", loss, surrogateOp);
  return saved.subarray(logProb.length, 2 * logProb.length);
}
