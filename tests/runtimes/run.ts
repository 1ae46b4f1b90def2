/**
 * `npm run test:runtimes [-- NAME…]`: one program, bundled once, on every JavaScript runtime that can be had
 * here; all must print the hashes of golden.json, on each backend they have, and an exported policy must play
 * CartPole there. Runtimes that are packages are
 * installed on demand under tests/runtimes/; what cannot be had is reported as absent, never as passed.
 * --update writes golden.json from this Node; --record writes what was said for the book's picture.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { kernelBytes } from "../../src/backends/kernels/index.ts";
import { bundleProgram } from "./bundle.ts";
import { isHere, runtimes } from "./runtimes.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    update: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const here = fileURLToPath(new URL(".", import.meta.url));
const program = join(here, "program.tmp.mjs");
const kernels = join(here, "kernels.tmp");
const golden = join(here, "golden.json");
type Hashes = Record<string, Record<string, string>>;
interface Said {
  readonly loops: Record<string, string>;
  readonly simd?: Record<string, string>;
  /** Mean return on CartPole of the exported policy. */
  readonly plays: number;
}

bundleProgram(program);
writeFileSync(kernels, kernelBytes());

/** Returns the folder of the packages, installed if they were not; null where that fails. */
function installed(packages: readonly string[]): string | null {
  const folder = join(here, "installed.tmp", packages.join("+").replaceAll(/[/@]/g, "-"));
  if (packages.length === 0) return here;
  if (!existsSync(join(folder, "node_modules"))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}");
    const flags = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
    spawnSync("npm", ["install", "--prefix", folder, ...flags, ...packages], { stdio: "ignore" });
  }
  return existsSync(join(folder, "node_modules")) && readdirSync(folder).length > 1 ? folder : null;
}

/** Returns what the program says on a command; a reason where it says nothing. */
function ask(command: readonly string[]): Said | string {
  const [path, ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(path, args, {
    encoding: "utf8",
    timeout: 600_000,
  });
  if (error !== undefined && "code" in error && error.code === "ENOENT") return "absent";
  const said = /\{"loops".*\}/.exec(`${stdout}\n${stderr}`);
  if (said !== null) return JSON.parse(said[0]);
  return `failed with ${status}: ${stderr.trim().split("\n").slice(-2).join(" ").slice(0, 300)}`;
}

if (flags.update) {
  const { plays: _, ...hashes } = ask([process.execPath, program]) as Said;
  writeFileSync(golden, `${JSON.stringify(hashes, null, 2)}\n`);
}
const wanted = JSON.parse(readFileSync(golden, "utf8")) as Hashes;
let [present, wrong] = [0, 0];
const families = new Set<string>();

/** The backend's hashes beside the golden ones, as words. */
function verdict(got: Record<string, string> | undefined, want: Record<string, string>): string {
  if (got === undefined) return "not there";
  const differing = Object.keys(want).filter((part) => got[part] !== want[part]);
  if (differing.length === 0) return "equal";
  wrong++;
  return `DIFFERS: ${differing.map((part) => `${part} ${got[part]}`).join(", ")}`;
}

const named = (name: string): boolean =>
  positionals.length === 0 || positionals.some((p) => name.toLowerCase().includes(p.toLowerCase()));
console.log(
  `${"runtime".padEnd(22)}${"engine".padEnd(16)}${"loops".padEnd(12)}${"simd".padEnd(12)}exported policy plays`,
);
const rows: object[] = [];
for (const runtime of runtimes.filter((r) => named(r.name))) {
  const { name, engine, packages, command } = runtime;
  const folder = isHere(runtime) ? installed(packages) : null;
  const said = folder === null ? "absent" : ask(command(folder, program, kernels));
  if (typeof said === "string") {
    if (said !== "absent") wrong++;
    console.log(`${name.padEnd(22)}${engine.padEnd(16)}${said}`);
    continue;
  }
  present++;
  families.add(engine);
  const [loops, simd] = [verdict(said.loops, wanted.loops), verdict(said.simd, wanted.simd)];
  if (!(said.plays >= 475)) wrong++;
  rows.push({ name, engine, loops, simd, plays: said.plays });
  const parts = [name.padEnd(22), engine.padEnd(16), loops.padEnd(12), simd.padEnd(12), said.plays];
  console.log(parts.join(""));
}
console.log(`${present} runtimes of ${families.size} engine families, ${wrong} wrong`);
if (flags.record)
  writeFileSync(
    new URL("../../docs/figures/data/engines.json", import.meta.url),
    `${JSON.stringify(rows)}\n`,
  );
process.exitCode = wrong > 0 || present === 0 ? 1 : 0;
