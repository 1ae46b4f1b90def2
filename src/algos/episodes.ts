/**
 * Group estimators in environments: GRPO, RLOO, REINFORCE++ and their kin on whole episodes. The episodes of a group
 * start in one state and meet the same random numbers of the environment, so that they differ only by the policy's own
 * choices.
 */
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Waiting } from "../core/waiting.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";
import { EpisodeChunks } from "../rollout/episode-chunks.ts";
import { Rollout } from "../rollout/rollout.ts";
import {
  type EpisodeConfig,
  type GroupAlgorithmName,
  type NamedAlgorithm,
  type ResolvedAlgorithm,
  resolveAlgorithm,
} from "./group-algorithms.ts";
import {
  type ChunkedModel,
  type GroupReport,
  type GroupSampler,
  GroupTrainer,
  type SampleReport,
} from "./groups.ts";
import { moments } from "./moments.ts";
import { longestEpisode, type Training } from "./training.ts";

/** Sets up the algorithm `name` on episodes. */
export function episodes(
  t: Training,
  name: GroupAlgorithmName | NamedAlgorithm,
  c: EpisodeConfig,
): Generator<GroupReport, never> {
  const sampler = new EpisodeSampler(t, resolveAlgorithm(name, c), c);
  const trainer = new GroupTrainer(t, sampler, sampler.algorithm, {
    ...c,
    valueWeight: 0,
    lambda: 1,
    standardize: false,
  });
  t.learned = { rollout: sampler.rollout, advantage: trainer.advantage };
  if (!t.restoreOrStart(trainer.parts)) trainer.start();
  return trainer.run();
}

/** Samples groups of episodes, each group from one start state. */
class EpisodeSampler implements GroupSampler {
  readonly algorithm: ResolvedAlgorithm;
  readonly batch: GroupSampler["batch"];
  readonly counts: Float64Array;
  readonly score: Float64Array;
  readonly policy: ChunkedModel;
  readonly parts = {};
  private readonly t: Training;
  private readonly c: EpisodeConfig;
  readonly rollout: Rollout;

  constructor(t: Training, algorithm: ResolvedAlgorithm, c: EpisodeConfig) {
    const { model, env } = t;
    const steps = longestEpisode(algorithm.name, env);
    if (model.memorySize > 0)
      throw new SettingError(
        `${algorithm.name}: expected a policy without memory, got memory=${model.options.memory}`,
      );
    const actor = new Actor(model, env.envs.length, { masked: env.mask !== null });
    const rollout = new Rollout(env, actor, steps, { bySequence: true });
    const { envs: sequences, mask, logProb } = rollout;
    this.t = t;
    this.algorithm = algorithm;
    this.c = c;
    this.rollout = rollout;
    this.counts = new Float64Array(sequences);
    this.score = new Float64Array(sequences);
    this.batch = { sequences, steps, mask, logProb, reward: this.score };
    this.policy = this.chunked(model);
  }

  private chunked(model: ActorCritic): ChunkedModel {
    const { algorithm, rollout, c } = this;
    const perToken = algorithm.estimator.surrogate.ratioLevel === "token";
    const together = algorithm.minimumRisk ? c.groupSize : perToken ? null : 1;
    const masked = this.t.env.mask !== null;
    const chunks = new EpisodeChunks(model, rollout, { masked, together });
    return { parameters: model.parameters, chunks };
  }

  copy(): ChunkedModel {
    const { parameters, options } = this.t.model;
    return this.chunked(new ActorCritic(parameters.backend, options, new Random(0)));
  }

  *sample(): Waiting<void> {
    const { t, c, rollout, score } = this;
    const { env, random } = t;
    this.counts.fill(1);
    for (let first = 0; first < score.length; first += c.groupSize) {
      const seed = random.below(2 ** 32);
      for (let e = first; e < first + c.groupSize; e++) env.envs[e].seed(seed);
    }
    env.start();
    yield* rollout.collecting(random);
    t.count(rollout);
    const { steps, reward } = rollout;
    for (let e = 0; e < score.length; e++) {
      score[e] = 0;
      for (let row = e * steps; row < (e + 1) * steps; row++) score[e] += reward[row];
    }
  }

  report(): SampleReport {
    const { t, c, score } = this;
    let signal = 0;
    for (let first = 0; first < score.length; first += c.groupSize)
      if (moments(score.subarray(first, first + c.groupSize)).deviation > 0) signal++;
    return { ...t.report(), rewardStd: moments(score).deviation, signal: signal / c.starts };
  }
}

/** The algorithms that need neither a learned value nor a greedy episode to compare with. */
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
