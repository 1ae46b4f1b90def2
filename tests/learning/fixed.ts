/** The best policies that do not look at anything, beside which those stand that do. */
import type { Dynamics } from "../../src/envs/env.ts";
import { Lander } from "../../src/envs/lander.ts";
import { Portfolio } from "../../src/envs/portfolio.ts";
import { Reacher } from "../../src/envs/reacher.ts";
import { Recommend } from "../../src/envs/recommend.ts";

export interface Fixed {
  readonly what: string;
  /** Mean return over many episodes apart from those it was chosen on, and the mean's standard error. */
  readonly mean: number;
  readonly error: number;
}

function play(env: Dynamics, action: readonly number[], episodes: number, seed: number) {
  env.seed(seed);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < episodes; i++) {
    env.start();
    let total = 0;
    while (!env.terminated && !env.truncated) {
      env.act(action, 0);
      total += env.reward;
    }
    sum += total;
    squares += total * total;
  }
  const mean = sum / episodes;
  return { mean, error: Math.sqrt((squares / episodes - mean * mean) / episodes) };
}

function best(env: Dynamics, actions: readonly (readonly number[])[], name: string): Fixed {
  const scores = actions.map((action) => play(env, action, 400, 1).mean);
  const chosen = actions[scores.indexOf(Math.max(...scores))];
  return { what: `${name} ${chosen.join(" ")}`, ...play(env, chosen, 5000, 2) };
}

/**
 * Every slate of three of ten; every split of wealth in quarters; every engine; torques of −1, 0 and 1. Null for other
 * tasks.
 */
export function bestFixed(task: string): Fixed | null {
  if (task === "recommend") {
    const slates: number[][] = [];
    for (let a = 0; a < 10; a++)
      for (let b = a + 1; b < 10; b++) for (let c = b + 1; c < 10; c++) slates.push([a, b, c]);
    return best(new Recommend(), slates, "slate");
  }
  if (task === "lander") return best(new Lander(), [[0], [1], [2], [3]], "action");
  if (task === "reacher") {
    const shares = [-1, 0, 1];
    const torques = shares.flatMap((first) => shares.map((second) => [first, second]));
    return best(new Reacher(), torques, "torques");
  }
  if (task !== "portfolio") return null;
  const env = new Portfolio();
  const n = env.actionSpace.size;
  const splits: number[][] = [];
  const fill = (head: number[], left: number): void => {
    if (head.length === n - 1) splits.push([...head, left]);
    else for (let part = 0; part <= left; part++) fill([...head, part], left - part);
  };
  fill([], 4);
  const logits = splits.map((split) => split.map((part) => Math.max(-5, Math.log(part / 4))));
  return best(env, logits, "logits");
}
