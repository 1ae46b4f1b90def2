/** Parts of the pages of environments: spaces, a picture, and the returns of random play. */
import { Random } from "../../src/core/random.ts";
import type { Dynamics, Tabular } from "../../src/envs/env.ts";
import { sceneSvg } from "../../src/envs/scene.ts";
import { numberNames, type Space } from "../../src/envs/space.ts";
import { exactReturns } from "../../src/oracle/value-iteration.ts";
import { statisticsOf } from "../../src/rollout/evaluate.ts";
import { resolve } from "../../src/tasks/run.ts";
import type { EnvironmentTask } from "../../src/tasks/task.ts";
import { short, table } from "../../tests/support/markdown.ts";

/** Returns the task's environment with default settings. */
export const environmentOf = (name: string, task: EnvironmentTask): Dynamics =>
  task.make(resolve({ task: name }, task).values.task as never);

const most = 30; // numbers that are listed one by one

function spaceRows(space: Space): string[][] {
  if (space.kind === "discrete")
    return (space.names ?? []).map((name, i) => [String(space.start + i), name]);
  if (space.kind !== "box" || space.size > most || space.shape.length > 1) return [];
  return numberNames(space).map((name, i) => [
    String(i),
    name,
    `${bound(space.low[i])} to ${bound(space.high[i])}`,
  ]);
}

const bound = (x: number): string =>
  short(x)
    .replace("–", x < 0 ? "−∞" : "∞")
    .replace("-", "−");

function spaceLine(space: Space): string {
  const shape = `[${space.shape.join(", ")}]`;
  if (space.kind === "discrete") return `one of ${space.n} choices`;
  if (space.kind === "multiDiscrete")
    return `${space.choices.length} choices, each of ${[...new Set(space.choices)].join(" or ")}`;
  if (space.kind !== "box") return `${space.kind} ${shape}`;
  const [low, high] = [Math.min(...space.low), Math.max(...space.high)];
  return `numbers ${shape}, ${bound(low)} to ${bound(high)}`;
}

/** The tables of observation and action. */
export function spacesPart(env: Dynamics): string {
  const parts = (
    [
      ["Observation", env.observationSpace],
      ["Action", env.actionSpace],
    ] as const
  ).flatMap(([what, space]) => {
    const rows = spaceRows(space);
    const head = rows[0]?.length === 2 ? ["value", "name"] : ["index", "name", "range"];
    return [`${what}: ${spaceLine(space)}.`, ...(rows.length > 0 ? [table(head, rows)] : [])];
  });
  const masked =
    env.mask === undefined ? [] : ["A mask says which actions are allowed in a state."];
  return [...parts, ...masked].join("\n\n");
}

/** Plays random allowed actions. Calls `after` after each step; it says whether to go on. */
function playAtRandom(env: Dynamics, random: Random, after: () => boolean): void {
  const { actionSpace: space } = env;
  const mask = new Float64Array(space.kind === "discrete" ? space.n : 0);
  const action = new Float64Array(space.size);
  do {
    env.mask?.(mask, 0);
    space.sample(random, action, env.mask ? mask : undefined);
    env.act(action, 0);
  } while (after() && !env.terminated && !env.truncated);
}

/** The best mean return there is, where states and outcomes can be listed. */
function optimum(env: Dynamics): string[][] {
  if (!("outcomes" in env)) return [];
  const best = short(exactReturns(env as Dynamics & Tabular).optimal);
  return [["the best policy, by value iteration", "all", best, "", "", ""]];
}

/** Mean return of random play, and the optimum where it is known. */
export function baselinePart(env: Dynamics, episodes: number): string {
  env.seed(12);
  const generator = new Random(11);
  let [lengths, won, terminated] = [0, 0, 0];
  const returns = Array.from({ length: episodes }, () => {
    let sum = 0;
    env.start();
    playAtRandom(env, generator, () => {
      sum += env.reward;
      lengths++;
      return true;
    });
    won += Number(env.success === true);
    terminated += Number(env.terminated);
    return sum;
  });
  const { meanReturn, margin } = statisticsOf(returns);
  const share = (n: number): string => `${short((100 * n) / episodes)} %`;
  const random = [
    "random allowed actions",
    String(episodes),
    `${short(meanReturn)} ± ${short(margin)}`,
    short(lengths / episodes),
    share(terminated),
    env.success === null ? "–" : share(won),
  ];
  return table(
    ["player", "episodes", "mean return, ± 95 %", "mean length", "terminated", "success"],
    [random, ...optimum(env)],
  );
}

const [widest, highest] = [400, 240]; // of a picture on a page

/** Returns a picture of the state after some random steps of one episode. */
export function picture(env: Dynamics, steps: number, name: string): string {
  const random = new Random(3);
  for (let seed = 1; ; seed++) {
    env.seed(seed);
    env.start();
    let taken = 0;
    if (steps > 0) playAtRandom(env, random, () => ++taken < steps);
    if ((!env.terminated && !env.truncated) || seed > 20) break;
  }
  const scene = env.scene();
  const scale = Math.min(widest / scene.width, highest / scene.height);
  const [width, height] = [scene.width, scene.height].map((side) => Math.round(scale * side));
  const label = `role="img" aria-label="A state of ${name}" width="${width}" height="${height}"`;
  return `${sceneSvg(scene).replace("<svg ", `<svg ${label} `)}\n`;
}
