/**
 * PPO's settings for a task without presets, by the shape of its spaces. Chosen on tasks of ours with their presets taken
 * away (docs/results.md has the runs); tested on environments that they were not chosen on.
 */
import type { Dynamics } from "../envs/env.ts";

const discrete = {
  envs: 8,
  rollout: 64,
  epochs: 10,
  minibatch: 128,
  learningRate: 1e-3,
  entropyWeight: 0.01,
  normalizeReward: true,
};
const continuous = {
  envs: 8,
  rollout: 128,
  epochs: 10,
  minibatch: 128,
  learningRate: 1e-3,
  gamma: 0.98,
  normalizeObservation: true,
  normalizeReward: true,
};
/** Of images with a side of 10 or more; smaller ones are flat inputs. */
const images = { filters: [16], hidden: [128], activation: "relu" };
const smallImage = 10;

export function shapePreset(
  { observationSpace, actionSpace }: Pick<Dynamics, "observationSpace" | "actionSpace">,
  algo: string,
): Readonly<Record<string, unknown>> {
  if (algo !== "ppo") return {};
  const { kind, shape } = observationSpace;
  const isImage = kind === "box" && shape.length === 3 && Math.min(...shape.slice(1)) >= smallImage;
  return {
    ...(actionSpace.kind === "box" ? continuous : discrete),
    ...(isImage ? { ...images, normalizeObservation: false } : {}),
  };
}
