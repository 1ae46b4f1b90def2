/** Chapter 3: the gradient of J in four ways, and the exact variance of its estimates. */
import * as pg from "pigrad";

/** The line world with episodes of six steps: few enough to list all 64 of them. */
const problem = new pg.Line({ maxSteps: 6 });
const actions = 2;
export const logits = new Float64Array(problem.states * actions); // a fair coin everywhere
const all = pg.trajectories(problem);
const p = pg.probabilities(all, logits, actions);
const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));

/** Σₜ weight(t) · ∇ln π(aₜ∣sₜ) over an episode: + weight · (1[a] − π) in the row of each state. */
function scoreSum(episode: pg.Trajectory, weight: (t: number) => number): Float64Array {
  const gradient = new Float64Array(logits.length);
  episode.states.forEach((state, t) => {
    for (let a = 0; a < actions; a++) {
      const pi = 1 / (1 + Math.exp(logits[state * 2 + 1 - a] - logits[state * 2 + a]));
      gradient[state * 2 + a] += weight(t) * (Number(a === episode.actions[t]) - pi);
    }
  });
  return gradient;
}

const totalOf = (rewards: readonly number[], from = 0): number =>
  rewards.slice(from).reduce((a, b) => a + b, 0);

// 1. By differences: J at slightly changed logits.
const byDifferences = logits.map((_, i) => {
  const at = (change: number): number =>
    pg.exactReturn(
      problem,
      logits.map((x, j) => x + (i === j ? change : 0)),
    );
  return (at(1e-4) - at(-1e-4)) / 2e-4;
});
// 2. By the log-derivative trick, over all episodes.
const byTrick = new Float64Array(logits.length);
for (const [n, episode] of all.entries())
  scoreSum(episode, () => totalOf(episode.rewards)).forEach((g, i) => {
    byTrick[i] += p[n] * g;
  });
// 3. By the policy gradient theorem, over states.
const byTheorem = pg.exactGradient(problem, logits);
// 4. Estimated from 1,000 episodes.
const random = new pg.Random(600);
const byEpisodes = new Float64Array(logits.length);
for (let n = 0; n < 1000; n++) {
  const episode = all[random.categorical(p)];
  scoreSum(episode, () => totalOf(episode.rewards)).forEach((g, i) => {
    byEpisodes[i] += g / 1000;
  });
}
console.log("∂J/∂(logit of right) at position    0        1        2        3");
for (const [name, gradient] of Object.entries({ byDifferences, byTrick, byTheorem, byEpisodes })) {
  const row = [1, 3, 5, 7].map((i) => gradient[i].toFixed(5).padStart(8));
  console.log(`${name.padEnd(32)} ${row.join(" ")}`);
}

/** Exact mean and variance of one episode's estimate Σ weight · ∇ln π. */
export function moments(weight: (episode: pg.Trajectory, t: number) => number): pg.Moments {
  return pg.expectation(all, logits, actions, 1, ([episode]) =>
    scoreSum(episode, (t) => weight(episode, t)),
  );
}

const J = pg.exactReturn(problem, logits);
const { V } = pg.exactValues(problem, logits, 1); // V[steps left][state]
/** b* = E[G·‖S‖²] / E[‖S‖²], with S the sum of scores. */
const squares = all.map((episode) => norm(scoreSum(episode, () => 1)) ** 2);
const weighted = all.reduce((sum, e, n) => sum + p[n] * totalOf(e.rewards) * squares[n], 0);
export const best = weighted / all.reduce((sum, _, n) => sum + p[n] * squares[n], 0);

console.log(`\nJ = ${J.toFixed(3)}, ‖∇J‖ = ${norm(byTheorem).toFixed(3)}, b* = ${best.toFixed(3)}`);
const weights: Record<string, (episode: pg.Trajectory, t: number) => number> = {
  "the whole return": (e) => totalOf(e.rewards),
  "the whole return − J": (e) => totalOf(e.rewards) - J,
  "the whole return − b*": (e) => totalOf(e.rewards) - best,
  "reward to come": (e, t) => totalOf(e.rewards, t),
  "reward to come − V(s)": (e, t) => totalOf(e.rewards, t) - V[6 - t][e.states[t]],
};
console.log("weight of ∇ln π             bias   variance   episodes for an error of ‖∇J‖/10");
for (const [name, weight] of Object.entries(weights)) {
  const { mean, variance } = moments(weight);
  const bias = norm(mean.map((m, i) => m - byTheorem[i]));
  const needed = Math.ceil(variance / (norm(byTheorem) / 10) ** 2);
  console.log(
    `${name.padEnd(26)} ${bias.toFixed(3)} ${variance.toFixed(2).padStart(10)} ${String(needed).padStart(10)}`,
  );
}

/** The variance against a constant baseline, for the picture. */
export const parabola = Array.from({ length: 41 }, (_, i) => {
  const b = -40 + i;
  return { b, variance: moments((e) => totalOf(e.rewards) - b).variance };
});
