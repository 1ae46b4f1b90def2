/** Explanations as text and as JSON. */
import { numberNames } from "../envs/space.ts";
import { depthOf } from "../policies/tree.ts";
import type { Evaluation } from "../rollout/evaluate.ts";
import type { Agreement } from "../tasks/distill.ts";
import {
  type ExplainedDecision,
  type ExplainedTarget,
  rowSums,
} from "../tasks/explain-decision.ts";
import type { ExplainedUpdate } from "../tasks/explain-update.ts";
import type { RunConfig } from "../tasks/run.ts";
import { mostOf } from "./extent.ts";
import { table } from "./table.ts";
import { type NamedTree, treeCode } from "./tree-code.ts";

export interface UpdateOfRun extends ExplainedUpdate {
  /** The steps of the run that the update is of, if it is not the run itself. */
  readonly longer: number | null;
}

export interface ExplainedTree extends NamedTree {
  /** States that the tree was grown on. */
  readonly states: number;
  /** Episodes per seed. */
  readonly episodes: number;
  readonly seeds: readonly (Agreement & { readonly seed: number })[];
  /** Over the states of all seeds, `visited` of them. */
  readonly agreement: number;
  readonly visited: number;
  readonly policyReturn: Evaluation;
  readonly treeReturn: Evaluation;
}

export interface ExplainedRun {
  readonly path: string;
  readonly config: RunConfig;
  readonly decision: ExplainedDecision & { readonly where: string };
  readonly update: UpdateOfRun | null;
  readonly tree: ExplainedTree | null;
}

/** One attribution, with its name and the value that it is of. */
export interface Attributed {
  readonly name: string;
  readonly value: number | null;
  readonly attribution: number;
}

/** Returns a number in four digits. */
export function short(x: number): string {
  const rounded = Number(x.toPrecision(4));
  return rounded !== 0 && Math.abs(rounded) < 1e-4
    ? rounded.toExponential()
    : String(rounded === 0 ? 0 : rounded);
}
const signed = (x: number): string => (x > 0 ? `+${short(x)}` : short(x));

/** Returns the attributions of a target summed over rows, per column. */
export function byColumn(decision: ExplainedDecision, target: ExplainedTarget): Attributed[] {
  const { columns, rows, values } = decision;
  const width = columns.length;
  const last = (rows.length - 1) * width;
  return columns.map((name, c) => ({
    name,
    value: values.length === 0 ? null : values[last + c],
    attribution: rows.reduce((sum, _, r) => sum + target.attributions[r * width + c], 0),
  }));
}

/** Returns the attributions of a target summed over columns, per row. */
export const byRow = ({ rows }: ExplainedDecision, target: ExplainedTarget): Attributed[] =>
  rowSums(target, rows.length).map((attribution, r) => ({
    name: rows[r],
    value: null,
    attribution,
  }));

/** Returns the list if it has at most `most`, else those of greatest size, none of 0, in their order. */
export function strongest(list: readonly Attributed[], most: number): readonly Attributed[] {
  const size = (i: number): number => Math.abs(list[i].attribution);
  if (list.length <= most) return list;
  const some = [...list.keys()].filter((i) => size(i) > 0);
  const chosen = some.sort((i, j) => size(j) - size(i) || i - j).slice(0, most);
  return chosen.sort((i, j) => i - j).map((i) => list[i]);
}

const mostShown = 24;
const barWidth = 20;

function attributedTable(what: string, list: readonly Attributed[]): string {
  const shown = strongest(list, mostShown);
  const most = mostOf(shown.map(({ attribution }) => Math.abs(attribution))) || 1;
  const withValues = shown.some(({ value }) => value !== null);
  const rows = shown.map(({ name, value, attribution }) => [
    name,
    ...(withValues ? [value === null ? "" : short(value)] : []),
    signed(attribution),
    "█".repeat(Math.round((barWidth * Math.abs(attribution)) / most)),
  ]);
  const head = [what, ...(withValues ? ["value"] : []), "attribution", ""];
  const rest = list.length - shown.length;
  const others = list.reduce((sum, { attribution }) => sum + attribution, 0);
  const left = others - shown.reduce((sum, { attribution }) => sum + attribution, 0);
  return `${table(head, rows)}${rest > 0 ? `${rest} others together ${signed(left)}\n` : ""}`;
}

/** Returns whether the rows have something to say: past steps, or tokens. */
export const hasRows = (decision: ExplainedDecision): boolean =>
  decision.rows.length > 1 || isOfTokens(decision);

