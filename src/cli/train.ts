/** pigrad train TASK: train a policy, evaluate it, leave a run folder. */
import { parseArgs } from "node:util";
import type { Report } from "../algos/index.ts";
import type { Dynamics, Tabular } from "../envs/env.ts";
import { chooseFolder, saveRun } from "../node/run-folder.ts";
import { exactReturns } from "../oracle/value-iteration.ts";
import { type Evaluation, evaluate } from "../rollout/evaluate.ts";
import { open, resolve, type Session } from "../tasks/session.ts";
import { only, pairs, wholeNumber } from "./args.ts";
import { describe, evaluationSeed } from "./eval.ts";
import { Progress } from "./progress.ts";

export const trainHelp = `  pigrad train TASK [--algo NAME] [--seed N] [--steps N] [--out DIR]
               [--set key=value]... [--backend NAME] [--json] [--quiet]
      train a policy; Ctrl-C stops and keeps what was learned`;

export async function trainCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      algo: { type: "string" },
      seed: { type: "string" },
      steps: { type: "string" },
      out: { type: "string" },
      set: { type: "string", multiple: true },
      backend: { type: "string" },
      json: { type: "boolean" },
      quiet: { type: "boolean" },
    },
  });
  const config = resolve({
    task: only("task", positionals),
    algo: values.algo,
    seed: wholeNumber("seed", values.seed, 0),
    steps: wholeNumber("steps", values.steps, 1),
    backend: values.backend,
    settings: pairs(values.set ?? []),
  });
  const folder = chooseFolder(values.out, config);
  const session = open(config);
  const talk = !values.json && !values.quiet;
  if (talk)
    process.stdout.write(`training ${config.task} with ${config.algo}, seed ${config.seed}\n`);

  const { last, seconds, metrics } = await train(session, values.json === true, talk);
  saveRun(folder, session, metrics);
  const evaluation = evaluate(session.model, session.makeEnv(), 100, evaluationSeed, true);
  const envSteps = last.envSteps;
  const stepsPerSecond = Math.round(envSteps / seconds);
  if (values.json) {
    const { task, algo, seed } = config;
    const summary = {
      type: "summary",
      task,
      algo,
      seed,
      envSteps,
      seconds,
      stepsPerSecond,
      evaluation,
      run: folder,
    };
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  const steps = envSteps.toLocaleString("en");
  process.stdout.write(
    `trained ${steps} steps in ${seconds.toFixed(1)} s (${stepsPerSecond.toLocaleString("en")} steps/s)\n` +
      `${describe(evaluation, true)}\n${comparison(session.makeEnv(), evaluation)}saved to ${folder}\n`,
  );
}

/** Draws reports until the steps are done or somebody presses Ctrl-C. */
async function train(
  session: Session,
  json: boolean,
  talk: boolean,
): Promise<{ last: Report; seconds: number; metrics: string[] }> {
  const { config, reports } = session;
  const progress = talk ? new Progress(config.steps) : null;
  const metrics: string[] = [];
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const begun = performance.now();
  let last: Report;
  do {
    last = reports.next().value;
    const seconds = Number(((performance.now() - begun) / 1000).toFixed(3));
    const line = JSON.stringify({ type: "update", ...last, seconds });
    metrics.push(line);
    if (json) process.stdout.write(`${line}\n`);
    progress?.show(last);
    await new Promise(setImmediate); // lets a signal through
  } while (last.envSteps < config.steps && !stopped);
  process.off("SIGINT", stop);
  process.off("SIGTERM", stop);
  progress?.end();
  if (stopped && talk) process.stdout.write("stopped; keeping what was learned\n");
  return { last, seconds: (performance.now() - begun) / 1000, metrics };
}

/** Beside the exact best and the exact random policy, where the task is small enough to know them. */
function comparison(env: Dynamics, { meanReturn, stdReturn, episodes }: Evaluation): string {
  if (!("outcomes" in env)) return "";
  const { optimal, random } = exactReturns(env as Dynamics & Tabular);
  const short = optimal - meanReturn;
  const sampling = (2 * stdReturn) / Math.sqrt(episodes);
  const verdict =
    short <= 1e-9 && sampling === 0
      ? "optimal"
      : Math.abs(short) <= sampling
        ? "optimal within sampling error"
        : `${short.toFixed(2)} below the optimum`;
  return `optimum ${optimal.toFixed(2)} (value iteration), random policy ${random.toFixed(2)}: ${verdict}\n`;
}
