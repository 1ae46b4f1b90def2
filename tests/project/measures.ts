/**
 * `npm run measures`: prints how much a reader of `src` has to hold in mind: the files that one update runs
 * through, long functions, long signatures, import circles, lines per folder, and the length of the reading
 * path. Sources are read with the TypeScript compiler, updates are traced with V8's precise coverage.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type Profiler, Session } from "node:inspector/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { openAny, resolveAny } from "../../src/tasks/any-session.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A source file, by its path below `root`, with `/`. */
interface Source {
  readonly path: string;
  readonly lines: number;
  readonly tree: ts.SourceFile;
}

/** Parses every TypeScript file below `folder`. */
export function readSources(folder = join(root, "src"), base = root): Source[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => readSource(join(folder, name), base));
}

function readSource(file: string, base: string): Source {
  const text = readFileSync(file, "utf8");
  const path = file.slice(base.length).replaceAll("\\", "/").replace(/^\//, "");
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, lines: text.trimEnd().split("\n").length, tree };
}

/** Calls `visit` on every node below `node`. */
function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

const lineOf = ({ tree }: Source, position: number): number =>
  tree.getLineAndCharacterOfPosition(position).line + 1;

/** Lines from a node's first token to its last. Its doc comment is not counted. */
const linesOf = (source: Source, node: ts.Node): number =>
  lineOf(source, node.getEnd()) - lineOf(source, node.getStart()) + 1;

/** A name for a function or a signature: its own, or that of what it is assigned to. */
function nameOf(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return `${nameOf(node.parent)}.constructor`;
  const { name } = node as Partial<ts.NamedDeclaration>;
  if (name !== undefined) return name.getText();
  return ts.isSourceFile(node) ? "a function" : nameOf(node.parent);
}

/** A function or a signature, with the number that it is listed for. */
interface Found {
  readonly where: string;
  readonly count: number;
}
const byCount = (a: Found, b: Found): number => b.count - a.count;

/** Every function with a body, by its lines, longest first. A function's lines include those of inner functions. */
export function functionsOf(sources: readonly Source[]): Found[] {
  const found: Found[] = [];
  for (const source of sources) {
    walk(source.tree, (node) => {
      if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
      const where = `${source.path}:${lineOf(source, node.getStart())} ${nameOf(node)}`;
      found.push({ where, count: linesOf(source, node) });
    });
  }
  return found.sort(byCount);
}

/** Every function, method and function type with at least `least` positional parameters, most first. */
export function longSignatures(sources: readonly Source[], least = 6): Found[] {
  const found: Found[] = [];
  for (const source of sources) {
    walk(source.tree, (node) => {
      if (!ts.isFunctionLike(node) || node.parameters.length < least) return;
      const where = `${source.path}:${lineOf(source, node.getStart())} ${nameOf(node)}`;
      found.push({ where, count: node.parameters.length });
    });
  }
  return found.sort(byCount);
}

/** The files that a file imports or re-exports, type-only imports included. */
function importsOf({ path, tree }: Source): string[] {
  const targets: string[] = [];
  walk(tree, (node) => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node)
          ? (node.argument as ts.LiteralTypeNode).literal
          : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
            ? node.arguments[0]
            : undefined;
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    if (specifier.text.startsWith(".")) targets.push(join(dirname(path), specifier.text));
  });
  return targets.map((target) => target.replaceAll("\\", "/"));
}

/** Groups of files that reach each other through imports: the strongly connected components of more than one file. */
export function circlesOf(sources: readonly Source[]): string[][] {
  const imports = new Map(sources.map((source) => [source.path, importsOf(source)]));
  const reached = new Map(
    sources.map(({ path }) => {
      const seen = new Set<string>();
      const open = [path];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        for (const target of imports.get(next) ?? []) {
          if (seen.has(target)) continue;
          seen.add(target);
          open.push(target);
        }
      }
      return [path, seen] as const;
    }),
  );
  const circles = new Map<string, string[]>();
  for (const [path, targets] of reached) {
    if (!targets.has(path)) continue;
    const members = [...targets].filter((target) => reached.get(target)?.has(path)).sort();
    circles.set(members.join(" "), members);
  }
  return [...circles.values()];
}

/** Lines and files of each folder of src; `.` holds the files that are in none. */
export function foldersOf(
  sources: readonly Source[],
): Map<string, { lines: number; files: number }> {
  const folders = new Map<string, { lines: number; files: number }>();
  for (const { path, lines } of sources) {
    const [, folder, ...rest] = path.split("/");
    const name = rest.length === 0 ? "." : folder;
    const sum = folders.get(name) ?? { lines: 0, files: 0 };
    folders.set(name, { lines: sum.lines + lines, files: sum.files + 1 });
  }
  return folders;
}

/** What a reader of the method reads: a whole file, or a declaration with what it uses from its own file. */
const readingPath = [
  { what: "the tape", folder: "core", declares: "Tape", whole: true },
  { what: "an op: tanh", folder: "ops", declares: "tanh", whole: false },
  { what: "GAE", folder: "returns", declares: "gae", whole: false },
  { what: "the clipped loss", folder: "estimators", declares: "surrogateLoss", whole: false },
] as const;
const wholeAlgorithm = "docs/examples/ppo.ts";

