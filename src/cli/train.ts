/** pigrad train TASK: train a policy, evaluate it, leave a run folder; --resume RUN: go on with one. */
import { parseArgs } from "node:util";
import { SettingError } from "../core/errors.ts";
import type { Dynamics, Tabular } from "../envs/env.ts";
import { readCorpus } from "../node/corpora.ts";
import { EventFile } from "../node/event-file.ts";
import { type Live, serveLive } from "../node/live.ts";
import {
  abandonRun,
  chooseFolder,
  createRun,
  readConfig,
  readTraining,
  resumeRun,
} from "../node/run-folder.ts";
import { type StopOptions, trainRun } from "../node/train-run.ts";
import { exactReturns } from "../oracle/value-iteration.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { type AnySession, openAny, resolveAny } from "../tasks/any-session.ts";
import type { Session } from "../tasks/session.ts";
import { only, pairs, realNumber, wholeNumber } from "./args.ts";
import { describe, evaluationSeed } from "./eval.ts";
import { Progress } from "./progress.ts";
import { reportPage } from "./report-page.ts";
import { readRun } from "./runs.ts";
import { sampleLine } from "./sample.ts";

export const trainHelp = `  pigrad train TASK [--algo NAME] [--seed N] [--steps N] [--out DIR]
               [--set key=value]... [--backend NAME] [--from RUN]
  pigrad train --resume RUN [--steps N] [--set envs=N]
      train a policy; Ctrl-C stops and keeps what was learned. --from begins with the weights of another
      run of the same sizes: a new optimizer, its schedules from the start. --resume goes on to the last
      bit; --steps makes the run that long in all, its schedules then as in a run of N steps from the
      step it has come to; --set envs=N goes on in N new environments, weights and optimizer kept.
      A finished run is evaluated, and stays as it is. Both take
               [--until-steps N] [--until-seconds S] [--until-return R]  stop sooner
               [--checkpoint-every N]  steps, or tokens taught, between checkpoints (default 10,000)
               [--watch] [--port N]  a live page on this machine while it trains
               [--tensorboard]  event files in the run folder
               [--json] [--quiet]`;

const options = {
  algo: { type: "string" },
  seed: { type: "string" },
  steps: { type: "string" },
  out: { type: "string" },
  set: { type: "string", multiple: true },
  backend: { type: "string" },
  resume: { type: "string" },
  from: { type: "string" },
  "until-steps": { type: "string" },
  "until-seconds": { type: "string" },
  "until-return": { type: "string" },
  "checkpoint-every": { type: "string" },
  watch: { type: "boolean" },
  port: { type: "string" },
  tensorboard: { type: "boolean" },
  json: { type: "boolean" },
  quiet: { type: "boolean" },
} as const;
type Given = ReturnType<typeof parse>["values"];
const parse = (args: string[]) => parseArgs({ args, allowPositionals: true, options });