/** Returns whether the attributions are of a text's tokens, which have no values; those of an observation do. */
export const isOfTokens = ({ values }: ExplainedDecision): boolean => values.length === 0;

export function completeness({ from, to, gap, allowed, gradients }: ExplainedTarget): string {
  const fits = Math.abs(gap) <= allowed ? "within" : "NOT within";
  return `from ${short(from)} at the baseline to ${short(to)}; the attributions sum to ${short(to - from + gap)}, a gap of ${short(gap)}, ${fits} ${short(allowed)} (${gradients} gradients)`;
}

export function decisionLines({ path, config, decision }: ExplainedRun): string {
  const { chosen, probability, targets, where, baseline } = decision;
  const share = probability === null ? "" : `, π ${short(probability)}`;
  const parts = targets.map((target) => {
    const rows = hasRows(decision)
      ? attributedTable(isOfTokens(decision) ? "token" : "past step", byRow(decision, target))
      : "";
    const columns = isOfTokens(decision)
      ? ""
      : attributedTable("input", byColumn(decision, target));
    return `${target.name}: ${completeness(target)}\n${columns}${rows}`;
  });
  return `${path}: ${config.task} with ${config.algo}\ndecision: ${where}: ${chosen}${share}\nbaseline: ${baseline}\n\n${parts.join("\n")}`;
}

export function updateLines({ update, samples, targets, longer }: UpdateOfRun): string {
  const parts = targets.map((target) => {
    const rows = target.strongest.map(({ what, reward, advantage, pull }) => [
      signed(pull),
      signed(advantage),
      short(reward),
      what.replaceAll("\n", "⏎"),
    ]);
    return `${updateSummary(target)}\n${table(["pull", "advantage", "reward", "sample"], rows)}`;
  });
  return `${updateTitle({ update, samples, longer })}\n${parts.join("\n")}`;
}

export const updateTitle = ({
  update,
  samples,
  longer,
}: Pick<UpdateOfRun, "update" | "samples" | "longer">): string =>
  `update ${update}, of ${samples.toLocaleString("en")} samples${longer === null ? "" : `; the run has all its steps: as in one of ${longer.toLocaleString("en")}`}`;

export const updateSummary = ({
  name,
  before,
  after,
  firstOrder,
  up,
  down,
}: UpdateOfRun["targets"][number]): string =>
  `${name}: from ${short(before)} to ${short(after)}, a change of ${signed(after - before)}; to first order in the optimizer's step ${signed(firstOrder)}; the samples pull up by ${signed(up)} and down by ${short(down)} per unit of learning rate`;

const interval = ({ meanReturn, margin }: Evaluation): string =>
  `${meanReturn.toFixed(2)} ± ${margin.toFixed(2)}`;

export function treeLines(explained: ExplainedTree): string {
  return `${treeCode(explained)}\n${treeSummary(explained)}\n${table(treeHead, treeRows(explained))}`;
}

export const treeHead = ["seed", "agreement", "policy", "tree"];
export const treeRows = ({ seeds }: ExplainedTree): string[][] =>
  seeds.map(({ seed, agreement, policy, tree }) => [
    String(seed),
    `${(100 * agreement).toFixed(1)} %`,
    interval(policy),
    interval(tree),
  ]);

export const treeSummary = (t: ExplainedTree): string =>
  `depth ${depthOf(t.tree)}, grown on ${t.states.toLocaleString("en")} states; agrees with the policy in ${(100 * t.agreement).toFixed(1)} % of ${t.visited.toLocaleString("en")} states of other episodes; greedy return over ${t.treeReturn.episodes} episodes (95 % intervals of the mean): policy ${interval(t.policyReturn)}, tree ${interval(t.treeReturn)}`;

/** Returns the parts as objects for JSON. */
export function jsonOf({ path: run, config, decision, update, tree }: ExplainedRun): object[] {
  const { task, algo } = config;
  const { values, targets, ...facts } = decision;
  const known = { run, task, algo };
  return [
    {
      type: "decision",
      ...known,
      ...facts,
      values: Array.from(values),
      targets: targets.map((t) => ({
        ...t,
        complete: Math.abs(t.gap) <= t.allowed,
        attributions: Array.from(t.attributions),
      })),
    },
    ...(update === null ? [] : [{ type: "update", ...known, ...update }]),
    ...(tree === null ? [] : [treeJson(known, tree)]),
  ];
}

function treeJson(known: object, { observation, ...explained }: ExplainedTree): object {
  return {
    type: "tree",
    ...known,
    ...explained,
    depth: depthOf(explained.tree),
    inputs: numberNames(observation),
    code: treeCode({ observation, ...explained }),
  };
}
