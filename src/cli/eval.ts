/** pigrad eval RUN: evaluates a trained policy on episodes, or on held-out prompts. */
import { SettingError } from "../core/errors.ts";
import { runLater } from "../core/waiting.ts";
import type { EvalOptions } from "../node/eval-job.ts";
import { giveEvaluations } from "../node/nats/give-evaluation.ts";
import { awaitInTime } from "../node/patience.ts";
import { openRun } from "../node/run-folder.ts";
import { type Evaluation, poolEvaluations } from "../rollout/evaluate.ts";
import { only, pairs, wholeNumber } from "./args.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";
import { openGiver, workersOptions } from "./workers.ts";

export const evalHelp = `  pigrad eval RUN [--episodes N] [--seed N] [--greedy|--sample] [--set key=value]...
               [--best] [--trust-data] [--shards N] [--json]
               [--workers URL [--queue NAME] [--patience SECONDS] [--lease SECONDS]]
      play episodes with a run's policy: likeliest actions (default) or sampled ones; --best takes
      the best policy of a run trained with --eval-every, in place of the last; --set changes
      settings of the task alone, as from and to of portfolio: train on one part, evaluate on another;
      of a text task, complete held-out prompts, which nothing was trained on or chosen by. --shards
      plays N equal shares of the episodes, on the seeds from --seed on; --workers has the machines play
      them that run pigrad worker URL, with the same result (docs/scale.md)`;

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
    shards: { type: "string" },
    ...workersOptions,
    json: { type: "boolean" },
  });
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const episodes = wholeNumber("episodes", values.episodes, 1) ?? 100;
  const seed = wholeNumber("seed", values.seed, 0) ?? evaluationSeed;
  if (values.greedy && values.sample)
    throw new SettingError("expected --greedy or --sample, got both");
  const greedy = !values.sample;
  const changes = pairs(values.set ?? []);
  const shards = shardsOf(wholeNumber("shards", values.shards, 1, episodes) ?? 1, {
    best: values.best ?? false,
    episodes,
    seed,
    greedy,
    changes,
  });
  const session = openRun(run, {
    best: values.best ?? false,
    trustData: values["trust-data"] ?? false,
    changes,
  });
  const { config, kind } = session;
  if (kind === "text" && shards.length > 1)
    throw new SettingError("--shards: expected 1 for a text, whose prompts are one batch");
  const evaluations: Evaluation[] = [];
  if (values.workers === undefined)
    for (const shard of shards) {
      const playing = session.evaluating(shard.episodes, shard.seed, greedy, true);
      evaluations.push(await runLater(playing, awaitInTime));
    }
  session.close();
  if (values.workers !== undefined) {
    const giving = await openGiver(values.workers, values);
    const given = giving.during(false, () => giveEvaluations(giving.giver, run, shards));
    evaluations.push(...(await given));
  }
  const evaluation = poolEvaluations(evaluations);
  if (values.json) {
    const { task, algo } = config;
    sayJson({ type: "evaluation", run, task, algo, seed, greedy, ...evaluation });
  } else say(`${describe(evaluation, greedy)}\n`);
}

/** Returns equal shares of the episodes, the larger ones first, each on a seed of its own. */
function shardsOf(count: number, whole: EvalOptions): EvalOptions[] {
  return Array.from({ length: count }, (_, i) => ({
    ...whole,
    seed: whole.seed + i,
    episodes: Math.floor(whole.episodes / count) + (i < whole.episodes % count ? 1 : 0),
  }));
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
