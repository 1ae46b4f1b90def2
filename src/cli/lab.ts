/** pigrad lab: exact bias, variance and signal-to-noise of every estimator, as a table, a page, or JSON. */
import { join } from "node:path";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { makeFolder, writeAtomically } from "../node/files.ts";
import { type LabReport, lab, labProblems, type Row } from "../oracle/lab.ts";
import { labPage } from "./lab-page.ts";
import { didYouMean } from "./nearest.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const labHelp = `  pigrad lab [PROBLEM] [--json] [--out DIR]
      the exact bias and variance of every gradient estimator on problems small
      enough to enumerate (${Object.keys(labProblems).join(", ")}; all by default);
      --out writes lab.html, a page with charts, and lab.json`;

export function labCommand(args: string[]): void {
  const { values, positionals } = parseOptions(args, {
    json: { type: "boolean" },
    out: { type: "string" },
  });
  const unknown = positionals.find((name) => !Object.hasOwn(labProblems, name));
  if (unknown !== undefined || positionals.length > 1) {
    const known = Object.keys(labProblems);
    const close = didYouMean(unknown ?? "", known);
    throw new SettingError(
      `expected one problem of ${known.join(", ")}, got ${brief(positionals.join(" ")).slice(1, -1)}${close}`,
    );
  }
  if (values.out !== undefined) makeFolder(values.out);
  const names = positionals.length > 0 ? positionals : Object.keys(labProblems);
  const reports: LabReport[] = [];
  for (const name of names) {
    const report = lab(name);
    reports.push(report);
    if (values.json) sayJson({ type: "lab", ...report });
    else say(table(report));
  }
  if (values.out === undefined) return;
  writeAtomically(join(values.out, "lab.json"), `${JSON.stringify(reports, null, 1)}\n`);
  writeAtomically(join(values.out, "lab.html"), labPage(reports));
  if (!values.json) say(`page: ${join(values.out, "lab.html")}\n`);
}

const columns: readonly [string, (row: Row) => string][] = [
  ["size", ({ size }) => size.toFixed(3)],
  ["angle", ({ angle }) => (angle === null ? "–" : `${angle.toFixed(1)}°`)],
  ["bias", ({ bias }) => (bias < 1e-9 ? "0" : bias.toFixed(3))],
  ["variance", ({ variance }) => variance.toPrecision(3)],
  ["signal/noise", ({ snr }) => (Number.isFinite(snr) ? snr.toPrecision(3) : "∞")],
];

function table({ problem, about, J, gradientNorm, fresh, stale }: LabReport): string {
  const head = `${problem}: ${about}\nJ = ${J.toFixed(4)}, ‖∇J‖ = ${gradientNorm.toFixed(4)}; groups of 2\n`;
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
