/**
 * `npm run measures` prints how much a reader of `src` has to hold in mind.
 *
 * Files of an update: a run is opened and makes one update to warm up. During its next update V8's precise coverage
 * counts calls, and a file counts if a function of it ran. So collecting, estimating, improving, reporting and the
 * environment or text task are in, set-up and the recording of tapes are not, nor are files that only declare types
 * or constants. Files of ops and backends are listed apart: a reader of an algorithm opens few of them.
 *
 * Lines are lines of text, blank ones and comments included; a function's are those from its first token, after its
 * doc comment, to its last, inner functions included. Positions are declared parameters, of functions, methods and
 * function types. An import circle is a group of files that reach each other by imports of values or types.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { configOf, openConfig } from "../support/sessions.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const forward = (path: string): string => path.replaceAll("\\", "/");

/** Parses every TypeScript file below `folder`; paths are relative to `base`. */
export function readSources(folder = join(root, "src"), base = root): ts.SourceFile[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = forward(join(folder, name).slice(base.length)).replace(/^\//, "");
      const text = readFileSync(join(folder, name), "utf8").trimEnd();
      return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    });
}

const linesOf = (source: ts.SourceFile): number => source.getLineStarts().length;

/** A function or a signature, with the number that it is listed for. */
interface Found {
  readonly where: string;
  readonly count: number;
}

/** Applies `count` to everything with parameters; sorts what it counts, highest first. */
function functionsBy(
  sources: readonly ts.SourceFile[],
  count: (node: ts.SignatureDeclaration, lines: number) => number | null,
): Found[] {
  const found: Found[] = [];
  for (const source of sources) {
    const line = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node)) {
        const first = line(node.getStart());
        const number = count(node, line(node.getEnd()) - first + 1);
        const where = `${source.fileName}:${first} ${nameOf(node)}`;
        if (number !== null) found.push({ where, count: number });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found.sort((a, b) => b.count - a.count);
}

/** Returns a function's own name, or that of what it is assigned to. */
function nameOf(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return `${nameOf(node.parent)}.constructor`;
  const { name } = node as Partial<ts.NamedDeclaration>;
  if (name !== undefined) return name.getText();
  return ts.isSourceFile(node) ? "a function" : nameOf(node.parent);
}

/** Returns every function with a body, by its lines. */
export const functionsOf = (sources: readonly ts.SourceFile[]): Found[] =>
  functionsBy(sources, (node, lines) => ("body" in node && node.body ? lines : null));

/** Returns every function and function type with at least `least` positions, by their number. */
export const longSignatures = (sources: readonly ts.SourceFile[], least = 6): Found[] =>
  functionsBy(sources, ({ parameters: { length } }) => (length >= least ? length : null));

/** Returns the groups of files that reach each other by imports. */
export function circlesOf(sources: readonly ts.SourceFile[]): string[][] {
  const imports = new Map<string, string[]>();
  for (const { fileName, text } of sources) {
    const files = ts.preProcessFile(text).importedFiles.map((file) => file.fileName);
    const targets = files.map((file) => forward(join(dirname(fileName), file)));
    imports.set(fileName, targets);
  }
  const reached = (from: string): Set<string> => {
    const seen = new Set<string>();
    const open = [from];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const target of imports.get(next) ?? []) {
        if (!seen.has(target)) open.push(target);
        seen.add(target);
      }
    }
    return seen;
  };
  const reach = new Map([...imports.keys()].map((file) => [file, reached(file)]));
  const circles = new Map<string, string[]>();
  for (const [file, targets] of reach) {
    const members = [...targets].filter((target) => reach.get(target)?.has(file)).sort();
    if (targets.has(file)) circles.set(members.join(), members);
  }
  return [...circles.values()];
}

/** Returns lines and files of each folder of src. The folder `.` has the files that are in none. */
export function foldersOf(sources: readonly ts.SourceFile[]) {
  const folders = new Map<string, { lines: number; files: number }>();
  for (const source of sources) {
    const [, folder, file] = source.fileName.split("/");
    const name = file === undefined ? "." : folder;
    const { lines, files } = folders.get(name) ?? { lines: 0, files: 0 };
    folders.set(name, { lines: lines + linesOf(source), files: files + 1 });
  }
  return folders;
}

/** Returns the files of src that one update runs through, as the head of this file defines it. */
async function filesOfUpdate(options: Parameters<typeof configOf>[0]): Promise<string[]> {
  const session = openConfig(configOf({ ...options, backend: "loops", seed: 1 }));
  session.prepare();
  session.reports.next(); // warms up
  const inspector = new Session();
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  session.reports.next();
  const { result } = await inspector.post("Profiler.takePreciseCoverage");
  inspector.disconnect();
  const src = new URL("../../src/", import.meta.url).href;
  const ran = result.filter(({ functions }) => functions.some((one) => one.ranges[0].count > 0));
  const files = ran.filter(({ url }) => url.startsWith(src)).map(({ url }) => url);
  return files.map((url) => url.slice(src.length).replace(/\?.*$/, "")).sort();
}

async function printUpdate(name: string, options: Parameters<typeof configOf>[0]): Promise<void> {
  const files = await filesOfUpdate(options);
  const below = files.filter((file) => /^(backends|ops)\//.test(file));
  const above = files.filter((file) => !below.includes(file));
  console.log(`${name}: one update runs through ${files.length} files`);
  console.log(`  ${above.length} outside ops and backends: ${above.join(" ")}`);
  console.log(`  ${below.length} of ops and backends: ${below.join(" ")}`);
}

function printFound(title: string, found: readonly Found[]): void {
  console.log(`\n${title}`);
  for (const { where, count } of found) console.log(`${String(count).padStart(6)}  ${where}`);
}

async function main(): Promise<void> {
  const ppo = { rollout: 32, envs: 2 }; // an update's whole path, but short
  await printUpdate("PPO on cartpole", { task: "cartpole", algo: "ppo", settings: ppo });
  const grpo = { sftUpdates: 0, prompts: 8, groupSize: 4, layers: 1, width: 16 };
  await printUpdate("GRPO on number-words", { task: "number-words", algo: "grpo", settings: grpo });
  const sources = readSources();
  const functions = functionsOf(sources);
  const long = functions.filter(({ count }) => count > 60);
  printFound(`longest function: ${functions[0].count} lines; ${long.length} above 60`, long);
  const signatures = longSignatures(sources);
  printFound(`signatures of six or more positions: ${signatures.length}`, signatures);
  const circles = circlesOf(sources);
  console.log(`\nimport circles, type-only imports included: ${circles.length}`);
  for (const circle of circles) console.log(`  ${circle.join(" ")}`);
  const total = sources.reduce((sum, source) => sum + linesOf(source), 0);
  console.log(`\nlines of src: ${total} in ${sources.length} files`);
  for (const [folder, { lines, files }] of foldersOf(sources))
    console.log(
      `${String(lines).padStart(6)} lines  ${String(files).padStart(3)} files  ${folder}`,
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
