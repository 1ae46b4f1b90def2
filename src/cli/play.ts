/** pigrad play RUN: a policy live in the terminal; --human: a person plays, against the policy where it is a game. */
import { statSync } from "node:fs";
import { SettingError } from "../core/errors.ts";
import { type Settings, unknownName, type Values } from "../core/settings.ts";
import type { Dynamics } from "../envs/env.ts";
import { meansFile } from "../node/own-files.ts";
import { openRun } from "../node/run-folder.ts";
import { policyOpponent } from "../rollout/league.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import { tasks } from "../tasks/index.ts";
import { isEnvironmentRun, type ResolvedRun, resolve } from "../tasks/run.ts";
import type { EnvironmentTask } from "../tasks/task.ts";
import { only, pairs, realNumber, wholeNumber } from "./args.ts";
import { evaluationSeed } from "./eval.ts";
import { loadRunFiles, mustBeNoFile, type OwnOptions, ownOptions, requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { playHuman } from "./play-human.ts";
import { watch } from "./play-policy.ts";

export const playHelp = `  pigrad play RUN [--episodes N] [--seed N] [--greedy|--sample] [--speed STEPS_PER_SECOND]
               [--best] [--set key=value]...
  pigrad play TASK|RUN --human [--episodes N] [--seed N] [--set key=value]...
      watch a run's policy (3 episodes, 10 steps per second): space pauses, → or n steps, + and − change
      the speed, q quits. --human: play yourself, a task by name or file, or a run's task; connect-four
      then against the run's policy. In a pipe: frames one after another, keys from stdin`;

const options = {
  ...ownOptions,
  human: { type: "boolean" },
  best: { type: "boolean" },
  episodes: { type: "string" },
  seed: { type: "string" },
  greedy: { type: "boolean" },
  sample: { type: "boolean" },
  speed: { type: "string" },
  set: { type: "string", multiple: true },
} as const;

export async function playCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, options);
  const name = only(values.human ? "task or run folder" : "run folder", positionals);
  if (values.greedy && values.sample)
    throw new SettingError("expected --greedy or --sample, got both");
  const speed = realNumber("speed", values.speed, 0.1) ?? 10;
  const episodes = wholeNumber("episodes", values.episodes, 1) ?? 3;
  const seed = wholeNumber("seed", values.seed, 0) ?? evaluationSeed;
  const settings = pairs(values.set ?? []);
  const greedy = !values.sample;
  if (!isTask(name)) {
    if (values.human && !isFolder(name)) {
      mustBeNoFile(name);
      throw unknownName("task or run", name, Object.keys(tasks));
    }
    const session = await sessionOf(name, values, settings);
    if (!values.human) return watch(session, { episodes, seed, greedy, speed });
    return playHuman(facing(session, greedy), session.config.task, { episodes, seed });
  }
  if (!values.human)
    throw new SettingError(
      `${name}: expected a run folder, got a task; to play it yourself: pigrad play ${name} --human`,
    );
  const run = resolve(await requestFor({ task: name, settings }));
  return playHuman(mustBeEnvironment(run, name).task.make(run.values.task as never), name, {
    episodes,
    seed,
  });
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Returns whether the name is a task's or a task file's. What is neither is taken for a run's. */
const isTask = (name: string): boolean =>
  Object.hasOwn(tasks, name) || (meansFile(name) && !isFolder(name) && /\.\w+$/.test(name));

function mustBeEnvironment(run: ResolvedRun, name: string): ResolvedRun<EnvironmentTask> {
  if (isEnvironmentRun(run)) return run;
  throw new SettingError(`${name}: expected an environment, got a text; see pigrad chat`);
}

async function sessionOf(
  run: string,
  own: OwnOptions & { readonly best?: boolean | undefined },
  changes: Readonly<Record<string, string>>,
): Promise<EnvironmentSession> {
  await loadRunFiles([run], own);
  const session = openRun(run, { changes, best: own.best ?? false });
  mustBeEnvironment(session.run, run);
  return session as EnvironmentSession;
}

/** Returns the run's environment; of a game, with the run's policy as the opponent. */
function facing({ makeEnv, training, run }: EnvironmentSession, greedy: boolean): Dynamics {
  const env = makeEnv();
  const { task } = mustBeEnvironment(run, run.config.task);
  const opponent = policyOpponent(training.model, greedy);
  task.seatOpponents?.(env, opponent, 0, run.values.task as Values<Settings>);
  return env;
}
