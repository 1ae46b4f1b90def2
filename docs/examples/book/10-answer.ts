/** Chapter 10's exercise: which of three estimates of the gradient is right, judged by enumeration. */
import * as pg from "pigrad";

const problem = new pg.Line({ maxSteps: 6 });
const logits = new Float64Array(problem.states * 2);
const all = pg.trajectories(problem);
const exact = pg.exactGradient(problem, logits);
const { V } = pg.exactValues(problem, logits, 1);

/** An estimate from one episode, with the sum of rewards from step `from(t)` on, and the action of step `of(t)`. */
function angleOf(from: (t: number) => number, of: (t: number) => number): string {
  const { mean } = pg.expectation(all, logits, 2, 1, ([{ states, actions, rewards }]) => {
    const out = new Float64Array(logits.length);
    for (const [t, s] of states.entries()) {
      const A = rewards.slice(from(t)).reduce((a, b) => a + b, 0) - V[6 - t][s];
      for (let a = 0; a < 2; a++) out[s * 2 + a] += A * (Number(a === actions[of(t)]) - 0.5);
    }
    return out;
  });
  const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
  const along = mean.reduce((sum, m, i) => sum + m * exact[i], 0);
  const cosine = Math.min(1, along / (norm(mean) * norm(exact)));
  return `angle ${((Math.acos(cosine) * 180) / Math.PI).toFixed(1)}°, size ${(norm(mean) / norm(exact)).toFixed(3)}`;
}
console.log(
  `A: rewards from t on          ${angleOf(
    (t) => t,
    (t) => t,
  )}`,
);
console.log(
  `B: rewards from t + 1 on      ${angleOf(
    (t) => t + 1,
    (t) => t,
  )}`,
);
console.log(
  `C: actions of the step before ${angleOf(
    (t) => t,
    (t) => Math.max(t - 1, 0),
  )}`,
);
