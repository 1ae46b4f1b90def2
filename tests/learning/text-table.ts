/**
 * `npx tsx tests/learning/text-table.ts TASK DATA STEPS SEEDS [key=value...]`: `translate` or `summarize` on a corpus that
 * `pigrad data` fetched. SEEDS are separated by commas. Trains the supervised model, and from it RLOO, GRPO and
 * best-of-n with STEPS sampled tokens each; also a baseline that copies. Prints the mean reward of greedy answers to
 * at most 1,000 held-out prompts (with VALIDATION=1 in the environment: of validation), with 95 % intervals.
 */
import { simd } from "../../src/backends/simd.ts";
import type { State } from "../../src/core/state.ts";
import { readCorpus } from "../../src/node/corpora.ts";
import { type Evaluation, statisticsOf } from "../../src/rollout/evaluate.ts";
import { evenly } from "../../src/text/corpus.ts";
import type { TextTask } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";

const [task, data, tokens, list, ...changes] = process.argv.slice(2);
const seeds = list.split(",").map(Number);
const own = { data, ...Object.fromEntries(changes.map((pair) => pair.split("="))) };
const steps = Number(tokens);
const heldOut = process.env.VALIDATION !== "1";
const most = 1000;
const begun = performance.now();

function say(
  method: string,
  { meanReturn, margin }: Pick<Evaluation, "meanReturn" | "margin">,
  exact = Number.NaN,
) {
  const more = Number.isNaN(exact) ? "" : ` | ${exact.toFixed(3)}`;
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `| ${method} | ${meanReturn.toFixed(3)} ± ${margin.toFixed(3)}${more} | (${seconds} s)`,
  );
}

/** The source itself, or the first words of a text, as many as its summaries have. */
const copied = (prompt: string): string =>
  task === "translate" ? prompt.trimEnd() : (prompt.match(/[a-z']+/g) ?? []).slice(0, 3).join(" ");

function sayCopied({ prompts, reward, measures }: TextTask): void {
  const asked = evenly(heldOut ? prompts.heldOut : prompts.validation, most);
  const scored = (of: typeof reward) =>
    statisticsOf(asked.map((p) => Number(of(p, copied(p), []))));
  const { exact } = measures;
  say(`copy, ${asked.length} prompts`, scored(reward), exact && scored(exact).meanReturn);
}

/** Trains the supervised stage alone; or from its weights, by rewards. Returns the weights. */
function train(algo: string, seed: number, saved: State | null): State {
  const settings = saved === null ? own : { ...own, sftUpdates: 0 };
  const request = { task, algo, seed, steps, settings };
  const session = openText(request, { backend: simd({ memory: 2 ** 29 }), read: readCorpus });
  const { training, config } = session;
  if (saved !== null) session.load(saved);
  else if (seed === seeds[0]) sayCopied(session.task);
  const done = (): boolean =>
    saved === null ? training.update === config.settings.sftUpdates : training.envSteps >= steps;
  for (const _ of session.reports) if (done()) break;
  const evaluation = session.evaluate(most, 1, true, heldOut);
  const name = saved === null ? "supervised" : algo;
  say(`${name}, seed ${seed}`, evaluation, evaluation.measures.exact);
  return training.save();
}

for (const seed of seeds) {
  const saved = train("rloo", seed, null);
  for (const algo of ["rloo", "grpo", "best-of-n"]) train(algo, seed, saved);
}
