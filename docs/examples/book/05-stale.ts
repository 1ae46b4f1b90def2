/** Chapter 5: the exact mean gradient on a stale batch, by what is done with the ratio. */
import * as pg from "pigrad";

/** Up to three of three tokens, of which token 2 stops; the reward is the length plus the first token. */
const problem = pg.tokenTask(3, 3, (tokens) => tokens.length + tokens[0], 2);
const all = pg.trajectories(problem);
const size = problem.states * problem.actions;
const random = new pg.Random(600);
const normals = (): Float64Array => {
  const out = new Float64Array(size);
  random.fillNormal(out);
  return out;
};
const [logits, drift] = [normals(), normals()];
/** The policy that sampled. */
const behaviour = logits.map((x, i) => x + 0.5 * drift[i]);
const gradient = pg.exactGradient(problem, logits);
const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));

console.log("form        angle to ∇J   size/‖∇J‖   variance");
for (const form of ["reinforce", "ratio", "clip", "cispo"] as const) {
  const settings: pg.EstimatorSettings = {
    ...pg.presets.reinforce,
    baseline: "value",
    surrogate: { ...pg.surrogateDefaults, form },
  };
  const estimate = pg.estimator({ problem, logits, behaviour, K: 1 }, settings);
  const { mean, variance } = pg.expectation(all, behaviour, problem.actions, 1, estimate);
  const along = mean.reduce((sum, m, i) => sum + m * gradient[i], 0);
  const angle = (Math.acos(along / norm(mean) / norm(gradient)) * 180) / Math.PI;
  const ratio = norm(mean) / norm(gradient);
  console.log(
    `${form.padEnd(10)} ${angle.toFixed(1).padStart(9)}° ${ratio.toFixed(2).padStart(12)} ${variance.toFixed(3).padStart(11)}`,
  );
}
