/** Chapter 8: estimators of the KL and their gradients; entropy and the way back; weights of stale sequences. Exactly. */
import * as pg from "pigrad";

const softmax = (x: readonly number[]): number[] => {
  const sum = x.reduce((s, v) => s + Math.exp(v), 0);
  return x.map((v) => Math.exp(v) / sum);
};
const mean = (p: readonly number[], f: (token: number) => number): number =>
  p.reduce((sum, weight, token) => sum + weight * f(token), 0);
const norm = (v: readonly number[]): number => Math.hypot(...v);

// 1. Estimators of KL(π‖ref) from one sampled token, on a vocabulary of four.
const logits = [1, 0.5, -0.5, 0];
const [pi, ref] = [softmax(logits), softmax([0.3, 0.9, 0, -1])];
const d = pi.map((p, token) => Math.log(ref[token] / p)); // ln ref − ln π
const kl = mean(pi, (token) => -d[token]);
/** Each estimate k(d), and its slope dk/d ln π = −dk/dd, which is what a loss differentiates. */
export const estimates = {
  k1: { value: (x: number) => -x, slope: () => 1 },
  k2: { value: (x: number) => x ** 2 / 2, slope: (x: number) => -x },
  k3: { value: (x: number) => Math.expm1(x) - x, slope: (x: number) => 1 - Math.exp(x) },
};
/** E[slope · ∂ln π/∂logits] over π's tokens. */
const gradientOf = (slope: (x: number) => number): number[] =>
  pi.map((p, c) => mean(pi, (token) => slope(d[token]) * (Number(token === c) - p)));
const forward = pi.map((p, c) => p * (-d[c] - kl)); // ∇KL(π‖ref)
const reverse = pi.map((p, c) => p - ref[c]); // ∇KL(ref‖π)
const distance = (a: readonly number[], b: readonly number[]): string =>
  norm(a.map((x, i) => x - b[i])).toFixed(4);
console.log(`KL(π‖ref) = ${kl.toFixed(4)}`);
console.log(
  "      mean     deviation   of its mean gradient: length, from ∇KL(π‖ref), from ∇KL(ref‖π)",
);
for (const [name, { value, slope }] of Object.entries(estimates)) {
  const average = mean(pi, (token) => value(d[token]));
  const spread = Math.sqrt(mean(pi, (token) => (value(d[token]) - average) ** 2));
  const gradient = gradientOf(slope);
  console.log(
    `${name}   ${average.toFixed(4)}      ${spread.toFixed(4)}   ${norm(gradient).toFixed(4)}   ${distance(gradient, forward)}   ${distance(gradient, reverse)}`,
  );
}

// 2. Exact ascent on J + β·H of a bandit with rewards 1 and 0, from a policy that prefers the wrong arm.
/** Steps of size 1 until arm 0 has probability 0.9. */
export function stepsBack(gap: number, beta: number): number {
  let x = -gap; // logit of the right arm minus that of the wrong one
  for (let step = 0; step < 100_000; step++) {
    const p = 1 / (1 + Math.exp(-x));
    if (p >= 0.9) return step;
    x += 2 * p * (1 - p) * (1 - beta * x); // dJ/dp = 1, dH/dp = −x; two logits move
  }
  return Infinity;
}
export const gaps = [0, 1, 2, 3, 4, 5, 6, 7, 8];
console.log("\nsteps until the right arm has 0.9, by the logit gap to climb");
console.log(`gap      ${gaps.map((gap) => String(gap).padStart(5)).join("")}`);
for (const beta of [0, 0.1, 0.4])
  console.log(
    `β = ${beta.toFixed(1)}  ${gaps.map((gap) => String(stepsBack(gap, beta)).padStart(5)).join("")}`,
  );

// 3. Importance weights of sequences: E ρ = 1, E ρ² = (Σ π²/μ) per token, to the power of the length.
/** The effective share of samples, 1/E ρ², of sequences whose tokens' logits have moved by `drift`. */
export function effective(drift: number, length: number): number {
  const moved = softmax(logits.map((x, token) => x + drift * [1, -1, 0.5, -0.5][token]));
  return mean(pi, (token) => (moved[token] / pi[token]) ** 2) ** -length;
}
export const lengths = [1, 4, 16, 64, 256];
console.log("\neffective share of the samples, by drift of the logits and length");
console.log(`length    ${lengths.map((length) => String(length).padStart(8)).join("")}`);
for (const drift of [0.05, 0.1, 0.2, 0.4])
  console.log(
    `${drift.toFixed(2)}      ${lengths.map((length) => effective(drift, length).toFixed(3).padStart(8)).join("")}`,
  );
// A check of the first row's formula by the library: sequences of four tokens, enumerated.
const task = pg.tokenTask(4, 4, () => 0);
const [old, fresh] = [0, 0.4].map((drift) =>
  Float64Array.from(
    { length: task.states * 4 },
    (_, i) => logits[i % 4] + drift * [1, -1, 0.5, -0.5][i % 4],
  ),
);
const all = pg.trajectories(task);
const [q, p] = [old, fresh].map((x) => pg.probabilities(all, x, 4));
const second = q.reduce((sum, weight, i) => sum + weight * (p[i] / weight) ** 2, 0);
console.log(`0.40, length 4, over all ${all.length} sequences: ${(1 / second).toFixed(3)}`);
