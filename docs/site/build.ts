/** `npm run docs`: builds the site into docs/site/dist, with the playground and the API reference. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  buildPlayground,
  manifestOf,
  scriptHash,
  writeServiceWorker,
} from "../playground/build.ts";
import { root, writePages } from "./pages.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
export const siteFolder = join(here, "dist");

function run(tool: string, ...args: string[]): void {
  const file = join(here, "node_modules", ".bin", tool);
  const { status, error } = spawnSync(file, args, { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${tool}: ended with ${status}`);
}

/** Files that the generator copies as they are. */
function writePublic(): void {
  const folder = join(here, "public.tmp");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  copyFileSync(join(root, "docs/playground/icon.svg"), join(folder, "icon.svg"));
  writeFileSync(
    join(folder, "site.webmanifest"),
    manifestOf("pigrad: policy gradients from the first line"),
  );
}

/** The API reference's pages run one inline script, which sets the scheme: their policy names its hash. */
function restrictApi(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".html")) continue;
    const file = join(entry.parentPath, entry.name);
    const html = readFileSync(file, "utf8");
    const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, code]) => code);
    const policy = `default-src 'none'; script-src 'self' ${scripts.map(scriptHash).join(" ")}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'`;
    const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
    writeFileSync(file, html.replace("<head>", `<head>${meta}`));
  }
}

export function buildSite({ api = true } = {}): void {
  rmSync(siteFolder, { recursive: true, force: true });
  writePages();
  writePublic();
  run("vitepress", "build", here);
  buildPlayground(join(siteFolder, "playground"));
  if (api) {
    const out = join(siteFolder, "api");
    const options =
      "--entryPoints src/index.ts --tsconfig tsconfig.json --excludeInternal --disableSources --readme none --logLevel Error --name pigrad";
    run("typedoc", ...options.split(" "), "--out", out);
    restrictApi(out);
  }
  writeServiceWorker(siteFolder);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildSite({ api: !process.argv.includes("--no-api") });
  console.log(`written to ${siteFolder}; npm run docs:serve shows it`);
}
