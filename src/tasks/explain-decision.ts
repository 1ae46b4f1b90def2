/** Explains one decision of a run: what it depended on, number by number and step by step, against a baseline. */
import { SettingError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { numberNames } from "../envs/space.ts";
import { type Decision, decisionTargets } from "../policies/explain.ts";
import { type IntegratedGradients, integratedGradients } from "../policies/integrated-gradients.ts";
import type { Scalar } from "../policies/scalar.ts";
import type { EnvironmentSession } from "./environment-session.ts";

/** Where an explanation's path begins: zeros as they enter the network, or the mean of what enters it. */
export const baselines = ["zeros", "mean"] as const;
export type Baseline = (typeof baselines)[number];

/** A decision's target against the baseline: ln π of what was chosen, or a number of a continuous action's mean. */
export interface ExplainedTarget extends IntegratedGradients {
  readonly name: string;
}

export interface ExplainedDecision {
  /** What was chosen, in words. */
  readonly chosen: string;
  /** π of what was chosen; null for continuous actions. */
  readonly probability: number | null;
  readonly targets: readonly ExplainedTarget[];
  /** Names of the rows of the attributions [rows, columns]: past steps, or tokens. */
  readonly rows: readonly string[];
  /** Names of the columns: the observation's numbers; one for tokens, whose numbers are summed. */
  readonly columns: readonly string[];
  /** The values that the attributions are of, [rows, columns]; empty for tokens. */
  readonly values: ArrayLike<number>;
  /** The baseline in words. */
  readonly baseline: string;
}

/** A decision's targets as functions, and the point at which they are taken. */
export interface DecisionPoint {
  readonly targets: readonly (Scalar & { readonly name: string })[];
  readonly at: ArrayLike<number>;
}

export interface Moment {
  /** Number of the episode of an evaluation with this seed, from 0. */
  readonly episode: number;
  readonly seed: number;
  readonly greedy: boolean;
  /** Number of the step in the episode, from 1. Default: 10, or the last of a shorter episode. */
  readonly step?: number | undefined;
}

/** A decision as it was met in an episode. */
export interface MetDecision extends Decision {
  readonly step: number;
  readonly steps: number;
  /** In the environment's form. */
  readonly command: readonly number[];
  /** Mean of what entered the network in the episode, [size]. */
  readonly mean: Float64Array;
}

const usualStep = 10;

/** Plays up to a decision. Throws SettingError for a step after the episode's last. */
export function meetDecision(session: EnvironmentSession, moment: Moment): MetDecision {
  const { model } = session.training;
  const { size } = model.options.observation;
  const seen: number[] = [];
  const taken: { mask: number[]; action: number[]; command: number[] }[] = [];
  session.play(moment.episode + 1, moment.seed, moment.greedy, (episode, actor, env) => {
    if (episode !== moment.episode) return;
    for (const x of actor.observation) seen.push(x);
    const mask = env.mask === null ? [] : Array.from(actor.mask);
    const [action, command] = [actor.action, actor.command].map((x) => Array.from(x));
    taken.push({ mask, action, command });
  });
  const steps = taken.length;
  const step = moment.step ?? Math.min(usualStep, steps);
  if (step > steps)
    throw new SettingError(
      `--step: expected at most ${steps}, the length of episode ${moment.episode + 1}, got ${step}`,
    );
  const mean = new Float64Array(size);
  for (const [i, x] of seen.entries()) mean[i % size] += x / steps;
  const from = model.memorySize > 0 ? 0 : step - 1;
  const observations = Float64Array.from(seen.slice(from * size, step * size));
  return { observations, ...taken[step - 1], step, steps, mean };
}

/** Returns a decision's targets; `chosen` is the action in words. */
export function pointOf(
  { training }: EnvironmentSession,
  decision: Decision,
  chosen: string,
): DecisionPoint {
  const { model } = training;
  const { names } = model.options.action;
  const scalars = decisionTargets(model, decision);
  const byMean = model.head.kind === "gaussian" || model.head.kind === "squashed";
  const before = model.head.kind === "squashed" ? " before squashing" : "";
  const nameOf = (i: number): string =>
    byMean ? `mean of ${names?.[i] ?? `action ${i + 1}`}${before}` : `ln π(${chosen})`;
  const targets = scalars.map((scalar, i) => ({ ...scalar, name: nameOf(i) }));
  return { targets, at: decision.observations };
}

/** Returns the attributions of a decision's targets. */
export function explainDecision(
  session: EnvironmentSession,
  decision: MetDecision,
  chosen: string,
  baseline: Baseline,
): ExplainedDecision {
  const { model, env } = session.training;
  const { observation } = model.options;
  const { observations, step, mean } = decision;
  const point = pointOf(session, decision, chosen);
  const count = observations.length / observation.size;
  const base = Float64Array.from(observations, (_, i) =>
    baseline === "zeros" ? 0 : mean[i % observation.size],
  );
  const targets = targetsOf(point, base);
  const byMean = model.head.kind === "gaussian" || model.head.kind === "squashed";
  return {
    chosen,
    probability: byMean ? null : exp(targets[0].to),
    targets,
    rows: Array.from({ length: count }, (_, i) => `step ${step - count + 1 + i}`),
    columns: numberNames(observation),
    values: observations,
    baseline:
      baseline === "mean"
        ? "the mean of what entered the network in this episode"
        : env.moments === null
          ? "zeros"
          : "zeros of the standardized observation, which are the mean of training",
  };
}

export const targetsOf = ({ targets, at }: DecisionPoint, base: Float64Array): ExplainedTarget[] =>
  targets.map((target) => ({ name: target.name, ...integratedGradients(target, at, base) }));

/** Returns the sums of attributions over columns, per row. */
export function rowSums(
  { attributions }: Pick<IntegratedGradients, "attributions">,
  rows: number,
): number[] {
  const width = attributions.length / rows;
  return Array.from({ length: rows }, (_, row) =>
    attributions.subarray(row * width, (row + 1) * width).reduce((sum, a) => sum + a, 0),
  );
}
