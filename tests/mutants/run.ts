/**
 * `npm run test:mutants -- [FOLDER|FILE…] [--sample N] [--seed N] [--tests FOLDER|FILE]…`: changes the source
 * in small ways, one at a time, runs the tests that reach each change, and prints those that no test notices,
 * unless equivalent.json says why they change nothing. Stryker (fetched on demand) makes and runs the mutants;
 * the seed chooses N (default 60) of each folder.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../../src/core/random.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
process.chdir(`${here}../..`);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    tests: { type: "string", multiple: true },
  },
});
const [size, seed] = [Number(values.sample), Number(values.seed)];
const asked = positionals.map((name) => (name.startsWith("src") ? name : `src/${name}`));
const missing = [...asked, ...(values.tests ?? [])].find((path) => !existsSync(path));
if (missing !== undefined || !(size >= 1 && seed >= 0 && Number.isInteger(size + seed))) {
  const what = missing ?? `--sample ${values.sample} --seed ${values.seed}`;
  console.error(`test:mutants: expected paths that exist, whole numbers N, got ${what}`);
  process.exit(2);
}

if (!existsSync(`${here}node_modules`)) {
  console.log("installing Stryker (once, 64 MB) …");
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  spawnSync("npm", ["install", "--legacy-peer-deps", ...flags], { cwd: here, stdio: "inherit" });
}

// biome-ignore lint/suspicious/noExplicitAny: it is not installed where types are checked
type Any = any;
const stryker = (path: string): Promise<Any> =>
  import(pathToFileURL(`${here}node_modules/${path}`).href);

/** A change: where, what stands there, what it becomes, and what became of it. */
interface Mutant {
  readonly fileName: string;
  readonly location: { start: Place; end: Place };
  readonly replacement: string;
  readonly status?: string;
}
interface Place {
  readonly line: number;
  readonly column: number;
}

const within = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path).flatMap((name) => within(`${path}/${name}`))
    : path.endsWith(".ts")
      ? [path]
      : [];
const files = (asked.length > 0 ? asked : ["src"]).flatMap((path) =>
  within(path.replace(/\/$/, "")),
);
const folderOf = (path: string): string => path.split("/")[1];

const excludedMutations = ["StringLiteral"];
/** Returns the source text at a location, whose lines and columns count from 1. */
const textOf = (path: string, { start, end }: Mutant["location"]): string => {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines[lines.length - 1].slice(0, end.column - 1);
  return lines.join("\n").slice(start.column - 1);
};

/** Every mutant of the files, as Stryker makes them. */
async function allMutants(): Promise<Mutant[]> {
  const { createInstrumenter } = await stryker("@stryker-mutator/instrumenter/dist/src/index.js");
  const { createInjector } = await stryker("typed-inject/dist/src/index.js");
  const { isMessage } = await stryker("../plugins.mjs");
  const quiet = { debug() {}, info() {}, warn() {}, isDebugEnabled: () => false };
  const logger = { ...quiet, trace() {}, error() {}, fatal() {} };
  const instrumenter = createInjector()
    .provideValue("logger", logger)
    .injectFunction(createInstrumenter);
  const ignorers = [{ shouldIgnore: (path: Any) => (isMessage(path) ? "a message" : undefined) }];
  const sources = files.map((name) => ({
    name,
    mutate: true,
    content: readFileSync(name, "utf8"),
  }));
  const options = { ignorers, excludedMutations, plugins: null, noHeader: true };
  const { mutants } = await instrumenter.instrument(sources, options);
  return mutants.filter(({ status }: Mutant) => status === undefined);
}

/** `size` of each folder, without replacement. */
function sampled(mutants: readonly Mutant[]): Mutant[] {
  const folders = [...new Set(mutants.map(({ fileName }) => folderOf(fileName)))];
  return folders.flatMap((folder) => {
    const own = mutants.filter(({ fileName }) => folderOf(fileName) === folder);
    const order = Float64Array.from(own.keys());
    new Random(seed).shuffle(order);
    return Array.from(order.subarray(0, size), (i) => own[i]);
  });
}

