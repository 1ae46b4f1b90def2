/**
 * Adam's moments as BF16: one 32-bit word per parameter, m in the upper half and v in the lower.
 *
 * m is rounded to nearest even. v is not: at β₂ = 0.999 a step changes it by a thousandth, which is below half of a
 * unit in the last place (2⁻⁹ of v), so that it would never fall. It is rounded stochastically: up with the probability
 * of the bits cut off, which leaves its mean right (Gupta et al. 2015, arXiv:1502.02551; for optimizers Zamirai et al.
 * 2020, arXiv:2010.06192). The random bits are a hash of step and element, so a resumed run draws the same.
 */
import type { AdamRun, Backend } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { choice } from "../core/settings.ts";

/** The forms of the moments in memory. */
export const momentForms = ["f32", "bf16"] as const;
export type MomentForm = (typeof momentForms)[number];

/** The setting of a training. */
export const moments = choice(
  "f32",
  momentForms,
  "Adam's moments in memory; bf16 takes half of it",
);

/** Throws UsageError unless the options allow the form. */
export function checkForm(form: MomentForm, amsgrad: boolean): void {
  if (!momentForms.includes(form))
    throw new UsageError(`moments: expected one of ${momentForms.join(", ")}, got ${String(form)}`);
  if (form === "bf16" && amsgrad)
    throw new UsageError('moments: expected "f32" with amsgrad, got "bf16"');
}

/** Throws UsageError for a backend whose numbers are not of 32 bits. */
export function checkWords({ name }: Backend, data: unknown): void {
  if (!(data instanceof Float32Array))
    throw new UsageError(`moments: expected a backend of 32-bit floats for "bf16", got ${name}`);
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
 * Takes one step in float32 arithmetic, with the numbers of `Backend.adam` as float32. The weights move by the moments
 * before these are rounded.
 */
export function brainStep(run: AdamRun, numbers: Float32Array, key: number): void {
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
