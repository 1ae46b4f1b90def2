/** Chapter 1: the line world, policies for it, and their returns: sampled, and exact. */
const positions = 11; // 0 … 10
const middle = 5;
const steps = 50; // per episode

/** The environment: action 1 moves right, 0 left; the reward is minus the distance to the middle. */
const moved = (position: number, action: number): number =>
  Math.min(Math.max(position + (action === 1 ? 1 : -1), 0), positions - 1);
const rewardAt = (position: number): number => -Math.abs(position - middle);

/** A policy: the probability of "right" at each position. */
export type Policy = (position: number) => number;
export const constant =
  (p: number): Policy =>
  () =>
    p;
/** One parameter θ: σ(θ · (5 − position)), so that θ > 0 leans towards the middle. */
export const leaning =
  (theta: number): Policy =>
  (position) =>
    1 / (1 + Math.exp(-theta * (middle - position)));

/** Plays one episode from position 0 and returns the sum of its rewards. */
function episode(policy: Policy, uniform: () => number): number {
  let position = 0;
  let sum = 0;
  for (let t = 0; t < steps; t++) {
    position = moved(position, uniform() < policy(position) ? 1 : 0);
    sum += rewardAt(position);
  }
  return sum;
}

/** The expected return J: V(s, n) = Σ π(a∣s) · (r + V(s′, n − 1)), for n = 1, 2, … steps left. */
export function exactReturn(policy: Policy): number {
  let V = new Array<number>(positions).fill(0); // no step left
  for (let left = 1; left <= steps; left++) {
    const next = V;
    V = next.map((_, position) => {
      const right = policy(position);
      const after = (action: number): number => {
        const to = moved(position, action);
        return rewardAt(to) + next[to];
      };
      return right * after(1) + (1 - right) * after(0);
    });
  }
  return V[0];
}

/** A generator of uniform numbers (mulberry32), so that each run prints the same. */
export function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const uniform = uniforms(600);
const coin = constant(0.5);
console.log("ten episodes of a fair coin:");
console.log(Array.from({ length: 10 }, () => episode(coin, uniform)).join(" "));
for (const n of [100, 10_000]) {
  const returns = Array.from({ length: n }, () => episode(coin, uniform));
  console.log(`mean of ${n}: ${(returns.reduce((a, b) => a + b) / n).toFixed(1)}`);
}
console.log(`exactly: ${exactReturn(coin).toFixed(2)}`);

console.log("\nright with probability p, wherever it stands:");
for (const p of [0, 0.25, 0.5, 0.55, 0.75, 1])
  console.log(`p = ${p.toFixed(2)}   J = ${exactReturn(constant(p)).toFixed(2)}`);

console.log("\nright with probability σ(θ · (5 − position)):");
for (const theta of [-1, 0, 0.5, 1, 2, 4, 16])
  console.log(`θ = ${String(theta).padEnd(4)}   J = ${exactReturn(leaning(theta)).toFixed(2)}`);
