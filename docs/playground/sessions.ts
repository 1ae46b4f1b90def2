/** What the page can train, and how a session is shown and taken home: environments and token tasks. */

import { type GroupAlgorithmName, groupAlgorithms } from "../../src/algos/group-algorithms.ts";
import { type AlgorithmName, algorithms } from "../../src/algos/index.ts";
import { type Settings, settle } from "../../src/core/settings.ts";
import { textScene } from "../../src/envs/scene.ts";
import { policyModule } from "../../src/io/policy-js.ts";
import { policyPlan } from "../../src/policies/plan.ts";
import { type MomentsState, normalizeDefaults } from "../../src/returns/running.ts";
import type { AnySession } from "../../src/tasks/any-session.ts";
import { type TaskName, tasks } from "../../src/tasks/index.ts";
import { type Replay, replay } from "../../src/tasks/replay.ts";
import { type Session, settingsOf } from "../../src/tasks/session.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import {
  languageModule,
  languageSettingsOf,
  settleLanguage,
} from "../../src/tasks/text/session.ts";
import type { SettingInfo, TaskInfo } from "./messages.ts";

/** Tasks that one page trains in a minute or so, and what they are trained by. */
const shown: readonly TaskName[] = [
  "line",
  "cartpole",
  "catch",
  "frozen-lake",
  "acrobot",
  "pendulum",
];
const offered: readonly AlgorithmName[] = ["reinforce", "a2c", "ppo", "trpo"];
const shownTexts: readonly LanguageTaskName[] = ["tokens", "arith"];
const offeredTexts: readonly GroupAlgorithmName[] = ["reinforce", "a2c", "ppo", "rloo", "grpo"];
const mostFrames = 200; // of a replay: the page unpacks it in one go
const mostSamples = 12;
const unseen = 1_000_000_007; // the seed of what is played: apart from those that people train with

const infosOf = (table: Settings, values: Readonly<Record<string, unknown>>): SettingInfo[] =>
  Object.entries(table).map(([name, { about, allowed }]) => ({
    name,
    about,
    allowed,
    value: String(values[name]),
  }));

function controlInfo(task: TaskName): TaskInfo {
  const { about, algo, steps: usual, presets, solved = null } = tasks[task];
  const described = offered.map((name) => {
    const { steps, ...preset } = presets[name] ?? {};
    const table = settingsOf(task, name);
    const settings = infosOf(table, settle(table, preset));
    return [
      name,
      { about: algorithms[name].about, steps: (steps as number) ?? usual, settings },
    ] as const;
  });
  const first = offered.includes(algo) ? algo : offered[0];
  return { about, algo: first, solved, algorithms: Object.fromEntries(described) };
}

function textInfo(task: LanguageTaskName): TaskInfo {
  const { about, algo, steps } = languageTasks[task];
  const described = offeredTexts.map((name) => {
    const settings = infosOf(languageSettingsOf(task, name), settleLanguage(task, name, {}));
    return [name, { about: groupAlgorithms[name].about, steps, settings }] as const;
  });
  return { about, algo, solved: null, algorithms: Object.fromEntries(described) };
}

export const taskInfos = (): Readonly<Record<string, TaskInfo>> =>
  Object.fromEntries([
    ...shown.map((task) => [task, controlInfo(task)] as const),
    ...shownTexts.map((task) => [task, textInfo(task)] as const),
  ]);

/** An episode of the policy as it stands; of a text task, what it writes now. */
export function replayOf(session: AnySession): Replay {
  const { language } = session;
  if (language === undefined) return replay(session as Session, 1, unseen, mostFrames);
  const { samples, meanReward } = language.evaluate(mostSamples, unseen, false);
  const lines = samples.map(
    ({ prompt, completion, reward }) => `${reward.toFixed(2).padStart(6)}  ${prompt}${completion}`,
  );
  const scene = textScene([`reward  sampled, validation prompts`, ...lines].join("\n"));
  const frame = { episode: 0, scene, action: [], outputs: null, value: null, attribution: null };
  return { frames: [frame], returns: [meanReward] };
}

/** The policy, or the language model, as a module. */
export function moduleOf(session: AnySession): string {
  const { language, config } = session;
  const title = `${config.task}, ${config.algo}`;
  if (language !== undefined) return languageModule(language, title).js;
  const { training } = session as Session;
  const moments = training.env.saveStatistics().moments as MomentsState | null;
  const normalize = moments && { ...normalizeDefaults, ...moments };
  return policyModule(policyPlan(training.model, normalize, title)).js;
}
