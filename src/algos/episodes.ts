/**
 * Group estimators in environments: GRPO, RLOO, REINFORCE++ and their kin on whole episodes. The episodes of a group
 * begin in one start state and meet one stream of chance; what differs between them is the policy's own choices.
 */
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { EpisodeChunks } from "../rollout/episode-chunks.ts";
import { Rollout } from "../rollout/rollout.ts";
import {
  type EpisodeConfig,
  estimatorOf,
  type GroupAlgorithm,
  type GroupAlgorithmName,
  groupAlgorithms,
} from "./group-algorithms.ts";
import { type GroupReport, groupTrainer, type SampleReport } from "./groups.ts";
import { moments } from "./moments.ts";
import type { Training } from "./training.ts";

/** Sets up the algorithm `name` on episodes. */
export function episodes(
  t: Training,
  name: GroupAlgorithmName,
  c: EpisodeConfig,
): Generator<GroupReport, never> {
  const { model, env, random } = t;
  const steps = Math.max(...env.envs.map(({ maxSteps }) => maxSteps));
  if (!Number.isFinite(steps)) {
    throw new SettingError(
      `${name}: expected environments whose episodes end, got one without a step limit; ` +
        "wrap it in TimeLimit, or give it maxSteps",
    );
  }
  if (model.memorySize > 0)
    throw new SettingError(
      `${name}: expected a policy without memory, got memory=${model.options.memory}`,
    );

  // ---- sampling
  const masked = env.mask !== null;
  const actor = new Actor(model, env.envs.length, { masked });
  const rollout = new Rollout(env, actor, steps, { bySequence: true });
  const score = new Float64Array(rollout.envs); // each episode's return
  const counts = new Float64Array(rollout.envs);
  function sample(): void {
    counts.fill(1);
    for (let first = 0; first < score.length; first += c.groupSize) {
      const seed = random.below(2 ** 32);
      for (let e = first; e < first + c.groupSize; e++) env.envs[e].seed(seed);
    }
    env.start();
    rollout.collect(random);
    t.count(rollout);
    for (let e = 0; e < score.length; e++) {
      score[e] = 0;
      for (let row = e * steps; row < (e + 1) * steps; row++) score[e] += rollout.reward[row];
    }
  }
  function report(): SampleReport {
    let signal = 0;
    for (let first = 0; first < score.length; first += c.groupSize)
      if (moments(score.subarray(first, first + c.groupSize)).deviation > 0) signal++;
    return { ...t.report(), rewardStd: moments(score).deviation, signal: signal / c.starts };
  }

  // ---- learning
  const { minimumRisk = false }: GroupAlgorithm = groupAlgorithms[name];
  const { ratioLevel } = estimatorOf(name, c).surrogate;
  const together = minimumRisk ? c.groupSize : ratioLevel === "token" ? null : 1;
  const evaluator = (of: ActorCritic) => ({
    parameters: of.parameters,
    chunks: new EpisodeChunks(of, rollout, { masked, together }),
  });
  const trainer = groupTrainer(
    t,
    {
      batch: {
        sequences: rollout.envs,
        steps,
        mask: rollout.mask,
        logProb: rollout.logProb,
        reward: rollout.reward,
      },
      counts,
      score,
      policy: evaluator(model),
      copy: () =>
        evaluator(new ActorCritic(model.parameters.backend, model.options, new Random(0))),
      parts: {},
      sample,
      report,
    },
    name,
    { ...c, valueWeight: 0, lambda: 1, standardize: false },
  );
  if (!t.restoreOrStart(trainer.parts)) trainer.start();
  return trainer.run();
}

/** The algorithms that need neither a value nor a greedy episode to compare with. */
export const episodeAlgorithms = [
  "rloo",
  "grpo",
  "dr-grpo",
  "dapo",
  "dppo",
  "maxrl",
  "gspo",
  "cispo",
  "reinforce++",
  "mrt",
  "best-of-n",
] as const satisfies readonly GroupAlgorithmName[];
export type EpisodeAlgorithm = (typeof episodeAlgorithms)[number];
