/** The command line as a process of its own, for programs outside vitest too. */
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Node's arguments for the command line in a process of its own. */
export const node = ["--import", fileURLToPath(import.meta.resolve("tsx")), main];
