/** Explains an update: samples that the policy learned from, with the advantage and the log-ratio of each token. */

import { textOf } from "./completion-scores.ts";
import type { LanguageTraining } from "./language-training.ts";

export interface ExplainedToken {
  readonly text: string;
  /** true: written by the policy. false: by the environment, and the numbers below have no meaning. */
  readonly own: boolean;
  readonly advantage: number;
  /** ln π − ln π_ref of the token; NaN without a reference. */
  readonly logRatio: number;
  readonly entropy: number;
}
export interface ExplainedSample {
  readonly update: number;
  readonly prompt: string;
  readonly completion: string;
  readonly reward: number;
  readonly tokens: readonly ExplainedToken[];
}

/** Returns `count` samples, taken evenly from the last batch; none before the first one. */
export function explainSamples(t: LanguageTraining, count: number): ExplainedSample[] {
  if (t.batch === null || t.completions === 0) return [];
  const { completions: c, prompts, advantage, refLogProb } = t.batch;
  const n = Math.min(count, c.count);
  return Array.from({ length: n }, (_, s) => {
    const i = Math.floor((s * c.count) / n);
    const tokens = c.tokensOf(i).map((token, j): ExplainedToken => {
      const at = i * c.steps + j;
      return {
        text: t.task.tokenizer.decode([token]),
        own: c.mask[at] !== 0,
        advantage: advantage[at],
        logRatio: refLogProb.length === 0 ? Number.NaN : c.logProb[at] - refLogProb[at],
        entropy: c.entropy[at],
      };
    });
    const completion = textOf(t.task, c, i);
    return { update: t.update, prompt: prompts[i], completion, reward: c.reward[i], tokens };
  });
}
