/** The command line as a process of its own, for programs outside vitest too. */
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Node's arguments for a program in TypeScript. */
export const tsx = ["--import", fileURLToPath(import.meta.resolve("tsx"))];
const compiled = process.env.PIGRAD_COMPILED;
/** Node's arguments for the command line in a process of its own: compiled where vitest runs, else from the source. */
export const node = compiled === undefined ? [...tsx, main] : [`${compiled}/cli/main.js`];
