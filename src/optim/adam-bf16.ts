/**
 * Adam's moments as BF16: one 32-bit word per parameter, m in the upper half and v in the lower.
 *
 * m is rounded to nearest even. v is not: at β₂ = 0.999 a step changes it by a thousandth, which is below half of a
 * unit in the last place (2⁻⁹ of v), so that it would never fall. It is rounded stochastically: up with the probability
 * of the bits cut off, which leaves its mean right (Gupta et al. 2015, arXiv:1502.02551; for optimizers Zamirai et al.
 * 2020, arXiv:2010.06192). The random bits are a hash of step and element, so a resumed run draws the same.
 */
import type { AdamRun } from "../core/backend.ts";
import { FormatError, UsageError } from "../core/errors.ts";
import { choice } from "../core/settings.ts";
import type { State } from "../core/state.ts";
import { Adam, type AdamOptions } from "./adam.ts";
import { atLeast, type Optimized, type OptimizedRegion, Optimizer } from "./optimizer.ts";

/** The setting of a training. */
export const moments = choice(
  "f32",
  ["f32", "bf16"],
  "Adam's moments in memory; bf16 takes half of it",
);

/** Returns Adam with moments of that form. */
export const adamWith = (
  form: "f32" | "bf16" | undefined,
  what: Optimized,
  options: Omit<AdamOptions, "amsgrad"> = {},
): Optimizer => (form === "bf16" ? new AdamBf16(what, options) : new Adam(what, options));

/**
 * Adam, or AdamW, whose moments take four bytes per parameter in place of eight. Each is within 2⁻⁷ of what its step
 * computed, m within 2⁻⁸. Throws UsageError for parameters that are not in float32.
 */
export class AdamBf16 extends Optimizer {
  /** β₁, 1 − β₁, β₂, 1 − β₂, rate, rootScale, eps, l2 and keep; see `Backend.adamBf16`. */
  private readonly numbers: Float32Array;
  private readonly betas: readonly [number, number];
  private readonly decoupled: boolean;
  constructor(what: Optimized, options: Omit<AdamOptions, "amsgrad"> = {}) {
    const { learningRate = 1e-3, weightDecay = 0, decoupled = false } = options;
    super(what, learningRate, weightDecay, 1);
    const other = this.regions.find(({ data }) => !(data instanceof Float32Array));
    if (other !== undefined)
      throw new UsageError(
        `AdamBf16: expected a backend of 32-bit floats, got ${other.backend.name}`,
      );
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
    atLeast("beta1", beta1, 0, 1);
    atLeast("beta2", beta2, 0, 1);
    atLeast("eps", eps, 0);
    this.betas = [beta1, beta2];
    this.decoupled = decoupled;
    this.numbers = Float32Array.of(beta1, 1 - beta1, beta2, 1 - beta2, 0, 0, eps, 0, 0);
  }

  override save(): State {
    return { ...(super.save() as object), form: 16 };
  }

  /** Throws FormatError for the state of an Adam in float32. */
  override restore(state: State): void {
    if ((state as { readonly form?: unknown }).form !== 16)
      throw new FormatError(
        "optimizer: expected moments in BF16, got a checkpoint with moments in float32; go on with moments=f32",
      );
    super.restore(state);
  }

  protected override advancePowers(): void {
    for (const [i, beta] of this.betas.entries()) this.powers[i] *= beta;
  }

  protected update(region: OptimizedRegion, learningRate: number): void {
    const { weightDecay, backend } = region;
    const { numbers, decoupled, regions, steps } = this;
    numbers[4] = learningRate / (1 - this.powers[0]);
    numbers[5] = 1 / Math.sqrt(1 - this.powers[1]);
    numbers[7] = decoupled ? 0 : weightDecay;
    numbers[8] = decoupled ? 1 - learningRate * weightDecay : 1;
    const key = keyOf(steps * regions.length + regions.indexOf(region));
    if (backend.adamBf16 === undefined) stepBf16(region, numbers, key);
    else backend.adamBf16(region, numbers, key);
  }
}

/** Returns the key of a step's random bits, a 32-bit integer; consecutive counts lie far apart. */
export const keyOf = (count: number): number => Math.imul(count, 0x9e3779b9);

/** Returns 16 random bits of an element: the finalizer of MurmurHash3 (Appleby, public domain), its upper half. */
function bitsFor(i: number, key: number): number {
  let h = (4 * i + key) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h >>> 16;
}

const float = new Float32Array(2);
const word = new Int32Array(float.buffer);
const f = Math.fround;

/**
 * Takes one step in float32 arithmetic, with the numbers of `Backend.adamBf16`. The weights move by the moments
 * before these are rounded.
 */
function stepBf16(run: AdamRun, numbers: Float32Array, key: number): void {
  const { data: w, grad, state } = run;
  const { buffer, byteOffset, length } = state[0];
  const words = new Int32Array(buffer, byteOffset, length);
  const [beta1, rest1, beta2, rest2, rate, rootScale, eps, l2, keep] = numbers;
  for (let i = 0; i < length; i++) {
    word[0] = words[i] & -0x10000;
    word[1] = words[i] << 16;
    const g = f(f(l2 * w[i]) + grad[i]);
    const m = f(f(float[0] * beta1) + f(rest1 * g));
    const v = f(f(float[1] * beta2) + f(rest2 * f(g * g)));
    float[0] = m;
    float[1] = v;
    const upper = (word[0] + 0x7fff + ((word[0] >>> 16) & 1)) & -0x10000;
    words[i] = upper | ((word[1] + bitsFor(i, key)) >>> 16);
    const root = f(f(f(Math.sqrt(v)) * rootScale) + eps);
    w[i] = f(f(keep * w[i]) - f(f(rate * m) / root));
  }
}
