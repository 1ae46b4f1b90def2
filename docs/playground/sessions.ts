/** Tasks that the page offers, and a session's replay and module. */
import { textScene } from "../../src/envs/scene.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { policyPlan } from "../../src/export/policy-plan-of.ts";
import { type MomentsState, normalizeDefaults } from "../../src/returns/running.ts";
import { type TaskName, tasks } from "../../src/tasks/index.ts";
import { mujocoTasks } from "../../src/tasks/mujoco.ts";
import type { OwnFiles } from "../../src/tasks/own-files.ts";
import { type Replay, replay } from "../../src/tasks/replay.ts";
import { type ResolvedRun, resolve, tablesOf, taskNamed, taskOf } from "../../src/tasks/run.ts";
import type { Session } from "../../src/tasks/session.ts";
import { languageModule } from "../../src/tasks/text/session.ts";
import type { Setup, TaskInfo } from "./messages.ts";

/** All tasks but the one whose data are a file of the person, and those that need a library. */
const shown = (Object.keys(tasks) as TaskName[]).filter(
  (name) => name !== "text" && !Object.hasOwn(mujocoTasks, name),
);
const offered = {
  environment: ["reinforce", "a2c", "ppo", "trpo"],
  text: ["reinforce", "a2c", "ppo", "rloo", "grpo"],
} as const;
const mostFrames = 200; // of a replay: the page unpacks it in one go
const mostSamples = 12;
const unseen = 1_000_000_007; // the seed of what is played: not one that people train with

/** The name of a task of the person's own code. */
export const ownName = "own";

/** What the page's own files change in a setup: the task itself; or, of a text, its weights, and adapters to train. */
function withFiles(name: string, { task, model }: OwnFiles) {
  if (name === ownName && task !== undefined) return { files: { task }, settings: {} };
  return model !== undefined && taskNamed(name).kind === "text"
    ? { files: { model }, settings: { lora: "8" } }
    : { settings: {} };
}

/** Returns the run that a setup asks for, with the page's own files where they apply. */
export function runOf(setup: Setup, own: OwnFiles): ResolvedRun {
  const { files, settings } = withFiles(setup.task, own);
  return resolve({ ...setup, files, settings: { ...settings, ...setup.settings } });
}

function infoOf(name: string, own: OwnFiles): TaskInfo {
  const given = withFiles(name, own);
  const task = taskOf({ task: name, files: given.files });
  const names: readonly string[] = offered[task.kind];
  const described = names.map((algo) => {
    const request = { task: name, algo, ...given };
    const { config, algorithm: chosen } = resolve(request);
    const { steps, settings: values } = config;
    const { algorithm, model: sizes, task: own } = tablesOf(task, chosen, request.files);
    const all = Object.entries({ ...algorithm, ...sizes, ...own });
    const settings = all.map(([setting, { about, allowed }]) => {
      return { name: setting, about, allowed, value: String(values[setting]) };
    });
    return [algo, { about: chosen.about, steps, settings }] as const;
  });
  const { about, solved = null } = task;
  const algo = names.includes(task.algo) ? task.algo : names[0];
  const isText = task.kind === "text";
  return { about, algo, solved, isText, algorithms: Object.fromEntries(described) };
}

export function taskInfos(own: OwnFiles): Readonly<Record<string, TaskInfo>> {
  const names = own.task === undefined ? shown : [ownName, ...shown];
  return Object.fromEntries(names.map((name) => [name, infoOf(name, own)]));
}

/** Returns an episode of the policy as it is; of a text task, what it writes now. */
export function replayOf(session: Session): Replay {
  if (session.kind === "environment") return replay(session, 1, unseen, mostFrames);
  const { samples, meanReturn } = session.evaluate(mostSamples, unseen, false);
  const lines = samples.map(
    ({ prompt, completion, reward }) => `${reward.toFixed(2).padStart(6)}  ${prompt}${completion}`,
  );
  const scene = textScene(["reward  sampled, validation prompts", ...lines].join("\n"));
  const frame = { episode: 0, scene, action: [], outputs: null, value: null, attribution: null };
  return { frames: [frame], returns: [meanReturn] };
}

/** Returns the policy, or the language model, as a module. */
export function moduleOf(session: Session): string {
  const title = `${session.config.task}, ${session.config.algo}`;
  if (session.kind === "text") return languageModule(session, title).js;
  const { model, env } = session.training;
  const moments = env.saveStatistics().moments as MomentsState | null;
  const normalize = moments && { ...normalizeDefaults, ...moments };
  return policyModule(policyPlan(model, normalize, title)).js;
}
