/** Token tasks as problems to enumerate: `length` tokens, or fewer up to a stop token, followed by a reward. */
import { checkInteger } from "../core/check.ts";
import type { Outcome, Tabular } from "../envs/env.ts";

export interface TokenTask extends Tabular {
  /** Returns the tokens of a state's prefix. */
  prefix(state: number): readonly number[];
}

/**
 * Returns a task whose states are prefixes and whose actions are the next token. The whole reward comes with the last
 * token. The token `stop`, if given, ends the sequence early. The number of states is 1 + vocab + … + vocab^(length −
 * 1).
 */
export function tokenTask(
  vocab: number,
  length: number,
  reward: (tokens: readonly number[]) => number,
  stop: number | null = null,
): TokenTask {
  checkInteger("tokenTask", "vocab", vocab, { min: 2 });
  checkInteger("tokenTask", "length", length, { min: 1 });
  const prefixes: (readonly number[])[] = [[]];
  const children: number[][] = [];
  for (let s = 0; s < prefixes.length; s++) {
    children[s] = [];
    for (let token = 0; token < vocab && prefixes[s].length < length - 1; token++) {
      children[s].push(prefixes.push([...prefixes[s], token]) - 1);
    }
  }
  return {
    states: prefixes.length,
    actions: vocab,
    maxSteps: length,
    startProbabilities: prefixes.map((_, s) => Number(s === 0)),
    prefix: (state) => prefixes[state],
    outcomes(state, action): readonly Outcome[] {
      const tokens = [...prefixes[state], action];
      const over = tokens.length === length || action === stop;
      const next = over ? 0 : children[state][action];
      return [{ probability: 1, next, reward: over ? reward(tokens) : 0, terminated: over }];
    },
  };
}
