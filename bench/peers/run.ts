/**
 * `npm run bench:peers [-- NAME…]`: measures the same workloads here and in other libraries, in turns within one
 * run. Each contender is a long-lived process. For each workload, contenders are first checked to compute the
 * same numbers, then timed in rounds. Prints each one's time and its ratio to ours. Published models, which take
 * minutes and 4 GB, are measured where NAME says so: `-- models`.
 * --rounds N, --milliseconds N of each turn, --node PATH another Node for ours, --json FILE.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { shapes, writePublished } from "../published.ts";
import { torchAtItsBest } from "./blas.ts";
import type { Work } from "./contender.ts";
import { works } from "./works.ts";

const { values: flags, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    milliseconds: { type: "string", default: "120" },
    node: { type: "string" },
    json: { type: "string" },
  },
});
const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(`${here}node_modules`)) {
  console.log("installing the peers (once, 700 MB) …");
  const npm = [
    "install",
    "--ignore-scripts",
    "--legacy-peer-deps",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
  ];
  spawnSync("npm", npm, { cwd: here, stdio: "inherit" });
}

const one = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
/** Returns a Python that has these modules, which may not be the first on the path. */
const python = (modules: string): string | undefined =>
  [process.env.PYTHON, "python3", "/usr/bin/python3"].find(
    (path) => path !== undefined && spawnSync(path, ["-c", `import ${modules}`]).status === 0,
  );

interface Contender {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ask: (question: object) => Promise<unknown>;
}

function start(
  name: string,
  command: string,
  args: string[],
  env: Readonly<Record<string, string | undefined>> = { ...process.env, ...one },
): Contender {
  const child = spawn(command, args, {
    cwd: here,
    env,
    stdio: ["pipe", "pipe", process.env.VERBOSE ? "inherit" : "ignore"],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  let answered: (answer: unknown) => void = () => {};
  lines.on("line", (line) => {
    if (line.startsWith("@@")) answered(JSON.parse(line.slice(2)));
  });
  child.on("exit", () => answered(null)); // contenders that cannot run are skipped
  child.stdin?.on("error", () => {});
  const ask = (question: object): Promise<unknown> =>
    new Promise((resolve) => {
      answered = resolve;
      if (child.exitCode !== null) resolve(null);
      else child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  return { name, child, ask };
}

const typescript = (
  name: string,
  file: string,
  args: string[],
  node = process.execPath,
): Contender => start(name, node, ["--import", "tsx", file, ...args]);
const contenders = [
  typescript("simd", "ours.ts", ["simd"]),
  ...(flags.node === undefined
    ? []
    : [typescript("simd, other Node", "ours.ts", ["simd"], flags.node)]),
  typescript("loops", "ours.ts", ["loops"]),
  typescript("tfjs-wasm", "tfjs.ts", ["wasm"]),
  typescript("tfjs-cpu", "tfjs.ts", ["cpu"]),
  typescript("jax-js", "jax.ts", []),
  typescript("js-pytorch", "js-pytorch.ts", []),
  typescript("onnxruntime", "onnx.ts", []),
];
for (const [which, modules] of [
  ["torch", "torch, numpy"],
  ["numpy", "numpy"],
  ["c", "numpy"],
]) {
  const path = python(modules);
  if (path === undefined) console.log(`${which}: no Python with ${modules} found; left out`);
  else if (which === "torch") {
    const { env, proven, said } = torchAtItsBest(path, { ...process.env, ...one });
    console.log(said);
    if (proven) contenders.push(start(which, path, ["python.py", which], env));
  } else contenders.push(start(which, path, ["python.py", which]));
}

/** Returns the largest difference, relative to the largest number. */
function distance(a: readonly number[], b: readonly number[]): number {
  const size = Math.max(...b.map(Math.abs));
  return Math.max(...b.map((x, i) => Math.abs(a[i] - x))) / size;
}

const results: object[] = [];
let wrong = 0;

async function compare(work: Work): Promise<void> {
  const times = new Map<string, number[]>();
  const notes = new Map<string, string>();
  let ours: number[] = [];
  for (const { name, ask } of contenders) {
    const numbers = (await ask({ work, ask: "check" })) as number[] | null;
    if (numbers === null) continue;
    times.set(name, []);
    if (name === "simd") ours = numbers;
    else if (ours.length === 0) throw new Error(`${work.name}: ours fails; VERBOSE=1 shows why`);
    if (numbers.length === 0) notes.set(name, "not compared: less work");
    else if (!(distance(numbers, ours) < 1e-3)) {
      notes.set(name, `WRONG NUMBERS: ${numbers} for ${ours}`);
      wrong++;
    }
  }
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { name, ask } of contenders) {
      const mine = times.get(name);
      if (mine === undefined) continue;
      mine.push(
        (await ask({ work, ask: "time", milliseconds: Number(flags.milliseconds) })) as number,
      );
    }
  }
  console.log(`\n${work.name}`);
  const first = Math.min(...(times.get("simd") as number[]));
  for (const [name, all] of times) {
    const us = Math.min(...all);
    const sorted = [...all].sort((a, b) => a - b);
    const spread = `${sorted[all.length >> 1].toPrecision(3)}, ${sorted[all.length - 1].toPrecision(3)}`;
    const ratio = (us / first).toPrecision(3);
    console.log(
      `  ${name.padEnd(18)} ${us.toPrecision(4).padStart(9)} µs (${spread})`.padEnd(56),
      `${ratio.padStart(7)}×  ${notes.get(name) ?? ""}`,
    );
    results.push({ work: work.name, contender: name, us, times: us / first, rounds: all });
  }
}

console.log(
  "least of the rounds' lower quartiles (median, most), and how many times the time of simd:",
);
/** Folders of the models that were asked for, by their shapes' names. */
const folders = new Map<string, string>();
process.once("exit", () => {
  for (const folder of folders.values()) rmSync(folder, { recursive: true });
});
const wanted = ({ name, model }: Work): boolean =>
  patterns.length === 0 ? model === undefined : patterns.some((p) => name.includes(p));
for (const work of works.filter(wanted)) {
  const shape = work.model as keyof typeof shapes | undefined;
  if (shape === undefined) await compare(work);
  else {
    const model = folders.get(shape) ?? writePublished(shapes[shape]);
    folders.set(shape, model);
    await compare({ ...work, model });
  }
}
for (const { child } of contenders) child.kill();
if (flags.json !== undefined) {
  writeFileSync(flags.json, `${JSON.stringify({ machine: machine(), results }, null, 1)}\n`);
}
process.exitCode = wrong > 0 ? 1 : 0;
