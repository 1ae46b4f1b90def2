/** `npm run test:vectors`: every case of tests/vectors/data, or of the folder PIGRAD_VECTORS names. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { backendNames, useBackend } from "./backend.ts";
import { checkFolder } from "./check.ts";

const own = fileURLToPath(new URL("data", import.meta.url));
const folder = process.env.PIGRAD_VECTORS ?? own;
if (!existsSync(folder)) {
  console.error(`PIGRAD_VECTORS: no folder ${folder}`);
  process.exit(2);
}
let bad = false;
for (const backend of backendNames) {
  useBackend(backend);
  const verdicts = checkFolder(folder);
  for (const { file, name, outcome, reason } of verdicts) {
    if (outcome === "passed" || (outcome === "skipped" && backend !== "loops")) continue;
    console.log(`${outcome} ${file} ${name}: ${reason}`);
  }
  const count = (outcome: string): number => verdicts.filter((v) => v.outcome === outcome).length;
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map(count);
  console.log(`${backend}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  bad ||= failed > 0 || verdicts.length === 0;
}
process.exitCode = bad ? 1 : 0;