const key = ({ location: { start, end }, replacement }: Mutant): unknown[] => [
  start.line + 1,
  start.column,
  end.line + 1,
  end.column,
  replacement,
];

const all = await allMutants();
const chosen = sampled(all);
const folder = mkdtempSync(`${tmpdir()}/pigrad-mutants-`);
const sample: Record<string, unknown[][]> = {};
for (const { fileName } of chosen) {
  sample[fileName] = chosen.filter((mutant) => mutant.fileName === fileName).map(key);
}
process.env.PIGRAD_MUTANTS = `${folder}/sample.json`;
writeFileSync(process.env.PIGRAD_MUTANTS, JSON.stringify(sample));
process.env.PIGRAD_MUTANT_TESTS = (values.tests ?? ["tests"]).join(",");
console.log(`${chosen.length} of ${all.length} mutants (seed ${seed})`);

const { Stryker } = await stryker("@stryker-mutator/core/dist/src/index.js");
const results: Mutant[] = await new Stryker({
  mutate: Object.keys(sample),
  mutator: { excludedMutations },
  ignorers: ["pigrad"],
  checkers: ["sample"],
  plugins: [
    `${here}node_modules/@stryker-mutator/vitest-runner/dist/src/index.js`,
    `${here}plugins.mjs`,
  ],
  testRunner: "pigrad",
  // related: true would leave out the tests that reach a file in another thread only
  vitest: { configFile: "tests/mutants/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  ignorePatterns: ["dist", "runs", "lab", "docs/api.tmp", "mutants.tmp"],
  tempDirName: "mutants.tmp",
  concurrency: 2,
  dryRunTimeoutMinutes: 30,
  timeoutMS: 10_000,
  reporters: ["progress-append-only"],
  logLevel: "info",
  allowConsoleColors: false,
}).runMutationTest();
rmSync(folder, { recursive: true });

/** Changes that change nothing a user or a test could see, each with why. */
const equivalent: { file: string; was: string; becomes: string; why: string }[] = JSON.parse(
  readFileSync(`${here}equivalent.json`, "utf8"),
);
const plain = (text: string): string => text.replace(/\s+/g, " ");

interface Outcome {
  readonly folder: string;
  readonly status: string;
}
const outcomes: Outcome[] = [];
for (const { fileName, location, replacement, status = "" } of results) {
  if (status === "Ignored" || status === "CompileError") continue; // not of the sample
  const path = fileName.slice(fileName.indexOf("src/"));
  const [was, becomes] = [textOf(path, location), replacement].map(plain);
  const killed = ["Killed", "Timeout", "RuntimeError"].includes(status); // the last: a file of tests threw while it was read
  const same = equivalent.some((e) => e.file === path && e.was === was && e.becomes === becomes);
  outcomes.push({ folder: folderOf(path), status: killed ? "killed" : same ? "same" : status });
  if (killed || same) continue;
  console.log(
    `${status} ${path}:${location.start.line}: ${was.slice(0, 200)}  →  ${becomes.slice(0, 200)}`,
  );
}
console.log("| folder | mutants | killed | equivalent | survived | not reached | % noticed |");
console.log("| --- | --: | --: | --: | --: | --: | --: |");
for (const name of new Set(outcomes.map((one) => one.folder))) {
  const own = outcomes.filter((one) => one.folder === name);
  const [killed, same, survived, missed] = ["killed", "same", "Survived", "NoCoverage"].map(
    (status) => own.filter((one) => one.status === status).length,
  );
  const percent = ((100 * killed) / (own.length - same)).toFixed(0);
  console.log(
    `| ${name} | ${own.length} | ${killed} | ${same} | ${survived} | ${missed} | ${percent} |`,
  );
}
