/** Trains language tasks and measures them on held-out prompts; what must be learned from rewards. */
import { simd } from "../../src/backends/simd.ts";
import { readCorpus } from "../../src/node/corpora.ts";
import { statisticsOf } from "../../src/rollout/evaluate.ts";
import { mean } from "../../src/rollout/statistics.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";
import { openText } from "../support/sessions.ts";

export interface Trained {
  readonly session: LanguageSession;
  /** Held out: after the supervised stage, and at the end. */
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  /** Rewards of the answers at the end, by prompt. */
  readonly rewards: readonly number[];
  readonly seconds: number;
  readonly last: Readonly<Record<string, number>>;
}

interface Options {
  readonly steps?: number;
  readonly greedy?: boolean;
  readonly prompts?: number;
}

/** Trains a task with its presets, or others, and says what came of it. */
export function train(
  task: LanguageTaskName,
  algo: string,
  seed: number,
  settings: Readonly<Record<string, unknown>> = {},
  { steps = languageTasks[task].steps, greedy = true, prompts = 1000 }: Options = {},
): Trained {
  const begun = performance.now();
  const backend = simd({ memory: 2 ** 29 });
  const request = { task, algo, seed, steps, settings };
  const session = openText(request, { backend, read: readCorpus });
  const { training, reports } = session;
  const { sftUpdates } = session.config.settings;
  let rewards: readonly number[] = [];
  const measures = () => {
    const { measures: m, ...e } = session.evaluate(prompts, 1, greedy, true);
    rewards = e.returns;
    return { ...m, meanReturn: e.meanReturn, stdReturn: e.stdReturn, distinct2: e.distinct2 };
  };
  let before: Trained["before"] | null = null;
  let last: Trained["last"] = {};
  for (const report of reports) {
    if (training.update === sftUpdates) before = measures(); // the supervised stage is done
    last = report as unknown as Trained["last"];
    if (training.stage === 1 && training.envSteps >= steps) break;
  }
  const seconds = (performance.now() - begun) / 1000;
  const after = measures();
  console.log(task, algo, `seed ${seed}`, { before, after, seconds: Math.round(seconds) });
  return { session, before: before ?? {}, after, rewards, seconds, last };
}

export interface LanguageClaim {
  readonly name: string;
  readonly task: LanguageTaskName;
  readonly algo: string;
  /** The number of seeds, from 501 on. */
  readonly seeds: number;
  readonly measure: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly options?: Options;
  readonly asks: string;
  /** `ahead` has each seed's rewards less those of copies of the same prompts; none where the task has no copy. */
  holds(
    before: readonly number[],
    after: readonly number[],
    kl: readonly number[],
    ahead: readonly (readonly number[])[],
  ): boolean;
}

const beatsCopies: Pick<LanguageClaim, "asks" | "holds"> = {
  asks: "above a copy of each prompt, the seeds' mean, by more than the 95 % interval over prompts",
  holds: (_before, _after, _kl, ahead) => {
    const { meanReturn, margin } = statisticsOf(
      ahead[0].map((_, k) => mean(ahead.map((of) => of[k]))),
    );
    return meanReturn > margin;
  },
};

const least = (x: readonly number[]): number => Math.min(...x);

export const languageClaims: readonly LanguageClaim[] = [
  {
    name: "arith, grpo",
    task: "arith",
    algo: "grpo",
    seeds: 5,
    measure: "exact",
    asks: "from ≤ 60 % to ≥ 97 % of held-out sums on ≥ 4 of 5 seeds",
    holds: (before, after) =>
      Math.max(...before) <= 0.6 && after.filter((x) => x >= 0.97).length >= 4,
  },
  ...["ppo", "rloo", "reinforce", "best-of-n"].map(
    (algo): LanguageClaim => ({
      name: `arith, ${algo}`,
      task: "arith",
      algo,
      seeds: 1,
      measure: "exact",
      asks: "≥ 90 % of held-out sums",
      holds: (_, after) => least(after) >= 0.9,
    }),
  ),
  {
    name: "g2p, CMU dictionary",
    task: "g2p",
    algo: "rloo",
    seeds: 2,
    measure: "per",
    settings: { data: "data/g2p-data.txt" },
    options: { prompts: 2000 },
    asks: "≥ 10 % fewer phoneme errors on held-out words",
    holds: (before, after) => after.every((x, i) => x <= 0.9 * before[i]),
  },
  {
    name: "sentiment, real sentences",
    task: "sentiment",
    algo: "rloo",
    seeds: 3,
    measure: "valence",
    settings: { data: "data/sentiment-data.txt", lexicon: "data/sentiment-lexicon.txt" },
    options: { greedy: false, prompts: 2000 },
    asks: "valence of samples higher by 0.8 (about a deviation), at a KL of ≤ 0.3 a token",
    holds: (before, after, kl) =>
      after.every((x, i) => x >= before[i] + 0.8) && Math.max(...kl) <= 0.3,
  },
  {
    name: "errand",
    task: "errand",
    algo: "rloo",
    seeds: 5,
    measure: "exact",
    asks: "≥ 95 % of held-out questions answered",
    holds: (_, after) => least(after) >= 0.95,
  },
  {
    name: "caption",
    task: "caption",
    algo: "rloo",
    seeds: 5,
    measure: "facts",
    asks: "≥ 95 % of facts right on held-out combinations, from ≤ 70 %",
    holds: (before, after) => Math.max(...before) <= 0.7 && least(after) >= 0.95,
  },
  {
    name: "number-words",
    task: "number-words",
    algo: "grpo",
    seeds: 3,
    measure: "exact",
    asks: "≥ 15 points more of held-out numbers",
    holds: (before, after) => after.every((x, i) => x >= before[i] + 0.15),
  },
  {
    name: "summarize, our own texts",
    task: "summarize",
    algo: "rloo",
    seeds: 3,
    measure: "rougeL",
    asks: "ROUGE-L ≥ 0.3 higher on held-out texts",
    holds: (before, after) => after.every((x, i) => x >= before[i] + 0.3),
  },
  {
    name: "summarize, real sentences",
    task: "summarize",
    algo: "rloo",
    seeds: 5,
    settings: {
      ...{ data: "data/summarize-data.txt", longest: 60, merges: 400, taught: 1 },
      ...{ family: "llama", layers: 3, sftUpdates: 3000, sftTexts: 32, sftDropout: 0 },
      ...{ prompts: 64, learningRate: 1e-4 },
    },
    measure: "rougeL",
    options: { steps: 100_000 },
    ...beatsCopies,
  },
  {
    name: "translate, names",
    task: "translate",
    algo: "rloo",
    seeds: 5,
    settings: {
      ...{ data: "data/translate-data.txt", merges: 0, completion: 60, taught: 1, copies: true },
      ...{ family: "llama", layers: 3, sftUpdates: 4000, learningRate: 3e-4 },
    },
    options: { steps: 300_000 },
    measure: "chrF",
    ...beatsCopies,
  },
  {
    name: "guess",
    task: "guess",
    algo: "rloo",
    seeds: 3,
    measure: "found",
    options: { steps: 120_000 },
    asks: "≥ 85 % found within the optimal number of turns + 1",
    holds: (_, after) => least(after) >= 0.85,
  },
];

/** Trains a claim's seeds, one after another. */
export const judgeLanguage = ({ task, algo, seeds, settings, options }: LanguageClaim): Trained[] =>
  Array.from({ length: seeds }, (_, i) => train(task, algo, 501 + i, settings, options));
