/** pigrad eval RUN: evaluates a trained policy on episodes, or on held-out prompts. */
import { SettingError } from "../core/errors.ts";
import { runLater } from "../core/waiting.ts";
import { awaitInTime } from "../node/patience.ts";
import { openRun } from "../node/run-folder.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { only, pairs, wholeNumber } from "./args.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const evalHelp = `  pigrad eval RUN [--episodes N] [--seed N] [--greedy|--sample] [--set key=value]...
               [--best] [--trust-data] [--json]
      play episodes with a run's policy: likeliest actions (default) or sampled ones; --best takes
      the best policy of a run trained with --eval-every, in place of the last; --set changes
      settings of the task alone, as from and to of portfolio: train on one part, evaluate on another;
      of a text task, complete held-out prompts, which nothing was trained on or chosen by`;

export async function evalCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    ...ownOptions,
    episodes: { type: "string" },
    seed: { type: "string" },
    greedy: { type: "boolean" },
    sample: { type: "boolean" },
    set: { type: "string", multiple: true },
    best: { type: "boolean" },
    "trust-data": { type: "boolean" },
    json: { type: "boolean" },
  });
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const episodes = wholeNumber("episodes", values.episodes, 1) ?? 100;
  const seed = wholeNumber("seed", values.seed, 0) ?? evaluationSeed;
  if (values.greedy && values.sample)
    throw new SettingError("expected --greedy or --sample, got both");
  const greedy = !values.sample;
  const session = openRun(run, {
    best: values.best ?? false,
    trustData: values["trust-data"] ?? false,
    changes: pairs(values.set ?? []),
  });
  const { config } = session;
  const evaluation = await runLater(session.evaluating(episodes, seed, greedy, true), awaitInTime);
  session.close();
  if (values.json) {
    const { task, algo } = config;
    sayJson({ type: "evaluation", run, task, algo, seed, greedy, ...evaluation });
  } else say(`${describe(evaluation, greedy)}\n`);
}

/** Default seed of evaluations, far from the seeds that people train with. */
export const evaluationSeed = 1_000_000_007;

export function describe(
  { episodes, meanReturn, stdReturn, margin, successRate, measures = {} }: Evaluation,
  greedy: boolean,
): string {
  if (episodes === 0) return "no completion has a score: the task has no reward";
  const success = successRate === null ? "" : `, success ${(100 * successRate).toFixed(1)} %`;
  const [low, high] = [meanReturn - margin, meanReturn + margin].map((x) => x.toFixed(2));
  const interval = margin > 0 ? ` (95 % interval of the mean ${low} to ${high})` : "";
  const how = greedy ? "greedy" : "sampled";
  const told = Object.entries(measures).map(([name, x]) => `, ${name} ${x.toFixed(3)}`);
  return `${how} return over ${episodes} episodes: ${meanReturn.toFixed(2)} ± ${stdReturn.toFixed(2)}${interval}${success}${told.join("")}`;
}
