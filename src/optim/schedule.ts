/** Learning-rate schedules: functions of the update number k = 0, 1, …. */
import { checkFinite } from "../core/check.ts";
import { cos, pow } from "../core/math.ts";

export type Schedule = (k: number) => number;

/** Returns the same learning rate for every update. */
export const constant = (base: number): Schedule => {
  return () => base;
};

function check(where: string, base: number, updates: number, other: number): void {
  checkFinite(where, "the base", base, { min: 0 });
  checkFinite(where, "the number of updates", updates, { min: Number.MIN_VALUE });
  checkFinite(where, "the end or factor", other, { min: 0 });
}

/** Returns a linear schedule from base to end over `total` updates, then end. */
export const linear = (base: number, total: number, end = 0): Schedule => {
  check("linear", base, total, end);
  return (k) => base + (end - base) * (Math.min(k, total) / total);
};

/**
 * Returns half a cosine from base to end over `total` updates, then end: Loshchilov & Hutter 2017, arXiv:1608.03983.
 */
export const cosine = (base: number, total: number, end = 0): Schedule => {
  check("cosine", base, total, end);
  return (k) => end + (base - end) * 0.5 * (1 + cos((Math.PI * Math.min(k, total)) / total));
};

/** Returns a schedule that is multiplied by gamma every `every` updates. */
export const step = (base: number, every: number, gamma: number): Schedule => {
  check("step", base, every, gamma);
  return (k) => base * pow(gamma, Math.floor(k / every));
};

/** Returns a schedule that is multiplied by gamma every update. */
export const exponential = (base: number, gamma: number): Schedule => step(base, 1, gamma);

/**
 * Returns a linear rise over the first `warmup` updates, followed by `after`, counted from its own update 0. The rise
 * starts at 0 (base·k/warmup, Hugging Face), or with `fromZero` false above 0 (base·(k + 1)/(warmup + 1), nanoGPT).
 */
export const withWarmup = (
  base: number,
  warmup: number,
  after: Schedule,
  fromZero = true,
): Schedule => {
  checkFinite("withWarmup", "the base", base, { min: 0 });
  checkFinite("withWarmup", "the updates of the warmup", warmup, { min: 0 });
  return (k) => {
    if (k >= warmup) return after(k - warmup);
    return fromZero ? (base * k) / warmup : (base * (k + 1)) / (warmup + 1);
  };
};