export async function trainCommand(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const stop: StopOptions = {
    untilSteps: wholeNumber("until-steps", values["until-steps"], 1),
    untilSeconds: realNumber("until-seconds", values["until-seconds"], 0),
    untilReturn: realNumber("until-return", values["until-return"], -Infinity),
    checkpointEvery: wholeNumber("checkpoint-every", values["checkpoint-every"], 1) ?? 10_000,
  };
  const port = wholeNumber("port", values.port, 0, 65_535) ?? 0;
  const { folder, session, renewed } =
    values.resume === undefined ? begin(values, positionals) : resume(values, positionals);
  const { config } = session;
  const talk = !values.json && !values.quiet;
  const finished = session.training.envSteps >= config.steps;
  const verb =
    values.resume === undefined ? "training" : finished ? "finished already:" : "going on with";
  if (talk)
    process.stdout.write(`${verb} ${config.task} with ${config.algo}, seed ${config.seed}\n`);
  if (talk && renewed)
    process.stdout.write(`${config.settings.envs} new environments; weights and optimizer kept\n`);

  const live = values.watch ? await watchRun(folder, port) : null;
  if (live !== null && talk) process.stdout.write(`watch it at ${live.url}\n`);
  const board = values.tensorboard ? new EventFile(folder) : null;
  const progress = talk ? new Progress(config.steps) : null;
  const before = session.training.envSteps;
  const trained = await trainRun(folder, session, stop, (report, line) => {
    if (values.json) process.stdout.write(`${line}\n`);
    progress?.show(report, sampleLine(session));
    live?.send(line);
    board?.add(report);
  }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === undefined) abandonRun(folder); // else: the disk failed
    throw error;
  });
  progress?.end();
  board?.flush();
  live?.send('{"type":"end"}');
  await live?.close();
  const { seconds, why } = trained;
  if (talk && trained.last === null && (why === "steps" || why === "end"))
    process.stdout.write("nothing left to train; the policy as it was saved:\n");
  else if (talk && why !== "steps" && why !== "end")
    process.stdout.write(`stopped by ${why}; keeping what was learned\n`);
  const evaluation = session.evaluate(100, evaluationSeed, true);
  const { envSteps } = session.training;
  const stepsPerSecond = seconds > 0 ? Math.round((envSteps - before) / seconds) : 0;
  if (values.json) {
    const { task, algo, seed } = config;
    const summary = { type: "summary", task, algo, seed, envSteps, seconds, stepsPerSecond, why };
    process.stdout.write(`${JSON.stringify({ ...summary, evaluation, run: folder })}\n`);
    return;
  }
  const steps = envSteps.toLocaleString("en");
  const asked = session.language === undefined ? "" : " (validation prompts)";
  process.stdout.write(
    `trained ${steps} steps in ${seconds.toFixed(1)} s (${stepsPerSecond.toLocaleString("en")} steps/s)\n` +
      `${describe(evaluation, true)}${asked}\n${comparison(session, evaluation)}saved to ${folder}\n`,
  );
}

/** The report's page of the run so far, fed while it trains. */
async function watchRun(folder: string, port: number): Promise<Live> {
  const page = reportPage([{ run: readRun(folder), replay: null }], true);
  return serveLive(page, port);
}

interface Begun {
  readonly folder: string;
  readonly session: AnySession;
  /** Whether it goes on in other environments. */
  readonly renewed: boolean;
}

function begin(values: Given, positionals: string[]): Begun {
  const config = resolveAny({
    from: values.from,
    task: only("task", positionals),
    algo: values.algo,
    seed: wholeNumber("seed", values.seed, 0),
    steps: wholeNumber("steps", values.steps, 1),
    backend: values.backend,
    settings: pairs(values.set ?? []),
  });
  const folder = chooseFolder(values.out, config);
  const session = openAny(config, null, readCorpus);
  if (values.from !== undefined) session.load(readTraining(values.from));
  session.prepare(); // may refuse the settings: then there is no folder
  createRun(folder, session.config);
  return { folder, session, renewed: false };
}

function resume(values: Given, positionals: string[]): Begun {
  const { envs, ...others } = pairs(values.set ?? []);
  const fixed = (["algo", "seed", "out", "backend", "from"] as const).filter(
    (name) => values[name] !== undefined,
  );
  const got = [
    ...positionals,
    ...fixed.map((name) => `--${name}`),
    ...Object.keys(others).map((name) => `--set ${name}`),
  ];
  if (got.length > 0) {
    throw new SettingError(
      `--resume takes everything from the run but --steps and --set envs; got ${got.join(" ")} beside it`,
    );
  }
  const folder = values.resume as string;
  const steps = wholeNumber("steps", values.steps, 1);
  const before = readConfig(folder).settings.envs;
  const session = resumeRun(folder, { steps, envs });
  return { folder, session, renewed: session.config.settings.envs !== before };
}

/** Beside the exact best and the exact random policy, where the task is small enough to know them. */
function comparison(session: AnySession, { meanReturn, stdReturn, episodes }: Evaluation): string {
  if (session.language !== undefined) return "";
  const env = (session as Session).makeEnv();
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
