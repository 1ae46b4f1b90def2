/** Trains, plays and compares, off the page's thread: a few milliseconds at a time, so that it hears the page. */
import { type AlgorithmName, algorithms } from "../src/algos/index.ts";
import { settle } from "../src/core/settings.ts";
import { policyModule } from "../src/io/policy-js.ts";
import { lab, labProblems } from "../src/oracle/lab.ts";
import { policyPlan } from "../src/policies/plan.ts";
import { type MomentsState, normalizeDefaults } from "../src/returns/running.ts";
import { type TaskName, tasks } from "../src/tasks/index.ts";
import { replay } from "../src/tasks/replay.ts";
import { open, resolve, type Session, settingsOf } from "../src/tasks/session.ts";
import type { Progress, TaskInfo, ToPage, ToWorker } from "./messages.ts";

interface Scope {
  postMessage(message: ToPage): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}
const scope = globalThis as unknown as Scope;
const say = (message: ToPage): void => scope.postMessage(message);

const slice = 25; // milliseconds of work between looking at messages
const spoken = 200; // between progress messages
const played = 1500; // between replays
const mostFrames = 200; // of a replay: the page unpacks it in one go
const offered: readonly AlgorithmName[] = ["reinforce", "a2c", "ppo", "trpo"];
/** Tasks that one page trains in a minute or so. */
const shown: readonly TaskName[] = [
  "line",
  "cartpole",
  "catch",
  "frozen-lake",
  "acrobot",
  "pendulum",
];

let session: Session | null = null;
let running = false;
let points: Progress[] = [];
let steps = 0; // of the last progress message
let [lastSaid, lastPlayed] = [0, 0];

function infoOf(task: TaskName): TaskInfo {
  const { about, algo, steps: usual, presets, solved = null } = tasks[task];
  const described = offered.map((name) => {
    const { steps: preset, ...values } = presets[name] ?? {};
    const table = settingsOf(task, name);
    const settled = settle(table, values) as Readonly<Record<string, unknown>>;
    const settings = Object.entries(table).map(([setting, { about, allowed }]) => ({
      name: setting,
      about,
      allowed,
      value: String(settled[setting]),
    }));
    const info = { about: algorithms[name].about, steps: (preset as number) ?? usual, settings };
    return [name, info] as const;
  });
  const first = offered.includes(algo) ? algo : offered[0];
  return { about, algo: first, solved, algorithms: Object.fromEntries(described) };
}

function update(): void {
  if (session === null) return;
  const { envSteps, meanReturn } = session.reports.next().value;
  points.push({ envSteps, meanReturn });
}

function tell(force: boolean): void {
  if (session === null) return;
  const now = performance.now();
  const done = session.training.envSteps >= session.config.steps;
  if (force || now - lastSaid > spoken) {
    const speed = (1000 * (session.training.envSteps - steps)) / Math.max(1, now - lastSaid);
    say({ type: "progress", points, speed, done });
    [points, steps, lastSaid] = [[], session.training.envSteps, now];
  }
  if (force || now - lastPlayed > played) {
    say({ type: "replay", replay: replay(session, 1, 1_000_000_007, mostFrames) });
    lastPlayed = performance.now();
  }
  if (done) running = false;
}

function work(): void {
  if (!running || session === null) return;
  for (const end = performance.now() + slice; performance.now() < end; ) {
    if (session.training.envSteps >= session.config.steps) break;
    update();
  }
  tell(session.training.envSteps >= session.config.steps);
  if (running) setTimeout(work, 0);
}

function openSession(setup: Extract<ToWorker, { type: "open" }>["setup"]): void {
  running = false;
  session = open(resolve(setup));
  [points, steps, lastSaid] = [[], 0, performance.now()];
  say({ type: "opened", backend: session.config.backend });
  tell(true);
}

function exported(): string {
  const { training, config } = session as Session;
  const moments = training.env.saveStatistics().moments as MomentsState | null;
  const normalize = moments && { ...normalizeDefaults, ...moments };
  return policyModule(policyPlan(training.model, normalize, `${config.task}, ${config.algo}`)).js;
}

scope.onmessage = ({ data }) => {
  try {
    if (data.type === "open") openSession(data.setup);
    else if (data.type === "lab") say({ type: "lab", report: lab(data.problem) });
    else if (session === null) return;
    else if (data.type === "run") {
      running = true;
      lastSaid = performance.now();
      work();
    } else if (data.type === "pause") running = false;
    else if (data.type === "step") {
      update();
      tell(true);
    } else say({ type: "file", js: exported() });
  } catch (error) {
    running = false;
    say({ type: "failed", message: (error as Error).message });
  }
};
say({
  type: "ready",
  tasks: Object.fromEntries(
    shown.filter((task) => task in tasks).map((task) => [task, infoOf(task)]),
  ),
  problems: Object.keys(labProblems),
});
