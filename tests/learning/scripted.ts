/** Players that learn nothing: of the games random play and a simple rule, of MuJoCo's robots no force at all. */
import { Random } from "../../src/core/random.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { Game2048 } from "../../src/envs/game-2048.ts";
import type { Box, Discrete } from "../../src/envs/space.ts";
import { loadMujoco } from "../../src/node/mujoco.ts";
import { statisticsOf } from "../../src/rollout/evaluate.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { mujocoTasks } from "../../src/tasks/mujoco.ts";
import { configOf } from "../support/sessions.ts";

export interface Baseline {
  readonly what: string;
  /** Mean return, and half of its 95 % interval. */
  readonly mean: number;
  readonly margin: number;
}

type Player = (state: ArrayLike<number>, env: Dynamics) => number;
const [stay, up, down, left, right] = [0, 1, 2, 3, 4];

/** Returns how a stone of the row comes at the column: its distance, if it flies towards it; else Infinity. */
function comes(s: ArrayLike<number>, row: number, column: number): number {
  const way = s[2 + row] ?? 0;
  const distance = way * (column - s[12 + row]);
  return way !== 0 && distance >= 0 ? distance : Infinity;
}
const dodging: Player = (s) => {
  const [row, column] = [Math.floor(s[0] / 10), s[0] % 10];
  if (comes(s, row, column) > 2) return stay;
  if (row > 0 && comes(s, row - 1, column) > 1) return up;
  return row < 9 && comes(s, row + 1, column) > 1 ? down : stay;
};

/** Goes below the ball's next place. */
const following: Player = (s) => {
  const next = s[2] + s[4];
  const column = next < 0 || next > 9 ? s[2] - s[4] : next;
  return 1 + Math.sign(column - s[0]);
};

const shooting: Player = (s) => {
  let target = s[0];
  let lowest = -1;
  for (let column = 0; column < 10; column++) {
    if (s[4 + column] <= lowest) continue;
    lowest = s[4 + column];
    target = column;
  }
  return target < s[0] ? 1 : target > s[0] ? 2 : 3;
};

const crossing: Player = (s) => {
  const [row, column] = [Math.floor(s[0] / 10), s[0] % 10];
  const lane = row - 2; // of the row above
  if (lane < 0) return up;
  const isFree = [19, 27].every((cars) => {
    const car = s[cars + lane];
    return car !== column && (car + s[3 + lane] + 10) % 10 !== column;
  });
  return isFree ? up : stay;
};

const diving: Player = (s) => {
  const [row, column] = [Math.floor(s[0] / 10), s[0] % 10];
  if (s[2] > 0 || s[1] < row + 5) return up;
  const far = (i: number): number =>
    Math.abs(Math.floor(s[i] / 10) - row) + Math.abs((s[i] % 10) - column);
  const nearest = [4, 5, 6].reduce((a, b) => (far(b) < far(a) ? b : a));
  const [r, c] = [Math.floor(s[nearest] / 10), s[nearest] % 10];
  if (c !== column) return c < column ? left : right;
  return r < row ? up : down;
};

/** A usable ace counts 11, which is 10 more than in the state. */
const drawing: Player = (s) => Number(s[0] + (s[1] === 1 && s[0] <= 11 ? 10 : 0) < 17);

/** The move that scores most at once; of equal ones, the first. */
const merging: Player = (s) => {
  const gains = [0, 1, 2, 3].map((action) => {
    const env = new Game2048();
    env.startFrom(s);
    const mask = new Float32Array(4);
    env.mask(mask, 0);
    if (mask[action] === 0) return -1;
    env.act([action], 0);
    return env.reward;
  });
  return gains.indexOf(Math.max(...gains));
};

const rules: Readonly<Record<string, readonly [what: string, player: Player]>> = {
  blackjack: ["draws below 17, as the dealer does", drawing],
  breakout: ["goes where the ball will be", following],
  dodge: ["leaves a row when a stone is near", dodging],
  shoot: ["goes below the lowest drone and fires", shooting],
  crossing: ["goes up when no car is there or about to be", crossing],
  dive: ["fetches the nearest pearl, one at a time", diving],
  "game-2048": ["merges for the most at once", merging],
};

/** Returns what random play and the rule come to; none for other tasks. */
export function baselines(task: string, episodes = 500): Baseline[] {
  if (!Object.hasOwn(rules, task)) return [];
  const [what, player] = rules[task];
  const random = new Random(11);
  const mask = new Float32Array(5);
  const chance: Player = (_, env) => {
    const space = env.actionSpace as Discrete;
    env.mask?.(mask, 0);
    return space.sample(random, undefined, env.mask ? mask.subarray(0, space.n) : undefined)[0];
  };
  return [
    { what: "random play", ...played(task, chance, episodes) },
    { what, ...played(task, player, episodes) },
  ];
}

/** Returns what a robot of MuJoCo comes to whose motors are never used; none for other tasks. */
export async function unmoved(task: string, episodes = 100): Promise<Baseline[]> {
  if (!Object.hasOwn(mujocoTasks, task)) return [];
  await loadMujoco();
  const { make } = mujocoTasks[task as keyof typeof mujocoTasks];
  const env = make(configOf({ task }).settings as never);
  const rest = new Float32Array((env.actionSpace as Box).low.length);
  return [{ what: "a robot with its motors unused", ...total(env, () => rest, episodes) }];
}

function played(task: string, player: Player, episodes: number): Omit<Baseline, "what"> {
  const { make } = environmentTasks[task as keyof typeof environmentTasks];
  const env = make(configOf({ task }).settings as never);
  return total(env, () => [player(env.state, env)], episodes);
}

function total(
  env: Dynamics,
  action: () => ArrayLike<number>,
  episodes: number,
): Omit<Baseline, "what"> {
  env.seed(12);
  const returns = Array.from({ length: episodes }, () => {
    let sum = 0;
    for (env.start(); !env.terminated && !env.truncated; sum += env.reward) env.act(action(), 0);
    return sum;
  });
  const { meanReturn: mean, margin } = statisticsOf(returns);
  return { mean, margin };
}
