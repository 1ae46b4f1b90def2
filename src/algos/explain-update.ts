/**
 * Explains an update by its samples, to first order: a step of size η along the mean of Aᵢ·∇ln πᵢ over n samples changes f by
 *
 *   η·Σᵢ pullᵢ,  pullᵢ = Aᵢ·⟨∇f, ∇ln πᵢ⟩/n
 *
 * so that pullᵢ is what sample i adds to f per unit of learning rate. (TracIn, Pruthi et al. 2020, arXiv:2002.08484, for the
 * policy gradient.)
 */
import type { Floats } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { mul } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import { clearGradients, flatOf } from "../policies/scalar.ts";
import type { Chunks } from "../rollout/chunks.ts";
import { RolloutChunks } from "../rollout/rollout-chunks.ts";
import type { LearnedSteps } from "./training.ts";

/** One sample of a batch: the units that must be evaluated for it, and its numbers in the column of advantages. */
export interface PullingSample {
  readonly units: readonly number[];
  readonly entries: readonly number[];
}

/**
 * Returns the pulls on each of several targets, [targets][samples], by ∇f of each. Leaves the parameters' gradients at 0.
 *
 * @param chunks have room for one sample's units
 * @param advantage the batch's column
 */
export function pullsOf(
  chunks: Chunks,
  samples: readonly PullingSample[],
  advantage: Floats,
  targets: readonly Float64Array[],
): Float64Array[] {
  const { parameters } = chunks;
  const column = new Float64Array(advantage.length);
  const weight = chunks.column(column);
  const tape = new Tape(parameters.backend);
  const pulls = targets.map(() => new Float64Array(samples.length));
  clearGradients(parameters);
  for (const [s, { units, entries }] of samples.entries()) {
    column.fill(0);
    for (const i of entries) column[i] = advantage[i];
    chunks.forEachChunk(units, 0, units.length, () => {
      chunks.fill(weight, column);
      tape.backward(
        tape.run(() => sum(mul(chunks.evaluate({ entropy: false, value: false }).logProb, weight))),
      );
    });
    const gradient = flatOf(parameters, "grad");
    for (const [t, target] of targets.entries())
      pulls[t][s] = dot(target, gradient) / samples.length;
    clearGradients(parameters);
  }
  return pulls;
}

export function dot(a: Floats, b: Floats): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** Returns the steps of a rollout as samples, and chunks for one; a recurrent policy evaluates a step's whole sequence. */
export function samplesOfSteps({ rollout }: LearnedSteps): {
  readonly chunks: Chunks;
  readonly samples: readonly (PullingSample & { readonly row: number })[];
} {
  const { actor, env, steps, envs, size, mask } = rollout;
  const recurrent = actor.model.memorySize > 0;
  const options = { masked: env.mask !== null, steps: recurrent ? steps : 1 };
  const chunks = new RolloutChunks(actor.model, rollout, options.steps, options);
  const sequence = (e: number): number[] => Array.from({ length: steps }, (_, t) => t * envs + e);
  const rows = Array.from({ length: size }, (_, row) => row).filter((row) => mask[row] !== 0);
  const samples = rows.map((row) => ({
    row,
    entries: [row],
    units: recurrent ? sequence(row % envs) : [row],
  }));
  return { chunks, samples };
}
