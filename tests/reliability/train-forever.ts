/** Trains in the folder given, fresh or from its checkpoint, and says each update whose checkpoint is written. */
import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../src/algos/training.ts";
import { checkpoint, createRun, resumeRun } from "../../src/node/run-folder.ts";
import { configOf, openControl } from "../support/sessions.ts";

const folder = process.argv[2];
const config = configOf({ task: "line", steps: 1e9, settings: { envs: 2, hidden: [8] } });
const goesOn = existsSync(join(folder, "checkpoint.safetensors"));
const session = goesOn ? resumeRun(folder) : openControl(config);
if (!goesOn) createRun(folder, config);
const metrics: string[] = [];
for (;;) {
  const report = session.reports.next().value as Report;
  metrics.push(JSON.stringify({ type: "update", ...report, seconds: 0 }));
  checkpoint(folder, session, metrics);
  writeSync(1, `${report.update}\n`);
}
