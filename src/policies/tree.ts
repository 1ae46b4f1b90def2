/**
 * Decision trees over observations: CART (Breiman et al. 1984). A node takes the split with the least Gini impurity; of
 * equal ones the first feature's with the least threshold, so that a tree depends on its samples alone.
 */
import { checkInteger, checkLength } from "../core/check.ts";

/** Observations with the action that a policy takes there. */
export interface LabeledStates {
  /** Numbers per observation. */
  readonly size: number;
  /** [states, size] */
  readonly observation: ArrayLike<number>;
  /** A number from 0 to actions − 1 per state, [states]. */
  readonly action: ArrayLike<number>;
  readonly actions: number;
}

export interface Leaf {
  readonly kind: "leaf";
  readonly action: number;
  /** The states of the samples that reach it, and the share of them that has another action. */
  readonly states: number;
  readonly impure: number;
}
/** Goes to `low` where the feature is at most the threshold. */
export interface Split {
  readonly kind: "split";
  readonly feature: number;
  readonly threshold: number;
  readonly low: Tree;
  readonly high: Tree;
}
export type Tree = Leaf | Split;

/** Grows a tree of at most `depth` splits from root to leaf. */
export function growTree(samples: LabeledStates, depth: number): Tree {
  const { size, action, observation, actions } = samples;
  checkInteger("growTree", "depth", depth, { min: 0, max: 30 });
  checkInteger("growTree", "actions", actions, { min: 1 });
  checkInteger("growTree", "states", action.length, { min: 1 });
  checkLength("growTree", "observation", observation, action.length * size);
  return grown(
    samples,
    Int32Array.from(action, (_, i) => i),
    depth,
  );
}

function grown(samples: LabeledStates, states: Int32Array, depth: number): Tree {
  const leaf = leafOf(samples, states);
  const split = depth === 0 || leaf.impure === 0 ? null : bestSplit(samples, states);
  if (split === null) return leaf;
  const { feature, threshold } = split;
  const isLow = (i: number): boolean =>
    samples.observation[i * samples.size + feature] <= threshold;
  const low = grown(samples, states.filter(isLow), depth - 1);
  const high = grown(
    samples,
    states.filter((i) => !isLow(i)),
    depth - 1,
  );
  if (low.kind === "leaf" && high.kind === "leaf" && low.action === high.action) return leaf;
  return { kind: "split", feature, threshold, low, high };
}

/** Returns how many of some states have each action. */
function countsOf({ action, actions }: LabeledStates, states: Int32Array): Float64Array {
  const counts = new Float64Array(actions);
  for (const i of states) counts[action[i]]++;
  return counts;
}

function leafOf(samples: LabeledStates, states: Int32Array): Leaf {
  const counts = countsOf(samples, states);
  const most = Math.max(...counts);
  const n = states.length;
  return { kind: "leaf", action: counts.indexOf(most), states: n, impure: (n - most) / n };
}

interface Threshold {
  readonly feature: number;
  readonly threshold: number;
}

/** Returns the split of least impurity; null where no split lessens it. */
function bestSplit(samples: LabeledStates, states: Int32Array): Threshold | null {
  const { size, observation } = samples;
  const all = countsOf(samples, states);
  let best: Threshold | null = null;
  let most = purity(all) * (1 + 1e-12); // a gain below rounding is none
  for (let feature = 0; feature < size; feature++) {
    const value = (i: number): number => observation[i * size + feature];
    const order = states.slice().sort((i, j) => value(i) - value(j) || i - j);
    const low = new Float64Array(all.length);
    const high = all.slice();
    for (let n = 0; n + 1 < order.length; n++) {
      const [i, next] = [order[n], order[n + 1]];
      low[samples.action[i]]++;
      high[samples.action[i]]--;
      if (value(i) === value(next)) continue;
      const pure = purity(low) + purity(high);
      if (pure <= most) continue;
      most = pure;
      best = { feature, threshold: between(value(i), value(next)) };
    }
  }
  return best;
}

/** Σ n²/Σ n: the number of states less their Gini impurity. */
function purity(counts: Float64Array): number {
  let [sum, squares] = [0, 0];
  for (const n of counts) {
    sum += n;
    squares += n * n;
  }
  return sum > 0 ? squares / sum : 0;
}

/** Returns the number with the fewest digits from `low` to below `high`, near their middle. */
function between(low: number, high: number): number {
  const middle = low + (high - low) / 2;
  for (let digits = 1; digits <= 17; digits++) {
    const short = Number(middle.toPrecision(digits));
    if (low <= short && short < high) return short;
  }
  return low;
}

/** Returns the tree's action for an observation, from number `at` of a list on. */
export function decide(tree: Tree, observation: ArrayLike<number>, at = 0): number {
  let node = tree;
  while (node.kind === "split")
    node = observation[at + node.feature] <= node.threshold ? node.low : node.high;
  return node.action;
}

/** Returns the most splits from the root to a leaf. */
export const depthOf = (tree: Tree): number =>
  tree.kind === "leaf" ? 0 : 1 + Math.max(depthOf(tree.low), depthOf(tree.high));
