/** The package that this file is of. */
import { readFileSync } from "node:fs";

/** Returns the URL of a file of the package; both src/cli and dist/cli lie two folders below its package.json. */
export const packageFile = (path: string): URL => new URL(`../../${path}`, import.meta.url);

export const version = (): string =>
  JSON.parse(readFileSync(packageFile("package.json"), "utf8")).version;