/** The lines of each part of the reading path. Throws if a part is not declared, or in more than one file. */
export function readingPathOf(sources: readonly Source[]): { what: string; lines: number }[] {
  const parts = readingPath.map(({ what, folder, declares, whole }) => {
    const inFolder = sources.filter(({ path }) => path.startsWith(`src/${folder}/`));
    const homes = inFolder.filter(({ tree }) => declarationsOf(tree).has(declares));
    if (homes.length !== 1) {
      throw new Error(
        `measures: expected one file of src/${folder} that declares ${declares}, got ${homes.length}`,
      );
    }
    const [home] = homes;
    const lines = whole ? home.lines : linesOfDeclaration(home, declares);
    return { what: `${what} (${home.path})`, lines };
  });
  const example = join(root, wholeAlgorithm);
  const lines = existsSync(example) ? readSource(example, root).lines : 0;
  return [...parts, { what: `the whole algorithm (${wholeAlgorithm})`, lines }];
}

/** The top-level statements of a file by the names that they declare. */
function declarationsOf(tree: ts.SourceFile): Map<string, ts.Statement> {
  const declared = new Map<string, ts.Statement>();
  for (const statement of tree.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations)
        declared.set(name.getText(), statement);
    } else {
      const { name } = statement as Partial<ts.DeclarationStatement>;
      if (name !== undefined) declared.set(name.getText(), statement);
    }
  }
  return declared;
}

/** Lines of a declaration and of all that it uses from its own file, doc comments included. */
function linesOfDeclaration(source: Source, name: string): number {
  const declared = declarationsOf(source.tree);
  const used = new Set<ts.Statement>();
  const add = (one: string): void => {
    const statement = declared.get(one);
    if (statement === undefined || used.has(statement)) return;
    used.add(statement);
    walk(statement, (node) => {
      if (ts.isIdentifier(node)) add(node.text);
    });
  };
  add(name);
  let lines = 0;
  for (const statement of used) {
    const start = statement.getStart(source.tree, true);
    lines += lineOf(source, statement.getEnd()) - lineOf(source, start) + 1;
  }
  return lines;
}

/** Settings that leave an update its whole path and make it short. An untrained GPT earns unequal rewards here. */
const updates = {
  "PPO on cartpole": { task: "cartpole", algo: "ppo", settings: { rollout: 32, envs: 2 } },
  "GRPO on number-words": {
    task: "number-words",
    algo: "grpo",
    settings: { sftUpdates: 0, prompts: 8, groupSize: 4, layers: 1, width: 16 },
  },
};
export type UpdateName = keyof typeof updates;
export const updateNames = Object.keys(updates) as UpdateName[];

/**
 * Returns the files of src with a function that runs during one update: the first after set-up, which also
 * records the tape. A file that only declares types or constants is not among them. Must run in Node itself:
 * coverage knows modules by the URLs that they were loaded from.
 */
export async function filesOfUpdate(name: UpdateName): Promise<string[]> {
  const inspector = new Session();
  inspector.connect();
  try {
    await inspector.post("Profiler.enable");
    await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    const session = openAny(resolveAny({ ...updates[name], backend: "loops", seed: 1 }));
    session.prepare();
    await inspector.post("Profiler.takePreciseCoverage"); // sets all counts to 0
    session.reports.next();
    const { result } = await inspector.post("Profiler.takePreciseCoverage");
    const src = new URL("../../src/", import.meta.url).href;
    const ran = result.filter(
      ({ url, functions }) => url.startsWith(src) && functions.some(didRun),
    );
    return [...new Set(ran.map(({ url }) => url.slice(src.length).replace(/\?.*$/, "")))].sort();
  } finally {
    inspector.disconnect();
  }
}
const didRun = ({ ranges }: Profiler.FunctionCoverage): boolean => ranges[0].count > 0;

/** Files of kernels and of ops are listed apart: a reader of an algorithm opens few of them. */
const isBelow = (file: string): boolean => /^(backends|ops)\//.test(file);

function print(title: string, found: readonly Found[], unit: string): void {
  console.log(`\n${title}`);
  for (const { where, count } of found)
    console.log(`  ${String(count).padStart(4)} ${unit}  ${where}`);
}

async function main(): Promise<void> {
  const sources = readSources();
  for (const name of updateNames) {
    const files = await filesOfUpdate(name);
    const below = files.filter(isBelow);
    const above = files.filter((file) => !isBelow(file));
    console.log(`${name}: one update runs through ${files.length} files`);
    console.log(`  ${above.length} outside ops and backends: ${above.join(" ")}`);
    console.log(`  ${below.length} of ops and backends: ${below.join(" ")}`);
  }
  const [longest, ...others] = functionsOf(sources);
  const long = [longest, ...others].filter(({ count }) => count > 60);
  print(`longest function: ${longest.count} lines; ${long.length} above 60`, long, "lines");
  const signatures = longSignatures(sources);
  print(`signatures of six or more positions: ${signatures.length}`, signatures, "positions");
  const circles = circlesOf(sources);
  console.log(`\nimport circles, type-only imports included: ${circles.length}`);
  for (const circle of circles) console.log(`  ${circle.join(" ")}`);
  const folders = foldersOf(sources);
  const total = sources.reduce((sum, { lines }) => sum + lines, 0);
  console.log(`\nlines of src: ${total} in ${sources.length} files`);
  for (const [folder, { lines, files }] of folders)
    console.log(
      `  ${String(lines).padStart(5)} lines  ${String(files).padStart(3)} files  ${folder}`,
    );
  const path = readingPathOf(sources);
  console.log(`\nreading path: ${path.reduce((sum, { lines }) => sum + lines, 0)} lines`);
  for (const { what, lines } of path) console.log(`  ${String(lines).padStart(4)} lines  ${what}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
