/**
 * `npx tsx bench` runs every suite, `npx tsx bench NAME…` some. --quick takes a few milliseconds a case, to
 * see that all run; --json FILE writes the results, --compare FILE shows how they stand to earlier ones.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { act } from "./act.ts";
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
  gpt,
  rl: gptRl,
  scans,
  estimators,
  elementwise,
  memory,
  threads,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean" },
    json: { type: "string" },
    compare: { type: "string" },
  },
});
/** Medians of an earlier file, by suite and name. */
const earlier = new Map<string, number>();
if (values.compare !== undefined) {
  const { results } = JSON.parse(readFileSync(values.compare, "utf8")) as { results: Result[] };
  for (const { suite, name, median } of results) earlier.set(`${suite}/${name}`, median);
}
const unknown = positionals.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`unknown bench ${unknown.join(", ")}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
const names = positionals.length > 0 ? positionals : Object.keys(suites);
const results: Result[] = [];
console.log(`Node ${process.version}, median (quartiles) of a call and rate at the median`);
for (const name of names) {
  console.log(`\n${name}: ${suites[name].about}`);
  const measured = await measure(name, suites[name], values.quick ? 5 : 500);
  print(measured, earlier);
  for (const note of suites[name].notes?.() ?? []) console.log(`  ${note}`);
  results.push(...measured);
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), results }, null, 1)}\n`);
}
