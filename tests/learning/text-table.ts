/**
 * `npx tsx tests/learning/text-table.ts TASK STEPS SEEDS [key=value...]`: algorithms beside each other on a text task.
 * SEEDS are separated by commas. Trains the supervised model, and from its weights each of ALGOS (in the environment;
 * default rloo,grpo,best-of-n) with STEPS sampled tokens. Prints the mean reward and the task's measures of greedy
 * answers to at most 1,000 held-out prompts (with VALIDATION=1 in the environment: of validation), the reward with its
 * 95 % interval; for `translate` and `summarize` also those of a baseline that copies.
 */
import { simd } from "../../src/backends/simd.ts";
import type { State } from "../../src/core/state.ts";
import { readCorpus } from "../../src/node/corpora.ts";
import { type Evaluation, statisticsOf } from "../../src/rollout/evaluate.ts";
import { mean } from "../../src/rollout/statistics.ts";
import type { TextTask } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";
import { copying } from "./copying.ts";

const [task, tokens, list, ...changes] = process.argv.slice(2);
const seeds = list.split(",").map(Number);
const algos = (process.env.ALGOS ?? "rloo,grpo,best-of-n").split(",");
const own = Object.fromEntries(changes.map((pair) => pair.split("=")));
const steps = Number(tokens);
const heldOut = process.env.VALIDATION !== "1";
const most = 1000;
const begun = performance.now();

type Said = Pick<Evaluation, "meanReturn" | "margin" | "measures">;

function say(method: string, { meanReturn, margin, measures = {} }: Said): void {
  const more = Object.entries(measures).map(([name, x]) => ` ${name} ${x.toFixed(3)}`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `| ${method} | ${meanReturn.toFixed(3)} ± ${margin.toFixed(3)} |${more} | (${seconds} s)`,
  );
}

function sayCopied(of: TextTask): void {
  const scores = copying(task, of, most, heldOut ? "heldOut" : "validation");
  if (scores === null) return;
  const named = Object.entries(scores).map(([name, all]) => [name, mean(all)]);
  say("copy", {
    ...statisticsOf(Object.values(scores)[0]),
    measures: Object.fromEntries(named),
  });
}

/** Trains the supervised stage alone; or from its weights, by rewards. Returns the weights. */
function train(algo: string, seed: number, saved: State | null): State {
  const settings = saved === null ? own : { ...own, sftUpdates: 0 };
  const request = { task, algo, seed, steps, settings };
  const session = openText(request, { backend: simd({ memory: 2 ** 29 }), read: readCorpus });
  const { training, config } = session;
  session.prepare();
  if (saved !== null) session.load(saved);
  else if (seed === seeds[0]) sayCopied(session.task);
  const done = (): boolean =>
    saved === null ? training.update === config.settings.sftUpdates : training.envSteps >= steps;
  if (!done()) for (const _ of session.reports) if (done()) break;
  const name = saved === null ? "supervised" : algo;
  say(`${name}, seed ${seed}`, session.evaluate(most, 1, true, heldOut));
  return training.save();
}

for (const seed of seeds) {
  const saved = train("rloo", seed, null);
  for (const algo of algos) train(algo, seed, saved);
}
