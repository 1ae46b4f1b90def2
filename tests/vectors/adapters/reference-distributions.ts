/** Reference cases of distributions, keyed by group and the names of their inputs. */
import { loops } from "../../../src/backends/loops.ts";
import { exp, log } from "../../../src/core/math.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../../src/core/tensor.ts";
import * as d from "../../../src/distributions/categorical.ts";
import * as g from "../../../src/distributions/gaussian.ts";
import { squashedLogProbOfAction } from "../../../src/distributions/squashed-gaussian.ts";
import * as o from "../../../src/ops/index.ts";
import type { ReferenceAdapter } from "../types.ts";

const k = loops(Float64Array);
type Rows = number[] | number[][];
const run = (f: () => Tensor): number[] => [...new Tape(k).run(f).data];
const tensor = (x: Rows): Tensor =>
  input(k, Array.isArray(x[0]) ? [x.length, x[0].length] : [x.length], (x as number[]).flat());
const rows = (x: number[], n: number): number[][] =>
  Array.from({ length: x.length / n }, (_, i) => x.slice(i * n, (i + 1) * n));
const logs = (x: number[][]): number[][] => x.map((row) => row.map((s) => log(s)));

/** Figures of a categorical policy of these log-probabilities. */
const categorical = (logits: number[][], actions: number[]) => ({
  probs: rows(
    run(() => d.categoricalProbs(tensor(logits))),
    logits[0].length,
  ),
  logprob: run(() => d.categoricalLogProb(tensor(logits), tensor(actions))),
  entropy: run(() => d.categoricalEntropy(tensor(logits))),
});
/** ln of a policy that is greedy with 1 − ε, ties sharing, and uniform with ε. */
const greedyLogits = (preferences: number[][], epsilon: number): number[][] =>
  preferences.map((row) => {
    const best = Math.max(...row);
    const ties = row.filter((x) => x === best).length;
    return row.map((x) => log(epsilon / row.length + (x === best ? (1 - epsilon) / ties : 0)));
  });

export const referenceDistributions: Record<string, ReferenceAdapter> = {
  "distribution:logits,temperature": ({ inputs: c }) => ({
    probs: rows(
      run(() => d.categoricalProbs(o.mul(tensor(c.logits), 1 / c.temperature))),
      c.logits[0].length,
    ),
  }),
  "distribution:actions,logits": ({ inputs: c }) => categorical(c.logits, c.actions),
  "distribution:p_logits,q_logits": ({ inputs: c }) => ({
    kl: run(() => d.categoricalKl(tensor(c.p_logits), tensor(c.q_logits))),
  }),
  "distribution:actions,epsilon,preferences": ({ inputs: c }) =>
    categorical(greedyLogits(c.preferences, c.epsilon), c.actions),
  "distribution:actions,preferences": ({ inputs: c }) =>
    categorical(greedyLogits(c.preferences, 0), c.actions),
  rlax_gaussian_diagonal: ({ inputs: c }) => {
    const [mean, logStd, value] = [c.mu, logs(c.sigma), c.sample].map(tensor);
    const [otherMean, otherLogStd] = [c.other_mu, logs(c.other_sigma)].map(tensor);
    const zeros = tensor(c.mu.map((row: number[]) => row.map(() => 0)));
    const logprob = run(() => g.gaussianLogProb(mean, logStd, value));
    return {
      prob: logprob.map((x) => exp(x)),
      logprob,
      entropy: run(() => g.gaussianEntropy(mean, logStd)),
      kl_to_other: run(() => g.gaussianKl(mean, logStd, otherMean, otherLogStd)),
      kl_to_standard_normal: run(() => g.gaussianKl(mean, logStd, zeros, zeros)),
    };
  },
  rlax_squashed_gaussian: ({ inputs: c }) => {
    const [mean, logStd, action] = [c.base_mean, logs(c.base_sigma), c.sample].map(tensor);
    const [otherMean, otherLogStd] = [c.other_base_mean, logs(c.other_base_sigma)].map(tensor);
    const zeros = tensor(c.sample.map((row: number[]) => row.map(() => 0)));
    const bounds = { low: c.action_min, high: c.action_max };
    return {
      logprob: run(() => squashedLogProbOfAction(mean, logStd, action, bounds)),
      base_entropy: run(() => g.gaussianEntropy(mean, logStd)),
      base_kl_to_other: run(() => g.gaussianKl(mean, logStd, otherMean, otherLogStd)),
      base_kl_to_standard_normal: run(() => g.gaussianKl(mean, logStd, zeros, zeros)),
    };
  },
  "distribution:x": ({ inputs: c }) => ({ y: run(() => o.logSoftmax(tensor(c.x))) }),
  "distribution:logits": ({ inputs: c }) => {
    const logits = variable(k, [c.logits.length, c.logits[0].length], c.logits.flat());
    const tape = new Tape(k);
    const total = tape.run(() => o.sum(d.categoricalEntropy(logits)));
    tape.backward(total);
    return {
      entropy: run(() => d.categoricalEntropy(logits)),
      grad_entropy: rows([...logits.grad], c.logits[0].length),
    };
  },
  "distribution:mean,std,x": ({ inputs: c }) => {
    const column = (x: number[]): Tensor => tensor(x.map((v) => [v]));
    const logStd = column(c.std.map((s: number) => log(s)));
    return { logprob: run(() => g.gaussianLogProb(column(c.mean), logStd, column(c.x))) };
  },
};
