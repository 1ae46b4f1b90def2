/**
 * `npm run test:runtimes`: one program, bundled once, on other Node versions, Deno and Bun; all must print
 * the hash that this Node prints. The runtimes are packages, installed on demand under tests/runtimes/; one
 * that cannot be installed is reported as absent, never as passed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
// the packages that hold the binaries themselves: their wrappers need an install script
const system = `${process.platform}-${process.arch}`;
const libc = process.platform === "linux" ? "-glibc" : "";
const runtimes: { name: string; install: string; binary: string; args: string[] }[] = [
  ...[20, 22, 24].map((n) => ({
    name: `Node ${n}`,
    install: `node-${system}@${n}`,
    binary: `node-${system}/bin/node`,
    args: [],
  })),
  {
    name: "Deno",
    install: `@deno/${system}${libc}`,
    binary: `@deno/${system}${libc}/deno`,
    args: ["run", "--quiet"],
  },
  { name: "Bun", install: `@oven/bun-${system}`, binary: `@oven/bun-${system}/bin/bun`, args: [] },
];

const program = join(here, "program.tmp.mjs");
const entry = join(here, "program.ts");
buildSync({
  entryPoints: [entry],
  outfile: program,
  bundle: true,
  format: "esm",
  target: "es2022",
});

/** The runtime's binary, installed where it was not; null where that fails. */
function installed(install: string, binary: string): string | null {
  const folder = join(here, "installed.tmp", install.replaceAll("/", "-"));
  const path = join(folder, "node_modules", binary);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const flags = ["--no-audit", "--no-fund", "--no-save"];
    spawnSync("npm", ["install", "--prefix", folder, ...flags, install], { stdio: "ignore" });
  }
  return existsSync(path) ? path : null;
}

function hashOn(path: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(path, [...args, program], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : `failed: ${stderr.trim().split("\n").at(-1)}`;
}

const golden = hashOn(process.execPath, []);
console.log(`this Node ${process.version}: ${golden}`);
let wrong = 0;
for (const { name, install, binary, args } of runtimes) {
  const path = installed(install, binary);
  const hash = path === null ? "absent" : hashOn(path, args);
  const version =
    path === null ? "" : spawnSync(path, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0];
  if (path !== null && hash !== golden) wrong++;
  console.log(`${name.padEnd(8)} ${version.padEnd(48)} ${hash}${hash === golden ? "  equal" : ""}`);
}
process.exitCode = wrong > 0 ? 1 : 0;
