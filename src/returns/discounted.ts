/** Discounted returns. */
import type { Floats, Transitions } from "./transitions.ts";

/**
 *   Gₜ = rₜ + γ·Gₜ₊₁        inside an episode
 *   Gₜ = rₜ                 where it terminated
 *   Gₜ = rₜ + γ·V(sₜ₊₁)     where it was cut short, and in the last row
 */
export function discountedReturns(returns: Floats, r: Transitions, gamma: number): void {
  const { envs, reward, nextValue, terminated, truncated } = r;
  for (let i = returns.length - 1; i >= 0; i--) {
    const cut = truncated[i] !== 0 || i + envs >= returns.length;
    const next = terminated[i] !== 0 ? 0 : cut ? nextValue[i] : returns[i + envs];
    returns[i] = reward[i] + gamma * next;
  }
}
