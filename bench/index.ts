/**
 * `npx tsx bench` runs every suite, `npx tsx bench NAME…` some. --quick takes a few milliseconds per case, to
 * check that all run; --json FILE writes the results, --compare FILE prints ratios to earlier results.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { act } from "./act.ts";
import { conv } from "./conv.ts";
import { elementwise } from "./elementwise.ts";
import { estimators } from "./estimators.ts";
import { gemm } from "./gemm.ts";
import { gpt } from "./gpt.ts";
import { gptRl } from "./gpt-rl.ts";
import { measure, print, type Result, type Suite } from "./harness.ts";
import { machine } from "./machine.ts";
import { memory } from "./memory.ts";
import { op } from "./op.ts";
import { scans } from "./scans.ts";
import { threads } from "./threads.ts";
import { update } from "./update.ts";

const suites: Readonly<Record<string, Suite>> = {
  op,
  act,
  update,
  gemm,
  conv,
  gpt,
  rl: gptRl,
  scans,
  estimators,
  elementwise,
  memory,
  threads,
};

const usage = `npx tsx bench [NAME]... [--quick] [--json FILE] [--compare FILE]
names: ${Object.keys(suites).join(", ")}`;
function refuse(error: unknown): never {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n${usage}`);
  process.exit(2);
}
function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        quick: { type: "boolean" },
        json: { type: "string" },
        compare: { type: "string" },
      },
    });
  } catch (error) {
    return refuse(error);
  }
}
/** Reads the medians of an earlier file, by suite and name. */
function mediansOf(file: string): Map<string, number> {
  try {
    const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: Result[] };
    return new Map(results.map(({ suite, name, median }) => [`${suite}/${name}`, median]));
  } catch (error) {
    return refuse(error);
  }
}
const { values, positionals } = read();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const unknown = positionals.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) refuse(`unknown ${unknown.join(", ")}`);
const earlier =
  values.compare === undefined ? new Map<string, number>() : mediansOf(values.compare);
const names = positionals.length > 0 ? positionals : Object.keys(suites);
const results: Result[] = [];
console.log(`Node ${process.version}, median (quartiles) of a call and rate at the median`);
for (const name of names) {
  console.log(`\n${name}: ${suites[name].about}`);
  const measured = await measure(name, suites[name], values.quick ?? false);
  print(measured, earlier);
  for (const note of suites[name].notes?.() ?? []) console.log(`  ${note}`);
  results.push(...measured);
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), results }, null, 1)}\n`);
}
