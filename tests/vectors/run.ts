/** `npm run test:vectors`: every case of tests/vectors/data, or of the folder PIGRAD_VECTORS names. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkFolder } from "./check.ts";

const own = fileURLToPath(new URL("data", import.meta.url));
const folder = process.env.PIGRAD_VECTORS ?? own;
if (!existsSync(folder)) {
  console.error(`PIGRAD_VECTORS: no folder ${folder}`);
  process.exit(2);
}
const verdicts = checkFolder(folder);
for (const { file, name, outcome, reason } of verdicts) {
  if (outcome !== "passed") console.log(`${outcome} ${file} ${name}: ${reason}`);
}
const count = (outcome: string): number => verdicts.filter((v) => v.outcome === outcome).length;
console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
process.exitCode = count("failed") > 0 || verdicts.length === 0 ? 1 : 0;
