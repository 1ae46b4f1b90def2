/** Chapter 4: λ of generalized advantages as bias against variance, exactly, for values that are right and wrong. */
import * as pg from "pigrad";

/** Seven positions in a row, from 0; a reward of 1 for standing on 4 or beyond after the eighth step. */
const steps = 8;
const last = 6;
const problem: pg.Tabular = {
  states: (last + 1) * steps, // position and time, so that a state knows what is left
  actions: 2,
  maxSteps: steps,
  startProbabilities: Array.from({ length: (last + 1) * steps }, (_, s) => Number(s === 0)),
  outcomes(state, action) {
    const [position, t] = [state % (last + 1), Math.floor(state / (last + 1))];
    const to = Math.min(Math.max(position + (action === 1 ? 1 : -1), 0), last);
    const over = t === steps - 1;
    const reward = Number(over && to >= 4);
    return [
      { probability: 1, next: over ? 0 : (t + 1) * (last + 1) + to, reward, terminated: over },
    ];
  },
};
const logits = new Float64Array(problem.states * 2);
const all = pg.trajectories(problem);
const exact = pg.exactValues(problem, logits, 1).V;
/** V(s), exact: the time is part of the state, so the steps left are known. */
const values = Float64Array.from(
  { length: problem.states },
  (_, s) => exact[steps - Math.floor(s / (last + 1))][s],
);
const gradient = pg.exactGradient(problem, logits);
const size = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
const norm = size(gradient);

/** Âₜ = δₜ + λ Âₜ₊₁ with δₜ = rₜ + V(sₜ₊₁) − V(sₜ), and V = 0 after the end. */
export function advantages(
  { states, rewards }: pg.Trajectory,
  V: ArrayLike<number>,
  lambda: number,
): number[] {
  const out = new Array<number>(states.length);
  let next = 0;
  for (let t = states.length - 1; t >= 0; t--) {
    const after = t + 1 < states.length ? V[states[t + 1]] : 0;
    next = rewards[t] + after - V[states[t]] + lambda * next;
    out[t] = next;
  }
  return out;
}

/** Exact moments of one episode's estimate of ∇J, by a critic that says `critic`·V. */
export function estimateOf(critic: number, lambda: number): { bias: number; variance: number } {
  const V = values.map((v) => critic * v);
  const { mean, variance } = pg.expectation(all, logits, 2, 1, ([episode]) => {
    const out = new Float64Array(logits.length);
    for (const [t, A] of advantages(episode, V, lambda).entries()) {
      const row = episode.states[t] * 2;
      for (let a = 0; a < 2; a++) out[row + a] += A * (Number(a === episode.actions[t]) - 0.5);
    }
    return out;
  });
  return { bias: size(mean.map((m, i) => m - gradient[i])) / norm, variance };
}

export const lambdas = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1];
const critics = { exact: 1, half: 0.5, none: 0 }; // V̂ as a multiple of V
console.log(
  `${all.length} episodes, J = ${pg.exactReturn(problem, logits).toFixed(4)}, ‖∇J‖ = ${norm.toFixed(4)}`,
);
console.log("bias as a fraction of ‖∇J‖, variance of one episode's estimate");
console.log("   λ     exact V         half of V       V̂ = 0");
export const table = lambdas.map((lambda) => {
  const row = Object.values(critics).map((critic) => estimateOf(critic, lambda));
  const cells = row.map(({ bias, variance }) => `${bias.toFixed(3)} ${variance.toFixed(4)}`);
  console.log(`${lambda.toFixed(2).padStart(5)}   ${cells.join("    ")}`);
  return row;
});

/** √(bias² + variance/n), the error to expect of n episodes' mean, as a fraction of ‖∇J‖. */
export const errorOf = (
  { bias, variance }: { bias: number; variance: number },
  n: number,
): number => Math.sqrt(bias ** 2 + variance / n / norm ** 2);

console.log("\nhalf of V: the error of the mean of n episodes, and the best λ");
for (const n of [1, 4, 16, 64, 256, 4096]) {
  const errors = table.map((row) => errorOf(row[1], n));
  const least = Math.min(...errors);
  console.log(
    `n = ${String(n).padEnd(5)} best λ = ${lambdas[errors.indexOf(least)].toFixed(2)}, error ${least.toFixed(3)}; at λ = 1 ${errors[errors.length - 1].toFixed(3)}`,
  );
}
