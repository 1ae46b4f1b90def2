/** Chapter 5: many steps on one small batch, with and without a clip; the surrogate's promise beside the exact J. */
import * as pg from "pigrad";

/** The line world with episodes of eight steps; the old policy leans to the middle by σ(0.3 · (5 − position)). */
const steps = 8;
const problem = new pg.Line({ maxSteps: steps });
const old = new Float64Array(problem.states * 2).map((_, i) =>
  i % 2 === 1 ? 0.3 * (5 - (i - 1) / 2) : 0,
);
const all = pg.trajectories(problem);
const p = pg.probabilities(all, old, 2);
const { V } = pg.exactValues(problem, old, 1);
const J0 = pg.exactReturn(problem, old);

/** π(a∣s) of a table of logits. */
const probability = (logits: ArrayLike<number>, s: number, a: number): number =>
  1 / (1 + Math.exp(logits[s * 2 + 1 - a] - logits[s * 2 + a]));

interface Decision {
  readonly state: number;
  readonly action: number;
  /** The rewards that came, minus the exact V of the old policy. */
  readonly advantage: number;
}

/** Samples episodes of the old policy. */
function collect(episodes: number, random: pg.Random): Decision[] {
  const batch = Array.from({ length: episodes }, () => all[random.categorical(p)]);
  return batch.flatMap(({ states, actions, rewards }) =>
    states.map((state, t) => ({
      state,
      action: actions[t],
      advantage: rewards.slice(t).reduce((a, b) => a + b, 0) - V[steps - t][state],
    })),
  );
}

/** ∂ℓ/∂ln π, the sign turned to ascend: ρÂ, or 0 where the clipped arm is the smaller. */
export function slope(ratio: number, advantage: number, clip: number): number {
  if (advantage > 0 && ratio > 1 + clip) return 0;
  if (advantage < 0 && ratio < 1 - clip) return 0;
  return ratio * advantage;
}

export interface Point {
  readonly epoch: number;
  readonly promised: number;
  readonly J: number;
  readonly kl: number;
}
const [episodes, batches, rate] = [4, 200, 0.1];
export const shown = [0, 1, 2, 3, 5, 10, 20, 50, 100, 200];

/** Means over the batches of J0 + Σ ρÂ, the exact J and the exact KL, after epochs of ascent on one batch. */
export function improve(clip: number): Point[] {
  const random = new pg.Random(600);
  const sums = shown.map((epoch) => ({ epoch, promised: J0, J: 0, kl: 0 }));
  for (let b = 0; b < batches; b++) {
    const batch = collect(episodes, random);
    const logits = old.slice();
    for (let epoch = 0; epoch <= 200; epoch++) {
      const gradient = new Float64Array(logits.length);
      let surrogate = 0;
      for (const { state, action, advantage } of batch) {
        const pi = probability(logits, state, action);
        const ratio = pi / probability(old, state, action);
        surrogate += (ratio * advantage) / episodes;
        const push = (slope(ratio, advantage, clip) * (1 - pi)) / episodes;
        gradient[state * 2 + action] += push;
        gradient[state * 2 + 1 - action] -= push;
      }
      const at = shown.indexOf(epoch);
      if (at >= 0) {
        sums[at].promised += surrogate / batches;
        sums[at].J += pg.exactReturn(problem, logits) / batches;
        sums[at].kl += pg.exactKl(problem, old, logits) / batches;
      }
      for (let i = 0; i < logits.length; i++) logits[i] += rate * gradient[i];
    }
  }
  return sums;
}

export const runs = { "no clip": improve(Infinity), "clip 0.2": improve(0.2) };
for (const [name, points] of Object.entries(runs)) {
  console.log(`${name}:\nepoch   promised J   exact J   KL per episode`);
  for (const { epoch, promised, J, kl } of points)
    console.log(
      `${String(epoch).padStart(5)} ${promised.toFixed(2).padStart(12)} ${J.toFixed(2).padStart(9)} ${kl.toFixed(3).padStart(16)}`,
    );
}
