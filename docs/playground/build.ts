/** `npm run build:playground [-- FOLDER]`: the page and its scripts, to be served from anywhere. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Returns a hash as a policy names an inline script. */
export const scriptHash = (code: string): string =>
  `'sha256-${createHash("sha256").update(code).digest("base64")}'`;

/** What makes a page installable. */
export const manifestOf = (name: string): string =>
  JSON.stringify({
    name,
    short_name: "pigrad",
    start_url: "./",
    display: "standalone",
    background_color: "#ffffff",
    theme_color: "#1f6feb",
    icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml" }],
  });

/** Writes `sw.js`, which keeps all files of the folder, as they are now, for when there is no network. */
export function writeServiceWorker(folder: string): void {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "sw.js")
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, "/").length))
    .sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(name).update(readFileSync(join(folder, name)));
  const code = readFileSync(join(here, "service-worker.js"), "utf8")
    .replace("BUILD", hash.digest("hex").slice(0, 16))
    .replace("[]", JSON.stringify(names));
  writeFileSync(join(folder, "sw.js"), code);
}

/** Writes the page's files to a folder. */
export function buildPlayground(folder: string): void {
  mkdirSync(folder, { recursive: true });
  buildSync({
    entryPoints: [join(here, "page.ts"), join(here, "worker.ts")],
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
  });
  for (const name of ["index.html", "style.css", "icon.svg"])
    copyFileSync(join(here, name), join(folder, name));
  const sandbox = readFileSync(join(here, "sandbox.js"), "utf8");
  const page = readFileSync(join(here, "sandbox.html"), "utf8")
    .replace("SANDBOX", () => sandbox)
    .replace("SCRIPT", scriptHash(sandbox));
  writeFileSync(join(folder, "sandbox.html"), page);
  writeFileSync(join(folder, "manifest.webmanifest"), manifestOf("pigrad playground"));
  writeServiceWorker(folder);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? join(here, "dist");
  buildPlayground(folder);
  console.log(`written to ${folder}`);
}
