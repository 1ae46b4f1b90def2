/** pigrad eval RUN: evaluates a trained policy on episodes, or on held-out prompts. */
import { SettingError } from "../core/errors.ts";
import { shareOf } from "../core/team.ts";
import { runLater } from "../core/waiting.ts";
import type { EvalOptions } from "../node/eval-job.ts";
import { giveEvaluations } from "../node/nats/give-evaluation.ts";
import { awaitInTime } from "../node/patience.ts";
import { corporaOf, openRun } from "../node/run-folder.ts";
import { MovingSession, whyAlone } from "../node/threads.ts";
import { type Evaluation, poolEvaluations } from "../rollout/evaluate.ts";
import type { Session } from "../tasks/session.ts";
import { only, pairs, wholeNumber } from "./args.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";
import { openGiver, type WorkersOptions, workersOptions } from "./workers.ts";

export const evalHelp = `  pigrad eval RUN [--episodes N] [--seed N] [--greedy|--sample] [--set key=value]...
               [--best] [--trust-data] [--threads N] [--json]
               [--workers URL [--queue NAME] [--patience SECONDS] [--lease SECONDS]]
      play episodes with a run's policy: likeliest actions (default) or sampled ones; --best takes
      the best policy of a run trained with --eval-every, in place of the last; --set changes
      settings of the task alone, as from and to of portfolio: train on one part, evaluate on another;
      of a text task, complete held-out prompts, which nothing was trained on or chosen by. --threads
      shares out the episodes or prompts, and --workers has the machines play that run pigrad worker URL,
      with the same result (docs/scale.md)`;

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
    threads: { type: "string" },
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
  const how = { episodes, first: 0, seed, greedy, changes, best: values.best ?? false };
  const trustData = values["trust-data"] ?? false;
  const threads = wholeNumber("threads", values.threads, 1, 64) ?? 1;
  if (threads > 1 && (how.best || values.set !== undefined || values.workers !== undefined))
    throw new SettingError("--threads: expected neither --best, --set nor --workers beside it");
  const opened = openRun(run, { ...how, trustData, whole: threads > 1 });
  const moving = new MovingSession(opened, corporaOf(run, { trustData }));
  const { session } = moving;
  try {
    if (threads > 1 && whyAlone(opened) === null) await moving.move(threads);
    const evaluation =
      values.workers === undefined
        ? await runLater(session.evaluating(episodes, seed, greedy, true), awaitInTime)
        : await givenTo(values.workers, values, run, sharesOf(how, session.kind));
    const { task, algo } = session.config;
    if (values.json) sayJson({ type: "evaluation", run, task, algo, seed, greedy, ...evaluation });
    else say(`${describe(evaluation, greedy)}\n`);
  } finally {
    session.close();
  }
}

async function givenTo(
  url: string,
  values: WorkersOptions,
  run: string,
  shares: readonly EvalOptions[],
): Promise<Evaluation> {
  const giving = await openGiver(url, values);
  const work = () => giveEvaluations(giving.giver, run, shares);
  return poolEvaluations(await giving.during(false, work));
}

const mostShares = 16;

/** Cuts an evaluation into shares of about as many episodes. A text's completions are compared, and are one share. */
function sharesOf(whole: EvalOptions, kind: Session["kind"]): EvalOptions[] {
  const { episodes } = whole;
  const count = kind === "text" ? 1 : Math.min(mostShares, episodes);
  return Array.from({ length: count }, (_, i) => {
    const [first, end] = [i, i + 1].map((j) => shareOf(episodes, count, j));
    return { ...whole, first, episodes: end - first };
  });
}

/** Default seed of evaluations, far from the seeds that people train with. */
export const evaluationSeed = 1_000_000_007;

export function describe(
  { episodes, meanReturn, stdReturn, margin, successRate, measures = {} }: Evaluation,
  greedy: boolean,
): string {
  if (episodes === 0) return "no completion has a score: the task has no reward, or it gave NaN";
  const success = successRate === null ? "" : `, success ${(100 * successRate).toFixed(1)} %`;
  const [low, high] = [meanReturn - margin, meanReturn + margin].map((x) => x.toFixed(2));
  const interval = margin > 0 ? ` (95 % interval of the mean ${low} to ${high})` : "";
  const how = greedy ? "greedy" : "sampled";
  const told = Object.entries(measures).map(([name, x]) => `, ${name} ${x.toFixed(3)}`);
  return `${how} return over ${episodes} episodes: ${meanReturn.toFixed(2)} ± ${stdReturn.toFixed(2)}${interval}${success}${told.join("")}`;
}
