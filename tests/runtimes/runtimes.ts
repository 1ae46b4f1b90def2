/** The runtimes that the program is tried on, and how each is had and started. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Runtime {
  readonly name: string;
  readonly engine: "V8" | "JavaScriptCore" | "SpiderMonkey" | "QuickJS" | "Hermes";
  /** npm packages it is made of; none where it is a program of the system. */
  readonly packages: readonly string[];
  /** A program of the system without which it is absent, packages or not. */
  readonly needs?: string;
  readonly command: (folder: string, program: string, kernels: string) => readonly string[];
}

const system = `${process.platform}-${process.arch}`;
const libc = process.platform === "linux" ? "-glibc" : "";
const host = (name: string): string => fileURLToPath(new URL(`hosts/${name}.mjs`, import.meta.url));

/** A package that holds the binary itself: wrappers around it need an install script. */
const binary = (
  name: string,
  engine: Runtime["engine"],
  install: string,
  path: string,
  args: readonly string[] = [],
): Runtime => ({
  name,
  engine,
  packages: [install],
  command: (folder, program) => [`${folder}/node_modules/${path}`, ...args, program],
});
const node = (version: number, args: readonly string[] = []): Runtime =>
  binary(
    `Node ${[version, ...args].join(" ")}`,
    "V8",
    `node-${system}@${version}`,
    `node-${system}/bin/node`,
    args,
  );
/** A script of hosts/ that runs the program inside something else. */
const hosted = (
  name: string,
  engine: Runtime["engine"],
  script: string,
  packages: readonly string[],
  ...more: readonly string[]
): Runtime => ({
  name,
  engine,
  packages,
  command: (folder, program, kernels) => [
    process.execPath,
    host(script),
    folder,
    program,
    kernels,
    ...more,
  ],
});
const command = (
  name: string,
  engine: Runtime["engine"],
  path: string,
  ...args: string[]
): Runtime => ({
  name,
  engine,
  packages: [],
  command: (_, program) => [path, ...args, program],
});

const quickJs = (name: string, variant: string): Runtime =>
  hosted(name, "QuickJS", "quickjs", ["quickjs-emscripten-core", variant], variant);

/** A browser of the system, driven by a package. */
const browser = (
  name: string,
  engine: Runtime["engine"],
  driver: string,
  path: string,
): Runtime => ({
  ...hosted(name, engine, "browser", [driver], name.toLowerCase(), path),
  needs: path,
});

/** Whether what the runtime needs of the system is there. */
export const isHere = ({ needs }: Pick<Runtime, "needs">): boolean =>
  needs === undefined || existsSync(needs);

export const runtimes: readonly Runtime[] = [
  ...[20, 22, 24, 26].map((version) => node(version)),
  node(20, ["--jitless"]),
  binary("Deno", "V8", `@deno/${system}${libc}`, `@deno/${system}${libc}/deno`, ["run", "--quiet"]),
  binary("Bun", "JavaScriptCore", `@oven/bun-${system}`, `@oven/bun-${system}/bin/bun`),
  browser("Chromium", "V8", "playwright-core", "/usr/bin/chromium"),
  browser("Firefox", "SpiderMonkey", "puppeteer-core", "/usr/bin/firefox-esr"),
  hosted("workerd", "V8", "workerd", ["miniflare@4"]),
  command("jsc", "JavaScriptCore", "jsc"),
  command("gjs", "SpiderMonkey", "gjs"),
  quickJs("QuickJS-ng", "@jitl/quickjs-ng-wasmfile-release-sync"),
  quickJs("QuickJS", "@jitl/quickjs-wasmfile-release-sync"),
  hosted("Hermes 0.12", "Hermes", "hermes", [
    "hermes-engine-cli",
    "@babel/core",
    "@babel/preset-env",
  ]),
];
