/** A thread of a team: opens the same session as the leader, and does what the leader calls. */
import { parentPort, workerData } from "node:worker_threads";
import { SharedTeam } from "../core/shared-team.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import { resolve } from "../tasks/run.ts";
import { open, type Session } from "../tasks/session.ts";
import { readCorpus } from "./corpora.ts";
import { loadFilesOf } from "./own-files.ts";
import type { TeamTask } from "./threads.ts";
import { wordsOf } from "./threads.ts";

const { memory, index, config, saved } = workerData as TeamTask;
const team = new SharedTeam(memory, index);
process.on("exit", () => team.fail(wordsOf(new Error("it has ended"))));
try {
  await loadFilesOf(config.files);
  const session = open(resolve(config), { saved, read: readCorpus, team });
  session.prepare();
  parentPort?.postMessage("ready");
  for (let what = team.called(); what !== "close"; what = team.called()) join(session, what);
  session.close();
} catch (error) {
  team.fail(wordsOf(error));
}

/** Joins in what the leader does. */
function join(session: Session, what: string): void {
  if (what === "update") session.reports.next();
  else if (what === "states") (session as EnvironmentSession).training.env.joinStates();
  else {
    const { evaluate } = JSON.parse(what) as {
      evaluate: [number, number, boolean, boolean, number?];
    };
    session.evaluate(...evaluate);
  }
}
