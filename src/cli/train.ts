/** pigrad train TASK: trains a policy in a new run folder and evaluates it. --resume RUN continues a run. */
import type { SftReport } from "../algos/sft.ts";
import { SettingError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { runLater } from "../core/waiting.ts";
import type { Dynamics, Tabular } from "../envs/env.ts";
import { AutoThreads } from "../node/auto-threads.ts";
import { loadFrom, otherModel } from "../node/begin-from.ts";
import type { Best } from "../node/best.ts";
import { type KnownCorpora, knownCorpus, newCorpus } from "../node/corpora.ts";
import { type EvaluationPlan, readPlan, writePlan } from "../node/evaluation-plan.ts";
import { EventFile } from "../node/event-file.ts";
import { type Live, serveLive } from "../node/live.ts";
import { bytes, checkMemory } from "../node/memory.ts";
import { meansFile } from "../node/own-files.ts";
import { awaitInTime, guardCalls } from "../node/patience.ts";
import {
  abandonRun,
  checkOut,
  closeRun,
  corporaOf,
  createRun,
  hasCheckpoint,
  lastMetric,
  openRun,
  readConfig,
  resumeRun,
} from "../node/run-folder.ts";
import { MovingSession, whyAlone } from "../node/threads.ts";
import { type Trained, type TrainRunOptions, trainRun } from "../node/train-run.ts";
import { exactReturns } from "../oracle/value-iteration.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import { resolve } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import type { ReadCorpus } from "../tasks/task.ts";
import { only, pairs, realNumber, wholeNumber } from "./args.ts";
import { describe, evaluationSeed } from "./eval.ts";
import { imageNote } from "./image-note.ts";
import { loadRunFiles, ownOptions, requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { Progress } from "./progress.ts";
import { reportPage } from "./report-page.ts";
import { readRun } from "./runs.ts";
import { sampleLine } from "./sample.ts";

import { say, sayJson, stdoutFailure, whenStdoutFails, write } from "./stdout.ts";
import { checkWorkersOptions, openSampling, type Sampling } from "./train-workers.ts";

export const trainHelp = `  pigrad train TASK [--algo NAME] [--seed N] [--steps N] [--out DIR]
               [--set key=value]... [--backend NAME] [--from RUN | --init RUN]
               [--reward FILE] [--model FOLDER]
  pigrad train --resume RUN [--steps N] [--set envs=N] [--trust-data]
      train a policy. TASK is a name (pigrad list), or a file of your own that exports a task; --algo and
      --reward take files, too (docs/your-own.md). Ctrl-C stops and saves what was learned.
      --model begins a text from a published model: a folder as on Hugging Face's hub, with config.json,
      tokenizer.json and safetensors (docs/models.md); --set lora=8 trains adapters of that rank on it.
      On a text, grpo and the other algorithms that learn from rewards begin with a supervised stage of sftUpdates
      updates where the task has examples (its preset in pigrad list says how many); --set sftUpdates=0 leaves it out.
      --from, or --init, starts from the weights of another run with the same model sizes, with a new optimizer and
      schedules from the start; it may lack a value head or have a smaller vocabulary (the missing
      weights are initialized, and listed).
      --resume continues a run bit for bit, as if it had not stopped. --steps N changes its total to N
      steps; schedules continue as in a run of N steps. --set envs=N continues in N new environments and
      keeps weights and optimizer. A finished run is only evaluated. New and resumed runs take
               [--until-steps N] [--until-seconds S] [--until-return R]  stop sooner
               [--checkpoint-every N]  steps, or tokens taught, between checkpoints (default 10,000)
               [--eval-every N]  steps, or tokens taught, between evaluations: 100 greedy episodes or
                     validation prompts, or [--eval-episodes N], on seeds of their own. The best
                     policy is saved beside the last (eval and export take --best);
                     [--patience K] stops after K evaluations without improvement. A resumed run
                     goes on with these three as it has them; an option replaces its own, 0 ends it
               [--threads N]  threads that share the work, with the same result bit for bit. By
                     default, as many as there are cores where a trial shows that they help
               [--workers URL [--queue NAME] [--workers-patience SECONDS] [--lease SECONDS]]  machines that
                     run pigrad worker URL sample for it, with the same result (docs/scale.md);
                     [--staleness 1] lets them sample the next rollout while this one is learned
                     from (ppo and impala), with another result
               [--watch] [--port N]  a live page on this machine while it trains
               [--tensorboard]  event files in the run folder
               [--json] [--quiet]
      --trust-data reads a corpus that the run names although its content has changed`;

const options = {
  ...ownOptions,
  seed: { type: "string" },
  steps: { type: "string" },
  out: { type: "string" },
  set: { type: "string", multiple: true },
  backend: { type: "string" },
  resume: { type: "string" },
  from: { type: "string" },
  init: { type: "string" },
  "trust-data": { type: "boolean" },
  "until-steps": { type: "string" },
  "until-seconds": { type: "string" },
  "until-return": { type: "string" },
  "checkpoint-every": { type: "string" },
  "eval-every": { type: "string" },
  "eval-episodes": { type: "string" },
  patience: { type: "string" },
  threads: { type: "string" },
  workers: { type: "string" },
  queue: { type: "string" },
  "workers-patience": { type: "string" },
  lease: { type: "string" },
  staleness: { type: "string" },
  watch: { type: "boolean" },
  port: { type: "string" },
  tensorboard: { type: "boolean" },
  json: { type: "boolean" },
  quiet: { type: "boolean" },
} as const;
type Given = ReturnType<typeof parse>["values"];
const parse = (args: string[]) => parseOptions(args, options);

/** The exit code of a training that was stopped because nothing more could be written to stdout. */
const stdoutGone = 3;
const notableMemory = 2 ** 28; // bytes; the first line mentions a need above it

export async function trainCommand(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const stop: TrainRunOptions = {
    untilSteps: wholeNumber("until-steps", values["until-steps"], 1),
    untilSeconds: realNumber("until-seconds", values["until-seconds"], 0),
    untilReturn: realNumber("until-return", values["until-return"], -Infinity),
    checkpointEvery: wholeNumber("checkpoint-every", values["checkpoint-every"], 1) ?? 10_000,
    interrupted: () => stdoutFailure() !== null,
  };
  const port = wholeNumber("port", values.port, 0, 65_535) ?? 0;
  checkWorkersOptions(values);
  const sampling = await samplingOf(values);
  try {
    await trainWith(sampling, values, positionals, { ...stop, port });
  } finally {
    await sampling?.close();
  }
}

/** Connects to the workers, if there are any. */
async function samplingOf(values: Given): Promise<Sampling | null> {
  const { workers, "workers-patience": patience } = values;
  const staleness = wholeNumber("staleness", values.staleness, 0, 1000) ?? 0;
  return workers === undefined ? null : openSampling(workers, { ...values, patience }, staleness);
}

async function trainWith(
  sampling: Sampling | null,
  values: Given,
  positionals: string[],
  { port, ...stop }: TrainRunOptions & { readonly port: number },
): Promise<void> {
  const start =
    values.resume === undefined
      ? await begin(values, positionals, sampling)
      : await resume(values, positionals, sampling);
  const threads = wholeNumber("threads", values.threads, 1, 64);
  let folder: string | null = null;
  let opened: Session | null = null;
  // the port is taken before a folder is made or changed
  const page = (): string => (folder === null ? "" : livePage(folder));
  const live = values.watch ? await serveLive(page, port) : null;
  try {
    const run = start();
    folder = run.folder;
    const moving = new MovingSession(run.session, run.read);
    opened = moving.session;
    const auto =
      sampling === null
        ? await onThreads(moving, threads, values)
        : serveOn(sampling, opened, values);
    await trainAndReport({ ...run, session: opened }, values, { ...stop, threads: auto }, live);
  } finally {
    await live?.close();
    opened?.close();
    if (folder !== null) closeRun(folder);
  }
}

/** Moves a session to the threads that were asked for; returns what finds a number by itself if none was. */
async function onThreads(
  moving: MovingSession,
  threads: number | undefined,
  { json, quiet }: Given,
): Promise<AutoThreads | undefined> {
  if (threads === undefined) return new AutoThreads(moving);
  const why = threads > 1 ? whyAlone(moving.session) : null;
  if (why !== null && !json && !quiet) say(`on one thread: ${why}\n`);
  if (threads > 1 && why === null) await moving.move(threads);
  return undefined;
}

/** Has the workers sample for a session; says in one line where they cannot. */
function serveOn(
  sampling: Sampling,
  session: Session,
  { json, quiet, staleness }: Given,
): undefined {
  const why = sampling.serve(session);
  if (json || quiet) return;
  if (why !== null) say(`sampled here, not by workers: ${why}\n`);
  else if (Number(staleness) > 0 && session.kind === "text")
    say("--staleness: a text's completions are sampled in step with learning\n");
}

/** Returns the evaluations that the options ask for; of those not given, as the resumed run has them. */
function evaluationFrom(values: Given, saved?: EvaluationPlan): EvaluationPlan | undefined {
  const least = values.resume === undefined ? 1 : 0; // 0 ends what the run has
  const every = wholeNumber("eval-every", values["eval-every"], least) ?? saved?.every ?? 0;
  const episodes = wholeNumber("eval-episodes", values["eval-episodes"], 1);
  const patience = wholeNumber("patience", values.patience, least) ?? saved?.patience;
  if (every > 0)
    return {
      every,
      episodes: episodes ?? saved?.episodes ?? 100,
      patience: patience === 0 ? undefined : patience,
    };
  for (const name of ["eval-episodes", "patience"] as const)
    if (values[name] !== undefined) throw new SettingError(`--${name} goes with --eval-every N`);
  return undefined;
}

/** A run whose folder exists and is locked. */
interface OpenedRun {
  readonly folder: string;
  readonly session: Session;
  /** Reads its corpora again. */
  readonly read: ReadCorpus;
  /** First words of the first line of output: "training", "going on with", "finished already:". */
  readonly verb: string;
  /** true: continues a saved run. */
  readonly resumed: boolean;
  /** true: continues it in new environments. */
  readonly renewed: boolean;
  /** Training time of earlier sessions. */
  readonly secondsBefore: number;
  /** Evaluations during training; undefined for none. */
  readonly evaluation: EvaluationPlan | undefined;
}

async function trainAndReport(
  { folder, session, verb, resumed, renewed, secondsBefore, evaluation }: OpenedRun,
  values: Given,
  stop: TrainRunOptions,
  live: Live | null,
): Promise<void> {
  const { config } = session;
  whenStdoutFails(() => {}); // no exit: `stop.interrupted` checks stdoutFailure() after each update
  const talk = !values.json && !values.quiet;
  if (talk) {
    const need = checkMemory(session.run);
    const memory = need > notableMemory ? `, which needs about ${bytes(need)} of memory` : "";
    say(`${verb} ${config.task} with ${config.algo}, seed ${config.seed}${memory}\n`);
    if (!resumed && session.kind === "environment") say(imageNote(session));
    if (renewed)
      say(`${String(config.settings.envs)} new environments; weights and optimizer kept\n`);
    if (resumed && session.kind === "environment" && !session.training.env.canSave)
      say("its environments cannot be saved: new episodes begin\n");
    if (live !== null) say(`watch it at ${live.url}\n`);
  }
  const board = values.tensorboard ? new EventFile(folder) : null;
  const before = session.training.envSteps;
  const progress = talk ? new Progress(config.steps, before, unitOfSession(session)) : null;
  let shown = "";
  const options = { ...stop, secondsBefore, evaluation };
  const trained = await trainRun(folder, session, options, (report, line) => {
    if (values.json) write(`${line}\n`);
    if (report.evalReturn !== undefined) shown = `eval ${report.evalReturn.toFixed(2)}`;
    progress?.show(report, `${shown}  ${sampleLine(session)}`.trim());
    live?.send(line);
    board?.add(report);
  }).catch((error: unknown) => {
    const diskFailed = (error as NodeJS.ErrnoException).code !== undefined;
    if (!diskFailed && !resumed) abandonRun(folder);
    throw error;
  });
  progress?.end();
  board?.flush();
  live?.send('{"type":"end"}');
  if (stdoutFailure() === null) await finish(folder, session, trained, before, values);
  else sayGone(folder, session);
}

/** Returns what a training counts. */
const unitOfSession = ({ kind }: Session): string => (kind === "text" ? "tokens" : "steps");

/** Says on stderr that stdout failed, and how to resume the run. */
function sayGone(folder: string, session: Session): void {
  const taken = `${session.training.envSteps.toLocaleString("en")} ${unitOfSession(session)}`;
  process.stderr.write(
    `pigrad: stdout: ${stdoutFailure()?.message}; stopped after ${taken}, go on with pigrad train --resume ${printable(folder)}\n`,
  );
  process.exitCode = stdoutGone;
}

async function finish(
  folder: string,
  session: Session,
  { last, seconds, why, best }: Trained,
  before: number,
  values: Given,
): Promise<void> {
  const { config } = session;
  const talk = !values.json && !values.quiet;
  if (talk && last === null && (why === "steps" || why === "end"))
    say("nothing left to train; the policy as it was saved:\n");
  else if (talk && why !== "steps" && why !== "end")
    say(`stopped by ${why}; keeping what was learned\n`);
  const evaluation = await runLater(session.evaluating(100, evaluationSeed, true), awaitInTime);
  const { envSteps } = session.training;
  const stepsPerSecond = seconds > 0 ? Math.round((envSteps - before) / seconds) : 0;
  if (values.json) {
    const { task, algo, seed } = config;
    const summary = { type: "summary", task, algo, seed, envSteps, seconds, stepsPerSecond, why };
    sayJson({ ...summary, ...(best && { best }), evaluation, run: folder });
    return;
  }
  const unit = unitOfSession(session);
  const trained =
    taughtIn(last, seconds) ??
    `trained ${envSteps.toLocaleString("en")} ${unit}${last === null ? "" : ` in ${seconds.toFixed(1)} s (${stepsPerSecond.toLocaleString("en")} ${unit}/s)`}`;
  const asked = session.kind === "text" ? " (validation prompts)" : "";
  say(
    `${trained}\n${describe(evaluation, true)}${asked}\n` +
      `${comparison(session, evaluation)}${bestLine(best, unit)}saved to ${folder}\n`,
  );
}

/** Says what a run that ended in its supervised stage has learned from; null for other runs. */
function taughtIn(last: Trained["last"], seconds: number): string | null {
  const { trainedTokens, loss, validationLoss } = (last ?? {}) as Partial<SftReport>;
  if (trainedTokens === undefined) return null;
  const losses = `loss ${loss?.toFixed(3)}${Number.isNaN(validationLoss) ? "" : `, on validation texts ${validationLoss?.toFixed(3)}`}`;
  return `taught ${trainedTokens.toLocaleString("en")} tokens in ${seconds.toFixed(1)} s: ${losses}`;
}

const bestLine = (best: Best | null, unit: string): string =>
  best === null
    ? ""
    : `best policy: return ${best.evalReturn.toFixed(2)} after ${best.envSteps.toLocaleString("en")} ${unit} (--best)\n`;

/** Returns the HTML report of the run so far, which updates itself while the run trains. */
const livePage = (folder: string): string =>
  reportPage([{ run: readRun(folder), replay: null }], true);

/** Checks and opens everything that a new run needs. Returns a function that makes the folder. */
async function begin(
  values: Given,
  positionals: string[],
  sampling: Sampling | null,
): Promise<() => OpenedRun> {
  if (values["trust-data"]) throw new SettingError("--trust-data goes with --resume");
  const task = only("task", positionals);
  if (values.from !== undefined && values.init !== undefined)
    throw new SettingError("--from and --init are one option: expected one of them, got both");
  const { algo, reward, model, from = values.init } = values;
  const evaluation = evaluationFrom(values);
  const given = pairs(values.set ?? []);
  const request = await requestFor({ task, algo, reward, model, settings: given });
  const run = resolve({
    ...request,
    from,
    seed: wholeNumber("seed", values.seed, 0),
    steps: wholeNumber("steps", values.steps, 1),
    backend: values.backend,
    settings: { ...(await tokenizerOf(task, from)), ...request.settings },
  });
  checkOut(values.out);
  checkMemory(run);
  const corpora: Record<string, KnownCorpora[string]> = {};
  const session = open(run, {
    read: newCorpus(corpora),
    guard: guardCalls,
    helpers: sampling?.helpers ?? null,
  });
  sampling?.check(session);
  const fresh = from === undefined ? [] : loadFrom(from, session);
  if (from !== undefined && !values.json && !values.quiet) {
    if (fresh.length > 0) say(`not in ${printable(from)}, and fresh: ${fresh.join(", ")}\n`);
    const other = otherModel(from, session);
    if (other !== "") say(`${printable(other)}\n`);
  }
  session.prepare(); // may refuse the settings, before a folder exists
  return () => {
    const folder = createRun(values.out, session.config, corpora);
    writePlan(folder, evaluation);
    const read = knownCorpus(corpora, false);
    const fresh = { verb: "training", resumed: false, renewed: false, secondsBefore: 0 };
    return { folder, session, read, ...fresh, evaluation };
  };
}

/** Returns the setting `tokenizer` for task `text` with --from: that run's, since its weights embed those tokens. */
async function tokenizerOf(task: string, from: string | undefined): Promise<object> {
  if (task !== "text" || from === undefined) return {};
  await loadRunFiles([from]);
  const session = openRun(from);
  if (session.kind !== "text") return {};
  return { tokenizer: JSON.stringify(session.task.tokenizer.save()) };
}

/** Checks the options of --resume. Returns a function that locks the folder and restores the run. */
async function resume(
  values: Given,
  positionals: string[],
  sampling: Sampling | null,
): Promise<() => OpenedRun> {
  const { envs, ...others } = pairs(values.set ?? []);
  const fixed = (["algo", "seed", "out", "backend", "from"] as const).filter(
    (name) => values[name] !== undefined && !(name === "algo" && meansFile(values[name])),
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
  await loadRunFiles([folder], values);
  const evaluation = evaluationFrom(values, readPlan(folder));
  return () => {
    const before = readConfig(folder).settings.envs;
    const options = { trustData: values["trust-data"] ?? false, helpers: sampling?.helpers };
    const session = resumeRun(folder, { steps, envs }, options);
    sampling?.check(session);
    const { config, training } = session;
    const isFinished = training.envSteps >= config.steps;
    if (!isFinished) writePlan(folder, evaluation);
    return {
      folder,
      session,
      read: corporaOf(folder, options),
      verb: isFinished
        ? "finished already:"
        : `${hasCheckpoint(folder) ? "going on" : "beginning"} with`,
      resumed: true,
      renewed: config.settings.envs !== before,
      secondsBefore: lastMetric(folder)?.seconds ?? 0,
      evaluation,
    };
  };
}

/** Compares with the optimal and the random policy by value iteration; "" for a task without known dynamics. */
function comparison(session: Session, { meanReturn, stdReturn, episodes }: Evaluation): string {
  if (session.kind === "text") return "";
  const env = session.makeEnv();
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
