/**
 * Generalized advantage estimation: Schulman et al. 2016, arXiv:1506.02438, equation 16.
 *
 *   δₜ = rₜ + γ·(1 − terminatedₜ)·V(sₜ₊₁) − V(sₜ)
 *   Âₜ = δₜ + γλ·(1 − doneₜ)·Âₜ₊₁            doneₜ = terminatedₜ or truncatedₜ
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import {
  at,
  checkRows,
  checkTransitions,
  checkUnit,
  fixed,
  type PerStep,
  type Transitions,
  varying,
} from "./transitions.ts";

/**
 * Â of a rollout. Three loops over the same two equations: `anyOrder` is the clear one, for discounts or
 * decays that vary; the other two take plain numbers (measured, one core, float32):
 *
 *   [2048, 8]      one column 70 µs, eight columns 43 µs: eight chains hide each other's wait
 *   [15625, 64]    eight columns 11 ms, eight columns by tiles of 16 rows 5 ms: a tile stays in the cache
 *
 * @param advantage written: Â, [steps, envs]; may be `reward`
 */
export function gae(advantage: Floats, r: Transitions, gamma: PerStep, lambda: PerStep): void {
  const { envs } = r;
  const n = advantage.length;
  checkTransitions("gae", n, r, gamma);
  checkUnit("gae", "lambda", lambda, n);
  if (typeof gamma !== "number" || typeof lambda !== "number") {
    anyOrder(advantage, r, gamma, lambda);
    return;
  }
  const tile = envs * Math.max(16, Math.floor(2048 / envs));
  for (let end = n; end > 0; end -= tile) {
    const start = Math.max(0, end - tile);
    let first = 0;
    for (; first + 8 <= envs; first += 8)
      eightColumns(advantage, r, gamma, lambda, start + first, end);
    for (; first < envs; first++) oneColumn(advantage, r, gamma, lambda, start + first, end);
  }
}

function anyOrder(advantage: Floats, r: Transitions, gamma: PerStep, lambda: PerStep): void {
  const { envs, reward, value, nextValue, terminated, truncated } = r;
  const g = fixed(gamma);
  const gammas = varying(gamma);
  const l = fixed(lambda);
  const lambdas = varying(lambda);
  for (let i = advantage.length - 1; i >= 0; i--) {
    const next = terminated[i] !== 0 ? 0 : nextValue[i];
    const delta = reward[i] + at(g, gammas, i) * next - value[i];
    const done = terminated[i] !== 0 || truncated[i] !== 0 || i + envs >= advantage.length;
    advantage[i] = delta + (done ? 0 : at(g, gammas, i) * at(l, lambdas, i) * advantage[i + envs]);
  }
}

/** Â of step i, A the one after it; flags are 0 or 1, so one test sees that neither is set. */
const step = (
  reward: Floats,
  value: Floats,
  nextValue: Floats,
  terminated: Floats,
  truncated: Floats,
  gamma: number,
  decay: number,
  i: number,
  A: number,
): number =>
  terminated[i] + truncated[i] === 0
    ? reward[i] + gamma * nextValue[i] - value[i] + decay * A
    : reward[i] - value[i] + (terminated[i] !== 0 ? 0 : gamma * nextValue[i]);

/** Rows from that of `first` up to `end`, the column of `first`; Â behind `end` is done already. */
function oneColumn(
  advantage: Floats,
  r: Transitions,
  gamma: number,
  lambda: number,
  first: number,
  end: number,
): void {
  const decay = gamma * lambda;
  const { envs, reward, value, nextValue, terminated: over, truncated: cut } = r;
  let i = end - envs + (first % envs);
  let A = end < advantage.length ? advantage[i + envs] : 0;
  for (; i >= first; i -= envs)
    advantage[i] = A = step(reward, value, nextValue, over, cut, gamma, decay, i, A);
}

/** The same for the column of `first` and the seven beside it. */
function eightColumns(
  advantage: Floats,
  r: Transitions,
  gamma: number,
  lambda: number,
  first: number,
  end: number,
): void {
  const decay = gamma * lambda;
  const { envs, reward, value, nextValue, terminated: over, truncated: cut } = r;
  let i = end - envs + (first % envs);
  const below = end < advantage.length;
  let A = below ? advantage[i + envs] : 0;
  let B = below ? advantage[i + envs + 1] : 0;
  let C = below ? advantage[i + envs + 2] : 0;
  let D = below ? advantage[i + envs + 3] : 0;
  let E = below ? advantage[i + envs + 4] : 0;
  let F = below ? advantage[i + envs + 5] : 0;
  let G = below ? advantage[i + envs + 6] : 0;
  let H = below ? advantage[i + envs + 7] : 0;
  for (; i >= first; i -= envs) {
    advantage[i] = A = step(reward, value, nextValue, over, cut, gamma, decay, i, A);
    advantage[i + 1] = B = step(reward, value, nextValue, over, cut, gamma, decay, i + 1, B);
    advantage[i + 2] = C = step(reward, value, nextValue, over, cut, gamma, decay, i + 2, C);
    advantage[i + 3] = D = step(reward, value, nextValue, over, cut, gamma, decay, i + 3, D);
    advantage[i + 4] = E = step(reward, value, nextValue, over, cut, gamma, decay, i + 4, E);
    advantage[i + 5] = F = step(reward, value, nextValue, over, cut, gamma, decay, i + 5, F);
    advantage[i + 6] = G = step(reward, value, nextValue, over, cut, gamma, decay, i + 6, G);
    advantage[i + 7] = H = step(reward, value, nextValue, over, cut, gamma, decay, i + 7, H);
  }
}

/**
 * Â of token sequences, [batch, steps] row-major. Positions with mask 0 (the prompt, a tool's answer
 * inside the completion, padding) are skipped: "next" is the next position that counts, however far, and
 * behind the last one there is nothing. What stands at a skipped position is not read; its Â is 0.
 *
 * @param advantage written: Â, [batch, steps]; may be `reward`
 */
export function tokenGae(
  advantage: Floats,
  reward: Floats,
  value: Floats,
  mask: Floats,
  steps: number,
  gamma: number,
  lambda: number,
): void {
  const n = advantage.length;
  checkRows("tokenGae", steps, n);
  checkLength("tokenGae", "reward", reward, n);
  checkLength("tokenGae", "value", value, n);
  checkLength("tokenGae", "mask", mask, n);
  checkUnit("tokenGae", "gamma", gamma, n);
  checkUnit("tokenGae", "lambda", lambda, n);
  for (let start = 0; start < n; start += steps) {
    let A = 0;
    let next = 0;
    for (let i = start + steps - 1; i >= start; i--) {
      if (mask[i] !== 0) {
        A = reward[i] + gamma * next - value[i] + gamma * lambda * A;
        next = value[i];
      }
      advantage[i] = mask[i] !== 0 ? A : 0;
    }
  }
}
