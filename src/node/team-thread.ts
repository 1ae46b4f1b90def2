/** A thread of a team: opens the same session as the leader, and does what the leader calls. */
import { parentPort, workerData } from "node:worker_threads";
import { SharedTeam } from "../core/shared-team.ts";
import { serve } from "../tasks/member.ts";
import { resolve } from "../tasks/run.ts";
import { open } from "../tasks/session.ts";
import { readCorpus } from "./corpora.ts";
import { loadFilesOf } from "./own-files.ts";
import type { TeamTask } from "./threads.ts";
import { wordsOf } from "./threads.ts";

const { memory, index, config, saved } = workerData as TeamTask;
const team = new SharedTeam(memory, index);
process.on("exit", () => team.fail(wordsOf(new Error("it has ended"))));
try {
  await loadFilesOf(config);
  const session = open(resolve(config), { saved, read: readCorpus, team });
  session.prepare();
  parentPort?.postMessage("ready");
  serve(session, team);
} catch (error) {
  team.fail(wordsOf(error));
}
