/** How well a policy does: whole episodes without learning. */
import { Random } from "../core/random.ts";
import type { Dynamics } from "../envs/env.ts";
import { Actor } from "../policies/actor.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";

export interface Evaluation {
  readonly episodes: number;
  /** Mean and sample deviation of the undiscounted return. */
  readonly meanReturn: number;
  readonly stdReturn: number;
  /** Share of episodes that reached their goal; null where the environment has none. */
  readonly successRate: number | null;
}

/** Plays `episodes` episodes from `seed`, with the likeliest actions (greedy) or sampled ones. */
export function evaluate(
  model: ActorCritic,
  env: Dynamics,
  episodes: number,
  seed: number,
  greedy: boolean,
): Evaluation {
  const actor = new Actor(model, 1);
  const random = new Random(seed).split(); // apart from the environment's own draws
  env.seed(seed);
  const returns: number[] = [];
  let successes: number | null = 0;
  for (let episode = 0; episode < episodes; episode++) {
    env.start();
    let total = 0;
    while (!env.terminated && !env.truncated) {
      env.observe(actor.observation.data, 0);
      if (greedy) actor.actGreedily();
      else actor.act(random);
      env.act(actor.action, 0);
      total += env.reward;
    }
    returns.push(total);
    successes = successes === null || env.success === null ? null : successes + Number(env.success);
  }
  const meanReturn = returns.reduce((sum, r) => sum + r, 0) / episodes;
  const squares = returns.reduce((sum, r) => sum + (r - meanReturn) * (r - meanReturn), 0);
  const stdReturn = episodes > 1 ? Math.sqrt(squares / (episodes - 1)) : 0;
  return {
    episodes,
    meanReturn,
    stdReturn,
    successRate: successes === null ? null : successes / episodes,
  };
}
