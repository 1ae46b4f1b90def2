/**
 * Distills a policy into a small decision tree over the environment's own observations, before any standardization. The
 * tree is grown on the states that the policy visits, each labeled with its greedy action.
 *
 * States that a tree visits itself (DAgger, Ross, Gordon and Bagnell 2011, arXiv:1011.0686) were tried and left out: on
 * CartPole they lower the return of a tree of depth 4, which then spends its splits where the policy never goes.
 */
import { SettingError } from "../core/errors.ts";
import type { Discrete } from "../envs/space.ts";
import { decide, growTree, type Tree } from "../policies/tree.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { EnvironmentSession } from "./environment-session.ts";

export interface DistillOptions {
  /** Most splits from the root to a leaf. */
  readonly depth: number;
  /** Episodes of the policy whose states the trees are grown on. Default 60. */
  readonly episodes?: number;
  /** Episodes by which one of the trees is chosen. Default 30. */
  readonly validation?: number;
  /** Seed of the policy's episodes; the next one is that of validation. Default 1. */
  readonly seed?: number;
}

export interface Distilled {
  readonly tree: Tree;
  /** States that it was grown on. */
  readonly states: number;
}

/** Grows trees of depth 1 to `depth`. Returns the one that plays best in validation; of equal ones the smallest. */
export function distill(
  session: EnvironmentSession,
  { depth, episodes = 60, validation = 30, seed = 1 }: DistillOptions,
): Distilled {
  const { n: actions } = choicesOf(session);
  const raw = rawOf(session);
  const [observation, action]: number[][] = [[], []];
  session.play(episodes, seed, true, (_, actor, env) => {
    env.envs[0].observe(raw, 0);
    for (const x of raw) observation.push(x);
    action.push(actor.action[0]);
  });
  const samples = { size: raw.length, observation, action, actions };
  let best: { readonly tree: Tree; readonly meanReturn: number } | null = null;
  for (let d = 1; d <= depth; d++) {
    const tree = growTree(samples, d);
    const { meanReturn } = playTree(session, tree, validation, seed + 1);
    if (best === null || meanReturn > best.meanReturn) best = { tree, meanReturn };
  }
  return { tree: (best as { readonly tree: Tree }).tree, states: action.length };
}

/** Plays episodes with a tree in the policy's place. */
export function playTree(
  session: EnvironmentSession,
  tree: Tree,
  episodes: number,
  seed: number,
): Evaluation {
  const { start } = choicesOf(session);
  const raw = rawOf(session);
  return session.play(episodes, seed, true, (_, actor, env) => {
    env.envs[0].observe(raw, 0);
    actor.command[0] = start + decide(tree, raw);
  });
}

export interface Agreement {
  /** Share of the states that the policy visits where the tree takes the same action. */
  readonly agreement: number;
  readonly states: number;
  readonly policy: Evaluation;
  readonly tree: Evaluation;
}

/** Compares a tree with the policy on the same episodes. */
export function compareTree(
  session: EnvironmentSession,
  tree: Tree,
  episodes: number,
  seed: number,
): Agreement {
  const raw = rawOf(session);
  let [states, same] = [0, 0];
  const policy = session.play(episodes, seed, true, (_, actor, env) => {
    env.envs[0].observe(raw, 0);
    states++;
    if (decide(tree, raw) === actor.action[0]) same++;
  });
  return {
    agreement: same / states,
    states,
    policy,
    tree: playTree(session, tree, episodes, seed),
  };
}

const rawOf = ({ training }: EnvironmentSession): Float32Array =>
  new Float32Array(training.model.options.observation.size);

/** Returns the space of a policy's choices. Throws SettingError for actions that a leaf of a tree cannot say. */
export function choicesOf({ training, config }: EnvironmentSession): Discrete {
  const { action } = training.model.options;
  const masked = training.env.mask !== null;
  if (action.kind === "discrete" && !masked) return action;
  const got = masked ? "masked choices" : `${action.kind} actions`;
  throw new SettingError(
    `--tree: expected an environment of one choice per step, without masks, got ${got} (${config.task})`,
  );
}
