/** Evaluation of a language model on prompts that it was not trained on: reward and measures, greedy or sampled. */
import { checkInteger, checkName } from "../core/check.ts";
import { Random } from "../core/random.ts";
import { solo, type Team } from "../core/team.ts";
import { runNow, type Waiting } from "../core/waiting.ts";
import type { Sampling } from "../nn/sampler.ts";
import type { LanguageModel } from "../nn/transformer.ts";
import { Completer, type Completions } from "../rollout/completions.ts";
import { type Evaluation, statisticsOf } from "../rollout/evaluate.ts";
import { evenly } from "../text/corpus.ts";
import { distinct } from "../text/rewards.ts";
import { promptTokens, type TextTask } from "../text/task.ts";
import { checkVocabulary, completerOptions, score, scoresOf, textOf } from "./completion-scores.ts";
import { moments } from "./moments.ts";

/** An evaluation whose episodes are the completions that have a score, and whose returns are their rewards. */
export interface LanguageEvaluation extends Evaluation {
  /** Prompts that were completed, and those whose completion has no score. */
  readonly prompts: number;
  readonly unscored: number;
  /** Mean tokens per completion. */
  readonly meanLength: number;
  /** Means of the task's measures, and of each judge that has a name, without its weight. */
  readonly measures: Readonly<Record<string, number>>;
  /** distinct-2: unique bigrams divided by all bigrams, over all completions. Drops when outputs collapse. */
  readonly distinct2: number;
  readonly samples: readonly { prompt: string; completion: string; reward: number }[];
}

export interface LanguageEvaluationOptions {
  /** Prompts of the validation side, which settings are chosen by, or of the held-out test. Default "validation". */
  readonly side?: "validation" | "heldOut";
  readonly sampling?: Partial<Sampling>;
  readonly seed?: number;
  /** Largest number of prompts, taken evenly from all. Default 1000. */
  readonly most?: number;
  /** Samples per prompt, of which the one with the best reward counts: best-of-n. Default 1. */
  readonly bestOf?: number;
  /** The members that share out the prompts. Default: one. */
  readonly team?: Team;
}

/** Completes prompts, greedily unless `sampling` says otherwise. Throws UsageError if a judge returns a promise. */
export const evaluateLanguage = (
  gpt: LanguageModel,
  task: TextTask,
  options: LanguageEvaluationOptions = {},
): LanguageEvaluation => runNow(evaluatingLanguage(gpt, task, options), "evaluateLanguage");

/** `evaluateLanguage` that waits for the judges of the task. */
export function* evaluatingLanguage(
  gpt: LanguageModel,
  task: TextTask,
  {
    side = "validation",
    sampling = { greedy: true },
    seed = 1,
    most = 1000,
    bestOf = 1,
    team = solo(),
  }: LanguageEvaluationOptions = {},
): Waiting<LanguageEvaluation> {
  checkName("evaluateLanguage", "a side", side, Object.keys(task.prompts));
  checkInteger("evaluateLanguage", "bestOf", bestOf, { min: 1 });
  checkInteger("evaluateLanguage", "most", most, { min: 1 });
  const asked = evenly(task.prompts[side], most);
  const prompts = asked.flatMap((prompt) => new Array<string>(bestOf).fill(prompt));
  checkVocabulary(task, gpt.options.vocab);
  const tokens = prompts.map((prompt) => promptTokens(task, prompt));
  const completer = new Completer(gpt, {
    ...completerOptions(task, (sample) => prompts[sample]),
    sampling,
    team,
  });
  const mark = team.mark();
  const batch = completer.batch(prompts.length, task.completionLength);
  try {
    completer.complete(batch, tokens, new Random(seed));
  } finally {
    completer.free();
  }
  const { reward: rewards, byJudge } = yield* scoresOf(task, batch, prompts, { team });
  const chosen = asked.map((_, p) => bestSample(rewards, p * bestOf, bestOf));
  const scored = chosen.filter((i) => !Number.isNaN(rewards[i]));
  const returns = scored.map((i) => rewards[i]);
  const measures = {
    ...Object.fromEntries(
      Object.entries(byJudge).map(([name, scores]) => [
        name,
        meanScore(chosen.map((i) => scores[i])),
      ]),
    ),
    ...measure(task, prompts, batch, chosen),
  };
  const evaluation = {
    episodes: scored.length,
    returns,
    lengths: scored.map((i) => batch.length[i]),
    ...statisticsOf(returns),
    successRate: measures.exact ?? measures.found ?? null,
    prompts: asked.length,
    unscored: asked.length - scored.length,
    meanLength: moments(chosen.map((i) => batch.length[i])).mean,
    measures,
    distinct2: distinctPairs(chosen.map((i) => textOf(task, batch, i))),
    samples: chosen.map((i) => ({
      prompt: prompts[i],
      completion: textOf(task, batch, i),
      reward: rewards[i],
    })),
  };
  team.release(mark);
  return evaluation;
}

/** Returns distinct-2. Bigrams do not cross from one text into the next. */
function distinctPairs(texts: readonly string[]): number {
  const pairs = texts.flatMap((text) => {
    const words = text.split(/\s+/).filter((word) => word !== "");
    return words.slice(1).map((word, i) => `${words[i]} ${word}`);
  });
  return pairs.length === 0 ? 1 : distinct(pairs, 1);
}

/** Returns the mean of the scores that are there. */
const meanScore = (scores: readonly number[]): number =>
  moments(scores.filter((x) => !Number.isNaN(x))).mean;

function bestSample(rewards: ArrayLike<number>, first: number, n: number): number {
  let best = first;
  for (let i = first; i < first + n; i++)
    if (rewards[i] > rewards[best] || Number.isNaN(rewards[best])) best = i;
  return best;
}

function measure(
  task: TextTask,
  prompts: readonly string[],
  batch: Completions,
  chosen: readonly number[],
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(task.measures).map(([name, reward]) => {
      const scores = chosen.map((i) => score(task, reward, prompts[i], batch, i));
      return [name, meanScore(scores)];
    }),
  );
}
