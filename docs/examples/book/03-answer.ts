/** Chapter 3's exercise: a baseline that looks at the action is a bias; the estimate of the bandit, by hand. */
import * as pg from "pigrad";

/** A bandit of two arms with rewards 0 and 1, and a policy that takes arm 1 with probability 3/4. */
const problem = pg.tokenTask(2, 1, ([arm]) => arm);
const logits = Float64Array.of(0, Math.log(3));
const all = pg.trajectories(problem);
const pi = [0.25, 0.75];

/** The exact mean of (reward − baseline) · ∂ln π(a)/∂(logit of arm 1), and its variance. */
function moments(baseline: (arm: number) => number): string {
  const { mean, variance } = pg.expectation(all, logits, 2, 1, ([{ actions, rewards }]) => {
    const [arm] = actions;
    return [0, (rewards[0] - baseline(arm)) * (arm - pi[1])];
  });
  return `mean ${mean[1].toFixed(4)}, variance ${variance.toFixed(4)}`;
}
console.log(`exact gradient            ${pg.exactGradient(problem, logits)[1].toFixed(4)}`);
console.log(`b = 0                     ${moments(() => 0)}`);
console.log(`b = J = 3/4               ${moments(() => 0.75)}`);
console.log(`b* = 1/4                  ${moments(() => 0.25)}`);
console.log(`b = the arm's own reward  ${moments((arm) => arm)}`);
