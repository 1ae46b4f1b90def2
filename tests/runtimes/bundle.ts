/** The program as one script that needs nothing but ECMAScript 2022. */
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

export function bundleProgram(outfile: string): void {
  buildSync({
    entryPoints: [fileURLToPath(new URL("program.ts", import.meta.url))],
    outfile,
    bundle: true,
    format: "iife",
    target: "es2022",
  });
}
