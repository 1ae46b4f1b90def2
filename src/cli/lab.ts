/** pigrad lab: exact bias, variance and signal-to-noise of every estimator, as a table, a page, or JSON. */
import { join } from "node:path";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Tabular } from "../envs/env.ts";
import type { EstimatorSettings } from "../estimators/presets.ts";
import { makeFolder, writeAtomically } from "../node/files.ts";
import { loadOwn, meansFile, nameOfFile } from "../node/own-files.ts";
import { type LabProblem, type LabReport, lab, labProblems, type Row } from "../oracle/lab.ts";
import { tasks } from "../tasks/index.ts";
import { algorithmFrom } from "../tasks/own-algorithm.ts";
import { ownOf } from "../tasks/own-files.ts";
import { resolve } from "../tasks/run.ts";
import { wholeNumber } from "./args.ts";
import { labPage } from "./lab-page.ts";
import { didYouMean } from "./nearest.ts";
import { requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const labHelp = `  pigrad lab [PROBLEM] [--algo FILE] [--group K] [--json] [--out DIR]
      the exact bias and variance of every gradient estimator on problems small
      enough to enumerate (${Object.keys(labProblems).join(", ")}; all by default), or on a task
      of few trajectories, by name or file; --algo adds the estimator of a file of
      your own, --group sets the samples in a group (2; in groups of 2 many
      estimators are the same); --out writes lab.html, a page with charts, and lab.json`;

export async function labCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    algo: { type: "string" },
    group: { type: "string" },
    json: { type: "boolean" },
    out: { type: "string" },
  });
  if (positionals.length > 1) throw noProblem(positionals.join(" "));
  const [name] = positionals;
  const K = wholeNumber("group", values.group, 2, 16) ?? 2;
  const own = values.algo === undefined ? {} : await ownEstimator(values.algo);
  const problems =
    name === undefined || Object.hasOwn(labProblems, name)
      ? labProblems
      : { [name]: await problemOf(name) };
  const reports: LabReport[] = [];
  if (values.out !== undefined) makeFolder(values.out);
  for (const problem of name === undefined ? Object.keys(problems) : [name]) {
    const report = reportOf(problem, own, problems[problem], K);
    reports.push(report);
    if (values.json) sayJson({ type: "lab", ...report });
    else say(table(report));
  }
  if (values.out === undefined) return;
  writeAtomically(join(values.out, "lab.json"), `${JSON.stringify(reports, null, 1)}\n`);
  writeAtomically(join(values.out, "lab.html"), labPage(reports));
  if (!values.json) say(`page: ${join(values.out, "lab.html")}\n`);
}

function reportOf(...how: Parameters<typeof lab>): LabReport {
  try {
    return lab(...how);
  } catch (error) {
    if (error instanceof RangeError) throw new SettingError(`--group: ${error.message}`);
    throw error;
  }
}

function noProblem(given: string): SettingError {
  const known = Object.keys(labProblems);
  return new SettingError(
    `expected one problem of ${known.join(", ")}, got ${brief(given).slice(1, -1)}${didYouMean(given, known)}`,
  );
}

/** The estimator of a file, by the file's name. */
async function ownEstimator(path: string): Promise<Record<string, EstimatorSettings>> {
  const name = nameOfFile(path);
  const own = algorithmFrom(ownOf(await loadOwn(path)), name, path);
  if (own.kind === "group" && own.group.minimumRisk !== true && own.group.bestOnly !== true)
    return { [name]: own.group.estimator };
  throw new SettingError(
    `${path}: expected base, estimator or compare: the lab knows no other form of an algorithm`,
  );
}

const mostTrajectories = 200;

/** A task whose states and outcomes can be listed, as a problem of the lab. */
async function problemOf(name: string): Promise<LabProblem> {
  if (!meansFile(name) && !Object.hasOwn(tasks, name)) throw noProblem(name);
  const run = resolve(await requestFor({ task: name }));
  const env = run.task.kind === "environment" ? run.task.make(run.values.task as never) : {};
  if (!("outcomes" in env))
    throw new SettingError(`${name}: expected a task whose outcomes can be listed (Tabular)`);
  const problem = env as unknown as Tabular;
  if (problem.actions ** problem.maxSteps > mostTrajectories)
    throw new SettingError(
      `${name}: expected at most ${mostTrajectories} trajectories, got ${problem.actions} actions to the power of ${problem.maxSteps} steps`,
    );
  return { about: run.task.about, problem };
}

const columns: readonly [string, (row: Row) => string][] = [
  ["size", ({ size }) => size.toFixed(3)],
  ["angle", ({ angle }) => (angle === null ? "–" : `${angle.toFixed(1)}°`)],
  ["bias", ({ bias }) => (bias < 1e-9 ? "0" : bias.toFixed(3))],
  ["variance", ({ variance }) => variance.toPrecision(3)],
  ["signal/noise", ({ snr }) => (Number.isFinite(snr) ? snr.toPrecision(3) : "∞")],
];

function table({ problem, about, J, gradientNorm, fresh, stale }: LabReport): string {
  const head = `${problem}: ${about}\nJ = ${J.toFixed(4)}, ‖∇J‖ = ${gradientNorm.toFixed(4)}; groups of ${fresh[0].K}\n`;
  const titles = columns.map(([title]) => title.padStart(13)).join("");
  const rows = (title: string, list: readonly Row[]): string =>
    `\n  ${title.padEnd(18)}${titles}\n${list
      .map(
        (row) =>
          `  ${row.name.padEnd(18)}${columns.map(([, cell]) => cell(row).padStart(13)).join("")}\n`,
      )
      .join("")}`;
  return `${head}${rows("on fresh data", fresh)}${rows("on stale data", stale)}\n`;
}
