/** pigrad explain RUN: what a decision depended on, what an update did to it, and the policy as a small tree. */
import { loops } from "../backends/loops.ts";
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { writeAtomically } from "../node/files.ts";
import { awaitInTime } from "../node/patience.ts";
import { lastMetric, type OpenRunOptions, openRun, readConfig } from "../node/run-folder.ts";
import { poolEvaluations } from "../rollout/evaluate.ts";
import { choicesOf, compareTree, distill } from "../tasks/distill.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import {
  type Baseline,
  baselines,
  type DecisionPoint,
  type ExplainedDecision,
  explainDecision,
  meetDecision,
  pointOf,
} from "../tasks/explain-decision.ts";
import { explainUpdate } from "../tasks/explain-update.ts";
import type { Session } from "../tasks/session.ts";
import { explainToken, meetToken, tokenPoint } from "../tasks/text/explain-token.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import { only, wholeNumber } from "./args.ts";
import { evaluationSeed } from "./eval.ts";
import {
  decisionLines,
  type ExplainedRun,
  type ExplainedTree,
  jsonOf,
  treeLines,
  type UpdateOfRun,
  updateLines,
} from "./explain-lines.ts";
import { explainPage } from "./explain-page.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { checkFile } from "./picture.ts";
import { actionText } from "./play-frame.ts";
import { inForm } from "./sample.ts";
import { say, sayJson } from "./stdout.ts";

export const explainHelp = `  pigrad explain RUN [--episode N] [--step N] [--seed N] [--sample] [--baseline zeros|mean]
               [--prompt TEXT] [--update] [--tree [--depth N] [--episodes N]] [--html FILE]
               [--best] [--trust-data] [--json]
      what one decision depended on: each input, past step or token, by integrated gradients against a
      baseline, which sum to the change of ln π (docs/explain.md). The decision is step 10 of the first
      episode that pigrad eval plays; of a text the first token of a greedy completion.
      --update takes the run's next update, without saving it, and shows which samples pulled the
      decision up or down; --tree distills the policy into a decision tree of depth 4 at most, printed as
      code, with its agreement and return on seeds 501 to 505; --html writes a page of what is shown`;

const options = {
  ...ownOptions,
  episode: { type: "string" },
  step: { type: "string" },
  seed: { type: "string" },
  sample: { type: "boolean" },
  baseline: { type: "string" },
  prompt: { type: "string" },
  update: { type: "boolean" },
  tree: { type: "boolean" },
  depth: { type: "string" },
  episodes: { type: "string" },
  html: { type: "string" },
  best: { type: "boolean" },
  "trust-data": { type: "boolean" },
  json: { type: "boolean" },
} as const;
type Given = ReturnType<typeof parse>["values"];
const parse = (args: string[]) => parseOptions(args, options);

const mostRows = 12; // samples of an update that are shown
const treeSeeds = [501, 502, 503, 504, 505]; // no preset was chosen on these

export async function explainCommand(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const path = only("run folder", positionals);
  checkOptions(values);
  checkFile("html", values.html);
  await loadRunFiles([path], values);
  const opening: OpenRunOptions = {
    best: values.best ?? false,
    trustData: values["trust-data"] ?? false,
  };
  const { config, decision, point } = explained(path, values, opening);
  const run: ExplainedRun = {
    path,
    config,
    decision,
    update: values.update ? await updateOf(path, opening, point) : null,
    tree: values.tree ? treeOf(path, opening, values) : null,
  };
  if (values.html !== undefined) writeAtomically(values.html, explainPage(run));
  if (values.json) for (const part of jsonOf(run)) sayJson(part);
  else {
    say(decisionLines(run));
    if (run.update !== null) say(`\n${updateLines(run.update)}`);
    if (run.tree !== null) say(`\n${treeLines(run.tree)}`);
    if (values.html !== undefined) say(`\npage: ${values.html}\n`);
  }
}

function checkOptions(values: Given): void {
  for (const name of ["depth", "episodes"] as const)
    if (values[name] !== undefined && !values.tree)
      throw new SettingError(`--${name} goes with --tree`);
  if (values.update && values.best)
    throw new SettingError("--update: expected a run as it goes on, without --best");
}

/** A decision's explanation, and how to meet it again in another session of the run. */
interface Explained {
  readonly config: ExplainedRun["config"];
  readonly decision: ExplainedDecision & { readonly where: string };
  readonly point: (session: Session) => DecisionPoint;
}

/** Explains the decision that the options name, in float64. */
function explained(path: string, values: Given, opening: OpenRunOptions): Explained {
  const published = readConfig(path).files?.model !== undefined; // its weights may have fewer bits
  const backend = published ? undefined : loops(Float64Array);
  const session = openRun(path, { ...opening, backend });
  try {
    const { config } = session;
    const parts = session.kind === "text" ? ofText(session, values) : ofStep(session, values);
    return { config, ...parts };
  } finally {
    session.close();
  }
}

