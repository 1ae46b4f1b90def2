/**
 * `npm run test:kill [N]`: kills a training N times (default 200) at random moments with SIGKILL. After each
 * kill the newest checkpoint that the run said was written must load, be no older than that, and go on;
 * what the kill left over must be gone then.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeRun, readMetrics, resumeRun } from "../../src/node/run-folder.ts";

const wanted = Number(process.argv[2] ?? 200);
const parent = mkdtempSync(join(tmpdir(), "pigrad-kill-"));
const program = new URL("train-forever.ts", import.meta.url).pathname;

/** Trains in a new process until killed after `delay` ms from its first word; gives the last acknowledged update. */
function trainAndKill(folder: string, delay: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", program, folder]);
    let said = "";
    child.stderr.on("data", (text) => process.stderr.write(text));
    child.stdout.on("data", (text) => {
      if (said === "") setTimeout(() => child.kill("SIGKILL"), delay);
      said += text;
    });
    child.on("exit", (code, signal) => {
      if (signal !== "SIGKILL") reject(new Error(`the training ended by itself: ${code}`));
      const whole = said.slice(0, said.lastIndexOf("\n"));
      resolve(Number(whole.split("\n").at(-1)));
    });
  });
}

let torn = 0;
let old = 0;
let leftovers = 0;
let kills = 0;
const folder = join(parent, "run");
while (kills < wanted) {
  const acknowledged = await trainAndKill(folder, Math.random() * 40);
  kills++;
  if (readdirSync(folder).some((name) => name.endsWith(".tmp"))) leftovers++;
  try {
    const session = resumeRun(folder);
    session.reports.next();
    const { update } = session.training.report();
    if (update - 1 < acknowledged) old++;
    const known = readMetrics(folder).at(-1)?.update ?? 0;
    if (known !== update - 1 || readdirSync(folder).some((name) => name.endsWith(".tmp"))) torn++;
  } catch (error) {
    torn++;
    console.error(error);
  } finally {
    closeRun(folder);
  }
  if (kills % 50 === 0) {
    console.log(`${kills} kills`);
    rmSync(folder, { recursive: true });
  }
}
rmSync(parent, { recursive: true });
console.log(
  `${kills} kills: ${torn} checkpoints that did not load or did not fit their metrics, ` +
    `${old} older than acknowledged; ${leftovers} temporary files were left and removed`,
);
process.exitCode = torn + old > 0 || existsSync(folder) ? 1 : 0;
