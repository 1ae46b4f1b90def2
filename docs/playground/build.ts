/** `npm run build:playground [-- FOLDER]`: the page and its scripts, to be served from anywhere. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

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
  for (const name of ["index.html", "style.css"])
    copyFileSync(join(here, name), join(folder, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? join(here, "dist");
  buildPlayground(folder);
  console.log(`written to ${folder}`);
}
