/**
 * PPO's settings by the shape of a task's spaces, over which its own presets are laid. Chosen on tasks of ours with their
 * presets taken away; tested on environments that they were not chosen on (docs/results.md says how).
 */
import type { Dynamics } from "../envs/env.ts";
import type { Box } from "../envs/space.ts";

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
  minibatch: 64,
  learningRate: 2e-3,
  gamma: 0.98,
  normalizeObservation: true,
  normalizeReward: true,
};
/** Of actions with bounds: squashing scales the policy's numbers to them, so that a bound of 10 is as near as one of 1. */
const bounded = { squash: true, logStd: 0.5 };
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
    ...(actionSpace.kind === "box" && hasBounds(actionSpace) ? bounded : {}),
    ...(isImage ? { ...images, normalizeObservation: false } : {}),
  };
}

const hasBounds = ({ low, high }: Box): boolean =>
  low.every((least, i) => Number.isFinite(high[i] - least) && least < high[i]);
