/** Environments that are tables: their outcomes as lists, and what is drawn by them. */
import { expect } from "vitest";
import { Random } from "../../src/core/random.ts";
import type { Dynamics, Outcome, Tabular } from "../../src/envs/env.ts";

/** [probability, next state, reward, terminated] of each outcome. */
export const list = (outcomes: readonly Outcome[]): (number | boolean)[][] =>
  outcomes.map(({ probability, next, reward, terminated }) => [
    Math.round(probability * 1e6) / 1e6,
    next,
    reward,
    terminated,
  ]);

/** By a fresh generator's uniform number, the first outcome whose sum of probabilities is above it. */
export function mustDraw(env: Dynamics & Tabular, state: number, action: number): void {
  const outcomes = env.outcomes(state, action);
  const reached = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    env.startFrom([state]);
    env.seed(seed);
    const u = outcomes.length > 1 ? new Random(seed).uniform() : 0;
    let sum = 0;
    const want = outcomes.find(({ probability }) => {
      sum += probability;
      return u < sum;
    }) as Outcome;
    env.act([9, action], 1);
    expect([env.state[0], env.reward, env.terminated]).toEqual([
      want.next,
      want.reward,
      want.terminated,
    ]);
    reached.add(outcomes.indexOf(want));
  }
  expect(reached.size).toBe(outcomes.length);
}

/** Every state's and action's probabilities add up to 1, and lead to states. */
export const totals = (env: Tabular): void => {
  for (let s = 0; s < env.states; s++)
    for (let a = 0; a < env.actions; a++) {
      const outcomes = env.outcomes(s, a);
      expect(outcomes.reduce((sum, o) => sum + o.probability, 0)).toBeCloseTo(1, 12);
      expect(outcomes.every((o) => o.next >= 0 && o.next < env.states)).toBe(true);
    }
};
