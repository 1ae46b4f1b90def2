/** `npm run results [NAME...]`: trains what is claimed, or the claims whose names contain a word, and writes docs/results.md. */
import { writeReference } from "../../docs/reference/build.ts";
import { statisticsOf } from "../../src/rollout/evaluate.ts";
import {
  bootstrapInterval,
  interquartileMean,
  mean,
  median,
} from "../../src/rollout/statistics.ts";
import { short, table } from "../support/markdown.ts";
import { type Claim, claims, judge, type Outcome } from "./claims.ts";
import { copying } from "./copying.ts";
import { judgeLanguage, type LanguageClaim, languageClaims, type Trained } from "./language.ts";
import { type Result, ran, record, settingsOf } from "./records.ts";

const words = process.argv.slice(2);
const wanted = ({ name }: { readonly name: string }): boolean =>
  words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase()));

const over = (values: readonly number[]): string =>
  `${short(interquartileMean(values))} (${bootstrapInterval(values, interquartileMean).map(short).join(" to ")})`;
const plusMinus = (values: readonly number[]): string => {
  const { meanReturn, margin } = statisticsOf(values);
  return `${short(meanReturn)} ± ${short(margin)}`;
};
/** Returns the figures that the policies are measured by. */
function besides({ optimum, fixed, baselines, greedy, steps }: Outcome, threshold?: number) {
  const interval = bootstrapInterval(greedy, mean).map(short).join(" to ");
  return [
    ...(optimum === null
      ? []
      : [
          `The optimum by value iteration is ${short(optimum)}; the mean here ${short(mean(greedy))}.`,
        ]),
    ...(fixed === null
      ? []
      : [
          `The best fixed policy (${fixed.what}) comes to ${short(fixed.mean)} ± ${short(2 * fixed.error)}.`,
        ]),
    ...baselines.map(
      ({ what, mean: score, margin }) =>
        `A player that learns nothing (${what}) comes to ${short(score)} ± ${short(margin)}.`,
    ),
    ...(fixed === null && baselines.length === 0
      ? []
      : [`The seeds' mean ${short(mean(greedy))}, interval ${interval}.`]),
    ...(threshold === undefined ? [] : [`Median steps to ${threshold}: ${short(median(steps))}.`]),
  ];
}

function control(claim: Claim, outcome: Outcome): Result {
  const { results, greedy, success, steps } = outcome;
  const won = success.some((share) => !Number.isNaN(share));
  const { threshold, algo, task, asks, published = "" } = claim;
  const marked = threshold === undefined ? [] : [`steps to ${threshold}`];
  const head = [
    "seed",
    "greedy return",
    ...(won ? ["success"] : []),
    ...marked,
    "training return",
    "seconds",
  ];
  const rows = results.map(({ config, evaluation, trainingReturn, seconds }, i) => [
    String(config.seed),
    `${short(greedy[i])} ± ${short(evaluation.margin)}`,
    ...(won ? [short(success[i])] : []),
    ...marked.map(() => short(steps[i])),
    short(trainingReturn),
    seconds.toFixed(1),
  ]);
  const { config } = results[0];
  const parts = [
    ...besides(outcome, threshold),
    "",
    table(head, rows),
    "",
    settingsOf(config.algo, config.steps, config.settings),
  ];
  return {
    task,
    algo,
    asks,
    published,
    ran,
    seeds: `501 to ${500 + claim.seeds}`,
    result: over(greedy),
    holds: claim.holds(outcome),
    ...(threshold === undefined
      ? {}
      : { threshold, steps: steps.map((n) => (Number.isFinite(n) ? n : null)) }),
    text: parts.join("\n"),
  };
}

function language(claim: LanguageClaim, runs: readonly Trained[]): Result {
  const { measure, algo, task, asks } = claim;
  const values = (when: "before" | "after"): number[] =>
    runs.map((run) => run[when][measure] ?? Number.NaN);
  const [before, after] = [values("before"), values("after")];
  const kl = runs.map(({ last }) => last.kl);
  const copies = copying(task, runs[0].session.task, claim.options?.prompts ?? 1000)?.[measure];
  const ahead =
    copies === undefined ? [] : runs.map(({ rewards }) => rewards.map((x, k) => x - copies[k]));
  const head = [
    "seed",
    `${measure} before, taught alone`,
    `${measure} after`,
    ...ahead.slice(0, 1).map(() => "more than a copy"),
    "KL a token",
    "seconds",
  ];
  const beside = copies === undefined ? "" : `A copy comes to ${plusMinus(copies)}.\n\n`;
  const rows = runs.map(({ seconds }, i) => [
    String(501 + i),
    short(before[i]),
    short(after[i]),
    ...ahead.slice(i, i + 1).map(plusMinus),
    short(kl[i]),
    seconds.toFixed(0),
  ]);
  const { config } = runs[0].session;
  return {
    task,
    algo,
    asks,
    published: "",
    ran,
    seeds: runs.length === 1 ? "501" : `501 to ${500 + runs.length}`,
    result: `${measure} ${over(after)}${before.some(Number.isNaN) ? "" : `, before ${over(before)}`}`,
    holds: claim.holds(before, after, kl, ahead),
    text: `${beside}${table(head, rows)}\n\n${settingsOf(
      config.algo,
      config.steps,
      config.settings,
    )}`,
  };
}

const names = [...claims, ...languageClaims].map(({ name }) => name);
for (const claim of claims.filter(wanted)) {
  const result = control(claim, await judge(claim));
  console.log(`${claim.name}: ${result.result}\n${result.text}`);
  record({ [claim.name]: result }, names); // after each, so that a stopped run loses none
}
for (const claim of languageClaims.filter(wanted)) {
  const result = language(claim, judgeLanguage(claim));
  console.log(`${claim.name}: ${result.result}\n${result.text}`);
  record({ [claim.name]: result }, names);
}
record({}, names);
await writeReference(); // its pages show the results
