/**
 * `npm run test:package`: the package as it is published, installed in an empty project, runs the README's
 * example on this Node and on whatever runtimes `npm run test:runtimes` has installed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runtimes } from "../runtimes/runtimes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pigrad-package-"));
const npm = (args: string[], cwd: string): string =>
  execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

const [packed] = JSON.parse(
  npm(["pack", "--json", "--pack-destination", folder], root).replace(/^[^[]*/s, ""),
);
const names: string[] = packed.files.map(({ path }: { path: string }) => path);
const strange = names.filter(
  (name) =>
    !/^(dist\/|src\/|docs\/|templates\/|package\.json|README\.md|CHANGELOG\.md|LICENSE)/.test(name),
);
console.log(
  `${packed.filename}: ${names.length} files, ${packed.size} bytes packed; not for users: ${strange.length}`,
);
let failed = strange.length;

writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
npm(["install", "--no-audit", "--no-fund", join(folder, packed.filename)], folder);
const [, example] =
  /```ts\n(import \* as pg[\s\S]*?)```/.exec(readFileSync(`${root}README.md`, "utf8")) ?? [];
writeFileSync(join(folder, "example.ts"), example);
const program = join(folder, "example.mjs");
const esbuild = ["esbuild", join(folder, "example.ts"), `--outfile=${program}`];
execFileSync("npx", esbuild, { cwd: root, stdio: "ignore" }); // types are taken off, nothing is bundled

const installed = fileURLToPath(new URL("../runtimes/installed.tmp/", import.meta.url));
const others = runtimes
  .filter(({ packages, name }) => packages.length === 1 && /^(Node \d+|Deno|Bun)$/.test(name))
  .map(({ name, packages, command }) => {
    const at = join(installed, packages[0].replaceAll(/[/@]/g, "-"));
    return { name, command: existsSync(at) ? command(at, program, "") : null };
  });
let wanted: string | null = null;
for (const { name, command } of [
  { name: `this Node ${process.version}`, command: [process.execPath, program] },
  ...others,
]) {
  if (command === null) {
    console.log(`${name}: absent`);
    continue;
  }
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    cwd: folder,
    encoding: "utf8",
  });
  wanted ??= stdout;
  const right = status === 0 && stdout === wanted && /step 400: \d+ of 64 right/.test(stdout);
  if (!right) failed++;
  console.log(
    `${name}: ${right ? "the example runs, with the same output" : `FAIL ${stderr.slice(-300)}`}`,
  );
}
rmSync(folder, { recursive: true });
process.exitCode = failed > 0 ? 1 : 0;