const baselineOf = ({ baseline }: Given, usual: Baseline): Baseline => {
  if (baseline === undefined) return usual;
  if (baselines.includes(baseline as Baseline)) return baseline as Baseline;
  throw new SettingError(`--baseline: expected ${baselines.join(" or ")}, got "${baseline}"`);
};

function ofStep(session: EnvironmentSession, values: Given): Omit<Explained, "config"> {
  if (values.prompt !== undefined)
    throw new SettingError("--prompt: expected a run of a text; this one plays");
  const episode = wholeNumber("episode", values.episode, 1) ?? 1;
  const seed = wholeNumber("seed", values.seed, 0) ?? evaluationSeed;
  const step = wholeNumber("step", values.step, 1);
  const greedy = !values.sample;
  const met = meetDecision(session, { episode: episode - 1, seed, greedy, step });
  const chosen = actionText(session.training.model.options.action, met.command);
  const decision = explainDecision(session, met, chosen, baselineOf(values, "zeros"));
  const how = greedy ? "greedy" : "sampled";
  const where = `step ${met.step} of ${met.steps} of episode ${episode}, seed ${seed}, ${how}`;
  return {
    decision: { ...decision, where },
    point: (other) => pointOf(other as EnvironmentSession, met, chosen),
  };
}

function ofText(session: LanguageSession, values: Given): Omit<Explained, "config"> {
  for (const name of ["episode", "tree"] as const)
    if (values[name] !== undefined)
      throw new SettingError(`--${name}: expected a run of an environment, got one of a text`);
  const { task } = session;
  const seed = wholeNumber("seed", values.seed, 0) ?? 1;
  const random = new Random(seed);
  const { validation } = task.prompts;
  const drawn = validation[random.below(validation.length)];
  const seen =
    values.prompt === undefined ? (task.visible?.(drawn) ?? drawn) : inForm(task, values.prompt);
  const step = wholeNumber("step", values.step, 1) ?? 1;
  const greedy = !values.sample;
  const met = meetToken(session, { seen, step, greedy }, random);
  const decision = explainToken(session, met, baselineOf(values, "mean"));
  const how = greedy ? "greedy" : `sampled, seed ${seed}`;
  const where = `token ${step} of ${JSON.stringify(met.completion)} for ${JSON.stringify(seen)}, ${how}`;
  return {
    decision: { ...decision, where },
    point: (other) => tokenPoint(other as LanguageSession, met),
  };
}

/** Takes the run's next update in memory. A run that has all its steps goes on as one of twice as many. */
async function updateOf(
  path: string,
  opening: OpenRunOptions,
  point: (session: Session) => DecisionPoint,
): Promise<UpdateOfRun> {
  const config = readConfig(path);
  const taken = Number(lastMetric(path)?.envSteps ?? 0);
  const longer = taken >= config.steps ? 2 * taken : null;
  const session = openRun(path, { ...opening, whole: true, steps: longer ?? config.steps });
  try {
    const space = session.kind === "text" ? null : session.training.model.options.action;
    const nameOf = (command: ArrayLike<number>): string =>
      space === null ? "" : actionText(space, command);
    const how = { most: mostRows, nameOf, awaiting: awaitInTime };
    return { ...(await explainUpdate(session, point(session), how)), longer };
  } finally {
    session.close();
  }
}

function treeOf(path: string, opening: OpenRunOptions, values: Given): ExplainedTree {
  const depth = wholeNumber("depth", values.depth, 1, 12) ?? 4;
  const episodes = wholeNumber("episodes", values.episodes, 1) ?? 20;
  const session = openRun(path, opening) as EnvironmentSession;
  try {
    const { names, n, start } = choicesOf(session);
    const { observation } = session.training.model.options;
    const { tree, states } = distill(session, { depth });
    const seeds = treeSeeds.map((seed) => ({
      seed,
      ...compareTree(session, tree, episodes, seed),
    }));
    const visited = seeds.reduce((sum, one) => sum + one.states, 0);
    return {
      tree,
      task: session.config.task,
      observation,
      actions: names ?? Array.from({ length: n }, (_, i) => String(start + i)),
      start,
      states,
      episodes,
      seeds,
      agreement: seeds.reduce((sum, one) => sum + one.agreement * one.states, 0) / visited,
      visited,
      policyReturn: poolEvaluations(seeds.map(({ policy }) => policy)),
      treeReturn: poolEvaluations(seeds.map(({ tree: played }) => played)),
    };
  } finally {
    session.close();
  }
}
